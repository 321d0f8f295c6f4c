"""Small TensorFlow.js models, written as their converter writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Weight = tuple[NDArray[Any], dict[str, Any] | None]
"""Stored numbers, and the entry `quantization` that says how to read them."""


def write_tfjs(folder: Path, weights: Mapping[str, Weight], *, shard_bytes: int) -> Path:
    """Write `weights` to shards of `shard_bytes` and a model.json in `folder`; gives the path of model.json."""
    folder.mkdir(exist_ok=True)
    data = b"".join(codes.tobytes() for codes, _ in weights.values())
    names = []
    for number, first in enumerate(range(0, len(data), shard_bytes)):
        names.append(f"group1-shard{number + 1}.bin")
        (folder / names[-1]).write_bytes(data[first : first + shard_bytes])
    entries = []
    for name, (codes, quantisation) in weights.items():
        entry: dict[str, Any] = {"name": name, "shape": list(codes.shape)}
        entry["dtype"] = "float32" if quantisation else codes.dtype.name
        if quantisation:
            entry["quantization"] = quantisation
        entries.append(entry)
    path = folder / "model.json"
    path.write_text(json.dumps({"format": "graph-model", "weightsManifest": [{"paths": names, "weights": entries}]}))
    return path
