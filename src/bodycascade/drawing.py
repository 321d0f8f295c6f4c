"""Label maps as pictures: coloured, laid over the image, with legends. Pictures are (H, W, 3) uint8 RGB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from bodycascade.errors import ImageError

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (34, 34, 34)
MISSED: Colour = (230, 57, 70)
FALSE_ALARM: Colour = (255, 183, 3)
CONFUSED: Colour = (114, 9, 183)
"""Colours of `error_map`: a part taken for background, background taken for a part, one part for another."""


def colour_labels(labels: npt.NDArray[np.uint8], palette: Picture) -> Picture:
    """(H, W, 3): each label of `labels` (H, W) in its colour from `palette` (labels, 3).

    Raises `ImageError` where a label has no colour.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise ImageError(f"expected a uint8 label map (H, W); found {labels.dtype} {labels.shape}")
    if labels.size and int(labels.max()) >= len(palette):
        raise ImageError(f"label {int(labels.max())} has no colour; the palette has {len(palette)}")
    return np.take(palette, labels, axis=0)


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


def error_map(image: Picture, truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8]) -> Picture:
    """(H, W, 3): a pale gray `image` with wrong pixels in MISSED, FALSE_ALARM or CONFUSED.

    `truth` and `predicted` are (H, W) uint8 labels, 0 the background. Raises `ImageError` where sizes differ.
    """
    if truth.shape != predicted.shape:
        raise ImageError(f"truth is {truth.shape}, prediction {predicted.shape}; they must have one size")
    kinds = np.zeros(truth.shape, np.uint8)
    kinds[(truth > 0) & (predicted == 0)] = 1
    kinds[(truth == 0) & (predicted > 0)] = 2
    kinds[(truth > 0) & (predicted > 0) & (truth != predicted)] = 3
    gray = np.asarray(Image.fromarray(image).convert("L"), np.float32) * 0.5 + 127
    pale = np.repeat(gray.astype(np.uint8)[..., None], 3, axis=2)
    return overlay(pale, kinds, np.array([WHITE, MISSED, FALSE_ALARM, CONFUSED], np.uint8), 1.0)


def legend(entries: Sequence[tuple[str, Colour]], *, width: int, text_size: int) -> Picture:
    """(h, width, 3): a coloured square and a name for each entry, in as many rows as `width` asks for."""
    font, gap, row = _font(text_size), text_size // 2, 2 * text_size
    places, x, y = [], gap, 0
    for name, _ in entries:
        needed = text_size + gap + round(font.getlength(name)) + 2 * gap
        if x > gap and x + needed > width:
            x, y = gap, y + row
        places.append((x, y))
        x += needed
    canvas = Image.new("RGB", (width, y + row), WHITE)
    draw = ImageDraw.Draw(canvas)
    for (name, colour), (left, top) in zip(entries, places, strict=True):
        box = (left, top + gap, left + text_size, top + gap + text_size)
        draw.rectangle(box, fill=colour, outline=INK)
        draw.text((left + text_size + gap, top + row // 2), name, fill=INK, font=font, anchor="lm")
    return np.array(canvas)


def caption(text: str, *, width: int, text_size: int) -> Picture:
    """(h, width, 3): one line of text, centred, cut short with dots where it would not fit."""
    font = _font(text_size)
    shown = text
    while len(shown) > 1 and font.getlength(shown) > width:
        shown = shown.rstrip(".")[:-1] + "..."
    canvas = Image.new("RGB", (width, 2 * text_size), WHITE)
    ImageDraw.Draw(canvas).text((width / 2, text_size), shown, fill=INK, font=font, anchor="mm")
    return np.array(canvas)


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


def in_a_column(pictures: Sequence[Picture], *, gap: int) -> Picture:
    """(sum of h + gaps, largest w, 3): pictures below one another on white, left-aligned."""
    height = sum(picture.shape[0] for picture in pictures) + gap * (len(pictures) - 1)
    width = max(picture.shape[1] for picture in pictures)
    canvas, y = np.full((height, width, 3), 255, np.uint8), 0
    for picture in pictures:
        h, w = picture.shape[:2]
        canvas[y : y + h, :w] = picture
        y += h + gap
    return canvas


def _font(text_size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(text_size)
