"""How good an expert is on the selection set: what picks the best weights, and what the curves show."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
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
from bodycascade.preprocess.pack import Pack
from bodycascade.regions import Box, Zoom, people_boxes
from bodycascade.resizing import resize_image
from bodycascade.train.boxes import people
from bodycascade.train.parent_maps import ParentMaps

BATCH_SIZE = 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Score:
    """How good an expert is on the selection set.

    `ious`: of each child over all pixels; one that is neither there nor predicted has none. `mean_iou`: the mean over
    the children that are there, the background left out. `is_meaningful`: whether any child that counts is there; where
    none is, `mean_iou` says nothing of the expert. `loss`: the mean of what was looked at, an image or a box.
    `seconds`: how long it took.
    """

    ious: dict[str, float]
    mean_iou: float
    is_meaningful: bool
    loss: float
    seconds: float


@dataclass(frozen=True)
class _Group:
    """Views of images with one input shape: `images` (N, 3, h, w) uint8, `parents` (N, h, w) as `Expert.mask` gives
    them, each target (H, W) uint8."""

    images: Tensor
    parents: Tensor | None
    targets: list[Tensor]


@dataclass(frozen=True)
class _View:
    """What the expert looks at: `box` of image `index` of the pack; `target` (H, W) uint8, the box's own."""

    index: int
    box: Box
    target: npt.NDArray[np.uint8]


class SelectionScorer:
    """Scores an expert on a pack's images, each at the pack's size, within the true pixels of the expert's node.

    The parent mask is the predicted one where `parents` is given, else the true one. With `zoom`, a child looks at
    boxes around the true people, else at whole images. What holds no pixel of the node is left out; `images` is the
    number of images that are left, `missing` names the children whose IoU would count and that none of them holds, and
    `is_meaningful` is whether there are others. Inputs are made once, since they are the same every epoch.
    """

    def __init__(
        self, pack: Pack, expert: Expert, parents: ParentMaps | None, *, zoom: Zoom | None, device: torch.device
    ) -> None:
        self._device = device
        by_shape: dict[tuple[int, int], list[_View]] = defaultdict(list)
        is_root = expert.spec.parent is None
        for view in _views(pack, expert.tree.target_map(expert.spec.name), None if is_root else zoom):
            by_shape[expert.input_shape(*view.target.shape)].append(view)
        self.images = len({view.index for views in by_shape.values() for view in views})
        there = {place for views in by_shape.values() for view in views for place in np.unique(view.target)}
        self._is_root = is_root
        counted = list(enumerate(expert.spec.children))[int(is_root) :]
        self.missing = tuple(child for place, child in counted if place not in there)
        self.is_meaningful = len(self.missing) < len(counted)
        self._groups = []
        for shape, views in by_shape.items():
            for first in range(0, len(views), BATCH_SIZE):
                chosen = views[first : first + BATCH_SIZE]
                nodes = None if is_root else [_node(view, parents) for view in chosen]
                self._groups.append(_make_group(pack, expert, nodes, shape, chosen))

    @torch.inference_mode()
    def score(self, expert: Expert, *, precision: str, between: Callable[[], None] = lambda: None) -> Score:
        """The expert's score; it is left in the mode (training or not) that it had.

        `between` is called before each batch, for a caller who may want to break off.
        """
        started = time.perf_counter()
        num_children = len(expert.spec.children)
        matrix = np.zeros((num_children, num_children), np.int64)
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
                pairs = target[valid].long() * num_children + full.argmax(1)[0][valid]
                matrix += torch.bincount(pairs, minlength=num_children**2).view(num_children, num_children).numpy()
        expert.train(training)
        ious = {
            name: iou for name, iou in zip(expert.spec.children, child_ious(matrix), strict=True) if iou is not None
        }
        mean = mean_child_iou(matrix, background=self._is_root)
        looked_at = sum(len(group.targets) for group in self._groups)
        return Score(ious, mean, self.is_meaningful, loss / max(1, looked_at), time.perf_counter() - started)

    @torch.inference_mode()
    def sample(
        self, expert: Expert, *, precision: str, thinning: int, between: Callable[[], None] = lambda: None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Logits (pixels, children) and true children (pixels,) at every `thinning`-th row and column of the node.

        `between` as for `score`.
        """
        found: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]] = []
        for group in self._groups:
            between()
            for one, target in zip(
                self._logits(expert, group.images, group.parents, precision), group.targets, strict=True
            ):
                full = functional.interpolate(one[None], size=target.shape, mode="bilinear")[0].cpu()
                thin = target[::thinning, ::thinning]
                inside = thin != IGNORE
                found.append((full[:, ::thinning, ::thinning][:, inside].T.numpy(), thin[inside].numpy()))
        if not found:
            return np.empty((0, len(expert.spec.children)), np.float32), np.empty(0, np.uint8)
        return np.concatenate([logits for logits, _ in found]), np.concatenate([truth for _, truth in found])

    def views(self) -> Iterator[tuple[Tensor, Tensor | None, Tensor]]:
        """What is looked at, one after another: (3, h, w) uint8 as the network gets it, the parent mask (h, w) that
        `Expert.mask` made of it (None for the root), and the target (H, W) uint8 at the view's own size."""
        for group in self._groups:
            for place, target in enumerate(group.targets):
                yield group.images[place], None if group.parents is None else group.parents[place], target

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
                    f"lower train.{expert.spec.name}.input_side"
                ) from error
            _log.warning("%s is out of memory: going on with %d images at once", self._device, half)
        halves = [slice(None, half), slice(half, None)]
        masks = [None if parents is None else parents[part] for part in halves]
        logits = [self._logits(expert, images[part], mask, precision) for part, mask in zip(halves, masks, strict=True)]
        return torch.cat(logits)


