"""The trunk of BodyPix 2.0 from Google's files for TensorFlow.js, and the packed copy that comes with this package.

The packed file holds the very uint16 codes of the original, so both give the same weights to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bodycascade.encoders.mobilenet import LAYERS
from bodycascade.encoders.tfjs import StoredTensor, read_tfjs, renamed
from bodycascade.errors import BundleError
from bodycascade.files import replace_file

MODEL_FILE = "model-stride16.json"
FILE_HASHES = {
    MODEL_FILE: "f7e26cc294524a502dcd873662d152b7c630e1bcb448f69c26ad021f62619da4",
    "group1-shard1of1.bin": "e215c9546b9db0e1e06c23c759ed48ccaf2aad68c656d0130b5757bc0479ac77",
}
"""sha256 of Google's files: BodyPix 2.0, MobileNetV1 at width 0.75, stride 16, quantised to two bytes."""

PACKED = Path(__file__).parent / "weights" / "bodypix_mobilenet_v1_075.safetensors"
PACKED_HASH = "ecd25719858f7d9e88292a5c51a5a0351003c22bd025e7e78fae906a1ba1a12e"


def trunk_tensors(tensors: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The trunk's part of BodyPix's `tensors` under the names and in the axis order of `MobileNetTrunk`.

    Raises `BundleError` where a tensor is missing.
    """
    return renamed(tensors, _names(), model="BodyPix with MobileNetV1")


def pack_trunk(model_json: Path, path: Path) -> None:
    """Write the trunk of the BodyPix model `model_json` to `path`: uint16 codes, scales in the header, same bytes
    each time.
    """
    stored = trunk_tensors(read_tfjs(model_json))
    ranges = {name: [tensor.scale, tensor.minimum] for name, tensor in stored.items()}
    codes = {name: torch.from_numpy(tensor.codes.copy()) for name, tensor in stored.items()}
    with replace_file(path) as aside:
        aside.write_bytes(save(codes, {"ranges": json.dumps(ranges)}))


def read_packed(path: Path) -> dict[str, Tensor]:
    """The float32 state of `MobileNetTrunk` that `pack_trunk` wrote; raises `BundleError` for any other file."""
    try:
        with safe_open(path, framework="np") as file:
            ranges = json.loads(file.metadata()["ranges"])
            stored = {name: StoredTensor(file.get_tensor(name), *ranges[name]) for name in ranges}
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleError(f"{path} is no packed trunk; install bodycascade again") from error
    return {name: tensor.values() for name, tensor in stored.items()}


def _names() -> dict[str, str]:
    names = {"stem.weight": "MobilenetV1/Conv2d_0/weights", "stem.bias": "MobilenetV1/Conv2d_0/Conv2D_bias"}
    for layer in range(len(LAYERS)):
        origin = f"MobilenetV1/Conv2d_{layer + 1}"
        names[f"layers.{layer}.depthwise.weight"] = f"{origin}_depthwise/depthwise_weights"
        names[f"layers.{layer}.depthwise.bias"] = f"{origin}_depthwise/depthwise_bias"
        names[f"layers.{layer}.pointwise.weight"] = f"{origin}_pointwise/weights"
        names[f"layers.{layer}.pointwise.bias"] = f"{origin}_pointwise/Conv2D_bias"
    return names
