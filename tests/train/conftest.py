from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bodycascade.params import Params
from bodycascade.train import train
from tests.single_thread import single_thread
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import pack_animals
from tests.train.children import checkpoints

__all__ = ["single_thread"]

Unfinished = Callable[..., Params]


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


@pytest.fixture
def unfinished(project: Path, monkeypatch: pytest.MonkeyPatch) -> Unfinished:
    """`unfinished(expert, params, epochs=1)` leaves a training that broke off in the epoch after so many."""

    def make(expert: str, params: Params, *, epochs: int = 1) -> Params:
        def describe(row: dict[str, float], **_: object) -> str:
            if row["epoch"] > epochs:
                raise ZeroDivisionError
            return "an epoch"

        with monkeypatch.context() as patch:
            patch.setattr("bodycascade.train.stage.describe", describe)
            with pytest.raises(ZeroDivisionError):
                train(params, expert, project, FOUR_LEGS)
        assert len(checkpoints(project)) == 2
        return params

    return make
