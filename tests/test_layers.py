"""A module imports only from the layers before its own, and the core needs four packages only."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.imports import imported_names, module_name, package_files

CORE = (
    "errors",
    "strips",
    "hierarchy",
    "files",
    "folders",
    "devices",
    "metric",
    "drawing",
    "imaging",
    "resizing",
    "regions",
    "cascade_settings",
    "segmentation",
    "unet",
    "encoders",
    "segmenter",
    "expert",
    "expert_file",
    "bundle",
    "routing",
    "descent",
    "cascade",
)
PIPELINE = (
    "progress",
    "params",
    "data",
    "preprocess",
    "train",
    "baselines",
    "evaluate",
    "visualize",
    "flip_averaging",
    "outputs",
    "picture_run",
    "diagnosis",
    "video",
    "originals",
    "demo",
    "onnx_graphs",
    "commands",
    "__main__",
)
ORDER = (*CORE, "bodycascade", *PIPELINE)
"""Layers from the lowest; `bodycascade` is the package itself, which exports the core."""

CORE_NEEDS = {"torch", "numpy", "PIL", "safetensors"}
CORE_TAKES = {"pi_heif"}
"""What the core takes where it is there, in the function that wants it."""


def layer(name: str) -> str:
    """The layer of a module called bodycascade.<layer>..., or bodycascade itself."""
    return name.split(".")[1] if "." in name else name


@pytest.mark.parametrize("file", package_files(), ids=module_name)
def test_module_imports_only_from_layers_before_its_own(file: Path) -> None:
    own = layer(module_name(file))
    assert own in ORDER, f"{file} belongs to no layer; give it its place in ORDER"
    allowed = {own, *ORDER[: ORDER.index(own)]}
    found = {layer(name) for name in imported_names(file) if name.split(".")[0] == "bodycascade"}
    assert found <= allowed


@pytest.mark.parametrize("file", package_files(), ids=module_name)
def test_nothing_in_the_package_imports_stages_or_tests(file: Path) -> None:
    assert not {"stages", "tests"} & {name.split(".")[0] for name in imported_names(file)}


@pytest.mark.parametrize(
    "file", [file for file in package_files() if layer(module_name(file)) in CORE], ids=module_name
)
def test_core_module_imports_only_the_four_packages_it_requires(file: Path) -> None:
    roots = {name.split(".")[0] for name in imported_names(file)}
    assert roots - set(sys.stdlib_module_names) - {"bodycascade"} <= CORE_NEEDS | CORE_TAKES
