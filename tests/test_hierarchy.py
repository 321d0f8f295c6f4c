from __future__ import annotations

import json

import numpy as np
import pytest

from bodycascade.errors import TreeError
from bodycascade.hierarchy import IGNORE, PASCAL_PART, Node, Tree, flat
from tests.toy_experts import FOUR_LEGS


def leaf(name: str, label: int) -> Node:
    return Node(name, (1, 2, 3), label=label)


def tree_of(*children: Node) -> Tree:
    return Tree(Node("picture", (0, 0, 0), children=children))


def test_experts_of_people_parents_first() -> None:
    assert [(spec.name, spec.node, spec.children, spec.parent) for spec in PASCAL_PART.experts] == [
        ("person", "picture", ("background", "body"), None),
        ("body", "body", ("upper_body", "lower_body"), "person"),
        ("upper_body", "upper_body", ("low_hand", "up_hand", "torso", "head"), "body"),
        ("lower_body", "lower_body", ("low_leg", "up_leg"), "body"),
    ]


def test_labels_of_people_are_those_of_the_masks() -> None:
    names = ("background", "low_hand", "torso", "low_leg", "head", "up_leg", "up_hand")
    assert tuple(node.name for node in PASCAL_PART.leaves) == names
    assert PASCAL_PART.labels("upper_body") == (1, 6, 2, 4)
    assert PASCAL_PART.labels("lower_body") == (3, 5)
    assert PASCAL_PART.labels("head") == (4,)
    assert PASCAL_PART.labels("picture") == (0, 1, 6, 2, 4, 3, 5)


def test_levels_of_people() -> None:
    assert PASCAL_PART.levels[:2] == (("body",), ("upper_body", "lower_body"))
    assert PASCAL_PART.level_map(0).tolist() == [0, 1, 1, 1, 1, 1, 1]
    assert PASCAL_PART.level_map(1).tolist() == [0, 1, 1, 2, 1, 2, 1]
    assert PASCAL_PART.level_map(2).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_targets_of_people() -> None:
    assert PASCAL_PART.target_map("person")[:8].tolist() == [0, 1, 1, 1, 1, 1, 1, IGNORE]
    assert PASCAL_PART.target_map("body")[:7].tolist() == [IGNORE, 0, 0, 1, 0, 1, 0]
    assert PASCAL_PART.target_map("upper_body")[:7].tolist() == [IGNORE, 0, 2, IGNORE, 3, IGNORE, 1]
    assert PASCAL_PART.target_map("lower_body")[:7].tolist() == [IGNORE, IGNORE, IGNORE, 0, IGNORE, 1, IGNORE]


def test_another_tree_has_its_own_experts_levels_and_targets() -> None:
    assert [(spec.name, spec.parent) for spec in FOUR_LEGS.experts] == [
        ("animal", None),
        ("beast", "animal"),
        ("legs", "beast"),
    ]
    assert FOUR_LEGS.levels == (
        ("beast",),
        ("tail", "trunk", "legs"),
        ("tail", "trunk", "fore_left", "fore_right", "hind_left", "hind_right"),
    )
    assert FOUR_LEGS.level_map(1).tolist() == [0, 3, 3, 1, 3, 2, 3]
    assert FOUR_LEGS.target_map("beast")[:7].tolist() == [IGNORE, 2, 2, 0, 2, 1, 2]
    assert FOUR_LEGS.target_map("legs")[:7].tolist() == [IGNORE, 1, 3, IGNORE, 0, IGNORE, 2]


@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_targets_split_what_their_parent_holds(tree: Tree) -> None:
    for spec in tree.experts:
        table = tree.target_map(spec.name)
        assert tuple(sorted(np.flatnonzero(table != IGNORE))) == tuple(sorted(tree.labels(spec.node)))
        for place, child in enumerate(spec.children):
            assert sorted(np.flatnonzero(table == place)) == sorted(tree.labels(child))


@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_each_level_merges_the_next(tree: Tree) -> None:
    for coarse in range(len(tree.levels) - 1):
        pairs = set(zip(tree.level_map(coarse + 1).tolist(), tree.level_map(coarse).tolist(), strict=True))
        assert len(pairs) == len({fine for fine, _ in pairs})


@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_colours_follow_the_labels(tree: Tree) -> None:
    for node in tree.leaves:
        assert tuple(tree.palette[node.label]) == node.colour
    for level, names in enumerate(tree.levels):
        table, palette = tree.level_map(level), tree.level_palette(level)
        for name in names:
            assert {tuple(palette[table[label]]) for label in tree.labels(name)} == {tree.node(name).colour}


