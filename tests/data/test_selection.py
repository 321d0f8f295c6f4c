"""The selection set is a slice of train that depends on nothing but each id."""

from __future__ import annotations

import random

from bodycascade.data.selection import split_selection

IDS = [f"2008_{number:06d}" for number in range(3000)]


def test_slices_are_disjoint_whole_and_of_about_the_size_asked_for() -> None:
    train, selection = split_selection(IDS, 0.1)
    assert sorted(train + selection) == IDS
    assert 250 <= len(selection) <= 350


def test_order_makes_no_difference() -> None:
    shuffled = random.Random(1).sample(IDS, len(IDS))
    assert split_selection(shuffled, 0.1) == split_selection(IDS, 0.1)


def test_id_keeps_its_slice_when_the_data_set_grows() -> None:
    _, small = split_selection(IDS[:1000], 0.1)
    _, large = split_selection(IDS, 0.1)
    assert set(small) == set(large) & set(IDS[:1000])


def test_larger_fraction_contains_the_smaller() -> None:
    assert set(split_selection(IDS, 0.1)[1]) < set(split_selection(IDS, 0.2)[1])


def test_choice_is_pinned_so_that_published_figures_stay_comparable() -> None:
    names = ["2008_000003", "2008_000008", "2008_000026", "2008_000034", "2008_000036"]
    assert split_selection(names, 0.3)[1] == ("2008_000036",)


def test_two_ids_give_one_to_each_slice() -> None:
    for names in (["a", "b"], ["x", "y"], ["img_1", "img_2"]):
        train, selection = split_selection(names, 0.01)
        assert (len(train), len(selection)) == (1, 1)
        train, selection = split_selection(names, 0.49)
        assert (len(train), len(selection)) == (1, 1)
