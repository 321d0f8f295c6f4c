"""A data folder of two drawn people and a bundle of untrained experts; one thread, as these networks are tiny."""

from __future__ import annotations

from pathlib import Path

import pytest

from bodycascade.hierarchy import PASCAL_PART
from tests.drawn import write_layout
from tests.single_thread import single_thread
from tests.toy_experts import cascade, tiny_experts

__all__ = ["bundle", "people", "single_thread"]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Folder of a data set with two images in val."""
    return write_layout(tmp_path / "people", train=1, val=2)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Folder of a tiny cascade."""
    cascade(tiny_experts(PASCAL_PART)).save(tmp_path / "bundle")
    return tmp_path / "bundle"
