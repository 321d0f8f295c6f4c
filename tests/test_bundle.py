from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bodycascade import CascadeSegmenter
from bodycascade.bundle import load_bundle, save_bundle
from bodycascade.errors import BundleError
from bodycascade.expert_file import load_expert, read_extra, save_expert
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.regions import Zoom
from tests.bundle_mutants import BAD_ZOOMS, MUTATORS, ZOOM, manifest_of, sign
from tests.toy_experts import FOUR_LEGS, random_image, tiny_expert, tiny_experts


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "cascade"
    CascadeSegmenter(tiny_experts(PASCAL_PART), routing="hard", device="cpu").save(folder)
    return folder


def tensors_of(expert: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in expert.state_dict().items()}


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        CascadeSegmenter.load(folder, "cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_expert_comes_back_equal(tmp_path: Path) -> None:
    expert = tiny_expert(PASCAL_PART, "upper_body", seed=3)
    path = tmp_path / "upper_body.safetensors"
    save_expert(path, expert, {"best_epoch": 7})
    dice = torch.random.get_rng_state()
    again = load_expert(path, PASCAL_PART)
    assert bool((torch.random.get_rng_state() == dice).all())
    assert (again.tree, again.settings, again.spec) == (expert.tree, expert.settings, expert.spec)
    assert not again.training
    assert read_extra(path) == {"best_epoch": 7}
    for name, tensor in tensors_of(expert).items():
        np.testing.assert_array_equal(tensors_of(again)[name], tensor)


def test_the_same_expert_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        expert = tiny_expert(PASCAL_PART, "body")
        if name == "other":
            expert = expert.to(memory_format=torch.channels_last)
        save_expert(tmp_path / name, expert, {"b": 1, "a": [2.5]})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path: Path) -> None:
    expert = tiny_expert(PASCAL_PART, "body")
    save_expert(tmp_path / "full", expert, {})
    save_expert(tmp_path / "half", expert, {}, half=True)
    weights = 4 * sum(parameter.numel() for parameter in expert.parameters())
    assert (tmp_path / "full").stat().st_size - (tmp_path / "half").stat().st_size == pytest.approx(weights / 2, abs=99)
    for name, tensor in tensors_of(load_expert(tmp_path / "half")).items():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, tensors_of(expert)[name].astype(np.float16))


def test_half_precision_keeps_whole_numbers_that_float16_cannot_hold(tmp_path: Path) -> None:
    expert = tiny_expert(PASCAL_PART, "body")
    expert.unet.register_buffer("num_batches_tracked", torch.tensor(70_001))  # as the batch norms of timm's encoders
    save_expert(tmp_path / "half", expert, {}, half=True)
    assert load_file(tmp_path / "half")["unet.num_batches_tracked"] == 70_001


def test_weights_that_cannot_be_stored_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    expert = tiny_expert(PASCAL_PART, "body")
    path = tmp_path / "body.safetensors"
    with torch.no_grad():
        expert.unet.head.bias[0] = 1e6
    with pytest.raises(BundleError, match=r"unet\.head\.bias of 'body' is not finite as float16"):
        save_expert(path, expert, {}, half=True)
    with torch.no_grad():
        expert.unet.head.bias[0] = float("nan")
    with pytest.raises(BundleError, match="not finite as float32"):
        save_expert(path, expert, {})
    assert not list(tmp_path.iterdir())


def test_an_expert_of_another_tree_is_refused(tmp_path: Path) -> None:
    save_expert(tmp_path / "legs", tiny_expert(FOUR_LEGS, "legs"), {})
    assert load_expert(tmp_path / "legs").tree == FOUR_LEGS
    with pytest.raises(BundleError, match="legs: it is of another class tree"):
        load_expert(tmp_path / "legs", PASCAL_PART)


