"""Files like BodyPix's, with weights of the tests' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bodycascade.encoders.bodypix import MODEL_FILE
from bodycascade.encoders.mobilenet import LAYERS, STEM
from bodycascade.files import sha256_of
from tests.encoders.tfjs_files import Weight, write_tfjs

Shape = tuple[int, ...]


def shapes() -> dict[str, Shape]:
    """The tensors that BodyPix's trunk and its two heads have, in TensorFlow's axis order."""
    found: dict[str, Shape] = {
        "MobilenetV1/Conv2d_0/weights": (3, 3, 3, STEM),
        "MobilenetV1/Conv2d_0/Conv2D_bias": (STEM,),
    }
    before = STEM
    for number, (channels, _) in enumerate(LAYERS, start=1):
        name = f"MobilenetV1/Conv2d_{number}"
        found[f"{name}_depthwise/depthwise_weights"] = (3, 3, before, 1)
        found[f"{name}_depthwise/depthwise_bias"] = (before,)
        found[f"{name}_pointwise/weights"] = (1, 1, before, channels)
        found[f"{name}_pointwise/Conv2D_bias"] = (channels,)
        before = channels
    for head, channels in (("segment_2", 1), ("part_heatmap_2", 24)):
        found[f"MobilenetV1/{head}/weights"] = (1, 1, before, channels)
        found[f"MobilenetV1/{head}/Conv2D_bias"] = (channels,)
    return found


def write_bodypix(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: Callable[[str, Shape], np.ndarray | float]
) -> Path:
    """Files in `folder`, which are taken for the published ones from now on; `value(name, shape)` fills a tensor."""
    weights: dict[str, Weight] = {
        name: (np.array(np.broadcast_to(value(name, shape), shape), np.float32), None)
        for name, shape in shapes().items()
    }
    path = write_tfjs(folder, weights, shard_bytes=1 << 30).replace(folder / MODEL_FILE)
    shard = folder / "group1-shard1.bin"
    hashes = {MODEL_FILE: sha256_of(path), shard.name: sha256_of(shard)}
    monkeypatch.setattr("bodycascade.encoders.bodypix.FILE_HASHES", hashes)
    return folder


def write_random_bodypix(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files with random weights, of a size that keeps the trunk's activations alive and many parts in play."""
    dice = np.random.default_rng(5)

    def value(name: str, shape: Shape) -> np.ndarray | float:
        is_head = "Conv2d_" not in name
        if len(shape) == 1:
            # With this seed the person's logits lie about -5 without a bias.
            return (5.0 if "segment" in name else 0.0) if is_head else dice.normal(0, 0.3, shape)
        inputs = 9 if "depthwise" in name else shape[0] * shape[1] * shape[2]
        weight = dice.normal(0, (2 / inputs) ** 0.5, shape)
        # What is the same everywhere in the trunk's maps must not decide for all pixels alike.
        return 4 * (weight - weight.mean(axis=2, keepdims=True)) if is_head else weight

    return write_bodypix(folder, monkeypatch, value)
