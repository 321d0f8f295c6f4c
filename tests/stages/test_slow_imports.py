"""Stages load nothing slow before they have asked to end with a killed dvc."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.imports import ROOT


@pytest.mark.parametrize("stage", ["preprocess", "train", "evaluate", "visualize"])
def test_stage_script_loads_nothing_slow_before_it_is_tied_to_dvc(stage: str) -> None:
    report = f"import sys, stages.{stage}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"torch", "numpy", "yaml"} & loaded
    # The errors alone of the package, which need nothing themselves.
    assert {name for name in loaded if name.startswith("bodycascade.")} == {"bodycascade.errors"}
