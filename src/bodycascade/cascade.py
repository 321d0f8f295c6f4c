"""The cascade as one segmenter: the experts of a tree, run from the root down and put together."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bodycascade.bundle import load_bundle, save_bundle
from bodycascade.cascade_settings import CascadeSettings
from bodycascade.descent import Descent, Region
from bodycascade.devices import (
    autocast,
    choose_device,
    choose_precision,
    over_cores,
    remember_kernels,
    survive_forks,
)
from bodycascade.encoders.fusion import fuse
from bodycascade.errors import BodyCascadeError, BundleError, DataError
from bodycascade.expert import Expert
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike, read_image, read_images
from bodycascade.regions import Zoom
from bodycascade.routing import Conditionals, LeafProbabilities, hard_labels, soft_labels
from bodycascade.segmentation import Segmentation
from bodycascade.segmenter import score_pairs

RELEASED = Path(__file__).parent / "released" / "cascade"
"""The bundle that comes with the package."""

BATCH_SIZE_ON_GPU = 16
BATCH_SIZE_IN_BFLOAT16 = 4
"""Images given to a network together. On the CPU four gain up to a third in bfloat16, where the result is the same to
the bit; in float32 they gain nothing, and kernels may change with the batch in the last bit."""


FAST_SHARE = 0.8
"""Share of its input side that an expert gets in a fast segmenter, unless another is named; what it costs and brings is
in README."""

LEAST_SHARE = 0.3
"""The smallest share that can be named: below it hardly a person is found."""


class CascadeSegmenter:
    """A segmenter made of one expert per inner node of a tree.

    It keeps no state: threads may share it, it can be copied and pickled, and so can its results. A process that is
    forked from this one computes on one core.

    `tree`: the classes. `experts`: the networks as they run, in the order of the tree. `routing`: hard (a child
    decides only where its parent won) or soft (the leaf with the largest product of probabilities). `zoom`: how people
    are looked for and enlarged, None where every expert looks at the whole image. `device` and
    `precision` (float32 or bfloat16): where and in what the networks run. `fast`: whether it is the quick, less exact
    kind: the root looks once, and inputs have `input_share` of their side.
    """

    def __init__(
        self,
        experts: Sequence[Expert],
        *,
        routing: str,
        zoom: Zoom | None = None,
        device: str | torch.device = "auto",
        precision: str = "auto",
        fast: bool | float = False,
    ) -> None:
        """`experts` are copied, in any order. `device`: auto, cpu, cuda, cuda:N or torch's; `precision`: auto, float32,
        bfloat16. `fast`: True, or the share of their side that inputs get, from LEAST_SHARE to 1, for FAST_SHARE.

        Raises `BundleError` where an expert of the tree is missing, double or of another tree, or the routing is
        neither hard nor soft, and `BodyCascadeError` for a device that cannot be used, an unknown precision or share.
        """
        self.input_share = _input_share(fast)
        self.settings = CascadeSettings(routing, zoom)
        remember_kernels()
        survive_forks()
        self.tree = _common_tree(experts)
        self.fast = fast is not False
        self.device, self.device_reason = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        named = {expert.spec.name: expert for expert in experts}
        self.experts = tuple(_frozen(named[spec.name], self.device, self.precision) for spec in self.tree.experts)

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        device: str | torch.device = "auto",
        *,
        precision: str = "auto",
        fast: bool | float = False,
    ) -> CascadeSegmenter:
        """The segmenter that `save` wrote to the folder `path`; without one, the released cascade of this package.

        The released one finds people and their six parts; MODEL_CARD.md beside it says how well. `device`: auto (a CUDA
        GPU where one works, else the CPU), cpu, cuda, cuda:N or torch's. `precision`: auto (bfloat16 where the device
        is fast in it), float32 or bfloat16. `fast`: the root looks once, and inputs are smaller, of FAST_SHARE of their
        side, or of the share that is named, from LEAST_SHARE to 1; `save` does not keep it. Raises `BundleError`, in
        one line with file and reason, on anything that is not exactly such a folder; nothing in it is executed.
        `BodyCascadeError` for a device that cannot be used, an unknown precision or share.
        """
        path = RELEASED if path is None else Path(path)
        bundle = load_bundle(path)
        try:
            settings = CascadeSettings.from_json(bundle.settings)
        except BundleError as error:
            raise BundleError(f"{path}: {error}") from None
        return cls(
            bundle.experts,
            routing=settings.routing,
            zoom=settings.zoom,
            device=device,
            precision=precision,
            fast=fast,
        )

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write the segmenter to the folder `path`, whole or not at all; a bundle that is there is replaced.

        `half` stores weights with 16 bits: half the size. Raises `BundleError` where `path` is something else.
        """
        save_bundle(Path(path), self.experts, self.tree, self.settings.to_json(), half=half)

    def __call__(self, image: ImageLike, *, level: int | None = None) -> Segmentation:
        """The segmentation of a path, a picture's bytes, a PIL image or a uint8 array (H, W, 3) RGB, at its own size.

        `level`: the finest level that is wanted (0: the body alone); experts below it do not run. Asked so, a soft
        cascade decides that level by itself, where it else takes the likeliest leaf, so about one pixel of a body in a
        hundred differs. The argument is never modified. Raises `ImageError` where it is no usable picture, `TreeError`
        where there is no such level.
        """
        return self.batch([image], level=level)[0]

    def batch(self, images: Iterable[ImageLike], *, level: int | None = None) -> list[Segmentation]:
        """The segmentations of images of any sizes, in their order: what single calls give, in less time.

        On the CPU they share the threads that a single one has to itself, so the last bit of a probability may differ.
        Raises what a single call raises, with the place, counted from 1, of one of several that has no path.
        """
        read = read_images(images, taker="batch")
        finest = len(self.tree.levels) - 1 if level is None else level
        self.tree.check_level(finest)
        experts = {e.spec.name: e for e in self.experts if self.tree.level_of(e.spec.children[0]) <= finest}
        groups = self._grouped([picture for picture, _ in read])
        segment = partial(self._segment, experts=experts, finest=finest)
        each = over_cores(segment, groups) if self.device.type == "cpu" else map(segment, groups)
        found = list(chain.from_iterable(each))
        for segmentation, (_, profile) in zip(found, read, strict=True):
            segmentation.icc_profile = profile
        return found

    def score(self, pairs: Iterable[tuple[ImageLike, npt.NDArray[np.uint8]]]) -> dict[str, float]:
        """The hierarchical mean IoU over (image, true labels (H, W) uint8) pairs; see `metric.scores`.

        One confusion matrix over all pixels of all pairs at each image's own size; a class that neither truth nor
        prediction holds is left out of its mean; background never counts. Raises `DataError` on labels that do not fit.
        """
        return score_pairs(self, pairs)

    def with_truth(self, image: ImageLike, truth: npt.NDArray[np.uint8], experts: set[str]) -> Segmentation:
        """The segmentation where the named experts decide as `truth` (H, W) uint8 labels do; the others predict.

        The experts below a true one see the true pixels of their node. Where the truth lies outside a named expert's
        node, it predicts. Raises `DataError` where the labels do not fit the image, `TreeError` on an unknown name.
        """
        picture = read_image(image)
        largest = int(truth.max()) if truth.size else 0
        if truth.dtype != np.uint8 or truth.shape != picture.shape[:2] or largest >= self.tree.num_labels:
            raise DataError(
                f"truth: expected uint8 labels 0 to {self.tree.num_labels - 1} of shape {picture.shape[:2]}; "
                f"found {truth.dtype} {truth.shape}, labels up to {largest}"
            )
        truths = {name: [self.tree.target_map(name)[truth]] for name in experts}
        every = {expert.spec.name: expert for expert in self.experts}
        return self._segment([picture], every, finest=len(self.tree.levels) - 1, truths=truths)[0]

    @property
    def routing(self) -> str:
        """hard or soft."""
        return self.settings.routing

    @property
    def zoom(self) -> Zoom | None:
        """How people are looked for and enlarged."""
        return self.settings.zoom

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Kernels are not copied or pickled with the experts; without them the last bits would differ.
        remember_kernels()
        survive_forks()
        self.__dict__ |= state
        self.experts = tuple(_frozen(expert, self.device, self.precision) for expert in self.experts)

    def __repr__(self) -> str:
        names = ", ".join(spec.name for spec in self.tree.experts)
        fast = f", fast, inputs at {self.input_share:g}" if self.fast else ""
        return f"<CascadeSegmenter of {names}: {self.routing} routing, {self.precision} on {self.device}{fast}>"

    def _grouped(self, pictures: list[npt.NDArray[np.uint8]]) -> list[list[npt.NDArray[np.uint8]]]:
        """`pictures` in groups that networks see together; on the CPU one for each thread, where they are few."""
        size = self._batch_size()
        if self.device.type == "cpu":
            size = max(1, min(size, ceil(len(pictures) / torch.get_num_threads())))
        return [pictures[first : first + size] for first in range(0, len(pictures), size)]

    def _batch_size(self) -> int:
        if self.device.type == "cpu":
            return BATCH_SIZE_IN_BFLOAT16 if self.precision == "bfloat16" else 1
        return BATCH_SIZE_ON_GPU

    def _segment(
        self,
        pictures: list[npt.NDArray[np.uint8]],
        experts: Mapping[str, Expert],
        *,
        finest: int,
        truths: Mapping[str, list[npt.NDArray[np.uint8]]] | None = None,
    ) -> list[Segmentation]:
        """Segmentations of (H, W, 3) arrays by `experts`."""
        descent = Descent(
            self.tree,
            experts,
            self.zoom.looking_once() if self.fast and self.zoom else self.zoom,
            device=self.device,
            batch_size=self._batch_size(),
            truths=truths or {},
            input_share=self.input_share,
        )
        with autocast(self.device, self.precision):
            regions = descent.regions(pictures)
        return [
            self._decided(
                picture, [region for region in regions if region.image == i], finest, alone=len(pictures) == 1
            )
            for i, picture in enumerate(pictures)
        ]

    def _decided(
        self, picture: npt.NDArray[np.uint8], regions: list[Region], finest: int, *, alone: bool
    ) -> Segmentation:
        height, width = picture.shape[:2]
        labels = np.zeros((height, width), np.uint8)
        kept = []
        for region in regions:
            size = (region.box.height, region.box.width)
            conditionals = Conditionals(self.tree, size, region.maps)
            # Leaves compete with the background only where there are leaves.
            soft = self.routing == "soft" and finest == len(self.tree.levels) - 1
            decide = soft_labels if soft else hard_labels
            region.box.cut(labels)[...] = decide(conditionals)
            # What stays behind for `.probs` must hold neither the memory of a GPU nor that of the whole batch.
            own = {name: small.to("cpu", copy=not alone) for name, small in region.maps.items()}
            kept.append((region.box, Conditionals(self.tree, size, own)))

        probs = LeafProbabilities(self.tree, (height, width), kept)
        return Segmentation(self.tree, labels, image=picture, probs=probs, finest=finest)


