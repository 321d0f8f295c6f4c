"""Sample predictions of one expert, drawn for TensorBoard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bodycascade.expert import Expert
from bodycascade.hierarchy import IGNORE
from bodycascade.imaging import resize_image
from bodycascade.preprocess.pack import Pack
from bodycascade.train.parent_maps import ParentMaps

SIDE = 192
"""Width and height of one cell, in pixels."""

OUTSIDE = (40, 40, 40)
"""Colour of the pixels that are not the expert's."""


@torch.inference_mode()
def sample_panels(expert: Expert, pack: Pack, parents: ParentMaps | None, *, count: int) -> npt.NDArray[np.uint8]:
    """(rows * SIDE, 3 * SIDE, 3) uint8 RGB: image, truth and prediction of the first `count` images with the node."""
    target_map = expert.tree.target_map(expert.spec.name)
    palette = np.full((256, 3), OUTSIDE, np.uint8)
    for place, child in enumerate(expert.spec.children):
        palette[place] = expert.tree.node(child).colour
    rows: list[npt.NDArray[np.uint8]] = []
    for index in range(len(pack)):
        target = target_map[pack.mask(index)]
        if len(rows) < count and (target != IGNORE).any():
            image = pack.image(index)
            predicted = _predict(expert, image, target, parents.map(index) if parents else None)
            cells = (image, palette[target], palette[predicted])
            rows.append(np.hstack([resize_image(np.ascontiguousarray(cell), (SIDE, SIDE)) for cell in cells]))
    return np.vstack(rows) if rows else np.zeros((SIDE, 3 * SIDE, 3), np.uint8)


def _predict(
    expert: Expert,
    image: npt.NDArray[np.uint8],
    target: npt.NDArray[np.uint8],
    parent: npt.NDArray[np.uint8] | None,
) -> npt.NDArray[np.uint8]:
    """(H, W) uint8 children; `parent` (H, W) uint8: probability of the expert's node, 255 = 1, None for the truth."""
    h, w = expert.input_shape(*target.shape)
    device = expert.mean.device
    inputs = torch.from_numpy(resize_image(image, (h, w))).permute(2, 0, 1)[None].to(device)
    if expert.spec.parent is None:
        return expert.predict(inputs, None)[0].argmax(0).to(torch.uint8).cpu().numpy()
    known = parent if parent is not None else (target != IGNORE) * np.uint8(255)
    probability = torch.from_numpy(
        resize_image(np.repeat(known[..., None], 3, axis=2), (h, w))[..., 0] / np.float32(255)
    )
    children = expert.predict(inputs, expert.mask(probability)[None].to(device))[0].argmax(0).to(torch.uint8).cpu()
    seen = probability >= expert.settings.mask_threshold
    return np.where(seen, children.numpy(), IGNORE).astype(np.uint8)
