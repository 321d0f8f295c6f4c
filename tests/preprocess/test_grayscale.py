"""Pictures without colour are found through tints and JPEG's noise, and pictures with little colour are not."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bodycascade.preprocess.grayscale import colour_spread, kind_of
from tests.drawn import draw_person, jpeg_bytes

UInt8 = npt.NDArray[np.uint8]
TOLERANCE = 8.0


def gray_person(seed: int = 1) -> UInt8:
    """(240, 320) uint8: a gray picture with all tones."""
    image, _ = draw_person(seed, height=240, width=320)
    return np.asarray(Image.fromarray(image).convert("L"))


def toned(gray: UInt8, shadows: tuple[int, int, int], lights: tuple[int, int, int]) -> UInt8:
    """(H, W, 3) uint8: `gray` with black printed as `shadows` and white as `lights`."""
    share = gray[..., None] / 255
    return (np.array(shadows) * (1 - share) + np.array(lights) * share).astype(np.uint8)


def through_jpeg(image: UInt8, quality: int = 60) -> UInt8:
    return np.asarray(Image.open(io.BytesIO(jpeg_bytes(image, quality=quality))).convert("RGB"))


def test_equal_channels_are_exactly_gray_whatever_the_tolerance() -> None:
    image = np.repeat(gray_person()[..., None], 3, axis=2)
    assert [kind_of(image, tolerance) for tolerance in (0, TOLERANCE)] == ["gray", "gray"]


def test_one_pixel_of_another_value_is_no_longer_exact() -> None:
    image = np.repeat(gray_person()[..., None], 3, axis=2)
    image[5, 5, 2] ^= 1
    assert [kind_of(image, tolerance) for tolerance in (0, TOLERANCE)] == ["colour", "near_gray"]


@pytest.mark.parametrize(
    ("shadows", "lights"),
    [
        ((40, 25, 15), (255, 240, 210)),
        ((10, 15, 40), (240, 245, 255)),
        ((0, 0, 0), (250, 255, 240)),
        ((70, 20, 0), (255, 245, 215)),
    ],
    ids=["sepia", "blue", "greenish", "strong"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_toned_pictures_are_nearly_gray_after_jpeg_too(
    seed: int, shadows: tuple[int, int, int], lights: tuple[int, int, int]
) -> None:
    image = through_jpeg(toned(gray_person(seed), shadows, lights))
    assert kind_of(image, TOLERANCE) == "near_gray"


def test_tint_may_change_from_shadows_to_lights() -> None:
    ramp = np.tile(np.linspace(0, 255, 320).astype(np.uint8), (240, 1))
    assert kind_of(toned(ramp, (50, 20, 5), (255, 250, 235)), TOLERANCE) == "near_gray"


def test_noise_in_the_colour_of_a_gray_picture_is_no_colour() -> None:
    noise = np.random.default_rng(2).normal(0, 6, (240, 320, 3))
    image = (gray_person()[..., None] + noise).clip(0, 255).astype(np.uint8)
    assert kind_of(through_jpeg(image, quality=95), TOLERANCE) == "near_gray"


def test_coloured_caption_in_the_corner_of_a_gray_picture_is_no_colour() -> None:
    image = np.repeat(gray_person()[..., None], 3, axis=2)
    image[-14:-2, 4:28] = (200, 30, 30)
    assert kind_of(image, TOLERANCE) == "near_gray"


@pytest.mark.parametrize("seed", range(8))
def test_colour_pictures_are_colour_at_any_size(seed: int) -> None:
    for height, width in ((240, 320), (64, 48), (20, 24)):
        image, _ = draw_person(seed, height=height, width=width)
        assert kind_of(image, TOLERANCE) == "colour"


def test_single_coloured_thing_in_a_gray_scene_is_colour() -> None:
    image = np.repeat(gray_person()[..., None], 3, axis=2)
    image[100:160, 100:160, 0] = np.minimum(image[100:160, 100:160, 0].astype(int) + 60, 255)
    assert kind_of(image, TOLERANCE) == "colour"


def test_tolerance_zero_finds_exact_gray_only() -> None:
    assert kind_of(toned(gray_person(), (40, 25, 15), (255, 240, 210)), 0) == "colour"


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (3, 5), (17, 33)])
def test_spread_is_a_number_for_pictures_of_any_size(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert 0 <= colour_spread(image) < 400