@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_json_gives_the_same_tree_back(tree: Tree) -> None:
    again = Tree.from_json(json.loads(json.dumps(tree.to_json())))
    assert again == tree
    assert again.experts == tree.experts
    assert hash(again) == hash(tree)


def test_trees_that_differ_in_one_name_are_not_equal() -> None:
    data = PASCAL_PART.to_json()
    data["children"][1]["name"] = "figure"
    assert Tree.from_json(data) != PASCAL_PART


@pytest.mark.parametrize(
    ("children", "message"),
    [
        ((leaf("background", 0), leaf("a", 2)), "labels must be 0 to n-1"),
        ((leaf("background", 0), leaf("a", 0)), "labels must be 0 to n-1"),
        ((leaf("a", 1), leaf("background", 0)), "first child must be the background"),
        ((leaf("background", 0), leaf("background", 1)), "unique"),
        ((leaf("background", 0), leaf("two words", 1)), "plain words"),
        ((leaf("background", 0), leaf("../x", 1)), "plain words"),
        ((leaf("background", 0), Node("body", (1, 2, 3))), "label or children"),
        ((leaf("background", 0), Node("body", (1, 2, 3), children=(leaf("a", 1),))), "at least two children"),
        ((leaf("background", 0), Node("a", (1, 2, 300), label=1)), "colour"),
        ((), "label or children"),
    ],
)
def test_contradictory_trees_are_refused_in_one_line(children: tuple[Node, ...], message: str) -> None:
    with pytest.raises(TreeError, match=message) as caught:
        tree_of(*children)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "tree",
        {},
        {"name": "a"},
        {"name": "a", "colour": [0, 0], "label": 0},
        {"name": 3, "colour": [0, 0, 0]},
    ],
)
def test_anything_else_than_a_tree_is_refused(data: object) -> None:
    with pytest.raises(TreeError):
        Tree.from_json(data)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(TreeError, match="no class is called 'arm'; the tree has: picture, background, body"):
        PASCAL_PART.node("arm")
    with pytest.raises(TreeError, match="no expert is called 'head'; the tree has: person, body"):
        PASCAL_PART.expert("head")
    with pytest.raises(TreeError, match="levels 0 to 2"):
        PASCAL_PART.level_map(3)


def test_depth_is_the_coarsest_level_that_tells_a_node_from_its_siblings() -> None:
    depths = {
        name: PASCAL_PART.level_of(name) for name in ("picture", "background", "body", "upper_body", "head", "low_leg")
    }
    assert depths == {"picture": 0, "background": 0, "body": 0, "upper_body": 1, "head": 2, "low_leg": 2}
    assert [FOUR_LEGS.level_of(name) for name in ("nothing", "beast", "tail", "legs", "hind_right")] == [0, 0, 1, 1, 2]
    with pytest.raises(TreeError, match="no class is called 'arm'"):
        PASCAL_PART.level_of("arm")


@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_an_experts_children_are_of_the_level_below_its_node(tree: Tree) -> None:
    for level, names in enumerate(tree.levels):
        assert max(tree.level_of(name) for name in names) == level
    for spec in tree.experts:
        assert len({tree.level_of(child) for child in spec.children}) == 1


def test_the_thing_is_the_one_coarsest_class() -> None:
    assert [tree.thing for tree in (PASCAL_PART, FOUR_LEGS, flat(PASCAL_PART))] == ["body", "beast", ""]


@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_flat_tree_has_one_expert_for_all_leaves_by_label(tree: Tree) -> None:
    single = flat(tree)
    (spec,) = single.experts
    assert (spec.name, spec.node, spec.parent) == ("parts", tree.root.name, None)
    assert single.leaves == tree.leaves
    assert spec.children == tuple(leaf.name for leaf in tree.leaves)
    # A child's place is its label: the network's classes are those of the masks.
    assert single.target_map("parts")[: tree.num_labels].tolist() == list(range(tree.num_labels))
    assert set(single.target_map("parts")[tree.num_labels :]) == {IGNORE}
    assert single.levels == (tuple(leaf.name for leaf in tree.leaves[1:]),)
    assert Tree.from_json(single.to_json()) == single != tree


def test_flat_tree_names_its_expert_as_asked_and_is_not_made_flatter() -> None:
    assert [spec.name for spec in flat(PASCAL_PART, "whole").experts] == ["whole"]
    assert flat(flat(PASCAL_PART)) == flat(PASCAL_PART)
