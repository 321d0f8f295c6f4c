"""The preprocess stage, end to end on drawn people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.data.selection import split_selection
from bodycascade.errors import BusyError, DataError
from bodycascade.files import sha256_of
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.preprocess import open_pack, preprocess, read_manifest, read_val_manifest
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
    manifest, val = preprocess(make_params(), tmp_path)
    train, selection = split_selection(TRAIN, 0.25)
    assert manifest.ids == {"train": train, "selection": selection}
    assert val.ids == ("img_08", "img_09", "img_10")
    for split in ("train", "selection"):
        pack = open_pack(tmp_path / "results/data/tiny", split, verify=True)
        assert pack.ids == manifest.ids[split]
        for place, name in enumerate(pack.ids):
            np.testing.assert_array_equal(pack.labels(place), np.load(tiny_data / "gt_masks" / f"{name}.npy"))
            with Image.open(tiny_data / "JPEGImages" / f"{name}.jpg") as image:
                np.testing.assert_array_equal(pack.image(place), np.asarray(image))


def test_manifests_are_kept_and_say_what_was_made(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    params = make_params()
    manifest, val = preprocess(params, tmp_path)
    assert read_manifest(tmp_path / "results/data/tiny") == manifest
    assert read_val_manifest(tmp_path / "results/data/tiny") == val
    assert {name for name, kind in {**manifest.kinds, **val.kinds}.items() if kind != "colour"} == GRAY
    assert set(manifest.kinds) == set(TRAIN)
    assert set(val.kinds) == set(val.ids)
    assert val.files["JPEGImages/img_08.jpg"] == sha256_of(tiny_data / "JPEGImages" / "img_08.jpg")
    assert len(val.files) == 6
    for one in (manifest, val):
        assert one.layout == "data/tiny"
        one.require_tree(PASCAL_PART)
        one.require_settings(params.preprocess)


def test_no_fact_about_val_is_in_what_training_reads(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    data = tmp_path / "results/data/tiny"
    preprocess(make_params(), tmp_path)
    first = checksums(data)
    (tiny_data / "val_id.txt").rename(tiny_data / "other.txt")
    (tiny_data / "other.txt").write_text("img_09\nimg_10", encoding="utf-8")
    np.save(tiny_data / "gt_masks" / "img_09.npy", np.zeros_like(np.load(tiny_data / "gt_masks" / "img_09.npy")))
    _, val = preprocess(make_params({"preprocess.val_ids": "other.txt"}), tmp_path)
    assert val.ids == ("img_09", "img_10")
    assert {path for path, digest in checksums(data).items() if first[path] != digest} == {"val.json"}


def test_frequencies_are_counted_on_train_at_native_size(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    manifest, _ = preprocess(make_params({"preprocess.long_side": 32}), tmp_path)
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
    shapes = {name: pack.labels(place).shape for place, name in enumerate(pack.ids)}
    native = {name: np.load(tiny_data / "gt_masks" / f"{name}.npy").shape for name in pack.ids}
    for name, (height, width) in native.items():
        scale = min(1, 72 / max(height, width))
        assert shapes[name] == (round(height * scale), round(width * scale))
    for place in range(len(pack)):
        assert pack.image(place).shape[:2] == pack.labels(place).shape
        assert set(np.unique(pack.labels(place))) == {0, 6}


def test_fine_stripes_are_averaged_in_the_pack_and_still_count_as_colour(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    name = split_selection(TRAIN, 0.25)[0][0]
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, np.arange(256) % 2 == 0] = (200, 0, 0)
    stripes[:, np.arange(256) % 2 == 1] = (0, 200, 0)
    Image.fromarray(stripes).save(tiny_data / "JPEGImages" / f"{name}.jpg", quality=95, subsampling=0)
    np.save(tiny_data / "gt_masks" / f"{name}.npy", np.eye(256, dtype=np.uint8))
    manifest, _ = preprocess(make_params({"preprocess.long_side": 32}), tmp_path)
    small = open_pack(tmp_path / "results/data/tiny", "train").image(0)
    assert small.shape == (32, 32, 3)
    np.testing.assert_allclose(small[..., :2], 100, atol=10)
    assert manifest.kinds[name] == "colour", "found at native size"


def test_settings_of_the_renderer_train_nothing_anew_where_nothing_is_rendered(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    preprocess(make_params(), tmp_path)
    first = checksums(tmp_path / "results/data/tiny")
    preprocess(make_params({"preprocess.rendered.train": 999, "preprocess.rendered.seed": 999}), tmp_path)
    assert checksums(tmp_path / "results/data/tiny") == first


def test_dropping_all_pictures_there_are_is_refused_by_the_parameter(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    for path in (tiny_data / "JPEGImages").glob("*.jpg"):
        with Image.open(path) as image:
            image.convert("L").convert("RGB").save(path)
    with pytest.raises(DataError) as caught:
        preprocess(make_params({"preprocess.grayscale.treatment": "drop"}), tmp_path)
    assert str(caught.value) == (
        "preprocess.grayscale.treatment: drop leaves no image to train on, since none has colours; set keep or balance"
    )
    assert not (tmp_path / "results/data/tiny").exists()


def test_one_picture_is_too_few_to_train_on_and_to_choose_by(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    (tiny_data / "train_id.txt").write_text("img_00\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"^data/tiny/train_id\.txt: lists one image; expected two at least"):
        preprocess(make_params(), tmp_path)


@pytest.mark.parametrize("treatment", ["keep", "drop", "balance"])
def test_grayscale_pictures_are_kept_dropped_or_balanced(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, treatment: str
) -> None:
    changes = {"preprocess.grayscale.treatment": treatment, "preprocess.grayscale.balanced_share": 0.5}
    manifest, _ = preprocess(make_params(changes), tmp_path)
    pack = open_pack(tmp_path / "results/data/tiny", "train")
    train, _ = split_selection(TRAIN, 0.25)
    gray = [name for name in train if name in GRAY]
    assert gray, "the example needs a gray picture in train"
    colour = len(train) - len(gray)
    shown = [pack.ids[place] for place in pack.epoch]
    assert sum(name in GRAY for name in shown) == {"keep": len(gray), "drop": 0, "balance": colour}[treatment]
    assert sum(name not in GRAY for name in shown) == colour
    assert pack.ids == manifest.ids["train"]
    assert set(manifest.kinds) == {*manifest.ids["train"], *manifest.ids["selection"]}
    heads = sum(int((np.load(tiny_data / "gt_masks" / f"{name}.npy") == 4).sum()) for name in pack.ids)
    assert manifest.frequencies["labels"]["head"]["pixels"] == heads, "counted on what is trained on"


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


def test_remarks_of_the_check_are_printed(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in TRAIN:
        path = tiny_data / "gt_masks" / f"{name}.npy"
        np.save(path, np.where(np.load(path) == 3, 0, np.load(path)).astype(np.uint8))
    manifest, _ = preprocess(make_params(), tmp_path)
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
        with pytest.raises(BusyError, match="another preprocess of this profile is at work; wait for it to end"):
            preprocess(params, tmp_path)
    preprocess(params, tmp_path)


def test_rendered_people_are_made_first_where_the_profile_asks_for_them(
    tmp_path: Path, make_params: MakeParams
) -> None:
    rendered = {"train": 4, "val": 2, "side": 64, "grayscale_fraction": 0.25, "seed": 3}
    manifest, val = preprocess(
        make_params({"preprocess.source": "rendered", "preprocess.rendered": rendered}), tmp_path
    )
    assert manifest.layout == "results/data/tiny/rendered"
    assert (tmp_path / manifest.layout / "train_id.txt").exists()
    assert [len(ids) for ids in (*manifest.ids.values(), val.ids)] == [3, 1, 2]


def test_another_tree_is_packed_with_its_own_labels(tmp_path: Path, make_params: MakeParams) -> None:
    folder = write_layout(tmp_path / "data" / "tiny", tree=ANIMAL)
    for path in (folder / "gt_masks").iterdir():
        np.save(path, np.minimum(np.load(path), 3))
    params = make_params(tree=ANIMAL)
    manifest, _ = preprocess(params, tmp_path, ANIMAL)
    assert list(manifest.frequencies["experts"]) == ["scene", "animal", "legs"]
    with pytest.raises(DataError, match="for another class tree"):
        manifest.require_tree(PASCAL_PART)


def test_data_of_other_settings_are_refused_by_name(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    manifest, val = preprocess(make_params(), tmp_path)
    changed = make_params({"preprocess.long_side": 64}).preprocess
    with pytest.raises(DataError, match=r"with preprocess.long_side 0, the parameter file has 64; run the prepro"):
        manifest.require_settings(changed)
    unused = replace(make_params().preprocess, rendered=replace(changed.rendered, seed=99))
    manifest.require_settings(unused)
    of_val = make_params({"preprocess.val_ids": "other.txt"}).preprocess
    manifest.require_settings(of_val)
    with pytest.raises(DataError, match=r"with preprocess.val_ids 'val_id.txt', the parameter file has 'other.txt'"):
        val.require_settings(of_val)


READ: dict[str, Callable[[Path], object]] = {"manifest.json": read_manifest, "val.json": read_val_manifest}


def spoil_manifest(path: Path, change: object) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | change if isinstance(change, dict) else change), encoding="utf-8")


@pytest.mark.parametrize("change", [{"format_version": 1}, {"layout": 7}, {"surplus": 1}, [], None, 3])
@pytest.mark.parametrize("name", ["manifest.json", "val.json"])
def test_manifest_of_another_shape_is_refused(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, name: str, change: object
) -> None:
    preprocess(make_params(), tmp_path)
    spoil_manifest(tmp_path / "results/data/tiny" / name, change)
    with pytest.raises(DataError, match=rf"{name}: .*run the preprocess stage again"):
        READ[name](tmp_path / "results/data/tiny")


@pytest.mark.parametrize("name", ["manifest.json", "val.json"])
def test_missing_manifest_says_which_stage_makes_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"{name}: no such file; run the preprocess stage first"):
        READ[name](tmp_path)


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
    manifest, _ = preprocess(make_params(), tmp_path)
    split = "train" if "img_00" in manifest.ids["train"] else "selection"
    pack = open_pack(tmp_path / "results/data/tiny", split)
    packed = pack.image(pack.ids.index("img_00"))
    assert hashlib.sha256(packed.tobytes()).digest() == hashlib.sha256(image.tobytes()).digest()
