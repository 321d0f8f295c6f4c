"""The preprocess stage, end to end on drawn people."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.data.selection import split_selection
from bodycascade.errors import DataError
from bodycascade.files import sha256_of
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.preprocess import Manifest, open_pack, preprocess, read_manifest
from tests.conftest import MakeParams
from tests.drawn import draw_person, write_layout
from tests.evaluate.project import ANIMAL
from tests.preprocess.checksums import checksums

TRAIN = [f"img_0{place}" for place in range(8)]
GRAY = {"img_03", "img_07"}
"""The images that `write_layout` makes without colour; img_03 is in train, img_07 too."""


def test_packs_hold_the_slices_of_train_and_nothing_of_val(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    manifest = preprocess(make_params(), tmp_path)
    train, selection = split_selection(TRAIN, 0.25)
    assert manifest.ids == {"train": train, "selection": selection, "val": ("img_08", "img_09", "img_10")}
    for split in ("train", "selection"):
        pack = open_pack(tmp_path / "results/data/tiny", split, verify=True)
        assert pack.ids == manifest.ids[split]
        for place, name in enumerate(pack.ids):
            np.testing.assert_array_equal(pack.mask(place), np.load(tiny_data / "gt_masks" / f"{name}.npy"))
            with Image.open(tiny_data / "JPEGImages" / f"{name}.jpg") as image:
                np.testing.assert_array_equal(pack.image(place), np.asarray(image))


def test_manifest_is_kept_and_says_what_was_made(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    params = make_params()
    manifest = preprocess(params, tmp_path)
    assert read_manifest(tmp_path / "results/data/tiny") == manifest
    assert manifest.layout == "data/tiny"
    assert {name for name, kind in manifest.kinds.items() if kind != "colour"} == GRAY
    assert set(manifest.kinds) == {*TRAIN, *manifest.ids["val"]}
    assert manifest.val_files["JPEGImages/img_08.jpg"] == sha256_of(tiny_data / "JPEGImages" / "img_08.jpg")
    assert len(manifest.val_files) == 6
    manifest.require_tree(PASCAL_PART)
    manifest.require_settings(params.preprocess)


def test_frequencies_are_counted_on_train_at_native_size(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    manifest = preprocess(make_params({"preprocess.long_side": 32}), tmp_path)
    masks = [np.load(tiny_data / "gt_masks" / f"{name}.npy") for name in manifest.ids["train"]]
    heads = sum(int((mask == 4).sum()) for mask in masks)
    assert manifest.frequencies["labels"]["head"]["pixels"] == heads
    assert manifest.frequencies["labels"]["head"]["fraction"] == heads / sum(mask.size for mask in masks)
    table = (tmp_path / "results/plots/tiny/frequencies.csv").read_text(encoding="utf-8").splitlines()
    assert table[0] == "class,level,pixels,fraction,images,presence"
    assert any(row.startswith(f"head,2,{heads},") for row in table)


def test_long_side_shrinks_and_never_enlarges_and_labels_stay_labels(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    for name in TRAIN:
        path = tiny_data / "gt_masks" / f"{name}.npy"
        np.save(path, np.where(np.load(path) > 0, 6, 0).astype(np.uint8))
    preprocess(make_params({"preprocess.long_side": 72}), tmp_path)
    pack = open_pack(tmp_path / "results/data/tiny", "train")
    shapes = {name: pack.mask(place).shape for place, name in enumerate(pack.ids)}
    native = {name: np.load(tiny_data / "gt_masks" / f"{name}.npy").shape for name in pack.ids}
    for name, (height, width) in native.items():
        scale = min(1, 72 / max(height, width))
        assert shapes[name] == (round(height * scale), round(width * scale))
    for place in range(len(pack)):
        assert pack.image(place).shape[:2] == pack.mask(place).shape
        assert set(np.unique(pack.mask(place))) == {0, 6}


@pytest.mark.parametrize("treatment", ["keep", "drop", "balance"])
def test_grayscale_pictures_are_kept_dropped_or_balanced(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, treatment: str
) -> None:
    changes = {"preprocess.grayscale.treatment": treatment, "preprocess.grayscale.balanced_share": 0.5}
    manifest = preprocess(make_params(changes), tmp_path)
    pack = open_pack(tmp_path / "results/data/tiny", "train")
    train, _ = split_selection(TRAIN, 0.25)
    gray = [name for name in train if name in GRAY]
    assert gray, "the example needs a gray picture in train"
    colour = len(train) - len(gray)
    shown = [pack.ids[place] for place in pack.epoch]
    assert sum(name in GRAY for name in shown) == {"keep": len(gray), "drop": 0, "balance": colour}[treatment]
    assert sum(name not in GRAY for name in shown) == colour
    assert pack.ids == manifest.ids["train"]
    assert set(manifest.kinds) >= set(train)


def test_two_runs_give_the_same_bytes(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    preprocess(make_params(), tmp_path)
    first = checksums(tmp_path / "results")
    preprocess(make_params(), tmp_path)
    assert checksums(tmp_path / "results") == first
    assert [path.name for path in (tmp_path / "results/data").iterdir()] == ["tiny"]


def test_order_of_the_lists_makes_no_difference(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    preprocess(make_params(), tmp_path)
    first = checksums(tmp_path / "results")
    (tiny_data / "train_id.txt").write_text("\n".join(reversed(TRAIN)), encoding="utf-8")
    preprocess(make_params(), tmp_path)
    assert checksums(tmp_path / "results") == first


def test_bad_data_leave_the_packs_of_before_as_they_were(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    preprocess(make_params(), tmp_path)
    first = checksums(tmp_path / "results")
    (tiny_data / "JPEGImages" / "img_01.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"img_01\.jpg: the file is empty"):
        preprocess(make_params(), tmp_path)
    assert checksums(tmp_path / "results") == first


def test_remarks_of_the_check_are_printed_and_kept(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in TRAIN:
        path = tiny_data / "gt_masks" / f"{name}.npy"
        np.save(path, np.where(np.load(path) == 3, 0, np.load(path)).astype(np.uint8))
    manifest = preprocess(make_params(), tmp_path)
    assert manifest.notes == ("train: never seen: low_leg",)
    assert "preprocess: note: train: never seen: low_leg\n" in capsys.readouterr().out
    assert manifest.frequencies["experts"]["lower_body"]["low_leg"]["fraction"] == 0.0


def test_disk_too_small_for_the_packs_is_said_before_they_are_written(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(
        DataError, match=r"results/data: the packs need [\d,]+ bytes, the disk has 1,000 free; make room"
    ):
        preprocess(make_params(), tmp_path)
    assert list((tmp_path / "results/data").iterdir()) == []


def test_second_preprocess_of_a_profile_ends_at_once(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    fcntl = pytest.importorskip("fcntl")
    params = make_params()
    lock = tmp_path / ".work/tiny/preprocess.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another preprocess of this profile is at work; wait for it to end"):
            preprocess(params, tmp_path)
    preprocess(params, tmp_path)


def test_rendered_people_are_made_first_where_the_profile_asks_for_them(
    tmp_path: Path, make_params: MakeParams
) -> None:
    rendered = {"train": 4, "val": 2, "side": 64, "grayscale_fraction": 0.25, "seed": 3}
    manifest = preprocess(make_params({"preprocess.source": "rendered", "preprocess.rendered": rendered}), tmp_path)
    assert manifest.layout == "results/data/tiny/rendered"
    assert (tmp_path / manifest.layout / "train_id.txt").exists()
    assert [len(manifest.ids[split]) for split in ("train", "selection", "val")] == [3, 1, 2]


def test_another_tree_is_packed_with_its_own_labels(tmp_path: Path, make_params: MakeParams) -> None:
    folder = write_layout(tmp_path / "data" / "tiny", tree=ANIMAL)
    for path in (folder / "gt_masks").iterdir():
        np.save(path, np.minimum(np.load(path), 3))
    params = make_params(tree=ANIMAL)
    manifest = preprocess(params, tmp_path, ANIMAL)
    assert list(manifest.frequencies["experts"]) == ["scene", "animal", "legs"]
    with pytest.raises(DataError, match="made for another class tree"):
        manifest.require_tree(PASCAL_PART)


def test_packs_of_other_settings_are_refused_by_name(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    manifest = preprocess(make_params(), tmp_path)
    changed = make_params({"preprocess.long_side": 64}).preprocess
    with pytest.raises(DataError, match=r"made with preprocess.long_side 0, params.yaml has 64; run the preprocess"):
        manifest.require_settings(changed)
    unused = replace(make_params().preprocess, rendered=replace(changed.rendered, seed=99))
    manifest.require_settings(unused)


def spoil_manifest(path: Path, change: object) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | change if isinstance(change, dict) else change), encoding="utf-8")


@pytest.mark.parametrize("change", [{"format_version": 2}, {"notes": "none"}, {"surplus": 1}, [], None, 3])
def test_manifest_of_another_shape_is_refused(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, change: object
) -> None:
    preprocess(make_params(), tmp_path)
    spoil_manifest(tmp_path / "results/data/tiny/manifest.json", change)
    with pytest.raises(DataError, match=r"manifest\.json: .*run the preprocess stage again"):
        read_manifest(tmp_path / "results/data/tiny")


def test_missing_manifest_says_which_stage_makes_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.json: no such file; run the preprocess stage first"):
        read_manifest(tmp_path)


def test_pack_of_another_run_is_never_mixed_in(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    data = tmp_path / "results/data/tiny"
    preprocess(make_params({"preprocess.long_side": 32}), tmp_path)
    (data / "train").rename(tmp_path / "other")
    preprocess(make_params(), tmp_path)
    (data / "train").rename(tmp_path / "own")
    (tmp_path / "other").rename(data / "train")
    with pytest.raises(DataError, match="train: made by another run than the manifest beside it"):
        open_pack(data, "train")


def test_pictures_that_are_no_jpeg_are_packed_as_they_are_decoded(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    image, _ = draw_person(0, height=64, width=48)
    Image.fromarray(image).save(tiny_data / "JPEGImages" / "img_00.jpg", "PNG")
    manifest: Manifest = preprocess(make_params(), tmp_path)
    split = "train" if "img_00" in manifest.ids["train"] else "selection"
    pack = open_pack(tmp_path / "results/data/tiny", split)
    packed = pack.image(pack.ids.index("img_00"))
    assert hashlib.sha256(packed.tobytes()).digest() == hashlib.sha256(image.tobytes()).digest()
