"""Label maps as pictures: indexed, coloured, laid over the image, side by side. Arrays are (H, W, 3) uint8 RGB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from bodycascade.errors import ImageError

Picture = npt.NDArray[np.uint8]

OPACITY = 0.6
"""Of colours over a picture, where nobody asks for another: they are told apart, and what lies beneath is seen."""


SOFTNESS = 1 / 700
"""A cut-out's edge is soft over this share of the picture's long side, to either side: about half a cell of the
experts' grids, within which they do not know where it runs. A sharp one in a large photograph would claim that they
do."""


def colour_labels(labels: npt.NDArray[np.uint8], palette: Picture) -> Picture:
    """(H, W, 3): each label of `labels` (H, W) in its colour from `palette` (labels, 3).

    Raises `ImageError` where a label has no colour.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise ImageError(f"expected a uint8 label map (H, W); found {labels.dtype} {labels.shape}")
    if labels.size and int(labels.max()) >= len(palette):
        raise ImageError(f"label {int(labels.max())} has no colour; the palette has {len(palette)}")
    return np.take(palette, labels, axis=0)


def indexed(labels: npt.NDArray[np.uint8], palette: Picture) -> Image.Image:
    """A PIL image of mode P whose pixel values are `labels` (H, W), shown in the colours of `palette` (labels, 3)."""
    picture = Image.fromarray(labels)
    picture.putpalette(palette.tobytes())
    return picture


def overlay(image: Picture, labels: npt.NDArray[np.uint8], palette: Picture, opacity: float) -> Picture:
    """(H, W, 3): `image` with all labels but 0 painted over it; `opacity` 0 shows the image alone, 1 the colours alone.

    Raises `ImageError` where image and labels (H, W) differ in size, or the opacity is not from 0 to 1.
    """
    if image.shape != (*labels.shape, 3):
        raise ImageError(f"the image is {image.shape[:2]}, the labels {labels.shape}; they must have one size")
    if not 0 <= opacity <= 1:
        raise ImageError(f"opacity goes from 0 to 1; found {opacity}")
    painted = image.copy()
    chosen = labels > 0
    colours = colour_labels(labels[chosen][None], palette)[0]  # (pixels, 3): only what is painted is blended
    painted[chosen] = (image[chosen] * np.float32(1 - opacity) + colours * np.float32(opacity) + 0.5).astype(np.uint8)
    return painted


def cutout(image: Picture, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """(H, W, 4) uint8 RGBA: `image` (H, W, 3) where `mask` (H, W) is true, transparent elsewhere.

    Alpha is the mean of the mask over a square around each pixel: the edge is soft by `SOFTNESS` of the long side to
    either side, at least by one pixel, and shows no stairs. What is transparent is black beneath.
    """
    sharp = Image.fromarray(mask.astype(np.uint8) * 255)
    alpha = np.asarray(sharp.filter(ImageFilter.BoxBlur(max(1, round(SOFTNESS * max(sharp.size))))))
    picture = np.zeros((*alpha.shape, 4), np.uint8)
    shown = alpha > 0  # hidden colours would be in the file still, for whoever drops its alpha
    picture[..., :3][shown] = image[shown]
    picture[..., 3] = alpha
    return picture


def in_a_row(pictures: Sequence[Picture], *, gap: int) -> Picture:
    """(largest h, sum of w + gaps, 3): pictures side by side on white, centred vertically."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + gap * (len(pictures) - 1)
    canvas, x = np.full((height, width, 3), 255, np.uint8), 0
    for picture in pictures:
        h, w = picture.shape[:2]
        top = (height - h) // 2
        canvas[top : top + h, x : x + w] = picture
        x += w + gap
    return canvas
