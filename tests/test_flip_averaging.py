"""The mean of the answers about a picture and its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from bodycascade.flip_averaging import FlipAveraged, likeliest_children
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.segmentation import Segmentation
from tests.painted import paint, read_colours
from tests.segmenter_contract import SegmenterContract
from tests.toy_experts import cascade, random_image, random_logits, tiny_experts


def averaged(seed: int = 0, routing: str = "hard") -> FlipAveraged:
    segmenter = cascade(tiny_experts(PASCAL_PART, seed=seed), routing=routing)
    return FlipAveraged(PASCAL_PART, segmenter.batch, routing=routing)


class TestFlipAveraged(SegmenterContract):
    @pytest.fixture
    def segmenter(self) -> FlipAveraged:
        return averaged()


@pytest.mark.parametrize("routing", ["hard", "soft"])
def test_a_mirrored_picture_has_the_mirrored_answer(routing: str) -> None:
    segmenter, image = averaged(3, routing), random_image(40, 56)
    straight, mirrored = segmenter(image), segmenter(np.ascontiguousarray(image[:, ::-1]))
    np.testing.assert_allclose(straight.probs, mirrored.probs[..., ::-1], atol=1e-6)
    np.testing.assert_array_equal(straight.parts, mirrored.parts[:, ::-1])


def test_the_colour_profile_of_a_picture_stays_with_its_answer(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(random_image(20, 30)).save(tmp_path / "wide.png", icc_profile=profile)
    found = averaged().batch([random_image(20, 30), tmp_path / "wide.png"])
    assert [one.icc_profile for one in found] == [None, profile]


def test_probabilities_are_the_mean_by_hand() -> None:
    def left_half(images: Sequence[npt.NDArray[np.uint8]]) -> list[Segmentation]:
        """Sees a head in the left half of whatever it is shown, .8 sure."""
        found = []
        for image in images:
            probs = np.zeros((7, *image.shape[:2]), np.float32)
            probs[0] = 1
            probs[:, :, : image.shape[1] // 2] = np.array([0.2, 0, 0, 0, 0.8, 0, 0], np.float32)[:, None, None]
            labels = probs.argmax(axis=0).astype(np.uint8)
            found.append(Segmentation(PASCAL_PART, labels, image=image, probs=lambda probs=probs: probs))  # type: ignore[misc]
        return found

    result = FlipAveraged(PASCAL_PART, left_half, routing="hard")(np.zeros((2, 8, 3), np.uint8))
    np.testing.assert_allclose(result.probs[4], 0.4, atol=2e-5)
    np.testing.assert_allclose(result.probs[0], 0.6, atol=2e-5)
    assert not result.parts.any()


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_decided_as_the_cascade_decides(seed: int) -> None:
    found = cascade(random_logits(seed))(random_image(30, 40))
    same = likeliest_children(found.probs, PASCAL_PART) == found.parts
    assert same.mean() > 0.995  # ties and the last bit of sums apart


def test_certain_answers_stay_as_they_are() -> None:
    images = [paint(seed=seed)[0] for seed in range(3)]
    segmenter = FlipAveraged(PASCAL_PART, read_colours, routing="hard")
    for seed, found in enumerate(segmenter.batch(images)):
        np.testing.assert_array_equal(found.parts, paint(seed=seed)[1])
