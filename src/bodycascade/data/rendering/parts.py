"""Which label each drawn part gets in the masks."""

from __future__ import annotations

from dataclasses import dataclass

from bodycascade.data.rendering.canvas import Ellipsoid, Tube
from bodycascade.errors import TreeError
from bodycascade.hierarchy import Tree

Layer = tuple[float, Tube | Ellipsoid]
"""How near a solid is to the viewer, in heads, and the solid."""


@dataclass(frozen=True)
class PartLabels:
    """Leaf labels of the six parts that a figure is drawn with."""

    head: int
    torso: int
    up_hand: int
    low_hand: int
    up_leg: int
    low_leg: int

    @classmethod
    def of(cls, tree: Tree) -> PartLabels:
        """The labels that `tree` gives the six parts; raises `TreeError` where it has others."""
        known = {leaf.name: leaf.label for leaf in tree.leaves[1:] if leaf.label is not None}
        wanted = ("head", "torso", "up_hand", "low_hand", "up_leg", "low_leg")
        if set(known) != set(wanted):
            found = ", ".join(known)
            raise TreeError(f"rendered people have the parts {', '.join(wanted)}; the tree has: {found}")
        return cls(*(known[name] for name in wanted))