def test_a_damaged_expert_says_how(tmp_path: Path) -> None:
    path = tmp_path / "body.safetensors"
    save_expert(path, tiny_expert(PASCAL_PART, "body"), {})
    whole = path.read_bytes()
    for content, message in ((whole[:100], "or cut short"), (whole[:-4], "damaged"), (b"PK" + whole, "cut short")):
        path.write_bytes(content)
        with pytest.raises(BundleError, match=rf"body\.safetensors: .*{message}"):
            load_expert(path)


def test_a_missing_expert_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"person\.safetensors: no such file; train the expert first"):
        load_expert(tmp_path / "person.safetensors")


def test_a_bundle_holds_a_manifest_and_one_file_per_expert(whole: Path) -> None:
    names = {path.name for path in whole.iterdir()}
    assert names == {"manifest.json", *(f"{spec.name}.safetensors" for spec in PASCAL_PART.experts)}
    manifest = manifest_of(whole)
    assert manifest["format_version"] == 1
    assert manifest["settings"] == {"routing": "hard", "zoom": None}
    assert manifest["tree"] == PASCAL_PART.to_json()
    assert set(manifest["normalisation"]) == {"person", "body", "upper_body", "lower_body"}
    bundle = load_bundle(whole)
    assert bundle.tree == PASCAL_PART
    assert [expert.spec.name for expert in bundle.experts] == ["person", "body", "upper_body", "lower_body"]


def test_a_bundle_of_another_tree_comes_back(tmp_path: Path) -> None:
    segmenter = CascadeSegmenter(tiny_experts(FOUR_LEGS), routing="soft", device="cpu", precision="float32")
    segmenter.save(tmp_path / "animals")
    again = CascadeSegmenter.load(tmp_path / "animals", "cpu", precision="float32")
    assert again.tree == FOUR_LEGS
    image = random_image(30, 40)
    np.testing.assert_array_equal(again(image).parts, segmenter(image).parts)


