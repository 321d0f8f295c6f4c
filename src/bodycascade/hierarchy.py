"""The class tree: which parts a picture is split into, and which expert makes each split.

Everything that depends on the classes is derived from one literal, `PASCAL_PART`: experts and their order, training
targets, levels, label ids, palette. Another literal gives another cascade; nothing that trains, segments or scores
knows a class by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.errors import TreeError

IGNORE = 255
"""Value of a target pixel that no expert learns from: it lies outside the node that the expert splits."""

MAX_LABELS = 64
"""Labels are stored in uint8 maps beside IGNORE; a tree is refused long before it could reach that."""


@dataclass(frozen=True)
class Node:
    """One class: a leaf with the `label` it has in the masks, or an inner node with `children`.

    `colour` is 8-bit RGB. `expert` names the network that splits an inner node; by default it is the node's own name.
    """

    name: str
    colour: tuple[int, int, int]
    label: int | None = None
    children: tuple[Node, ...] = ()
    expert: str = ""

    def walk(self) -> Iterator[Node]:
        """This node and all below it, depth first, in the order written."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class ExpertSpec:
    """What one expert decides: `name` splits the node `node` into `children`; `parent` is the expert above, if any."""

    name: str
    node: str
    children: tuple[str, ...]
    parent: str | None


@dataclass(frozen=True)
class Tree:
    """A class tree, checked: the root's first child is the background leaf, labels are 0..n-1, names are unique.

    Raises `TreeError` when built from nodes that break one of these rules.
    """

    root: Node
    _nodes: dict[str, Node] = field(init=False, repr=False, compare=False, hash=False)
    _parents: dict[str, str] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        nodes = list(self.root.walk())
        object.__setattr__(self, "_nodes", {node.name: node for node in nodes})
        object.__setattr__(self, "_parents", {child.name: node.name for node in nodes for child in node.children})
        _check(self.root, nodes)

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """Leaves by label: `leaves[0]` is the background."""
        found = [node for node in self.root.walk() if not node.children]
        return tuple(sorted(found, key=lambda node: -1 if node.label is None else node.label))

    @property
    def num_labels(self) -> int:
        """Number of leaf labels, the background counted."""
        return len(self.leaves)

    @cached_property
    def experts(self) -> tuple[ExpertSpec, ...]:
        """One expert per inner node, parents before children (breadth first): the order of training."""
        queue, specs = [self.root], []
        while queue:
            node = queue.pop(0)
            above = self._parents.get(node.name)
            specs.append(
                ExpertSpec(
                    name=_expert_name(node),
                    node=node.name,
                    children=tuple(child.name for child in node.children),
                    parent=_expert_name(self._nodes[above]) if above else None,
                )
            )
            queue += [child for child in node.children if child.children]
        return tuple(specs)

    @cached_property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Names of the classes of each level, coarse to fine, without the background.

        A leaf that ends early stands for itself in all finer levels. For Pascal-Part: (body,), (upper_body,
        lower_body), and the six parts in the order of the tree.
        """
        current = [child for child in self.root.children if child.label != 0]
        levels = [tuple(node.name for node in current)]
        while any(node.children for node in current):
            current = [below for node in current for below in (node.children or (node,))]
            levels.append(tuple(node.name for node in current))
        return tuple(levels)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of all levels, coarse to fine, each once, without the background."""
        return tuple(dict.fromkeys(name for names in self.levels for name in names))

    @property
    def thing(self) -> str:
        """The one coarsest class beside the background, as "body"; "" where there are several."""
        coarse = self.levels[0]
        return coarse[0] if len(coarse) == 1 else ""

    def check_level(self, level: int) -> None:
        """Raise `TreeError`, with the levels there are, where there is no such one."""
        if not hasattr(level, "__index__") or level not in range(len(self.levels)):
            raise TreeError(f"there is no level {level!r}; the tree has levels 0 to {len(self.levels) - 1}")

    def node(self, name: str) -> Node:
        """The node called `name`; raises `TreeError` with the known names where there is none."""
        if not isinstance(name, str) or name not in self._nodes:
            raise TreeError(f"no class is called {name!r}; the tree has: {', '.join(self._nodes)}")
        return self._nodes[name]

    def level_of(self, name: str) -> int:
        """The coarsest level that tells the node `name` from its siblings: 0 for the root's children, and the root."""
        depth, above = -1, self.node(name).name
        while above in self._parents:
            depth, above = depth + 1, self._parents[above]
        return max(0, depth)

    def expert(self, name: str) -> ExpertSpec:
        """The expert called `name`; raises `TreeError` with the known names where there is none."""
        for spec in self.experts:
            if spec.name == name:
                return spec
        raise TreeError(f"no expert is called {name!r}; the tree has: {', '.join(s.name for s in self.experts)}")

    def labels(self, name: str) -> tuple[int, ...]:
        """Leaf labels below the node `name` (of the node itself, where it is a leaf), in the order of the tree."""
        return tuple(node.label for node in self.node(name).walk() if node.label is not None)

    def level_map(self, level: int) -> npt.NDArray[np.uint8]:
        """(num_labels,) uint8: the id that each leaf label has at `level`.

        0 is the background. At the finest level ids are the leaf labels themselves; above it, 1 + the place of the
        class in `levels[level]`.
        """
        self.check_level(level)
        table = np.arange(self.num_labels, dtype=np.uint8)
        if level < len(self.levels) - 1:
            for place, name in enumerate(self.levels[level]):
                table[list(self.labels(name))] = place + 1
        return table

    def level_names(self, level: int) -> tuple[str, ...]:
        """The name of each id that `level_map(level)` gives, in their order, the background first."""
        self.check_level(level)
        if level == len(self.levels) - 1:
            return tuple(leaf.name for leaf in self.leaves)
        return (self.leaves[0].name, *self.levels[level])

    def level_palette(self, level: int) -> npt.NDArray[np.uint8]:
        """(ids, 3) uint8 RGB: the colour of each id that `level_map(level)` gives."""
        table = self.level_map(level)
        palette = np.zeros((int(table.max()) + 1, 3), np.uint8)
        for name in self.levels[level]:
            palette[table[list(self.labels(name))]] = self.node(name).colour
        palette[0] = self.leaves[0].colour
        return palette

    def target_map(self, expert: str) -> npt.NDArray[np.uint8]:
        """(256,) uint8: for each leaf label the place of the child that holds it, IGNORE outside the expert's node."""
        table = np.full(256, IGNORE, np.uint8)
        for place, child in enumerate(self.expert(expert).children):
            table[list(self.labels(child))] = place
        return table

    @cached_property
    def palette(self) -> npt.NDArray[np.uint8]:
        """(num_labels, 3) uint8 RGB: the colour of each leaf label."""
        return np.array([node.colour for node in self.leaves], np.uint8)

    def to_json(self) -> dict[str, Any]:
        """The tree as plain data, for checkpoints and bundles; `from_json` gives an equal tree back."""
        return _node_to_json(self.root)

    @classmethod
    def from_json(cls, data: object) -> Tree:
        """The tree that `to_json` wrote; raises `TreeError` on anything else."""
        return cls(_node_from_json(data))


