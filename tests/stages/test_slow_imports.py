"""Stages load nothing slow before they have asked to end with a killed dvc."""

from __future__ import annotations

import pytest

from tests.processes import printed


@pytest.mark.parametrize("stage", ["preprocess", "train", "evaluate", "visualize"])
def test_stage_script_loads_nothing_slow_before_it_is_tied_to_dvc(stage: str) -> None:
    loaded = set(printed(f"import sys, stages.{stage}; print(*sys.modules)").split())
    assert not {"torch", "numpy", "yaml"} & loaded
    # The errors alone of the package, which need nothing themselves.
    assert {name for name in loaded if name.startswith("bodycascade.")} == {"bodycascade.errors"}
