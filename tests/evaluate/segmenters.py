"""Doubles behind the Segmenter seam: given label maps, and experts that know the truth or nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bodycascade.baselines.constant import ConstantSegmenter
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike, read_image
from bodycascade.segmentation import Segmentation

Labels = npt.NDArray[np.uint8]


class GivenSegmenter:
    """Segments each known image (H, W, 3) as its label map (H, W) says."""

    def __init__(self, tree: Tree, pairs: list[tuple[npt.NDArray[np.uint8], Labels]]) -> None:
        self.tree = tree
        self._labels = {image.tobytes(): labels for image, labels in pairs}

    def __call__(self, image: ImageLike) -> Segmentation:
        return Segmentation(self.tree, self._labels[read_image(image).tobytes()])


class BlindSegmenter(ConstantSegmenter):
    """Every expert that predicts says its first child; the named experts know the truth."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree, 0)

    def with_truth(self, image: ImageLike, truth: Labels, experts: set[str]) -> Segmentation:
        parts = np.zeros_like(truth)
        self._walk(self.tree.experts[0].name, np.ones(truth.shape, bool), truth, experts, parts)
        return Segmentation(self.tree, parts)

    def _walk(self, expert: str, where: npt.NDArray[np.bool_], truth: Labels, experts: set[str], parts: Labels) -> None:
        spec = self.tree.expert(expert)
        decided = self.tree.target_map(expert)[truth] if expert in experts else np.zeros_like(truth)
        for place, child in enumerate(spec.children):
            node, chosen = self.tree.node(child), where & (decided == place)
            if node.children:
                self._walk(node.expert or node.name, chosen, truth, experts, parts)
            elif node.label is not None:
                parts[chosen] = node.label
