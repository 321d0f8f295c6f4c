"""What the experts trained before say of a child's parent, for every image of a pack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bodycascade.descent import descend, resize_map
from bodycascade.devices import autocast
from bodycascade.expert import Expert
from bodycascade.files import replace_file
from bodycascade.hierarchy import Tree
from bodycascade.preprocess.pack import Pack

PREDICTION_BATCH = 32


@dataclass(frozen=True)
class Ancestor:
    """One step down the tree: `expert` splits a node, and `child` is the place of the child that the path takes."""

    expert: Expert
    child: int


def ancestors_of(expert: str, tree: Tree, trained: Mapping[str, Expert]) -> list[Ancestor]:
    """The steps from the root to the node that `expert` splits, by the experts trained before, root first."""
    spec, steps = tree.expert(expert), []
    while spec.parent is not None:
        above = tree.expert(spec.parent)
        steps.append(Ancestor(trained[above.name], above.children.index(spec.node)))
        spec = above
    return steps[::-1]


class ParentMaps:
    """Probability of the parent node for each image of a pack, uint8 with 255 = 1, at the pack's sizes.

    `threshold` is where a pixel counts as the parent's, on the same scale.
    """

    def __init__(self, path: Path, pack: Pack, *, mask_threshold: float) -> None:
        self._sizes = [pack.mask(i).shape for i in range(len(pack))]
        self._starts = np.concatenate([[0], np.cumsum([h * w for h, w in self._sizes])])
        self._pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        self.threshold = max(1, round(255 * mask_threshold))

    def map(self, index: int) -> npt.NDArray[np.uint8]:
        """(H, W) uint8, read-only: the parent's probability in image `index`."""
        flat: npt.NDArray[np.uint8] = self._pixels[self._starts[index] : self._starts[index + 1]]
        return flat.reshape(self._sizes[index])


def write_parent_maps(
    path: Path,
    pack: Pack,
    ancestors: Sequence[Ancestor],
    *,
    device: torch.device,
    precision: str,
    report: Callable[[int], None],
) -> None:
    """Write the maps of `pack` to `path` (.npy), whole or not at all. `report` is called with the images done."""
    sizes = [pack.mask(i).shape for i in range(len(pack))]
    starts = np.concatenate([[0], np.cumsum([h * w for h, w in sizes])])
    pixels = np.zeros(int(starts[-1]), np.uint8)
    done = 0
    for indices in _batches_of_one_shape(sizes, [step.expert for step in ancestors]):
        with autocast(device, precision):
            nodes = _node_probabilities([pack.image(i) for i in indices], ancestors, device=device)
        for index, probability in zip(indices, nodes, strict=True):
            flat = (resize_map(probability, sizes[index]) * 255).round().to(torch.uint8).flatten().cpu().numpy()
            pixels[starts[index] : starts[index + 1]] = flat
        done += len(indices)
        report(done)
    with replace_file(path) as aside, aside.open("wb") as file:
        np.save(file, pixels)


def _node_probabilities(
    images: Sequence[npt.NDArray[np.uint8]], ancestors: Sequence[Ancestor], *, device: torch.device
) -> list[Tensor]:
    """For each image (h, w) float32: probability of the node that `ancestors` lead to, on the last one's input grid."""
    experts = {step.expert.spec.name: step.expert for step in ancestors}
    found = descend(ancestors[0].expert.tree, experts, images, device=device, at_once=PREDICTION_BATCH)
    nodes = []
    for maps in found:
        node: Tensor | None = None
        for step in ancestors:
            # An expert that nothing reached has no map: its node is not in the image.
            conditional = maps.get(step.expert.spec.name)
            child = torch.zeros(1, 1, device=device) if conditional is None else conditional[step.child]
            height, width = child.shape
            node = child if node is None else resize_map(node, (height, width)) * child
        if node is None:
            raise ValueError("the root has no ancestors")
        nodes.append(node)
    return nodes


def _batches_of_one_shape(sizes: Sequence[tuple[int, ...]], experts: Sequence[Expert]) -> list[list[int]]:
    """Indices grouped so that each expert has one input shape in a group, at most PREDICTION_BATCH in each."""
    groups: dict[tuple[tuple[int, int], ...], list[int]] = defaultdict(list)
    for index, (height, width) in enumerate(sizes):
        groups[tuple(expert.input_shape(height, width) for expert in experts)].append(index)
    return [
        group[first : first + PREDICTION_BATCH]
        for group in groups.values()
        for first in range(0, len(group), PREDICTION_BATCH)
    ]
