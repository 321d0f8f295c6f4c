"""Batches of augmented views, made ahead of the training step in background threads.

The order of an epoch is a function of (seed, expert, epoch), a view of (seed, expert, epoch, index, and which of the
epoch's views of that image it is): a run that is resumed in the middle of an epoch sees exactly what an uninterrupted
one sees, whatever the number of threads.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bodycascade.data.parallel import MOST_THREADS, ordered_map, usable_cores
from bodycascade.hierarchy import IGNORE, ExpertSpec, Tree
from bodycascade.params import TrainParams
from bodycascade.preprocess.pack import Pack
from bodycascade.regions import Zoom
from bodycascade.train.augmentation import Augmenter, UInt8
from bodycascade.train.boxes import BoxChooser
from bodycascade.train.leaf_head import leaf_map
from bodycascade.train.parent_maps import ParentMaps
from bodycascade.train.seeds import MASK_CHOICE, ORDER, VIEW, Seed

LOADING_THREADS = 2
"""albumentations spends its time in OpenCV and numpy, which release Python's lock; more threads than this gain nothing
against a network that wants the cores too. One on a GPU leaves them free: see `loading_threads`."""


def loading_threads(device: torch.device) -> int:
    """How many threads make the views of a network on `device`; they are the same whatever the number."""
    return LOADING_THREADS if device.type == "cpu" else max(LOADING_THREADS, min(MOST_THREADS, usable_cores()))


@dataclass(frozen=True)
class _View:
    """`image` (H, W, 3) uint8 RGB; `target`, `leaves` (H, W) uint8; `parent` (H, W) bool or float32. See `Batch`."""

    image: UInt8
    target: UInt8
    leaves: UInt8
    parent: npt.NDArray[np.bool_] | npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class Batch:
    """`images` (N, 3, H, W) uint8 RGB, `targets` (N, H, W) int64 child ids or IGNORE, `parent` (N, H, W) as
    `Expert.mask` gives it: bool, or under a soft mask the parent's probability, float32.

    `leaves` (N, H, W) uint8: the place of each pixel's leaf among those below the expert's node, or IGNORE. The root's
    expert has no `parent`.
    """

    images: Tensor
    targets: Tensor
    leaves: Tensor
    parent: Tensor | None


class BatchLoader:
    """The training batches of one expert.

    Images that hold no pixel of the expert's node are left out. `threads` threads load; `make_augmenter` is called once
    in each.
    """

    def __init__(
        self,
        pack: Pack,
        parents: ParentMaps | None,
        *,
        tree: Tree,
        spec: ExpertSpec,
        train: TrainParams,
        zoom: Zoom | None,
        seed: Seed,
        make_augmenter: Callable[[], Augmenter],
        threads: int = LOADING_THREADS,
    ) -> None:
        self._num_threads = threads
        self._pack, self._parents, self._train, self._seed = pack, parents, train, seed
        self._is_root = spec.parent is None
        self._target_map = tree.target_map(spec.name)
        self._leaf_map = leaf_map(tree, spec.node)
        self._boxes = BoxChooser(pack, train=train, zoom=zoom, seed=seed, inside=self._target_map != IGNORE)
        self._make_augmenter = make_augmenter
        self._own = threading.local()
        inside = {i for i in range(len(pack)) if bool((self._target_map[pack.labels(i)] != IGNORE).any())}
        self._views = _numbered([i for i in pack.epoch if i in inside])

    @property
    def batch_size(self) -> int:
        """Views in a batch, the last of an epoch excepted."""
        return self._train.batch_size

    @property
    def images_per_epoch(self) -> int:
        """Number of views in one epoch."""
        return len(self._views)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one epoch; the last one may be smaller."""
        return -(-len(self._views) // self._train.batch_size)

    def epoch(self, epoch: int, *, first: int = 0) -> Generator[tuple[Batch, float], None, None]:
        """The batches of `epoch` from number `first` on, each with the seconds that the caller waited for it.

        Closing the generator ends its threads, which do not start another batch then.
        """
        shuffled = np.random.default_rng(self._seed.derive(ORDER, epoch)).permutation(len(self._views))
        order = [self._views[place] for place in shuffled]
        size, threads = self._train.batch_size, self._num_threads
        ahead = max(self._train.prefetch, threads)
        chunks = (order[i * size : (i + 1) * size] for i in range(first, self.steps_per_epoch))
        batches = ordered_map(partial(self._load, epoch), chunks, threads=threads, ahead=ahead)
        with closing(batches):
            started = time.perf_counter()
            for batch in batches:
                yield batch, time.perf_counter() - started
                started = time.perf_counter()

    def _load(self, epoch: int, wanted: Sequence[tuple[int, ...]]) -> Batch:
        if not hasattr(self._own, "augmenter"):
            self._own.augmenter = self._make_augmenter()
        views = [self._view(epoch, *view) for view in wanted]
        images = torch.from_numpy(np.stack([view.image for view in views])).permute(0, 3, 1, 2)
        targets = torch.from_numpy(np.stack([view.target for view in views]).astype(np.int64))
        leaves = torch.from_numpy(np.stack([view.leaves for view in views]))
        parents = [view.parent for view in views if view.parent is not None]
        return Batch(images, targets, leaves, torch.from_numpy(np.stack(parents)) if parents else None)

    def _view(self, epoch: int, index: int, *repeat: int) -> _View:
        box = self._boxes.box(epoch, index, *repeat)
        guess = self._parents.map(index) if self._parents and self._guesses(epoch, index, *repeat) else None
        image, labels, parent = self._own.augmenter(
            box.cut(self._pack.image(index)),
            box.cut(self._pack.labels(index)),
            None if guess is None else box.cut(guess),
            seed=self._seed.derive(VIEW, epoch, index, *repeat),
        )
        targets, leaves = self._target_map[labels], self._leaf_map[labels]
        if self._is_root:
            return _View(image, targets, leaves, None)
        true = targets != IGNORE
        probability = true.astype(np.float32) if parent is None else parent.astype(np.float32) / 255
        probability[labels == IGNORE] = 0.0  # beyond the image's border nobody is
        seen = probability >= self._train.mask_threshold
        # What the parent lost stays lost in prediction too: the child answers only for what it sees.
        lost = np.uint8(IGNORE)
        strength = seen if self._train.mask_form == "hard" else probability
        return _View(image, np.where(seen, targets, lost), np.where(seen, leaves, lost), strength)

    def _guesses(self, *place: int) -> bool:
        """Whether this view's parent mask is the predicted one, not the true one."""
        if self._train.parent_mask != "mixed":
            return self._train.parent_mask == "predicted"
        rng = np.random.default_rng(self._seed.derive(MASK_CHOICE, *place))
        return bool(rng.random() < self._train.predicted_fraction)


def _numbered(indices: Sequence[int]) -> list[tuple[int, ...]]:
    """(index,) at its first place in an epoch, (index, 1), (index, 2) ... at the others."""
    seen = Counter[int]()
    numbered: list[tuple[int, ...]] = []
    for index in indices:
        numbered.append((index, seen[index]) if seen[index] else (index,))
        seen[index] += 1
    return numbered
