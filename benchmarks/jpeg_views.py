"""Training images straight from the files of a data folder: what packs save."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset

from bodycascade.data.layout import Layout
from bodycascade.hierarchy import IGNORE
from bodycascade.preprocess.pack import Pack
from bodycascade.preprocess.shrinking import packed_size, shrink

UInt8 = npt.NDArray[np.uint8]


class JpegPack:
    """Stands in for a `Pack`: the same images at the same sizes, each decoded anew at every access."""

    def __init__(self, pack: Pack, layout: Layout, *, long_side: int) -> None:
        self.ids, self.epoch = pack.ids, pack.epoch
        self._layout, self._long_side = layout, long_side

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, index: int) -> UInt8:
        """(H, W, 3) uint8 RGB: image number `index`."""
        image = self._layout.read_image(self.ids[index])
        height, width = image.shape[:2]
        return shrink(image, np.zeros((height, width), np.uint8), packed_size(height, width, self._long_side))[0]

    def labels(self, index: int) -> UInt8:
        """(H, W) uint8 leaf labels of image number `index`."""
        labels = self._layout.read_labels(self.ids[index])
        height, width = labels.shape
        return shrink(np.zeros((height, width, 3), np.uint8), labels, packed_size(height, width, self._long_side))[1]


@dataclass(frozen=True)
class PillowViews(Dataset[tuple[Tensor, Tensor]]):
    """The usual data set of a training in torch: decode, resize, crop, flip by Pillow; nothing else is changed.

    An item is (3, side, side) uint8 RGB and (side, side) int64 labels; the image's long side is resized to
    `input_side`, and a random square of `crop_side` taken.
    """

    layout: Layout
    ids: tuple[str, ...]
    input_side: int
    crop_side: int

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        with Image.open(self.layout.image_path(self.ids[index])) as file:
            image = file.convert("RGB")
        labels = Image.fromarray(self.layout.read_labels(self.ids[index]))
        scale = self.input_side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image, labels = image.resize(size, Image.Resampling.BILINEAR), labels.resize(size, Image.Resampling.NEAREST)
        left, top = (random.randint(*sorted((0, length - self.crop_side))) for length in size)
        box = (left, top, left + self.crop_side, top + self.crop_side)
        image, labels = image.crop(box), _crop_labels(labels, box)
        if random.random() < 0.5:
            image, labels = ImageOps.mirror(image), ImageOps.mirror(labels)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1), torch.from_numpy(np.array(labels, np.int64))


def _crop_labels(labels: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The labels in `box`, IGNORE where it reaches over the edge."""
    canvas = Image.new("L", (box[2] - box[0], box[3] - box[1]), IGNORE)
    canvas.paste(labels, (-box[0], -box[1]))
    return canvas
