"""What every segmenter promises; a test class for one inherits this and provides the fixture `segmenter`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.errors import ImageError, TreeError
from bodycascade.segmentation import Segmentation
from bodycascade.segmenter import Segmenter
from tests.toy_experts import random_image


class SegmenterContract:
    """Inherit, and define a fixture `segmenter`."""

    def test_is_a_segmenter(self, segmenter: Segmenter) -> None:
        assert isinstance(segmenter, Segmenter)
        assert isinstance(segmenter(random_image(20, 30)), Segmentation)

    @pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (37, 53), (64, 64), (20, 3000), (3000, 20), (7, 400)])
    def test_result_has_the_size_of_the_image(self, segmenter: Segmenter, size: tuple[int, int]) -> None:
        segmentation = segmenter(random_image(*size))
        assert segmentation.parts.shape == size
        assert segmentation.parts.dtype == np.uint8
        assert segmentation.probs.shape == (segmenter.tree.num_labels, *size)
        assert int(segmentation.parts.max()) < segmenter.tree.num_labels

    def test_probabilities_sum_to_one(self, segmenter: Segmenter) -> None:
        probs = segmenter(random_image(61, 47)).probs
        assert probs.dtype == np.float32
        assert probs.min() >= 0
        np.testing.assert_allclose(probs.sum(axis=0), 1, atol=1e-5)

    @pytest.mark.parametrize("seed", range(5))
    def test_levels_never_contradict_each_other(self, segmenter: Segmenter, seed: int) -> None:
        tree, segmentation = segmenter.tree, segmenter(random_image(50, 70, seed=seed))
        for level, names in enumerate(tree.levels):
            ids = segmentation.level(level)
            np.testing.assert_array_equal(ids == 0, segmentation.parts == 0)
            for name in names:
                below = [leaf.name for leaf in tree.node(name).walk() if leaf.label is not None]
                union = np.any([segmentation.mask(leaf) for leaf in below], axis=0)
                np.testing.assert_array_equal(segmentation.mask(name), union)
                np.testing.assert_array_equal(np.unique(ids[union]).size <= 1, True)
        np.testing.assert_array_equal(segmentation.level(len(tree.levels) - 1), segmentation.parts)

    def test_unknown_names_and_levels_are_errors(self, segmenter: Segmenter) -> None:
        segmentation = segmenter(random_image(9, 9))
        with pytest.raises(TreeError, match="no class is called 'wing'"):
            segmentation.mask("wing")
        with pytest.raises(TreeError, match="there is no level"):
            segmentation.level(len(segmenter.tree.levels))

    def test_is_deterministic(self, segmenter: Segmenter) -> None:
        image = random_image(45, 80, seed=3)
        first, second = segmenter(image), segmenter(image)
        np.testing.assert_array_equal(first.parts, second.parts)
        np.testing.assert_array_equal(first.probs, second.probs)

    def test_never_changes_its_argument(self, segmenter: Segmenter) -> None:
        image = random_image(40, 40)
        before = image.copy()
        segmenter(image).overlay()
        np.testing.assert_array_equal(image, before)

    def test_takes_read_only_and_strided_arrays(self, segmenter: Segmenter) -> None:
        image = random_image(40, 48)
        wanted = segmenter(image).parts
        locked = image.copy()
        locked.flags.writeable = False
        np.testing.assert_array_equal(segmenter(locked).parts, wanted)
        wide = np.repeat(image, 2, axis=1)[:, ::2]
        np.testing.assert_array_equal(segmenter(wide).parts, wanted)
        mirrored = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
        np.testing.assert_array_equal(segmenter(mirrored).parts, wanted)

    def test_path_and_pil_image_and_array_agree(self, segmenter: Segmenter, tmp_path: Path) -> None:
        image = random_image(40, 48)
        Image.fromarray(image).save(tmp_path / "picture.png")
        wanted = segmenter(image).parts
        for source in (tmp_path / "picture.png", str(tmp_path / "picture.png"), Image.fromarray(image)):
            np.testing.assert_array_equal(segmenter(source).parts, wanted)

    def test_takes_grayscale_alpha_and_turned_pictures(self, segmenter: Segmenter, tmp_path: Path) -> None:
        picture = Image.fromarray(random_image(30, 44))
        assert segmenter(picture.convert("L")).parts.shape == (30, 44)
        assert segmenter(np.asarray(picture.convert("L"))).parts.shape == (30, 44)
        assert segmenter(picture.convert("RGBA")).parts.shape == (30, 44)
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(tmp_path / "turned.jpg", exif=exif)
        assert segmenter(tmp_path / "turned.jpg").parts.shape == (44, 30)

    def test_a_missing_file_is_one_line(self, segmenter: Segmenter, tmp_path: Path) -> None:
        with pytest.raises(ImageError, match=r"nothing\.jpg: no such file") as caught:
            segmenter(tmp_path / "nothing.jpg")
        assert "\n" not in str(caught.value)

    def test_threads_may_share_it(self, segmenter: Segmenter) -> None:
        images = [random_image(40 + 3 * i, 50, seed=i) for i in range(4)] * 3
        alone = [segmenter(image).parts for image in images]
        with ThreadPoolExecutor(4) as pool:
            together = [segmentation.parts for segmentation in pool.map(segmenter, images)]
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_overlay_is_a_picture_of_the_same_size(self, segmenter: Segmenter) -> None:
        segmentation = segmenter(random_image(31, 27))
        assert segmentation.overlay().size == (27, 31)
        assert segmentation.overlay(0, opacity=1.0).mode == "RGB"
