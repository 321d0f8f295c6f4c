"""Data sets of drawn people: a few ellipses and bars each, in the layout of Pascal-Part, made in milliseconds."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from bodycascade.hierarchy import PASCAL_PART, Tree

UInt8 = npt.NDArray[np.uint8]

# (label, box as shares of the person's own box: left, top, right, bottom), far to near.
_SHAPES = (
    (5, (0.32, 0.52, 0.68, 0.78)),
    (3, (0.32, 0.76, 0.68, 1.00)),
    (2, (0.28, 0.22, 0.72, 0.56)),
    (6, (0.12, 0.24, 0.30, 0.42)),
    (1, (0.12, 0.40, 0.30, 0.58)),
    (4, (0.36, 0.00, 0.64, 0.24)),
)


def draw_person(seed: int, *, height: int, width: int) -> tuple[UInt8, UInt8]:
    """((H, W, 3) uint8 RGB, (H, W) uint8 labels): one person with all six parts before a striped wall."""
    rng = np.random.default_rng(seed)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    wall = rng.integers(60, 200, 3) + 40 * np.sin(columns / 7 + rows / 11)[..., None] * np.array([1, -0.5, 0.2])
    image = Image.fromarray(wall.clip(0, 255).astype(np.uint8))
    mask = Image.new("L", (width, height))
    tall = height * rng.uniform(0.6, 0.95)
    left, top = (width - tall / 2) * rng.uniform(0.1, 0.9), (height - tall) * rng.uniform(0, 1)
    for label, (x0, y0, x1, y1) in _SHAPES:
        box = (left + x0 * tall / 2, top + y0 * tall, left + x1 * tall / 2, top + y1 * tall)
        colour = tuple(int(part) for part in rng.integers(0, 256, 3))
        ImageDraw.Draw(image).ellipse(box, fill=colour)
        ImageDraw.Draw(mask).ellipse(box, fill=label)
    return np.array(image), np.array(mask)


def write_layout(folder: Path, *, train: int = 8, val: int = 3, tree: Tree = PASCAL_PART) -> Path:
    """A data set of `train` + `val` images, each fourth one gray, and `folder` itself.

    Sizes differ from image to image; ids are img_00 and so on, train first.
    """
    (folder / "JPEGImages").mkdir(parents=True)
    (folder / "gt_masks").mkdir()
    names = [f"img_{place:02d}" for place in range(train + val)]
    for place, name in enumerate(names):
        image, mask = draw_person(place, height=64 + place % 3 * 8, width=48 + place % 2 * 32)
        if place % 4 == 3:
            image = np.repeat(image[..., 1:2], 3, axis=2)
        Image.fromarray(image).save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
        np.save(folder / "gt_masks" / f"{name}.npy", mask)
    write_lines(folder / "classes.txt", [f"{node.label}: {node.name if node.label else 'bg'}" for node in tree.leaves])
    write_lines(folder / "train_id.txt", names[:train])
    write_lines(folder / "val_id.txt", names[train:])
    return folder


def write_lines(path: Path, lines: list[str]) -> None:
    """`lines` as the data set is distributed: CRLF between them, none after the last."""
    path.write_bytes("\r\n".join(lines).encode())


def jpeg_bytes(image: UInt8, *, quality: int = 90) -> bytes:
    """The image (H, W, 3) or (H, W) as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
