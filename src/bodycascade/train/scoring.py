"""How good an expert is on the selection set: what picks the best weights, and what the curves show."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.devices import autocast
from bodycascade.errors import TrainingError
from bodycascade.expert import Expert
from bodycascade.hierarchy import IGNORE
from bodycascade.imaging import resize_image
from bodycascade.preprocess.pack import Pack
from bodycascade.train.parent_maps import ParentMaps

BATCH = 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Score:
    """IoU per child over all pixels (a child that never occurs has none), their mean without the background, the mean
    loss of an image, and how long it took."""

    ious: dict[str, float]
    mean_iou: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class _Group:
    """Images of one input shape: `images` (N, 3, h, w) uint8, `parents` (N, h, w) bool, each target (H, W) uint8."""

    images: Tensor
    parents: Tensor | None
    targets: list[Tensor]


class SelectionScorer:
    """Scores an expert on a pack's images, each at the pack's size, within the true pixels of the expert's node.

    The parent mask is the predicted one where `parents` is given, else the true one. Images that hold no pixel of the
    node are left out; `images` is the number of the others. Inputs are made once, since they are the same every epoch.
    """

    def __init__(self, pack: Pack, expert: Expert, parents: ParentMaps | None, *, device: torch.device) -> None:
        self._device = device
        by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
        target_map = expert.tree.target_map(expert.spec.name)
        targets = {}
        for index in range(len(pack)):
            target = target_map[pack.mask(index)]
            if (target != IGNORE).any():
                targets[index] = target
                by_shape[expert.input_shape(*target.shape)].append(index)
        self.images = len(targets)
        self._groups = []
        for shape, indices in by_shape.items():
            for first in range(0, len(indices), BATCH):
                part = {index: targets[index] for index in indices[first : first + BATCH]}
                seen = None if expert.spec.parent is None else _seen(parents, part)
                self._groups.append(_make_group(pack, seen, shape, part))

    @torch.inference_mode()
    def score(self, expert: Expert, *, precision: str, between: Callable[[], None] = lambda: None) -> Score:
        """The expert's score; it is left in the mode (training or not) that it had.

        `between` is called before each batch, for a caller who may want to break off.
        """
        started = time.perf_counter()
        children = len(expert.spec.children)
        matrix = np.zeros((children, children), np.int64)
        loss = 0.0
        training = expert.training
        expert.eval()
        for group in self._groups:
            between()
            logits = self._logits(expert, group.images, group.parents, precision)
            for one, target in zip(logits, group.targets, strict=True):
                full = functional.interpolate(one[None], size=target.shape, mode="bilinear").cpu()
                loss += float(functional.cross_entropy(full, target[None].long(), ignore_index=IGNORE))
                valid = target != IGNORE
                pairs = target[valid].long() * children + full.argmax(1)[0][valid]
                matrix += torch.bincount(pairs, minlength=children**2).view(children, children).numpy()
        expert.train(training)
        ious, mean = _ious(matrix, expert)
        return Score(ious, mean, loss / max(1, self.images), time.perf_counter() - started)

    def _logits(self, expert: Expert, images: Tensor, parents: Tensor | None, precision: str) -> Tensor:
        """(N, children, h, w) float32; in halves where the device has too little memory for all at once."""
        try:
            with autocast(self._device, precision):
                mask = None if parents is None else parents.to(self._device)
                whole: Tensor = expert(expert.prepare(images.to(self._device), mask))
            return whole.float()
        except torch.OutOfMemoryError as error:
            half = len(images) // 2
            if not half:
                raise TrainingError(
                    f"{expert.spec.name}: one image does not fit into the memory of {self._device}; "
                    "lower train.common.input_side in params.yaml"
                ) from error
            _log.warning("%s is out of memory: going on with %d images at once", self._device, half)
        parts = [slice(None, half), slice(half, None)]
        masks = [None if parents is None else parents[part] for part in parts]
        logits = [self._logits(expert, images[part], mask, precision) for part, mask in zip(parts, masks, strict=True)]
        return torch.cat(logits)


def _seen(parents: ParentMaps | None, targets: dict[int, npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.bool_]]:
    """For each image (H, W): where its parent is, predicted or true."""
    if parents is None:
        return [target != IGNORE for target in targets.values()]
    return [parents.map(index) >= parents.threshold for index in targets]


def _make_group(
    pack: Pack,
    seen: Sequence[npt.NDArray[np.bool_]] | None,
    shape: tuple[int, int],
    targets: dict[int, npt.NDArray[np.uint8]],
) -> _Group:
    images = np.stack([resize_image(pack.image(index), shape) for index in targets])
    masks = None if seen is None else torch.stack([_shrink(torch.from_numpy(mask), shape) for mask in seen])
    full = [torch.from_numpy(target) for target in targets.values()]
    return _Group(torch.from_numpy(images).permute(0, 3, 1, 2), masks, full)


def _shrink(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    full = mask.float()[None, None]
    return functional.interpolate(full, size=shape, mode="bilinear", antialias=True)[0, 0] >= 0.5


def _ious(matrix: npt.NDArray[np.int64], expert: Expert) -> tuple[dict[str, float], float]:
    """IoU of each child that occurs, and their mean without the background."""
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    background = expert.tree.leaves[0].name
    ious = {name: float(matrix[i, i] / union[i]) for i, name in enumerate(expert.spec.children) if union[i]}
    counted = [iou for name, iou in ious.items() if name != background]
    return ious, float(np.mean(counted)) if counted else 0.0
