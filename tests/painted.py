"""Pictures painted in the colours of the class tree, and a segmenter that reads the labels back from the colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.segmentation import Segmentation

UInt8 = npt.NDArray[np.uint8]


def read_colours(images: Sequence[UInt8], tree: Tree = PASCAL_PART) -> list[Segmentation]:
    """The segmentations of (H, W, 3) uint8 RGB pictures: each pixel has the label of the nearest colour."""
    palette = tree.palette.astype(np.int32)
    found = []
    for image in images:
        labels = np.zeros(image.shape[:2], np.uint8)
        nearest = np.full(labels.shape, 1 << 30)
        for label, colour in enumerate(palette):
            distance = ((image.astype(np.int32) - colour) ** 2).sum(axis=2)
            labels[distance < nearest] = label
            nearest = np.minimum(nearest, distance)
        found.append(Segmentation(tree, labels, image=image))
    return found


def paint(height: int = 24, width: int = 32, *, seed: int = 0, tree: Tree = PASCAL_PART) -> tuple[UInt8, UInt8]:
    """((H, W, 3) uint8 RGB, (H, W) uint8 labels): blocks of all labels on the background, the picture asymmetric."""
    dice = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    for label in range(1, tree.num_labels):
        top, left = int(dice.integers(0, max(1, height - 5))), int(dice.integers(0, max(1, width - 6)))
        labels[top : top + 5, left : left + 6] = label
    return np.take(tree.palette, labels, axis=0), labels


def save_painted(path: Path, *, seed: int = 0, height: int = 24, width: int = 32) -> UInt8:
    """Save a painted picture to `path` (a format without loss); its labels."""
    image, labels = paint(height, width, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return labels


def painted_person(height: int = 300, width: int = 220) -> UInt8:
    """(H, W, 3) uint8 RGB: a person whose parts have the colours of Pascal-Part's tree, on the background's colour."""
    colour = {leaf.name: leaf.colour for leaf in PASCAL_PART.leaves}
    picture = Image.new("RGB", (width, height), colour["background"])
    pen = ImageDraw.Draw(picture)
    boxes = (
        ("up_leg", (0.36, 0.55, 0.64, 0.78)),
        ("low_leg", (0.36, 0.76, 0.64, 0.97)),
        ("up_hand", (0.20, 0.26, 0.80, 0.42)),
        ("low_hand", (0.12, 0.38, 0.26, 0.60)),
        ("torso", (0.32, 0.24, 0.68, 0.58)),
        ("head", (0.38, 0.03, 0.62, 0.25)),
    )
    for name, (left, top, right, bottom) in boxes:
        pen.ellipse((left * width, top * height, right * width, bottom * height), fill=colour[name])
    return np.array(picture)
