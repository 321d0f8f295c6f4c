"""The check of a data set before anything is made from it: every bad file at once, with the reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from bodycascade.data.layout import Layout
from bodycascade.data.parallel import ordered_map
from bodycascade.errors import DataError
from bodycascade.hierarchy import Tree
from bodycascade.progress import track

MOST_LISTED = 50


@dataclass(frozen=True)
class DataReport:
    """What a good data set holds: ids per split as listed, pixels per leaf label of each image, remarks in words.

    `pixels[id][label]` counts at native size. `notes` are not errors: a split without a person, a class never seen.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    pixels: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]


def check_data(layout: Layout, *, train_ids: str, val_ids: str, tree: Tree) -> DataReport:
    """Read every file of the two splits once and report on them.

    `train_ids`, `val_ids`: names of the id files below the layout's folder. Raises `DataError`: a header line and one
    line per bad file or id, sorted, the first `MOST_LISTED` of them.
    """
    problems: list[str] = []
    splits = []
    for file in (train_ids, val_ids):
        try:
            splits.append(layout.read_ids(file))
        except DataError as error:
            problems.append(str(error))
    if len(splits) < 2:
        raise DataError(_listing(layout, problems, "the id lists cannot be used"))
    train, val = splits
    problems += _check_lists(train, val, train_ids, val_ids) + _check_classes(layout, tree)
    names = sorted(set(train) | set(val))
    pixels: dict[str, tuple[int, ...]] = {}
    results = ordered_map(lambda name: _check_image(layout, name, tree), names)
    for name, (counts, found) in zip(names, track(results, "data check", total=len(names)), strict=True):
        pixels[name] = counts
        problems += found
    if problems:
        bad = sum(not counts for counts in pixels.values())
        raise DataError(_listing(layout, problems, f"{bad} of {len(names)} images cannot be used" if bad else "bad lists"))
    return DataReport(train, val, pixels, _notes({"train": train, "val": val}, pixels, tree))


def _check_lists(train: tuple[str, ...], val: tuple[str, ...], train_ids: str, val_ids: str) -> list[str]:
    problems = []
    for file, ids in ((train_ids, train), (val_ids, val)):
        repeated = sorted(name for name, times in Counter(ids).items() if times > 1)
        problems += [f"{file}: {name} is listed more than once" for name in repeated]
    both = sorted(set(train) & set(val))
    return problems + [f"{val_ids}: {name} is listed in {train_ids} too" for name in both]


def _check_classes(layout: Layout, tree: Tree) -> list[str]:
    try:
        found = layout.read_classes()
    except DataError as error:
        return [str(error)]
    # The background is named freely: bg as distributed.
    expected = {node.label: node.name for node in tree.leaves if node.label}
    if {label: name for label, name in found.items() if label} == expected:
        return []
    return [f"{layout.folder / 'classes.txt'}: the classes are {_in_words(found)}; the tree has {_in_words(expected)}"]


def _in_words(classes: dict[int | None, str] | dict[int, str]) -> str:
    return ", ".join(f"{label} {name}" for label, name in sorted(classes.items(), key=str)) or "none"


def _check_image(layout: Layout, name: str, tree: Tree) -> tuple[tuple[int, ...], list[str]]:
    """(pixels per label, problems) of one image; the pixels are empty where there is a problem."""
    problems, image_size, mask = [], None, None
    try:
        image_size = layout.read_image(name).shape[:2]
    except DataError as error:
        problems.append(str(error))
    try:
        mask = layout.read_mask(name)
    except DataError as error:
        problems.append(str(error))
    if mask is not None:
        counts = np.bincount(mask.ravel(), minlength=256)
        strange = np.flatnonzero(counts[tree.num_labels :]) + tree.num_labels
        if strange.size:
            listed = ", ".join(map(str, strange[:5])) + (" ..." if strange.size > 5 else "")
            problems.append(f"{layout.mask_path(name)}: holds labels {listed}; expected 0 to {tree.num_labels - 1}")
        if image_size is not None and image_size != mask.shape:
            problems.append(
                f"{layout.mask_path(name)}: {mask.shape[1]} x {mask.shape[0]} pixels; "
                f"the image has {image_size[1]} x {image_size[0]}"
            )
        if not problems:
            return tuple(int(count) for count in counts[: tree.num_labels]), []
    return (), problems


def _listing(layout: Layout, problems: list[str], summary: str) -> str:
    listed = sorted(problems)[:MOST_LISTED]
    more = [f"... and {len(problems) - MOST_LISTED} more"] if len(problems) > MOST_LISTED else []
    header = f"{layout.folder}: {summary}; mend these or take them off the lists, nothing was made:"
    return "\n  ".join([header, *listed, *more])


def _notes(splits: dict[str, tuple[str, ...]], pixels: dict[str, tuple[int, ...]], tree: Tree) -> tuple[str, ...]:
    notes = []
    for split, ids in splits.items():
        totals = np.sum([pixels[name] for name in ids], axis=0)
        if not totals[1:].any():
            notes.append(f"{split}: not one of the {len(ids)} images shows a person")
            continue
        absent = [node.name for node in tree.leaves if not totals[node.label or 0]]
        if absent:
            notes.append(f"{split}: never seen: {', '.join(absent)}")
    return tuple(notes)
