"""What the experts trained before say of a child's parent, for every image of a pack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from bodycascade.descent import Descent
from bodycascade.devices import autocast
from bodycascade.expert import Expert
from bodycascade.files import replace_file, save_array
from bodycascade.hierarchy import Tree
from bodycascade.preprocess.pack import Pack
from bodycascade.regions import Zoom
from bodycascade.resizing import resize_map

BATCH_SIZE = 32


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
    """Probability of the parent node for each image of a pack, uint8 with 255 = 1, at the pack's sizes."""

    def __init__(self, path: Path, pack: Pack) -> None:
        self._sizes = [pack.labels(i).shape for i in range(len(pack))]
        self._starts = np.concatenate([[0], np.cumsum([h * w for h, w in self._sizes])])
        self._pixels = np.load(path, mmap_mode="r", allow_pickle=False)

    def map(self, index: int) -> npt.NDArray[np.uint8]:
        """(H, W) uint8, read-only: the parent's probability in image `index`."""
        flat: npt.NDArray[np.uint8] = self._pixels[self._starts[index] : self._starts[index + 1]]
        return flat.reshape(self._sizes[index])


def write_parent_maps(
    path: Path,
    pack: Pack,
    ancestors: Sequence[Ancestor],
    *,
    zoom: Zoom | None,
    device: torch.device,
    precision: str,
    report: Callable[[int], None],
) -> None:
    """Write the maps of `pack` to `path` (.npy), whole or not at all. `report` is called with the images done.

    The experts look as they will look in the cascade: with `zoom`, at boxes around people.
    """
    sizes = [pack.labels(i).shape for i in range(len(pack))]
    starts = np.concatenate([[0], np.cumsum([h * w for h, w in sizes])])
    pixels = np.zeros(int(starts[-1]), np.uint8)
    experts = {step.expert.spec.name: step.expert for step in ancestors}
    last = ancestors[-1].expert
    node = last.spec.children[ancestors[-1].child]
    descent = Descent(last.tree, experts, zoom, device=device, batch_size=BATCH_SIZE)
    for first in range(0, len(pack), BATCH_SIZE):
        indices = range(first, min(first + BATCH_SIZE, len(pack)))
        with autocast(device, precision):
            regions = descent.regions([pack.image(i) for i in indices])
        for region in regions:
            if node in region.reach:
                index, box = first + region.image, region.box
                whole = pixels[starts[index] : starts[index + 1]].reshape(sizes[index])
                scaled = resize_map(region.reach[node], (box.height, box.width)) * 255
                box.cut(whole)[...] = scaled.round().to(torch.uint8).cpu().numpy()
        report(indices.stop)
    with replace_file(path) as aside:
        save_array(aside, pixels)
