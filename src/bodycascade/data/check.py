"""The check of a data set before anything is made from it: every bad file at once, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bodycascade.data.layout import Layout
from bodycascade.data.parallel import ordered_map
from bodycascade.errors import DataError
from bodycascade.hierarchy import Tree
from bodycascade.imaging import is_turned
from bodycascade.progress import counted, track

MOST_LISTED = 50


@dataclass(frozen=True)
class DataReport:
    """What a good data set holds: ids per split as listed, pixels per leaf label of each image, remarks in words.

    `pixels[id][label]` counts at native size, `sizes[id]` is that size as (H, W). `notes` are not errors: a split
    without a person, a class never seen, photographs that are turned.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    pixels: dict[str, tuple[int, ...]]
    sizes: dict[str, tuple[int, int]]
    notes: tuple[str, ...]


def check_data(layout: Layout, *, train_ids: str, val_ids: str, tree: Tree) -> DataReport:
    """Read every file of the two splits once and report on them.

    `train_ids`, `val_ids`: names of the id files below the layout's folder. Raises `DataError`: a header line and one
    line per bad file or id, sorted, the first `MOST_LISTED` of them.
    """
    (train, problems), (val, more) = layout.scan_ids(train_ids), layout.scan_ids(val_ids)
    problems += more + _check_classes(layout, tree)
    if not (train and val):  # without a list there is no saying what to read
        raise DataError(listing(_header(layout, "the lists are bad"), problems))
    problems += _check_lists(layout, (train_ids, train), (val_ids, val))
    names = sorted(set(train) | set(val))
    findings: dict[str, _Finding] = {}
    results = ordered_map(lambda name: _check_image(layout, name, tree), names)
    for name, finding in zip(names, track(results, "data check", total=len(names)), strict=True):
        findings[name] = finding
        problems += finding.problems
    if problems:
        bad = sum(bool(finding.problems) for finding in findings.values())
        summary = f"{bad} of {len(names)} images are bad" if bad else "the lists or classes.txt are bad"
        raise DataError(listing(_header(layout, summary), problems))
    pixels = {name: finding.pixels for name, finding in findings.items()}
    notes = _notes({"train": train, "val": val}, pixels, tree) + _note_turned(findings)
    return DataReport(train, val, pixels, {name: finding.size for name, finding in findings.items()}, notes)


@dataclass(frozen=True)
class _Finding:
    """What is known of one image; all but `problems` means something where there are none of these."""

    pixels: tuple[int, ...]
    size: tuple[int, int]
    turned: bool
    problems: tuple[str, ...]


def _check_lists(layout: Layout, *lists: tuple[str, tuple[str, ...]]) -> list[str]:
    problems = []
    for file, ids in lists:
        repeated = sorted(name for name, times in Counter(ids).items() if times > 1)
        problems += [f"{layout.folder / file}: {name} is listed more than once" for name in repeated]
    (train_file, train), (val_file, val) = lists
    both = sorted(set(train) & set(val))
    return problems + [f"{layout.folder / val_file}: {name} is listed in {train_file} too" for name in both]


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


def _check_image(layout: Layout, name: str, tree: Tree) -> _Finding:
    problems, image_size, labels = [], None, None
    try:
        image_size = layout.read_image(name).shape[:2]
    except DataError as error:
        problems.append(str(error))
    try:
        labels = layout.read_labels(name)
    except DataError as error:
        problems.append(str(error))
    if labels is None:
        return _Finding((), (0, 0), turned=False, problems=tuple(problems))
    counts = np.bincount(labels.ravel(), minlength=256)
    strange = np.flatnonzero(counts[tree.num_labels :]) + tree.num_labels
    if strange.size:
        listed = _first_five(strange.tolist())
        problems.append(f"{layout.labels_path(name)}: holds labels {listed}; expected 0 to {tree.num_labels - 1}")
    height, width = labels.shape
    if image_size is not None and image_size != (height, width):
        expected = f"{image_size[1]} x {image_size[0]} as the image"
        problems.append(f"{layout.labels_path(name)}: {width} x {height} pixels; expected {expected}")
    pixels = tuple(int(count) for count in counts[: tree.num_labels])
    return _Finding(pixels, (height, width), turned=is_turned(layout.image_path(name)), problems=tuple(problems))


def listing(header: str, problems: Collection[str]) -> str:
    """`header`, and below it the problems, one a line, sorted, the first `MOST_LISTED` of them."""
    listed = sorted(problems)[:MOST_LISTED]
    more = [f"... and {len(problems) - MOST_LISTED} more"] if len(problems) > MOST_LISTED else []
    return "\n  ".join([header, *listed, *more])


def _header(layout: Layout, summary: str) -> str:
    return f"{layout.folder}: {summary}; mend these, or take the images off the lists:"


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


def _note_turned(findings: Mapping[str, _Finding]) -> tuple[str, ...]:
    """Masks carry no orientation: whether they were drawn on the upright picture, a mask of its size does not tell."""
    turned = [name for name, finding in findings.items() if finding.turned]
    if not turned:
        return ()
    return (
        f"{counted(len(turned), 'photograph')} turned by the EXIF orientation ({_first_five(turned)}): the masks must "
        "be those of the upright pictures",
    )


def _first_five(words: Sequence[object]) -> str:
    return ", ".join(map(str, words[:5])) + (" ..." if len(words) > 5 else "")
