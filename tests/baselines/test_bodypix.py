"""BodyPix on files of the tests' own; on the published ones where BODYCASCADE_BODYPIX names their folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from bodycascade.baselines import BodyPixSegmenter
from bodycascade.data.layout import Layout
from bodycascade.data.rendering import render_dataset
from bodycascade.encoders.bodypix import MODEL_FILE
from bodycascade.errors import BodyCascadeError, BundleError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.segmenter import Segmenter, score_pairs
from tests.baselines.bodypix_files import Shape, write_bodypix, write_random_bodypix
from tests.segmenter_contract import SegmenterContract
from tests.toy_experts import random_image

SIDE = 65

HEAD, TORSO, LOW_HAND, UP_HAND, LOW_LEG, UP_LEG = 4, 2, 1, 6, 3, 5
PARTS = [
    *[HEAD] * 2,  # left and right face
    *[UP_HAND] * 4,  # left upper arm front and back, right upper arm front and back
    *[LOW_HAND] * 6,  # left lower arm front and back, right lower arm front and back, left and right hand
    *[TORSO] * 2,  # front and back
    *[UP_LEG] * 4,  # left upper leg front and back, right upper leg front and back
    *[LOW_LEG] * 6,  # left lower leg front and back, right lower leg front and back, left and right foot
]
"""The label of each part, in the order in which BodyPix documents them."""


@pytest.fixture
def random_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return write_random_bodypix(tmp_path / "bodypix", monkeypatch)


class TestBodyPixSegmenter(SegmenterContract):
    @pytest.fixture
    def segmenter(self, random_files: Path) -> Segmenter:
        return BodyPixSegmenter(random_files, side=SIDE, device="cpu")


def sure(folder: Path, monkeypatch: pytest.MonkeyPatch, *, person: float, part: int) -> BodyPixSegmenter:
    """A network that says the same everywhere: the logit `person` and, of the parts, `part`."""

    def value(name: str, shape: Shape) -> np.ndarray | float:
        if name == "MobilenetV1/segment_2/Conv2D_bias":
            return person
        return np.eye(24)[part] if name == "MobilenetV1/part_heatmap_2/Conv2D_bias" else 0.0

    return BodyPixSegmenter(write_bodypix(folder, monkeypatch, value), side=SIDE, device="cpu")


def test_each_of_the_24_parts_is_its_leaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = sure(tmp_path, monkeypatch, person=0.01, part=0)
    found = []
    for part in range(24):
        segmenter.network.parts.bias.copy_(torch.eye(24)[part])
        found.append(np.unique(segmenter(random_image(20, 33)).parts).tolist())
    assert found == [[label] for label in PARTS]


def test_a_pixel_is_a_persons_above_the_threshold_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sure(tmp_path, monkeypatch, person=0.0, part=0)(random_image(20, 33)).share("body") == 0
    low = BodyPixSegmenter(tmp_path, side=SIDE, threshold=0.49, device="cpu")
    assert low(random_image(20, 33)).share("head") == 1


def between(maps: np.ndarray, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
    """(C, len(ys), len(xs)): bilinear samples of `maps` (C, H, W)."""
    ys, xs = ys.clip(0, maps.shape[1] - 1), xs.clip(0, maps.shape[2] - 1)
    rows, columns = np.arange(maps.shape[1]), np.arange(maps.shape[2])
    # The weight of a sample falls with its distance, to zero at one pixel.
    down = np.maximum(0, 1 - np.abs(ys[:, None] - rows))
    right = np.maximum(0, 1 - np.abs(xs[:, None] - columns))
    return np.einsum("yr,crs,xs->cyx", down, maps, right)


# (height, width), the input's (height, width) for a long side of 65, rows and columns of zeros at each side:
# 65 stays; 52 x 65 / 80 = 42.25 becomes 33, and 33 / 65 of 80 is 40.6, less than 52: the zeros go left and right.
FRAMES = [
    ((52, 80), (33, 65), (0, 11)),
    ((80, 52), (65, 33), (11, 0)),
    ((64, 64), (65, 65), (0, 0)),
    ((30, 40), (49, 65), (0, 0)),
]


@pytest.mark.parametrize(("size", "inside", "zeros"), FRAMES)
def test_picture_is_framed_sampled_and_put_back_as_published(
    random_files: Path, size: tuple[int, int], inside: tuple[int, int], zeros: tuple[int, int]
) -> None:
    segmenter = BodyPixSegmenter(random_files, side=SIDE, device="cpu")
    picture = random_image(*size, seed=2)
    framed = np.pad(picture.astype(float), [(count, count) for count in zeros] + [(0, 0)]).transpose(2, 0, 1)
    (height, width), (high, wide) = inside, framed.shape[1:]
    x = between(framed, np.arange(height) * high / height, np.arange(width) * wide / width) / 127.5 - 1
    maps = [logits[0].numpy().astype(float) for logits in segmenter.logits(torch.tensor(x[None], dtype=torch.float32))]
    ys = (np.arange(size[0]) + zeros[0]) / (high - 1) * (height - 1)
    xs = (np.arange(size[1]) + zeros[1]) / (wide - 1) * (width - 1)
    person, parts = (between(1 / (1 + np.exp(-corner_aligned(logits, height, width))), ys, xs) for logits in maps)
    expected = np.array(PARTS)[parts.argmax(axis=0)] * (person[0] > 0.5)
    found = segmenter(picture).parts
    assert (found != expected).mean() < 0.002  # ties in the last bit
    assert len(np.unique(expected)) > 2


def corner_aligned(logits: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = (np.linspace(0, n - 1, m) for n, m in zip(logits.shape[1:], (height, width), strict=True))
    return between(logits, rows, columns)


def test_large_picture_is_the_same_in_strips(random_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = BodyPixSegmenter(random_files, side=SIDE, device="cpu")
    picture = random_image(90, 70)
    whole = segmenter(picture).parts
    monkeypatch.setattr("bodycascade.baselines.bodypix.STRIP_PIXELS", 7 * 70)
    np.testing.assert_array_equal(segmenter(picture).parts, whole)


def test_bfloat16_agrees_nearly_everywhere(random_files: Path) -> None:
    picture = random_image(60, 80)
    exact = BodyPixSegmenter(random_files, side=SIDE, device="cpu")(picture).parts
    fast = BodyPixSegmenter(random_files, side=SIDE, device="cpu", precision="bfloat16")(picture).parts
    assert (exact == fast).mean() > 0.9


def test_other_files_than_the_published_are_refused(random_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(BundleError, match=r"model-stride16\.json has sha256 .*; get the published file again"):
        BodyPixSegmenter(random_files)
    (random_files / MODEL_FILE).unlink()
    with pytest.raises(BundleError, match=r"model-stride16\.json is missing; name the file, or the folder"):
        BodyPixSegmenter(random_files)


@pytest.mark.parametrize("changes", [{"side": 0}, {"threshold": 1.5}, {"precision": "half"}, {"device": "abacus"}])
def test_nonsense_settings_are_refused(random_files: Path, changes: dict[str, float]) -> None:
    with pytest.raises(BodyCascadeError, match="expected"):
        BodyPixSegmenter(random_files, **changes)  # type: ignore[arg-type]


@pytest.mark.skipif("BODYCASCADE_BODYPIX" not in os.environ, reason="BODYCASCADE_BODYPIX names no published files")
def test_published_files_find_the_people_of_rendered_pictures(tmp_path: Path) -> None:
    render_dataset(tmp_path / "data", train=1, val=3, side=256, grayscale_fraction=0.0, seed=7, tree=PASCAL_PART)
    layout = Layout.open(tmp_path / "data")
    pairs = [(layout.read_image(name), layout.read_labels(name)) for name in layout.read_ids("val_id.txt")]
    figures = score_pairs(BodyPixSegmenter(os.environ["BODYCASCADE_BODYPIX"]), pairs)
    assert figures["body"] > 0.3
    assert figures["mIoU2"] > 0.1
