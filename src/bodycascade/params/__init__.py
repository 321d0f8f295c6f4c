"""The parameters of every stage, read strictly from params.yaml."""

from __future__ import annotations

from pathlib import Path

from bodycascade.errors import MissingExtraError
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params.schema import (
    UPKEEP,
    Augment,
    Base,
    Calibration,
    Evaluate,
    Grayscale,
    Params,
    Preprocess,
    Profile,
    Rendered,
    TrainParams,
    Visualize,
    WeightAveraging,
)

__all__ = [
    "UPKEEP",
    "Augment",
    "Base",
    "Calibration",
    "Evaluate",
    "Grayscale",
    "Params",
    "Preprocess",
    "Profile",
    "Rendered",
    "TrainParams",
    "Visualize",
    "WeightAveraging",
    "load_params",
]


def load_params(path: Path, tree: Tree = PASCAL_PART) -> Params:
    """The parameters in the file `path`, complete and in range.

    `tree` holds the classes; there is one `TrainParams` per expert of `profile.trained_tree(tree)`.
    Raises `ParamsError`, one line `file:line: key: expected ..., found ...`, for the first thing that is wrong: not
    YAML, tabs, a key that is unknown, missing or there twice, a wrong type, a value out of range, values that
    contradict each other. Raises `MissingExtraError` where pyyaml is not installed.
    """
    # Here and not above: the records are used where yaml, which belongs to an extra, is not wanted.
    try:
        from bodycascade.params.reading import read_params  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "yaml":
            raise
        raise MissingExtraError("pyyaml", "pipeline") from None
    return read_params(path, tree)
