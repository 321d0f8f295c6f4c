from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bodycascade.encoders.tfjs import read_tfjs
from bodycascade.errors import BundleError
from tests.encoders.tfjs_files import Weight, write_tfjs

WEIGHTS: dict[str, Weight] = {
    "plain": (np.array([[1.5, -2.0, 3.0]], np.float32), None),
    "whole": (np.array([7, -8], np.int32), None),
    "one_byte": (np.array([0, 2, 255], np.uint8), {"dtype": "uint8", "scale": 0.5, "min": -1.0}),
    "two_bytes": (np.array([0, 40000], np.uint16), {"dtype": "uint16", "scale": 0.25, "min": 3.0}),
    "half": (np.array([0.5, -4.0], np.float16), {"dtype": "float16"}),
    "number": (np.array(2, np.uint16), {"dtype": "uint16", "scale": 1, "min": 1}),
}


def refusal(path: Path) -> str:
    with pytest.raises(BundleError) as caught:
        read_tfjs(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shard_bytes", [5, 1000])
def test_every_kind_of_weight_is_read_across_shards(tmp_path: Path, shard_bytes: int) -> None:
    tensors = read_tfjs(write_tfjs(tmp_path, WEIGHTS, shard_bytes=shard_bytes))
    assert {name: stored.values().tolist() for name, stored in tensors.items()} == {
        "plain": [[1.5, -2.0, 3.0]],
        "whole": [7.0, -8.0],
        "one_byte": [-1.0, 0.0, 126.5],
        "two_bytes": [3.0, 10003.0],
        "half": [0.5, -4.0],
        "number": 3.0,
    }


def test_a_shard_cut_short_is_refused(tmp_path: Path) -> None:
    path = write_tfjs(tmp_path, WEIGHTS, shard_bytes=1000)
    shard = tmp_path / "group1-shard1.bin"
    shard.write_bytes(shard.read_bytes()[:-1])
    assert "ends after its shards do" in refusal(path)


def test_a_shard_too_long_is_refused(tmp_path: Path) -> None:
    path = write_tfjs(tmp_path, WEIGHTS, shard_bytes=1000)
    with (tmp_path / "group1-shard1.bin").open("ab") as shard:
        shard.write(b"x")
    assert "bytes, expected" in refusal(path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    path = write_tfjs(tmp_path, WEIGHTS, shard_bytes=20)
    (tmp_path / "group1-shard2.bin").unlink()
    assert "group1-shard2.bin cannot be read" in refusal(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"weightsManifest": [3]}', '{"weightsManifest": 3}'])
def test_what_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    assert "is no TensorFlow.js model" in refusal(path)


@pytest.mark.parametrize("name", ["../secret.bin", "/etc/hostname", "a/b.bin", "..\\secret.bin", "", "..", 7])
def test_a_shard_outside_the_folder_is_refused(tmp_path: Path, name: object) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"weightsManifest": [{"paths": [name], "weights": []}]}))
    assert "not a plain file name" in refusal(path)


@pytest.mark.parametrize(
    "change",
    [{"dtype": "complex64"}, {"shape": [-1]}, {"shape": "many"}, {"shape": None}, {"quantization": {"dtype": "int4"}}],
)
def test_a_weight_of_an_unknown_kind_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = write_tfjs(tmp_path, {"plain": WEIGHTS["plain"]}, shard_bytes=1000)
    model = json.loads(path.read_text())
    model["weightsManifest"][0]["weights"][0].update(change)
    path.write_text(json.dumps(model))
    assert "a weight cannot be read" in refusal(path)
