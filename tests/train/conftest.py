from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.single_thread import single_thread
from tests.train.animals import pack_animals

__all__ = ["single_thread"]


@pytest.fixture(scope="package")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which the preprocess stage has packed drawn animals; to be left as it is."""
    return pack_animals(tmp_path_factory.mktemp("packed"))


@pytest.fixture
def project(packed: Path, tmp_path: Path) -> Path:
    """A copy of `packed` to work in."""
    root = tmp_path / "project"
    shutil.copytree(packed, root)
    return root
