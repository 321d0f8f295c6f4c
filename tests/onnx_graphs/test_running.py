"""Experts run by onnxruntime say what they say run by torch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bodycascade import CascadeSegmenter
from bodycascade.errors import BundleError
from bodycascade.onnx_graphs import load_segmenter
from bodycascade.onnx_graphs.checking import sample_pictures
from tests.toy_experts import random_image


def test_a_cascade_with_zoom_says_what_it_says_in_torch(bundle: Path, exported: Path) -> None:
    ours, theirs = CascadeSegmenter.load(bundle, "cpu", precision="float32"), load_segmenter(exported)
    assert theirs.zoom == ours.zoom
    assert theirs.routing == ours.routing
    images = [random_image(40, 60), random_image(61, 30, seed=1), *sample_pictures()[1:]]
    for wanted, found in zip(ours.batch(images), theirs.batch(images), strict=True):
        np.testing.assert_array_equal(found.parts, wanted.parts)
        np.testing.assert_allclose(found.probs, wanted.probs, atol=5e-5)


def test_loading_draws_no_weights_and_settings_of_a_huge_network_take_no_memory(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path / "onnx")
    data = json.loads((exported / "cascade.json").read_text())
    data["experts"][0]["settings"] |= {"widths": [4096, 4096], "block_depth": 16, "kernel": 31}  # 4 TB
    (tmp_path / "onnx" / "cascade.json").write_text(json.dumps(data))
    dice = torch.random.get_rng_state()
    segmenter = load_segmenter(tmp_path / "onnx")
    assert bool((torch.random.get_rng_state() == dice).all())
    image = random_image(40, 60)
    np.testing.assert_array_equal(segmenter(image).probs, load_segmenter(exported)(image).probs)


def test_a_coarse_level_alone(bundle: Path, exported: Path) -> None:
    image = random_image(50, 50)
    wanted = CascadeSegmenter.load(bundle, "cpu", precision="float32")(image, level=0).level(0)
    np.testing.assert_array_equal(load_segmenter(exported)(image, level=0).level(0), wanted)


def test_it_has_no_weights_to_save(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no weights to save"):
        load_segmenter(exported).save(tmp_path / "bundle")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_whole_is_refused_in_one_line(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "onnx"

    def refused(reason: str) -> None:
        with pytest.raises(BundleError, match=reason) as caught:
            load_segmenter(folder)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
        shutil.rmtree(folder)
        shutil.copytree(exported, folder)

    folder.mkdir()
    refused("no such file; expected a folder that `bodycascade export onnx")
    (folder / "body.onnx").unlink()
    refused("the file is missing")
    (folder / "body.onnx").write_bytes((folder / "person.onnx").read_bytes())
    refused("its sha256 is not the one in cascade.json")
    (folder / "cascade.onnx").unlink()
    refused(r"cascade\.onnx: the file is missing")
    (folder / "cascade.onnx").write_bytes((folder / "person.onnx").read_bytes())
    refused(r"cascade\.onnx: its sha256 is not the one in cascade\.json")
    (folder / "cascade.json").write_text("[]")
    refused("expected an object")
    (folder / "cascade.json").write_text("{")
    refused("not JSON")
    data = json.loads((exported / "cascade.json").read_text())
    (folder / "cascade.json").write_text(json.dumps(data | {"experts": data["experts"][:3]}))
    refused("expected the experts person, body, upper_body, lower_body, in this order")
    (folder / "cascade.json").write_text(json.dumps(data | {"cascade": data["cascade"] | {"file": "person.onnx"}}))
    refused(r"expected the file cascade\.onnx, found 'person\.onnx'")
    (folder / "cascade.json").write_text(json.dumps(data | {"cascade": "cascade.onnx"}))
    refused(r"expected file, sha256 of cascade\.onnx")
    (folder / "cascade.json").write_text(json.dumps(data | {"experts": [{"file": "person.onnx"}]}))
    refused("expert settings must have exactly")
    (folder / "cascade.json").write_text(json.dumps(data | {"format_version": 2}))
    refused("format version 2 is newer than 1")
    (folder / "cascade.json").write_text(json.dumps(data | {"settings": {"routing": "odd", "zoom": None}}))
    refused("routing: expected hard or soft, found 'odd'; export the folder again")
    (folder / "cascade.json").write_text(json.dumps(data | {"settings": []}))
    refused("settings must have exactly routing, zoom; found list; export the folder again")
