"""The labels of one segmenter under another tree with the same leaves: levels it never decided, by merging."""

from __future__ import annotations

from bodycascade.errors import TreeError
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike
from bodycascade.segmentation import Segmentation
from bodycascade.segmenter import Segmenter


class RegroupedSegmenter:
    """`segmenter` under `tree`: labels and probabilities of the leaves are its own, levels and nodes those of `tree`.

    A flat network answers so for the levels of a class tree, as a cascade does. Raises `TreeError` where the two trees
    call a label by different names.
    """

    def __init__(self, segmenter: Segmenter, tree: Tree) -> None:
        own, wanted = (", ".join(leaf.name for leaf in each.leaves) for each in (segmenter.tree, tree))
        if own != wanted:
            raise TreeError(f"the segmenter tells apart {own}; expected the leaves of the tree: {wanted}")
        self.segmenter = segmenter
        self.tree = tree

    def __call__(self, image: ImageLike) -> Segmentation:
        """The segmentation of `image` at its own size, with the levels of `tree`."""
        found = self.segmenter(image)
        return Segmentation(
            self.tree, found.parts, image=found.image, probs=lambda: found.probs, icc_profile=found.icc_profile
        )

    def __repr__(self) -> str:
        return f"<{self.segmenter!r} under {', '.join(self.tree.levels[0])}>"
