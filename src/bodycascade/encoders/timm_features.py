"""Any network of the timm package as an encoder, for those who have it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from torch import Tensor

from bodycascade.encoders.encoder import Encoder
from bodycascade.errors import BundleError, MissingExtraError, first_line


class TimmEncoder(Encoder):
    """The feature maps of timm's network `model`, with random weights or those of the classifier state `state`.

    Raises `MissingExtraError` without timm, and `BundleError` where timm knows no such network, the network has no
    feature maps of (N, C, H, W), or `state` does not fit.
    """

    def __init__(self, model: str, state: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        # With a state, timm drops the classifier and renames what its feature network names otherwise.
        given = {} if state is None else {"pretrained_cfg_overlay": {"state_dict": dict(state), "file": "", "url": ""}}
        try:
            network = _timm().create_model(model, pretrained=state is not None, features_only=True, **given)
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            reason = first_line(error).rstrip(":")
            raise BundleError(f"timm:{model} cannot be an encoder: {reason}; choose another network") from error
        strides = tuple(int(stride) for stride in network.feature_info.reduction())
        is_pyramid = all(coarse > fine and coarse % fine == 0 for fine, coarse in pairwise(strides))
        if not is_pyramid or str(getattr(network, "output_fmt", "NCHW")).rpartition(".")[2] != "NCHW":
            raise BundleError(f"timm:{model} has no maps of (N, C, H, W) at rising strides; choose another network")
        self.network = network
        self.channels = tuple(int(channels) for channels in network.feature_info.channels())
        self.strides = strides
        self.mean = _scaled(network.default_cfg["mean"])
        self.std = _scaled(network.default_cfg["std"])

    def forward(self, x: Tensor) -> list[Tensor]:
        features: list[Tensor] = self.network(x)
        return features


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise MissingExtraError("timm", "timm") from error


def _scaled(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    # timm's figures are for images from 0 to 1
    return (255 * colour[0], 255 * colour[1], 255 * colour[2])
