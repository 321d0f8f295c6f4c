"""Small experts for tests: tiny real networks, and experts whose answer is fixed in advance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.cascade import CascadeSegmenter
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.hierarchy import PASCAL_PART, Node, Tree
from bodycascade.regions import Zoom

THREE = Tree(
    Node(
        "picture",
        (0, 0, 0),
        children=(
            Node("background", (0, 0, 0), label=0),
            Node("thing", (9, 9, 9), children=(Node("a", (1, 1, 1), label=1), Node("b", (2, 2, 2), label=2))),
        ),
    )
)
"""A tree of two levels and three leaves."""

FOUR_LEGS = Tree(
    Node(
        "scene",
        (0, 0, 0),
        expert="animal",
        children=(
            Node("nothing", (0, 0, 0), label=0),
            Node(
                "beast",
                (200, 80, 0),
                children=(
                    Node("tail", (250, 250, 0), label=3),
                    Node("trunk", (0, 120, 200), label=5),
                    Node(
                        "legs",
                        (90, 0, 160),
                        children=tuple(
                            Node(name, (40 * label, 200, 60), label=label)
                            for name, label in (
                                ("fore_left", 4),
                                ("fore_right", 1),
                                ("hind_left", 6),
                                ("hind_right", 2),
                            )
                        ),
                    ),
                ),
            ),
        ),
    )
)
"""Another tree: four legs and a tail, a leaf that ends early, other names and another order of labels."""


def settings(expert: str, *, side: int = 32, mask_threshold: float = 0.3) -> ExpertSettings:
    """Settings of the smallest network worth the name."""
    return ExpertSettings(
        expert=expert,
        encoder="none",
        input_side=side,
        widths=(4, 6),
        block_depth=1,
        kernel=3,
        stem_stride=2,
        input_pool=1,
        dropout=0.1,
        mask_threshold=mask_threshold,
        mask_form="hard",
        outside=0.0,
    )


def tiny_expert(tree: Tree, name: str, *, seed: int = 0, side: int = 32) -> Expert:
    """A tiny real network with random weights, decided enough that each of its children wins somewhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        expert = Expert(tree, settings(name, side=side))
        torch.nn.init.normal_(expert.unet.head.weight, std=1.0)
    return expert.eval()


def tiny_experts(tree: Tree, *, seed: int = 0, sides: Sequence[int] = (32,)) -> list[Expert]:
    """One tiny real network for each expert of the tree, with input sides taken from `sides` in turn."""
    return [
        tiny_expert(tree, spec.name, seed=seed + place, side=sides[place % len(sides)])
        for place, spec in enumerate(tree.experts)
    ]


class FixedExpert(Expert):
    """An expert whose logits (children, rows, columns) are given, resized to its input; it keeps what it was shown.

    `shown` holds (prepared input, images, parent mask) of every call, `most` is how many images it takes at once.
    """

    def __init__(self, tree: Tree, name: str, logits: Tensor, *, mask_threshold: float = 0.3, side: int = 32) -> None:
        super().__init__(tree, settings(name, side=side, mask_threshold=mask_threshold))
        self.register_buffer("logits", logits, persistent=False)  # goes along to another device
        self.shown: list[tuple[Tensor, Tensor, Tensor | None]] = []
        self.most = 1000

    def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
        """The fixed answer, as probabilities."""
        if len(images) > self.most:
            raise torch.OutOfMemoryError("more than the toy memory holds")
        self.shown.append((self.prepare(images, parent), images.clone(), None if parent is None else parent.clone()))
        resized = functional.interpolate(self.logits[None], size=images.shape[-2:], mode="bilinear")
        return resized.expand(len(images), -1, -1, -1).softmax(dim=1)


class ColourReader(FixedExpert):
    """Reads a picture painted in the tree's palette: it is sure of the child with the leaf of the nearest colour."""

    def __init__(self, tree: Tree, name: str, *, side: int = 32) -> None:
        super().__init__(tree, name, torch.zeros(len(tree.expert(name).children), 1, 1), side=side)

    def predict(self, images: Tensor, parent: Tensor | None) -> Tensor:
        """The softmax of a tenth of the distance to the colours, for each pixel by itself."""
        super().predict(images, parent)
        palette = torch.from_numpy(self.tree.palette.astype(np.float32))[:, :, None, None]
        distances = (images.float()[:, None] - palette).square().sum(dim=2).sqrt()  # (N, labels, h, w)
        children = [distances[:, list(self.tree.labels(child))].amin(dim=1) for child in self.spec.children]
        return (torch.stack(children, dim=1) / -10).softmax(dim=1)


def colour_readers(tree: Tree, *, root_side: int = 32, side: int = 64) -> list[Expert]:
    """A `ColourReader` for each expert of the tree, those below the root with inputs of another size."""
    return [ColourReader(tree, s.name, side=root_side if s.parent is None else side) for s in tree.experts]


def fixed_experts(
    tree: Tree, logits: Callable[[str, int], Tensor], *, mask_threshold: float = 0.3, side: int = 32
) -> list[Expert]:
    """A `FixedExpert` for each expert of the tree; `logits(name, children)` gives (children, rows, columns)."""
    return [
        FixedExpert(tree, spec.name, logits(spec.name, len(spec.children)), mask_threshold=mask_threshold, side=side)
        for spec in tree.experts
    ]


def cascade(
    experts: Sequence[Expert],
    *,
    routing: str = "hard",
    precision: str = "float32",
    zoom: Zoom | None = None,
    fast: bool = False,
) -> CascadeSegmenter:
    """A cascade on the CPU."""
    return CascadeSegmenter(experts, routing=routing, zoom=zoom, device="cpu", precision=precision, fast=fast)


def constant(probabilities: dict[str, Sequence[float]], *, mask_threshold: float = 0.3) -> list[Expert]:
    """Experts that say the same of every pixel."""
    return fixed_experts(
        PASCAL_PART,
        lambda name, _: torch.tensor([math.log(p) for p in probabilities[name]]).view(-1, 1, 1),
        mask_threshold=mask_threshold,
    )


def random_logits(seed: int, *, strength: float = 3.0, rows: int = 5) -> list[Expert]:
    """Experts with smooth random answers."""
    dice = torch.Generator().manual_seed(seed)
    return fixed_experts(
        PASCAL_PART, lambda _, children: strength * torch.randn(children, rows, rows + 2, generator=dice)
    )


def shown(segmenter: CascadeSegmenter, name: str) -> list[tuple[Tensor, Tensor, Tensor | None]]:
    """What the fixed expert called `name` was given: (prepared input, images, parent mask) of each call."""
    (expert,) = (expert for expert in segmenter.experts if expert.spec.name == name)
    assert isinstance(expert, FixedExpert)
    return expert.shown


def random_image(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 of random blocks: a picture with large and small structure."""
    dice = np.random.default_rng(seed)
    coarse = dice.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    fine = dice.integers(0, 40, (height, width, 3), dtype=np.uint8)
    return np.minimum(np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width], 215) + fine
