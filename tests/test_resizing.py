from __future__ import annotations

import numpy as np
from PIL import Image

from bodycascade.resizing import resize_image, resize_to_tensor
from tests.toy_experts import random_image


def test_resizing_follows_pillow_to_one_gray_level() -> None:
    image = random_image(90, 130)
    for shape in ((32, 48), (90, 130), (91, 60), (180, 300), (1, 1)):
        resized = resize_image(image, shape)
        wanted = np.asarray(Image.fromarray(image).resize(shape[::-1], Image.Resampling.BILINEAR))
        assert resized.dtype == np.uint8
        assert resized.shape == (*shape, 3)
        assert np.abs(resized.astype(int) - wanted).max() <= 1
        np.testing.assert_array_equal(resize_to_tensor(image, shape).permute(1, 2, 0).numpy(), resized)


def test_resizing_leaves_its_argument_alone_and_takes_read_only_arrays() -> None:
    image = random_image(40, 40)
    before = image.copy()
    image.flags.writeable = False
    resized = resize_image(image, (40, 40))
    resized[:] = 0
    np.testing.assert_array_equal(image, before)


def test_resizing_keeps_the_centre_of_a_picture_in_its_centre() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30, 20:40] = 200
    for shape in ((20, 30), (80, 120), (16, 64)):
        resized = resize_image(image, shape)
        np.testing.assert_allclose(resized.astype(int), resized[::-1, ::-1].astype(int), atol=1)


def test_a_mirrored_image_of_one_pixel_width_is_taken() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(4, 1, 3)[:, ::-1]
    assert resize_to_tensor(image, (4, 1))[:, :, 0].T.tolist() == image[:, 0].tolist()
