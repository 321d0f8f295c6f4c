"""Weights of TensorFlow.js models: a model.json that lists tensors, and the binary shards that hold them.

The format is that of the converter of github.com/tensorflow/tfjs: the shards of a group, put end to end, hold its
tensors one after the other, little-endian, quantised ones as uint8, uint16 or float16.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bodycascade.errors import BundleError

STORED = {"float32": "<f4", "int32": "<i4", "bool": "|u1"}
QUANTISED = {"uint8": "|u1", "uint16": "<u2", "float16": "<f2"}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as its file holds it: value = code * scale + minimum."""

    codes: NDArray[Any]
    scale: float = 1.0
    minimum: float = 0.0

    def values(self) -> Tensor:
        """The tensor as float32, computed in float32 as TensorFlow.js does."""
        values = self.codes.astype(np.float32)
        if (self.scale, self.minimum) != (1.0, 0.0):
            values = values * np.float32(self.scale) + np.float32(self.minimum)
        return torch.from_numpy(np.asarray(values))  # numpy's arithmetic makes a plain number of an array without axes


def read_tfjs(model_json: Path) -> dict[str, StoredTensor]:
    """All tensors of a TensorFlow.js model by name, in TensorFlow's axis order (convolutions: H, W, in, out).

    Raises `BundleError` for anything that is not a whole model: not JSON, a shard missing, cut short or too long, a
    data type that is not known, a shard outside the folder of `model_json`.
    """
    tensors: dict[str, StoredTensor] = {}
    for group in _manifest(model_json):
        data = b"".join(_content(path) for path in _shards(model_json, group))
        offset = 0
        for entry in group["weights"]:
            try:
                stored, size = _tensor(entry, data, offset)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BundleError(f"{model_json}: a weight cannot be read ({error}); get the file again") from error
            tensors[str(entry["name"])] = stored
            offset += size
        if offset != len(data):
            raise BundleError(f"{model_json}: its shards hold {len(data)} bytes, expected {offset}; get them again")
    return tensors


def torch_layout(stored: StoredTensor, *, depthwise: bool) -> StoredTensor:
    """A convolution's weight from TensorFlow's axes (H, W, in, out), depthwise (H, W, channels, 1), to PyTorch's.

    PyTorch keeps (out, in, H, W), depthwise (channels, 1, H, W). Anything without four axes stays as it is.
    """
    if stored.codes.ndim != 4:
        return stored
    axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
    return StoredTensor(np.ascontiguousarray(stored.codes.transpose(axes)), stored.scale, stored.minimum)


def renamed(tensors: Mapping[str, StoredTensor], names: Mapping[str, str], *, model: str) -> dict[str, StoredTensor]:
    """Those of `tensors` that `names` lists (new name to original), by their new names and in PyTorch's axis order.

    Convolutions with "depthwise" in their new name are that. Raises `BundleError`, which says that the files of `model`
    were expected, where a tensor is missing.
    """
    for original in names.values():
        if original not in tensors:
            raise BundleError(f"{original} is missing; expected {model} in the files for TensorFlow.js")
    return {name: torch_layout(tensors[original], depthwise="depthwise" in name) for name, original in names.items()}


def _tensor(entry: dict[str, Any], data: bytes, offset: int) -> tuple[StoredTensor, int]:
    shape = tuple(int(side) for side in entry["shape"])
    quantisation = entry.get("quantization")
    kinds, key = (STORED, entry["dtype"]) if quantisation is None else (QUANTISED, quantisation["dtype"])
    if key not in kinds:
        raise ValueError(f"{entry['name']} has the data type {key}, expected one of {', '.join(kinds)}")
    kind = np.dtype(kinds[key])
    count = math.prod(shape)
    if min(shape, default=0) < 0 or offset + count * kind.itemsize > len(data):
        raise ValueError(f"{entry['name']} ends after its shards do")
    codes = np.frombuffer(data, kind, count, offset).reshape(shape)
    if quantisation is None or key == "float16":
        return StoredTensor(codes), codes.nbytes
    return StoredTensor(codes, float(quantisation["scale"]), float(quantisation["min"])), codes.nbytes


def _manifest(model_json: Path) -> list[dict[str, Any]]:
    try:
        manifest = json.loads(_content(model_json))["weightsManifest"]
        whole = all(isinstance(group["paths"], list) and isinstance(group["weights"], list) for group in manifest)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BundleError(f"{model_json} is no TensorFlow.js model; expected a model.json") from error
    if not isinstance(manifest, list) or not whole:
        raise BundleError(f"{model_json} is no TensorFlow.js model; expected a model.json")
    return manifest


def _shards(model_json: Path, group: dict[str, Any]) -> list[Path]:
    for name in group["paths"]:
        if not isinstance(name, str) or name in ("", "..") or PurePosixPath(name).name != name or "\\" in name:
            raise BundleError(f"{model_json}: the shard {name!r} is not a plain file name; get the file again")
    return [model_json.parent / name for name in group["paths"]]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); name the folder that holds the model") from error