def child_ious(matrix: npt.NDArray[np.int64]) -> list[float | None]:
    """IoU of each child, from (children, children) counts of pixels, rows truth; None where its union is empty."""
    # Not that of `metric`, an edit of which is to score anew what was trained, and not to train it anew.
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    return [float(matrix[i, i] / union[i]) if union[i] else None for i in range(len(matrix))]


def mean_child_iou(matrix: npt.NDArray[np.int64], *, background: bool) -> float:
    """The mean IoU of the children that the truth holds, 0 where it holds none; `background`: the first is left out.

    A child that the selection set happens to lack has no IoU but 0, however well it is told: counting it would have the
    expert never say it.
    """
    held = zip(child_ious(matrix), matrix.sum(1), strict=True)
    counted = [
        iou for place, (iou, pixels) in enumerate(held) if iou is not None and pixels and place >= int(background)
    ]
    return float(np.mean(counted)) if counted else 0.0


def _views(pack: Pack, target_map: npt.NDArray[np.uint8], zoom: Zoom | None) -> Iterator[_View]:
    """What there is to look at in each image that holds the expert's node."""
    for index in range(len(pack)):
        labels = pack.labels(index)
        height, width = labels.shape
        boxes = [Box(0, 0, height, width)] if zoom is None else people_boxes(people(labels), (height, width), zoom)
        for box in boxes:
            target = target_map[box.cut(labels)]
            if (target != IGNORE).any():
                yield _View(index, box, target)


def _node(view: _View, parents: ParentMaps | None) -> Tensor:
    """(H, W) float32: the probability of the expert's node in the view, predicted or true."""
    if parents is None:
        return torch.from_numpy((view.target != IGNORE).astype(np.float32))
    return torch.from_numpy(view.box.cut(parents.map(view.index)).astype(np.float32) / 255)


def _make_group(
    pack: Pack, expert: Expert, nodes: Sequence[Tensor] | None, shape: tuple[int, int], views: Sequence[_View]
) -> _Group:
    images = np.stack([resize_image(view.box.cut(pack.image(view.index)), shape) for view in views])
    masks = None if nodes is None else expert.mask(torch.stack([_shrink(node, shape) for node in nodes]))
    full = [torch.from_numpy(view.target) for view in views]
    return _Group(torch.from_numpy(images).permute(0, 3, 1, 2), masks, full)


def _shrink(probability: Tensor, shape: tuple[int, int]) -> Tensor:
    return functional.interpolate(probability[None, None], size=shape, mode="bilinear", antialias=True)[0, 0]
