"""Running the experts down the tree: each sees what the ones above it gave to its node, as `Expert.prepare` shows it.

The root looks at the whole image. The others look at it too or, with a `Zoom`, at boxes around the people that the
root found, each enlarged to the expert's own input size: small people are seen large, nothing is spent on the rest.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.errors import BodyCascadeError
from bodycascade.expert import Expert
from bodycascade.hierarchy import ExpertSpec, Tree
from bodycascade.regions import Box, Zoom, people_boxes
from bodycascade.resizing import resize_map, resize_to_tensor

Shape = tuple[int, int]
Labels = npt.NDArray[np.uint8]
_log = logging.getLogger(__name__)


@dataclass
class Region:
    """A part of an image and what the experts say of it.

    `image`: which of the images. `box`: the part, in that image's pixels. `maps`: for each expert that ran,
    (children, h, w) float32, the probability of each child given the node, on a grid of its own that covers the box.
    `reach`: for each inner node below the root that they reached, its probability (h, w) float32, on such a grid too.
    """

    image: int
    box: Box
    maps: dict[str, Tensor] = field(default_factory=dict)
    reach: dict[str, Tensor] = field(default_factory=dict)


class Descent:
    """One way down the tree for some images: the root first, then the regions it found, then the others in order.

    `experts`: by name; missing ones are skipped, with all below them. `truths`: for each expert that is replaced by the
    truth, a target map (H, W) uint8 for each image: the place of the true child, IGNORE where the expert's node is not.
    `batch_size`: images or crops in one call of a network, at most. `input_share`: the share of its own input side that
    each expert gets.
    """

    def __init__(
        self,
        tree: Tree,
        experts: Mapping[str, Expert],
        zoom: Zoom | None,
        *,
        device: torch.device,
        batch_size: int,
        truths: Mapping[str, Sequence[Labels]] | None = None,
        input_share: float = 1.0,
    ) -> None:
        self._tree, self._experts, self._zoom = tree, experts, zoom
        self._device, self._batch_size, self._input_share = device, batch_size, input_share
        self._truths = truths or {}

    @torch.inference_mode()
    def regions(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Region]:
        """What the experts say of `images`, (H, W, 3) uint8 RGB of any sizes.

        Regions of one image do not overlap; where an image has none, nobody is in it. An expert is shown what its
        `mask` makes of the probability of its node, the product of the conditionals down to it; it does not run where
        that is nowhere at least its `mask_threshold`.
        """
        crops = _Crops(images, self._device)
        root, *others = self._tree.experts
        wholes = [
            Region(i, Box(0, 0, *image.shape[:2]))
            for i, image in enumerate(images)
            if root.name in self._truths or not _is_of_one_colour(image)
        ]
        for region, conditionals in zip(wholes, self._answers(root, crops, wholes, None), strict=True):
            self._keep(region, root, conditionals, None)
        regions = wholes if self._zoom is None else self._seek(crops, wholes, root, self._zoom)
        for spec in others:
            if spec.name in self._experts:
                self._descend(spec, crops, regions)
        return regions

    def _seek(self, crops: _Crops, wholes: list[Region], root: ExpertSpec, zoom: Zoom) -> list[Region]:
        """The parts of the images that hold people, with the root's probabilities for each."""
        found: list[Region] = []
        closer: list[tuple[Region, Tensor, float]] = []
        for whole in wholes:
            first = whole.maps[root.name]
            size = (whole.box.height, whole.box.width)
            for box in people_boxes((first[0] <= 1 - zoom.threshold).cpu().numpy(), size, zoom):
                if box == whole.box:
                    found.append(whole)
                    continue
                region = Region(whole.image, box)
                closer.append((region, first, zoom.second_weight(box.area / whole.box.area)))
                found.append(region)
        self._look_again(crops, root, closer)
        return found

    def _look_again(self, crops: _Crops, root: ExpertSpec, closer: list[tuple[Region, Tensor, float]]) -> None:
        """The root's probabilities for each box: from its first look, from one at the box alone, or a mixture."""
        if root.name in self._truths:
            closer = [(region, first, 0.0) for region, first, _ in closer]  # the truth need not look twice
        again = [region for region, _, weight in closer if weight]
        second = iter(self._answers(root, crops, again, None))
        for region, first, weight in closer:
            conditionals = _excerpt(first, region.box, crops.size(region.image), self._grid(root, region.box))
            if weight:
                conditionals = torch.lerp(conditionals, next(second), weight)
            self._keep(region, root, conditionals, None)

    def _descend(self, spec: ExpertSpec, crops: _Crops, regions: list[Region]) -> None:
        """Ask one expert about all regions that its node reaches."""
        alive, reaches = [], []
        for region in regions:
            if spec.node not in region.reach:
                continue
            reach = resize_map(region.reach[spec.node], self._grid(spec, region.box))
            if bool((reach >= self._experts[spec.name].settings.mask_threshold).any()):
                alive.append(region)
                reaches.append(reach)
        answers = self._answers(spec, crops, alive, reaches)
        for region, reach, conditionals in zip(alive, reaches, answers, strict=True):
            self._keep(region, spec, conditionals, reach)

    def _keep(self, region: Region, spec: ExpertSpec, conditionals: Tensor, reach: Tensor | None) -> None:
        region.maps[spec.name] = conditionals
        for child, conditional in zip(spec.children, conditionals, strict=True):
            if self._tree.node(child).children:
                region.reach[child] = conditional if reach is None else reach * conditional

    def _grid(self, spec: ExpertSpec, box: Box) -> Shape:
        """(h, w) of an expert's map of `box`; for one that is replaced by the truth, the box's own size."""
        if spec.name in self._truths:
            return box.height, box.width
        return self._input_shape(spec, box)

    def _input_shape(self, spec: ExpertSpec, box: Box) -> Shape:
        return self._experts[spec.name].input_shape(box.height, box.width, share=self._input_share)

    def _answers(
        self, spec: ExpertSpec, crops: _Crops, regions: list[Region], reaches: list[Tensor] | None
    ) -> list[Tensor]:
        """(children, h, w) for each region; `reaches` (h, w): the probability of the expert's node there."""
        if spec.name in self._truths:
            known: list[Tensor | None] = [None] * len(regions) if reaches is None else list(reaches)
            return [self._truth(spec, crops, region, reach) for region, reach in zip(regions, known, strict=True)]
        return self._predictions(spec, crops, regions, reaches)

    def _predictions(
        self, spec: ExpertSpec, crops: _Crops, regions: list[Region], reaches: list[Tensor] | None
    ) -> list[Tensor]:
        expert = self._experts[spec.name]
        groups: dict[Shape, list[int]] = defaultdict(list)
        for place, region in enumerate(regions):
            groups[self._input_shape(spec, region.box)].append(place)
        found: dict[int, Tensor] = {}
        for shape, places in groups.items():
            inputs = [crops.at(regions[place].image, regions[place].box, shape) for place in places]
            masks = None if reaches is None else [expert.mask(reaches[place]) for place in places]
            found |= zip(places, _predict(expert, inputs, masks, self._batch_size), strict=True)
        return [found[place] for place in range(len(regions))]

    def _truth(self, spec: ExpertSpec, crops: _Crops, region: Region, reach: Tensor | None) -> Tensor:
        """(children, H, W): 0 or 1 at the box's own size; outside the expert's node, where truth is silent, its own."""
        target = torch.from_numpy(region.box.cut(self._truths[spec.name][region.image])).to(self._device)
        places = torch.arange(len(spec.children), device=self._device)
        truth = (target == places[:, None, None]).float()
        known = target < len(places)
        if bool(known.all()):
            return truth
        shape = self._input_shape(spec, region.box)
        reaches = None if reach is None else [resize_map(reach, shape)]
        (own,) = self._predictions(spec, crops, [region], reaches)
        return torch.where(known, truth, resize_map(own, (region.box.height, region.box.width)))


