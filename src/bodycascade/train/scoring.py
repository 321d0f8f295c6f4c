"""How good an expert is on the selection set: what picks the best weights, and what the curves show."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.devices import autocast
from bodycascade.expert import Expert
from bodycascade.hierarchy import IGNORE
from bodycascade.imaging import resize_image
from bodycascade.preprocess.pack import Pack
from bodycascade.train.parent_maps import ParentMaps

BATCH = 16


@dataclass(frozen=True)
class Score:
    """IoU per child (a child that never occurs has none), their mean without the background, and the mean loss."""

    ious: dict[str, float]
    mean_iou: float
    loss: float


@dataclass(frozen=True)
class _Group:
    images: Tensor
    parents: Tensor | None
    targets: list[Tensor]


class SelectionScorer:
    """Scores an expert on a pack's images, each at the pack's size, within the true pixels of the expert's node.

    The parent mask is the predicted one where `parents` is given, else the true one. Images that hold no pixel of the
    node are left out. Inputs are made once, since they are the same every epoch.
    """

    def __init__(self, pack: Pack, expert: Expert, parents: ParentMaps | None, *, device: torch.device) -> None:
        self._device = device
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        target_map = expert.tree.target_map(expert.spec.name)
        for index in range(len(pack)):
            if (target_map[pack.mask(index)] != IGNORE).any():
                groups[expert.input_shape(*pack.mask(index).shape)].append(index)
        self._groups = [
            _make_group(pack, expert, parents, shape, target_map, indices[first : first + BATCH])
            for shape, indices in groups.items()
            for first in range(0, len(indices), BATCH)
        ]

    @torch.inference_mode()
    def score(self, expert: Expert, *, precision: str) -> Score:
        """The expert's score; it is left in the mode (training or not) that it had."""
        children = len(expert.spec.children)
        matrix = np.zeros((children, children), np.int64)
        loss, images = 0.0, 0
        training = expert.training
        expert.eval()
        for group in self._groups:
            parents = None if group.parents is None else group.parents.to(self._device)
            with autocast(self._device, precision):
                logits = expert(expert.prepare(group.images.to(self._device), parents)).float()
            for one, target in zip(logits, group.targets, strict=True):
                full = functional.interpolate(one[None], size=target.shape, mode="bilinear").cpu()
                loss += float(functional.cross_entropy(full, target[None].long(), ignore_index=IGNORE))
                valid = target != IGNORE
                pairs = target[valid].long() * children + full.argmax(1)[0][valid]
                matrix += torch.bincount(pairs, minlength=children**2).view(children, children).numpy()
            images += len(group.targets)
        expert.train(training)
        return _summary(matrix, expert, loss / max(1, images))


def _make_group(
    pack: Pack,
    expert: Expert,
    parents: ParentMaps | None,
    shape: tuple[int, int],
    target_map: npt.NDArray[np.uint8],
    indices: list[int],
) -> _Group:
    images = np.stack([resize_image(pack.image(i), shape) for i in indices])
    targets = [torch.from_numpy(target_map[pack.mask(i)]) for i in indices]
    masks = None
    if expert.spec.parent is not None:
        seen = [parents.map(i) >= parents.threshold if parents else t.numpy() != IGNORE for i, t in zip(indices, targets, strict=True)]
        masks = torch.stack([_shrink(torch.from_numpy(mask), shape) for mask in seen])
    return _Group(torch.from_numpy(images).permute(0, 3, 1, 2), masks, targets)


def _shrink(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    full = mask.float()[None, None]
    return functional.interpolate(full, size=shape, mode="bilinear", antialias=True)[0, 0] >= 0.5


def _summary(matrix: npt.NDArray[np.int64], expert: Expert, loss: float) -> Score:
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    background = expert.tree.leaves[0].name
    ious = {
        name: float(matrix[i, i] / union[i]) for i, name in enumerate(expert.spec.children) if union[i]
    }
    counted = [iou for name, iou in ious.items() if name != background]
    return Score(ious, float(np.mean(counted)) if counted else 0.0, loss)