def test_the_same_bundle_has_the_same_bytes_and_replaces_an_older_one(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cascade"
    CascadeSegmenter(tiny_experts(PASCAL_PART, seed=50), routing="soft", device="cpu").save(folder)
    CascadeSegmenter(tiny_experts(PASCAL_PART), routing="hard", device="cpu").save(folder)
    for path in whole.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["cascade"]


def test_an_older_bundle_stands_when_the_new_one_cannot_be_written(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cascade"
    shutil.copytree(whole, folder)
    experts = tiny_experts(PASCAL_PART)
    with torch.no_grad():
        experts[3].unet.head.bias[0] = float("nan")
    with pytest.raises(BundleError, match="'lower_body' is not finite"):
        save_bundle(folder, experts, PASCAL_PART, {"routing": "hard"})
    assert load_bundle(folder).tree == PASCAL_PART
    assert [path.name for path in tmp_path.iterdir()] == ["cascade"]


@pytest.mark.usefixtures("no_exchange")
def test_an_older_bundle_is_replaced_where_the_system_cannot_swap_folders(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cascade"
    CascadeSegmenter(tiny_experts(PASCAL_PART, seed=50), routing="soft", device="cpu").save(folder)
    CascadeSegmenter(tiny_experts(PASCAL_PART), routing="hard", device="cpu").save(folder)
    assert (folder / "manifest.json").read_bytes() == (whole / "manifest.json").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["cascade"]


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    segmenter = CascadeSegmenter(tiny_experts(PASCAL_PART), routing="hard", device="cpu")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    for name, message in (("home", r"holds letter\.txt, so it is no bundle"), ("file", "a file is in the way")):
        with pytest.raises(BundleError, match=message):
            segmenter.save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    segmenter.save(tmp_path / "empty")
    (tmp_path / "empty" / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match=r"holds notes\.txt"):
        segmenter.save(tmp_path / "empty")
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("removed", "body.safetensors: the file is missing"),
        ("extra", "notes.txt: not part of the bundle; remove it"),
        ("newer", "manifest.json: format version 2 is newer than 1; upgrade bodycascade"),
        ("changed", "manifest.json: it was changed after it was written"),
        ("checksum", "body.safetensors: its sha256 is not the one in manifest.json"),
        ("nowhere", "no such folder; a bundle is the folder"),
        ("file", "photo.jpg: a file; a bundle is the folder"),
        ("empty", "manifest.json: no such file"),
    ],
)
def test_a_refusal_says_which_file_and_why(name: str, message: str, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cascade"
    shutil.copytree(whole, folder)
    manifest, body = manifest_of(folder), folder / "body.safetensors"
    if name == "removed":
        body.unlink()
    elif name == "extra":
        (folder / "notes.txt").touch()
    elif name == "newer":
        sign(folder, manifest | {"format_version": 2})
    elif name == "changed":
        (folder / "manifest.json").write_text(json.dumps(manifest))
    elif name == "file":
        folder = tmp_path / "photo.jpg"
        folder.touch()
    elif name == "checksum":
        body.write_bytes(body.read_bytes()[:-1] + b"?")
    elif name == "nowhere":
        shutil.rmtree(folder)
    else:
        for path in folder.iterdir():
            path.unlink()
    found = refusal(folder)
    assert str(folder) in found
    assert message in found


def test_a_bundle_signed_again_without_a_change_is_whole(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cascade"
    shutil.copytree(whole, folder)
    sign(folder, manifest_of(folder))
    assert (folder / "manifest.json").read_bytes() == (whole / "manifest.json").read_bytes()
    CascadeSegmenter.load(folder, "cpu")


@pytest.mark.parametrize("hundred", range(5))
def test_five_hundred_mutants_are_refused_in_one_line(hundred: int, whole: Path, tmp_path: Path) -> None:
    dice, folder = np.random.default_rng(hundred), tmp_path / "cascade"
    for turn in range(100):
        shutil.copytree(whole, folder)
        mutate = MUTATORS[(100 * hundred + turn) % len(MUTATORS)]
        mutate(folder, dice)
        assert "cascade" in refusal(folder), mutate.__name__
        shutil.rmtree(folder)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 (nothing was executed: no trace was left)


@pytest.mark.parametrize("zoom", [None, Zoom(0.5, 0.2, 0.6, 0.05, 0.3)])
def test_a_saved_segmenter_keeps_its_zoom(zoom: Zoom | None, tmp_path: Path) -> None:
    segmenter = CascadeSegmenter(
        tiny_experts(PASCAL_PART), routing="hard", zoom=zoom, device="cpu", precision="float32"
    )
    segmenter.save(tmp_path / "cascade")
    again = CascadeSegmenter.load(tmp_path / "cascade", "cpu", precision="float32")
    assert again.zoom == zoom
    image = random_image(60, 80)
    np.testing.assert_array_equal(again(image).probs, segmenter(image).probs)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"routing": "hard"}, "the cascade's settings must have exactly routing, zoom; found routing"),
        ({"routing": "hard", "zoom": None, "more": 1}, "must have exactly routing, zoom; found routing, zoom, more"),
        ({"routing": "round", "zoom": None}, "routing: expected hard or soft, found 'round'"),
        ({"routing": ["hard"], "zoom": None}, "routing: expected hard or soft, found ['hard']"),
    ],
    ids=str,
)
def test_malformed_settings_are_refused_in_one_line(settings: Any, line: str, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cascade"
    shutil.copytree(whole, folder)
    manifest = manifest_of(folder)
    manifest["settings"] = settings
    sign(folder, manifest)
    assert line in refusal(folder)


@pytest.mark.parametrize("zoom", BAD_ZOOMS, ids=str)
def test_a_malformed_zoom_is_refused_in_one_line(zoom: Any, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cascade"
    shutil.copytree(whole, folder)
    manifest = manifest_of(folder)
    manifest["settings"]["zoom"] = ZOOM
    sign(folder, manifest)
    assert CascadeSegmenter.load(folder, "cpu").zoom == Zoom.from_json(ZOOM)
    manifest["settings"]["zoom"] = zoom
    sign(folder, manifest)
    assert "cascade: zoom" in refusal(folder)