def flat(tree: Tree, expert: str = "parts") -> Tree:
    """The tree of a single network that tells all leaves of `tree` apart at once.

    Its root has every leaf as a child, by label; names, labels and colours are those of `tree`. `expert` names the
    network.
    """
    return Tree(replace(tree.root, children=tree.leaves, expert=expert))


def _expert_name(node: Node) -> str:
    return node.expert or node.name


def _check(root: Node, nodes: list[Node]) -> None:
    names = [node.name for node in nodes]
    experts = [_expert_name(node) for node in nodes if node.children]
    labels = sorted(node.label for node in nodes if node.label is not None)
    if len(set(names)) < len(names) or len(set(experts)) < len(experts):
        raise TreeError(f"names must be unique in a class tree; found {', '.join(names)}; experts {', '.join(experts)}")
    for node in nodes:
        if not node.name.isidentifier() or not _expert_name(node).isidentifier():
            raise TreeError(f"class and expert names must be plain words; found {node.name!r}, {node.expert!r}")
        if (node.label is None) != bool(node.children):
            raise TreeError(f"{node.name}: a class has either a label or children, never both or neither")
        if len(node.children) == 1:
            raise TreeError(f"{node.name}: an expert needs at least two children to choose from; found one")
        if len(node.colour) != 3 or not all(0 <= part <= 255 for part in node.colour):
            raise TreeError(f"{node.name}: a colour is three numbers from 0 to 255; found {node.colour}")
    if labels != list(range(len(labels))) or len(labels) > MAX_LABELS:
        raise TreeError(f"leaf labels must be 0 to n-1, each once, at most {MAX_LABELS}; found {labels}")
    if not root.children or root.children[0].label != 0:
        raise TreeError("the root's first child must be the background leaf, label 0")


def _node_to_json(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"name": node.name, "colour": list(node.colour)}
    if node.label is not None:
        data["label"] = node.label
    if node.expert:
        data["expert"] = node.expert
    if node.children:
        data["children"] = [_node_to_json(child) for child in node.children]
    return data


def _node_from_json(data: object, depth: int = 0) -> Node:
    if not isinstance(data, dict) or depth > 16:
        raise TreeError(f"a class tree is nested JSON objects, at most 16 deep; found {type(data).__name__}")
    name, colour, label = data.get("name"), data.get("colour"), data.get("label")
    expert, children = data.get("expert", ""), data.get("children", [])
    shaped = isinstance(name, str) and isinstance(expert, str) and isinstance(children, list)
    if not shaped or not (label is None or type(label) is int) or set(data) - _KEYS:
        raise TreeError(f"a node has {', '.join(sorted(_KEYS))}, nothing else; found {sorted(map(str, data))}")
    if not isinstance(colour, list) or len(colour) != 3 or not all(type(part) is int for part in colour):
        raise TreeError(f"{name}: a colour is three whole numbers from 0 to 255; found {colour!r}")
    nodes = tuple(_node_from_json(child, depth + 1) for child in children)
    return Node(str(name), (colour[0], colour[1], colour[2]), label, nodes, str(expert))


_KEYS = {"name", "colour", "label", "expert", "children"}

PASCAL_PART = Tree(
    Node(
        "picture",
        (0, 0, 0),
        expert="person",
        children=(
            Node("background", (0, 0, 0), label=0),
            Node(
                "body",
                (72, 149, 239),
                children=(
                    Node(
                        "upper_body",
                        (247, 127, 0),
                        children=(
                            Node("low_hand", (214, 40, 57), label=1),
                            Node("up_hand", (247, 127, 0), label=6),
                            Node("torso", (42, 157, 143), label=2),
                            Node("head", (255, 209, 102), label=4),
                        ),
                    ),
                    Node(
                        "lower_body",
                        (58, 110, 230),
                        children=(
                            Node("low_leg", (131, 56, 236), label=3),
                            Node("up_leg", (58, 134, 255), label=5),
                        ),
                    ),
                ),
            ),
        ),
    )
)
"""The tree of Pascal-Part's people; labels are those of the masks as distributed."""
