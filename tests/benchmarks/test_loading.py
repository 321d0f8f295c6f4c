"""The loading benchmark: what its rivals make, and the whole on drawn people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.jpeg_views import JpegPack, PillowViews
from benchmarks.loading import images_per_second, parse, run
from bodycascade.data.layout import Layout
from bodycascade.hierarchy import IGNORE
from bodycascade.preprocess import open_pack, preprocess
from tests.conftest import MakeParams


@pytest.mark.parametrize("long_side", [0, 32])
def test_files_give_what_the_pack_holds(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams, long_side: int
) -> None:
    preprocess(make_params({"preprocess.long_side": long_side}), tmp_path)
    pack = open_pack(tmp_path / "results/data/tiny", "train")
    files = JpegPack(pack, Layout.open(tiny_data), long_side=long_side)
    assert (len(files), files.epoch) == (len(pack), pack.epoch)
    for place in range(len(pack)):
        np.testing.assert_array_equal(files.image(place), pack.image(place))
        np.testing.assert_array_equal(files.labels(place), pack.labels(place))


def test_plain_views_keep_image_and_labels_together(tmp_path: Path) -> None:
    # The left half is white and labelled 2, the right half black and labelled 0; twice as wide as high.
    image, mask = np.zeros((40, 80, 3), np.uint8), np.zeros((40, 80), np.uint8)
    image[:, :40], mask[:, :40] = 255, 2
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "gt_masks").mkdir()
    Image.fromarray(image).save(tmp_path / "JPEGImages" / "one.jpg", quality=100)
    np.save(tmp_path / "gt_masks" / "one.npy", mask)
    views = PillowViews(Layout.open(tmp_path), ("one",), 64, 48)
    firsts = set()
    for _ in range(40):
        picture, labels = views[0]
        assert (picture.shape, labels.shape) == ((3, 48, 48), (48, 48))
        inside = labels != IGNORE
        assert int(inside.sum()) == 32 * 48  # 64 x 32 of which 48 columns are seen
        agree = (picture.float().mean(dim=0) > 128) == (labels == 2)
        assert float(agree[inside].float().mean()) > 0.95
        firsts.add(int(labels[inside][0]))
    assert firsts == {0, 2}  # flipped now and then


def test_rate_counts_images_until_the_time_is_over() -> None:
    ticks = iter([0.0, 1.0, 2.0, 4.0])
    sizes = (size for size in [5, 5, 2, 1000])
    assert images_per_second(sizes, 3.0, clock=lambda: next(ticks)) == 3.0


def test_all_three_ways_are_measured(tmp_path: Path, tiny_data: Path, make_params: MakeParams) -> None:
    changes = {"train.common.input_side": 64, "train.common.crop_side": 64, "train.common.batch_size": 2}
    preprocess(make_params(changes), tmp_path)
    words = [str(tmp_path / "params.yaml"), "--seconds", "0.01", "--rounds", "2", "--workers", "0"]
    run(parse([*words, "--out", str(tmp_path / "out")]))
    data = json.loads((tmp_path / "out" / "loading.json").read_text())
    names = ["packed", "the same from JPEG files", "DataLoader, Pillow, 0 workers"]
    assert list(data["images_per_second"]) == names
    for name in names:
        assert len(data["rounds"][name]) == 2
        assert data["images_per_second"][name] == pytest.approx(np.median(data["rounds"][name]))
        assert data["images_per_second"][name] > 0
    assert (data["expert"], data["crop_side"], data["batch_size"]) == ("person", 64, 2)
    text = (tmp_path / "out" / "loading.md").read_text()
    assert "| packed |" in text
    assert str(tmp_path) not in text + json.dumps(data)
