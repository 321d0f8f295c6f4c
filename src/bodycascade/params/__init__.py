"""The parameters of every stage, read strictly from params.yaml."""

from bodycascade.params.reading import load_params
from bodycascade.params.schema import (
    Augment,
    Base,
    Evaluate,
    Grayscale,
    Params,
    Preprocess,
    Profile,
    Rendered,
    TrainParams,
    Visualize,
)

__all__ = [
    "Augment",
    "Base",
    "Evaluate",
    "Grayscale",
    "Params",
    "Preprocess",
    "Profile",
    "Rendered",
    "TrainParams",
    "Visualize",
    "load_params",
]
