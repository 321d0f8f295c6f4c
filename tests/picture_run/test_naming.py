"""Outputs have names of their own, whatever the pictures are called."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from bodycascade.picture_run.naming import plan
from bodycascade.picture_run.sources import Source

SUFFIXES = (".png", ".overlay.jpg", ".mask-head.png")


def sources(*names: str) -> list[Source]:
    """Sources in the folders of their names: two named alike lie in different folders of the disk."""
    return [
        Source(name, Path(f"/photos/{place}/{name}"), PurePosixPath(name).parent, PurePosixPath(name).name)
        for place, name in enumerate(names)
    ]


def stems(*names: str, before: dict[str, str] | None = None) -> list[str]:
    return [one.stem for one in plan(sources(*names), SUFFIXES, before=before or {}, taken={})]


def test_short_names_where_they_are_free() -> None:
    assert stems("a.jpg", "sub/a.jpg", "sub/b.c.png") == ["a", "sub/a", "sub/b.c"]


def test_pictures_that_differ_in_their_ending_both_keep_it() -> None:
    assert stems("a.jpg", "a.png", "b.jpg") == ["a.jpg", "a.png", "b"]


def test_names_that_differ_in_case_only_are_kept_apart() -> None:
    assert len({stem.casefold() for stem in stems("IMG.jpg", "img.jpg", "Img.png")}) == 3


def test_pictures_of_one_name_from_several_places_are_numbered() -> None:
    assert stems("a.jpg", "a.jpg", "a.jpg") == ["a.jpg", "a.jpg-2", "a.jpg-3"]


@pytest.mark.parametrize(
    "names", [("a.jpg", "a.mask-head.gif"), ("a.mask-head.gif", "a.jpg"), ("a.jpg", "a.jpg.gif", "a.gif")]
)
def test_no_output_of_one_picture_is_that_of_another(names: tuple[str, ...]) -> None:
    planned = plan(sources(*names), SUFFIXES, before={}, taken={})
    files = [one.file(suffix).casefold() for one in planned for suffix in SUFFIXES]
    assert len(set(files)) == len(files)


def test_a_picture_keeps_the_name_it_had_when_another_joins() -> None:
    first, second = sources("a.jpg", "a.png")
    planned = plan([second, first], SUFFIXES, before={first.key: "a"}, taken={"a.png": first.key})
    assert {one.source.name: one.stem for one in planned} == {"a.jpg": "a", "a.png": "a.png"}
    assert [one.source.name for one in planned] == ["a.png", "a.jpg"]


def test_files_of_earlier_runs_are_not_given_to_others() -> None:
    (one,) = plan(sources("a.jpg"), SUFFIXES, before={}, taken={"a.png": "/elsewhere/a.jpg"})
    assert one.stem == "a.jpg"


def test_tables_are_reserved() -> None:
    (one,) = plan(sources("shares.jpg"), (".csv",), before={}, taken={}, reserved=["shares.csv"])
    assert one.stem == "shares.jpg"


def test_a_file_of_outputs_and_a_folder_of_outputs_have_different_names() -> None:
    planned = plan(sources("a.jpg", "a.png/b.jpg"), (".png",), before={}, taken={})
    assert [one.file(".png") for one in planned] == ["a.jpg.png", "a.png/b.png"]
