"""Sample predictions of one expert, drawn for TensorBoard."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bodycascade.expert import Expert
from bodycascade.hierarchy import IGNORE
from bodycascade.resizing import resize_image, resize_map
from bodycascade.train.scoring import SelectionScorer

SIDE = 192
"""Width and height of one cell, in pixels."""

OUTSIDE = (40, 40, 40)
"""Colour of the pixels that are not the expert's."""


def sample_panels(expert: Expert, scorer: SelectionScorer, *, count: int) -> npt.NDArray[np.uint8]:
    """(rows * SIDE, 3 * SIDE, 3) uint8 RGB: image, truth and prediction of the first `count` views that are scored."""
    palette = np.full((256, 3), OUTSIDE, np.uint8)
    for place, child in enumerate(expert.spec.children):
        palette[place] = expert.tree.node(child).colour
    rows: list[npt.NDArray[np.uint8]] = []
    for image, mask, target in islice(scorer.views(), count):
        predicted = _predict(expert, image, mask, target)
        cells = (image.permute(1, 2, 0).numpy(), palette[target.numpy()], palette[predicted])
        rows.append(np.hstack([resize_image(np.ascontiguousarray(cell), (SIDE, SIDE)) for cell in cells]))
    return np.vstack(rows) if rows else np.zeros((SIDE, 3 * SIDE, 3), np.uint8)


@torch.inference_mode()
def _predict(expert: Expert, image: Tensor, mask: Tensor | None, target: Tensor) -> npt.NDArray[np.uint8]:
    """(H, W) uint8 children where `target` knows one, IGNORE elsewhere: the pixels that the score counts."""
    device = expert.mean.device
    conditionals = expert.predict(image[None].to(device), None if mask is None else mask[None].to(device))[0]
    height, width = target.shape
    winners = resize_map(conditionals, (height, width)).argmax(0).to(torch.uint8).cpu()
    return torch.where(target == IGNORE, target, winners).numpy()
