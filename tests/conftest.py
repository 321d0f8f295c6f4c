"""Fixtures that several test modules use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params, load_params
from tests.drawn import write_layout
from tests.imports import ROOT

MakeParams = Callable[..., Params]

TINY = {
    "profile.name": "tiny",
    "profile.root": ".",
    "profile.params": "params.yaml",
    "profile.source": "data/tiny",
    "preprocess.source": "folder",
    "preprocess.selection_fraction": 0.25,
    "preprocess.long_side": 0,
}


@pytest.fixture
def tiny_data(tmp_path: Path) -> Path:
    """Folder of a data set of eleven drawn people, 8 in train and 3 in val; at data/tiny below `tmp_path`."""
    return write_layout(tmp_path / "data" / "tiny")


@pytest.fixture
def make_params(tmp_path: Path) -> MakeParams:
    """`make_params({"train.common.epochs": 2}, tree)`: the default's parameters for the profile `tiny`, with changes.

    They are written to params.yaml below `tmp_path` and read from there.
    """

    def make(changes: dict[str, Any] | None = None, tree: Tree = PASCAL_PART) -> Params:
        data = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        data["train"] = {key: data["train"][key] for key in ("upkeep", "common")} | {
            spec.name: {} for spec in tree.experts
        }
        for key, value in (TINY | (changes or {})).items():
            *sections, last = key.split(".")
            place = data
            for section in sections:
                place = place[section]
            place[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return load_params(path, tree)

    return make


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that cannot swap two folders."""

    def no_library(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("ctypes.CDLL", no_library)
