"""The picture with its classes painted over it, and a legend below that names them."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from bodycascade import drawing
from bodycascade.errors import ImageError
from bodycascade.segmentation import Segmentation
from bodycascade.strips import strips

STRIP_PIXELS = 1 << 22
"""Large pictures are painted in strips of about so many pixels; blending takes twelve bytes for each."""

_INK, _PAPER, _EDGE = (38, 40, 46), (255, 255, 255), (170, 172, 178)

Entry = tuple[tuple[int, int, int], str]


def write_overlay(level: int, legend: bool, segmentation: Segmentation, file: BinaryIO) -> None:
    """JPEG of the picture with the classes of `level` painted over it; with `legend`, a white band below names them."""
    picture = Image.fromarray(painted(segmentation, level))
    if legend:
        picture = with_legend(picture, legend_entries(segmentation, level))
    if max(picture.size) > 65_500:  # what JPEG can hold
        raise ImageError(f"{picture.width} x {picture.height} is too large for the JPEG of an overlay; leave it out")
    picture.save(file, "JPEG", quality=92, subsampling=0, icc_profile=segmentation.icc_profile)


def painted(segmentation: Segmentation, level: int) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: the picture with the classes of `level` over it. Raises `ImageError` without a picture."""
    image = segmentation.image
    if image is None:
        raise ImageError("an overlay needs the picture; this segmentation came without it")
    labels, palette = segmentation.level(level), segmentation.tree.level_palette(level)
    result = np.empty_like(image)
    for strip in strips(0, len(image), width=image.shape[1], pixels=STRIP_PIXELS):
        result[strip] = drawing.overlay(image[strip], labels[strip], palette, drawing.OPACITY)
    return result


def legend_entries(segmentation: Segmentation, level: int) -> list[Entry]:
    """(colour, text) of the classes of `level` that are there, in the order of the tree, with their share."""
    tree, labels = segmentation.tree, segmentation.level(level)
    counts = np.bincount(labels.ravel(), minlength=len(tree.level_names(level)))
    found: list[Entry] = []
    for name in tree.levels[level]:
        count = int(counts[tree.level_names(level).index(name)])
        if count:
            red, green, blue = tree.node(name).colour
            found.append(((red, green, blue), f"{name.replace('_', ' ')} {_percent(count / labels.size)}"))
    return found or [(_PAPER, "nothing found")]


def with_legend(picture: Image.Image, entries: list[Entry]) -> Image.Image:
    """`picture` (RGB) above a white band with a swatch and a text for each entry, in as many rows as it takes.

    A picture narrower than the longest entry is set on a wider white sheet.
    """
    size = int(np.clip(max(picture.size) / 42, 12, 64))
    font = ImageFont.load_default(size)
    swatch, gap, line = round(size * 0.9), round(size * 0.5), round(size * 1.7)
    widths = [swatch + gap + round(font.getlength(text)) for _, text in entries]
    width = max(picture.width, max(widths) + 2 * gap)
    places, x, row = [], gap, 0
    for wide in widths:
        if x > gap and x + wide + gap > width:
            x, row = gap, row + 1
        places.append((x, row))
        x += wide + 3 * gap
    sheet = Image.new("RGB", (width, picture.height + (row + 1) * line + gap), _PAPER)
    sheet.paste(picture, (0, 0))
    pen = ImageDraw.Draw(sheet)
    for (x, row), (colour, text) in zip(places, entries, strict=True):
        middle = picture.height + gap // 2 + row * line + line // 2
        box = (x, middle - swatch // 2, x + swatch, middle - swatch // 2 + swatch)
        pen.rounded_rectangle(box, radius=size // 5, fill=colour, outline=_EDGE if colour == _PAPER else colour)
        pen.text((x + swatch + gap, middle), text, fill=_INK, font=font, anchor="lm")
    return sheet


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "<0.1%"
