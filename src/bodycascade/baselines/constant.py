"""The answer that needs no picture: what a figure is worth is its distance from this one's."""

from __future__ import annotations

import numpy as np

from bodycascade.errors import TreeError
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike, read_image
from bodycascade.segmentation import Segmentation


class ConstantSegmenter:
    """A segmenter that gives every pixel of every image the leaf `label` of `tree`; 0 is the background.

    Raises `TreeError` where the tree has no such label.
    """

    def __init__(self, tree: Tree, label: int) -> None:
        if label not in range(tree.num_labels):
            raise TreeError(f"there is no label {label!r}; the tree has labels 0 to {tree.num_labels - 1}")
        self.tree = tree
        self.label = label

    def __call__(self, image: ImageLike) -> Segmentation:
        """The segmentation of `image` at its own size; raises `ImageError` where it is no usable picture."""
        picture = read_image(image)
        return Segmentation(self.tree, np.full(picture.shape[:2], self.label, np.uint8), image=picture)

    def __repr__(self) -> str:
        return f"<ConstantSegmenter of {self.tree.leaves[self.label].name}>"
