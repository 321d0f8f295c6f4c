"""Random views of a training image, by albumentations.

Each view is a function of its seed alone: the order of the calls, the thread and the process make no difference.
There is no vertical flip: people stand on their feet, and which half is upper is what the experts learn.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.errors import MissingExtraError

# albumentations asks the network for a newer version of itself at import, and waits for the answer.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

try:
    import albumentations
    import cv2
except ModuleNotFoundError as error:
    raise MissingExtraError(error.name or "albumentations", "pipeline") from None

from bodycascade.expert import IMAGENET_MEAN
from bodycascade.hierarchy import IGNORE
from bodycascade.params import Augment

LIBRARIES = {library.__name__: str(library.__version__) for library in (np, cv2, albumentations)}
"""Version of each library that a view's last bits depend on, by its import name."""

UInt8 = npt.NDArray[np.uint8]


class Augmenter:
    """Makes random square crops; one instance serves one thread.

    `outside`: leaf labels that a crop may do without, 0 always among them: where the image has other labels, the crop
    holds some of them. None: a crop lies anywhere.
    """

    def __init__(self, augment: Augment, *, input_side: int, crop_side: int, outside: tuple[int, ...] | None) -> None:
        # OpenCV's own threads would fight with torch's for the cores.
        cv2.setNumThreads(0)
        sides = np.linspace(augment.scale_min * input_side, augment.scale_max * input_side, augment.scale_steps)
        fill = tuple(round(part) for part in IMAGENET_MEAN)
        self._compose = albumentations.Compose(
            [
                albumentations.LongestMaxSize(
                    max_size=sorted({round(side) for side in sides}),
                    interpolation=cv2.INTER_LINEAR,
                    # INTER_NEAREST takes the pixel at the corner: labels would lie half a pixel right and down.
                    mask_interpolation=cv2.INTER_NEAREST_EXACT,
                    area_for_downscale="image",
                ),
                albumentations.PadIfNeeded(
                    min_height=crop_side,
                    min_width=crop_side,
                    position="random",
                    border_mode=cv2.BORDER_CONSTANT,
                    fill=fill,
                    fill_mask=IGNORE,
                ),
                _crop(crop_side, outside),
                albumentations.HorizontalFlip(p=augment.flip),
                albumentations.Affine(
                    rotate=(-augment.rotate_degrees, augment.rotate_degrees),
                    interpolation=cv2.INTER_LINEAR,
                    mask_interpolation=cv2.INTER_NEAREST,
                    fill=fill,
                    fill_mask=IGNORE,
                    p=augment.rotate,
                ),
                *_colour_changes(augment),
            ],
            additional_targets={"parent": "mask"},
        )

    def __call__(
        self, image: UInt8, labels: UInt8, parent: UInt8 | None, *, seed: int
    ) -> tuple[UInt8, UInt8, UInt8 | None]:
        """A view of `image` (H, W, 3) RGB with its `labels` (H, W) and the parent's probability (H, W), 255 = 1.

        All come back at (crop_side, crop_side), uint8; what lies outside the image is mean colour, label IGNORE. The
        parent's probability is IGNORE there too, so callers go by the labels. The arguments are left as they are.
        """
        self._compose.set_random_seed(seed)
        arrays: dict[str, Any] = {"image": image, "mask": labels}
        if parent is not None:
            arrays["parent"] = parent
        view = self._compose(**arrays)
        return view["image"], view["mask"], view["parent"] if parent is not None else None


def _crop(side: int, outside: tuple[int, ...] | None) -> albumentations.BasicTransform:
    if outside is None:
        return albumentations.RandomCrop(height=side, width=side)
    return albumentations.CropNonEmptyMaskIfExists(height=side, width=side, ignore_values=[*outside, IGNORE])


def _colour_changes(augment: Augment) -> list[albumentations.BasicTransform]:
    return [
        albumentations.ColorJitter(
            brightness=(1 - augment.brightness, 1 + augment.brightness),
            contrast=(1 - augment.contrast, 1 + augment.contrast),
            saturation=(1 - augment.saturation, 1 + augment.saturation),
            hue=(-augment.hue, augment.hue),
            p=augment.colour,
        ),
        albumentations.ToGray(p=augment.grayscale),
        albumentations.GaussianBlur(
            blur_limit=0, sigma_limit=(augment.blur_sigma_min, augment.blur_sigma_max), p=augment.blur
        ),
    ]
