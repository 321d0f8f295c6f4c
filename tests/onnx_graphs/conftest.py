"""A toy bundle and its export, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.onnx_graphs import export_folder
from bodycascade.regions import Zoom
from tests.single_thread import single_thread
from tests.toy_experts import cascade, tiny_experts

__all__ = ["single_thread"]

ZOOM = Zoom(threshold=0.3, margin=0.15, whole=0.9, again_below=0.3, again_above=0.9)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a saved toy cascade that zooms."""
    folder = tmp_path_factory.mktemp("bundle") / "cascade"
    cascade(tiny_experts(PASCAL_PART, sides=(32, 48)), zoom=ZOOM).save(folder)
    return folder


@pytest.fixture(scope="session")
def exported(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graphs of `bundle`."""
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    export_folder(folder, bundle=bundle)
    return folder