def _input_share(fast: bool | float) -> float:
    if isinstance(fast, bool):
        return FAST_SHARE if fast else 1.0
    if not isinstance(fast, int | float) or not LEAST_SHARE <= fast <= 1:
        raise BodyCascadeError(
            f"fast: expected True, False, or the share of their side that inputs get, {LEAST_SHARE:g} to 1, "
            f"found {fast!r}"
        )
    return float(fast)


def _common_tree(experts: Sequence[Expert]) -> Tree:
    if not experts:
        raise BundleError("a cascade needs the experts of a tree; found none")
    tree = experts[0].tree
    for expert in experts:
        if expert.tree != tree:
            raise BundleError(f"the expert {expert.spec.name!r} is of another tree than {experts[0].spec.name!r}")
    found = sorted(expert.spec.name for expert in experts)
    if found != sorted(spec.name for spec in tree.experts):
        wanted = ", ".join(spec.name for spec in tree.experts)
        raise BundleError(f"the tree has the experts {wanted}, each once; found {', '.join(found)}")
    return tree


def _frozen(expert: Expert, device: torch.device, precision: str) -> Expert:
    # A copy: the caller may train on, or use the expert on another device.
    frozen = copy.deepcopy(expert).eval().requires_grad_(False)
    frozen.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu":
        side = 2 * expert.stride
        trial = torch.linspace(-1, 1, 3 * side * side, dtype=torch.float32).view(1, 3, side, side)
        usual = torch.zeros(1, 3, *expert.input_shape(3, 4), dtype=torch.float32)
        with autocast(device, precision):
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            fuse(frozen, dtype, usual=_channels_last(usual), trial=_channels_last(trial))
    return frozen


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)
