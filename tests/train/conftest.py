from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.train.animals import pack_animals


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Networks of a few hundred weights lose more by waiting for a second thread than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