class _Crops:
    """Crops of the images at the sizes that experts ask for, (3, h, w) uint8, each made once."""

    def __init__(self, images: Sequence[npt.NDArray[np.uint8]], device: torch.device) -> None:
        self._images, self._device = images, device
        self._made: dict[tuple[int, Box, Shape], Tensor] = {}

    def at(self, image: int, box: Box, shape: Shape) -> Tensor:
        key = (image, box, shape)
        if key not in self._made:
            self._made[key] = resize_to_tensor(box.cut(self._images[image]), shape).to(self._device)
        return self._made[key]

    def size(self, image: int) -> Shape:
        height, width = self._images[image].shape[:2]
        return height, width


def _is_of_one_colour(image: npt.NDArray[np.uint8]) -> bool:
    """Whether all pixels of (H, W, 3) are alike; nobody is in there, whatever a network makes of such a view."""
    # The first row alone says no for nearly every photograph.
    return all(bool((rows == image[0, 0]).all()) for rows in (image[0], image))


def _excerpt(whole: Tensor, box: Box, size: Shape, shape: Shape) -> Tensor:
    """(C, h, w) of `shape`: what `box` shows of the map `whole` (C, h', w') of an image of `size`, bilinear."""

    def axis(first: int, last: int, full: int, steps: int) -> Tensor:
        middles = (torch.arange(steps, dtype=torch.float32, device=whole.device) + 0.5) / steps
        return (first + middles * (last - first)) / full * 2 - 1  # grid_sample's coordinates, -1 to 1

    ys = axis(box.top, box.bottom, size[0], shape[0])
    xs = axis(box.left, box.right, size[1], shape[1])
    grid = torch.stack([xs.expand(shape[0], -1), ys[:, None].expand(-1, shape[1])], dim=-1)  # (h, w, 2)
    return functional.grid_sample(whole[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False)[
        0
    ]


def _predict(expert: Expert, inputs: list[Tensor], masks: list[Tensor] | None, batch_size: int) -> list[Tensor]:
    """(children, h, w) for each input; halves the batch for as long as the device has too little memory for it."""
    done: list[Tensor] = []
    while len(done) < len(inputs):
        chosen = slice(len(done), len(done) + batch_size)
        count, device = len(inputs[chosen]), inputs[0].device
        try:
            images = torch.stack(inputs[chosen])
            done += expert.predict(images, None if masks is None else torch.stack(masks[chosen]))
        except torch.OutOfMemoryError as error:
            if count == 1:
                raise BodyCascadeError(
                    f"the expert {expert.spec.name!r} does not fit into the memory of {device} with one image; "
                    "choose device: cpu, or train it with a smaller input_side"
                ) from error
            batch_size = count // 2
            _log.warning("%s is out of memory: going on with %d images at once", device, batch_size)
    return done
