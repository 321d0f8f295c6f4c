"""Running the experts down the tree: each sees the pixels of its node only, as the experts above it decided."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.errors import BodyCascadeError
from bodycascade.expert import ExpertSettings
from bodycascade.hierarchy import ExpertSpec, Tree
from bodycascade.imaging import resize_to_tensor

Shape = tuple[int, int]
_log = logging.getLogger(__name__)


class Decider(Protocol):
    """What the descent asks of an expert; `bodycascade.expert.Expert` documents each part."""

    spec: ExpertSpec
    settings: ExpertSettings

    def input_shape(self, height: int, width: int) -> Shape:
        """(h, w) that an image of (height, width) is resized to."""

    def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
        """(N, children, h, w) float32 conditional probabilities for (N, 3, h, w) uint8 and (N, h, w) bool or None."""


@torch.inference_mode()
def descend(
    tree: Tree,
    deciders: Mapping[str, Decider],
    images: Sequence[npt.NDArray[np.uint8]],
    *,
    device: torch.device,
    at_once: int,
) -> list[dict[str, Tensor]]:
    """For each image, the conditional map (children, h, w) float32 of every expert that something reached.

    `images` are (H, W, 3) uint8 RGB of shapes for which every expert has one input shape. An expert sees the pixels
    where the probability of its node (the product of the conditionals down to it) is at least its `mask_threshold`;
    it does not run where that is nowhere, nor where `deciders` lacks it. `at_once`: the most images given to a network
    together.
    """
    inputs = _Inputs(images, device)
    maps: list[dict[str, Tensor]] = [{} for _ in images]
    reached: dict[str, Tensor] = {}
    everyone = list(range(len(images)))
    for spec in tree.experts:
        if spec.name not in deciders:
            continue
        expert = deciders[spec.name]
        shape = expert.input_shape(*images[0].shape[:2])
        node, seen, alive = None, None, everyone
        if spec.parent is not None:
            if spec.node not in reached:
                continue
            node = resize_map(reached[spec.node], shape)
            seen = node >= expert.settings.mask_threshold
            alive = [i for i, some in enumerate(seen.flatten(1).any(dim=1).tolist()) if some]
        if not alive:
            continue
        children = _predict(expert, inputs.at(shape), seen, alive, at_once)
        for place, i in enumerate(alive):
            maps[i][spec.name] = children[place]
        for place, child in enumerate(spec.children):
            if tree.node(child).children:
                reached[child] = _product(node, children[:, place], alive, len(images))
    return maps


class TrueDecider:
    """An expert that knows the truth: its conditionals are 0 or 1, at the image's own size.

    Where the truth lies outside the expert's node it has no answer; there the expert decides as it would by itself.
    """

    def __init__(self, expert: Decider, target: npt.NDArray[np.uint8]) -> None:
        """`target` (H, W) uint8: the place of the true child at each pixel, IGNORE outside the node."""
        self.spec = expert.spec
        self.settings = expert.settings
        self._expert = expert
        self._target = torch.from_numpy(target)

    def input_shape(self, height: int, width: int) -> Shape:
        """The image's own size."""
        return height, width

    def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
        """(1, children, H, W) float32 for one image (1, 3, H, W) at its own size."""
        target = self._target.to(images.device)
        places = torch.arange(len(self.spec.children), device=images.device)
        truth = (target == places[:, None, None]).float()[None]
        known = target < len(places)
        if bool(known.all()):
            return truth
        size = tuple(images.shape[-2:])
        shape = self._expert.input_shape(*size)
        small = functional.interpolate(images, size=shape, mode="bilinear", antialias=True)
        seen = None if parent is None else resize_map(parent.float(), shape) >= 0.5
        own = functional.interpolate(self._expert.predict(small, seen), size=size, mode="bilinear", align_corners=False)
        return torch.where(known, truth, own)


class _Inputs:
    """The images at each shape that some expert asks for: (N, 3, h, w) uint8, each made once."""

    def __init__(self, images: Sequence[npt.NDArray[np.uint8]], device: torch.device) -> None:
        self._images, self._device = images, device
        self._made: dict[Shape, Tensor] = {}

    def at(self, shape: Shape) -> Tensor:
        if shape not in self._made:
            resized = [resize_to_tensor(image, shape) for image in self._images]
            self._made[shape] = torch.stack(resized).to(self._device)
        return self._made[shape]


def resize_map(probability: Tensor, shape: Shape) -> Tensor:
    """(..., h, w) float32 at another grid: the map (..., H, W) resampled bilinearly, pixel areas aligned."""
    if tuple(probability.shape[-2:]) == shape:
        return probability
    flat = probability.reshape(1, -1, *probability.shape[-2:])
    resized = functional.interpolate(flat, size=shape, mode="bilinear", align_corners=False)
    return resized.reshape(*probability.shape[:-2], *shape)


def _product(node: Tensor | None, child: Tensor, alive: list[int], count: int) -> Tensor:
    """(N, h, w): probability of a child's node; zero for the images that its expert did not run on."""
    if len(alive) == count:
        return child if node is None else node * child
    product = child.new_zeros(count, *child.shape[-2:])
    product[alive] = child if node is None else node[alive] * child
    return product


def _predict(expert: Decider, images: Tensor, seen: Tensor | None, alive: list[int], at_once: int) -> Tensor:
    """(alive, children, h, w); halves the batch for as long as the device has too little memory for it."""
    done: list[Tensor] = []
    first = 0
    while first < len(alive):
        chosen = alive[first : first + at_once]
        whole = len(chosen) == len(images)
        mask = seen if seen is None or whole else seen[chosen]
        try:
            done.append(expert.predict(images if whole else images[chosen], mask))
        except torch.OutOfMemoryError as error:
            if len(chosen) == 1:
                raise BodyCascadeError(
                    f"the expert {expert.spec.name!r} does not fit into the memory of {images.device} with one image; "
                    "choose device: cpu, or train it with a smaller input_side"
                ) from error
            at_once = len(chosen) // 2
            _log.warning("%s is out of memory: going on with %d images at once", images.device, at_once)
            continue
        first += len(chosen)
    return done[0] if len(done) == 1 else torch.cat(done)
