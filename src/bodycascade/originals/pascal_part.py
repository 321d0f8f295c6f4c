"""The Pascal-Part release (Chen et al. 2014, arXiv:1406.2031): `Annotations_Part/ID.mat` beside VOC2010's JPEGs.

A file holds `anno.objects`, each with a `class` and `parts`; a part has a `part_name` and a `mask` (H, W) of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.data.parallel import ordered_map
from bodycascade.errors import DataError, MissingExtraError, first_line
from bodycascade.hierarchy import Tree
from bodycascade.originals.dataset import Source, sources_beside

# fmt: off
PART_OF = {
    "head": "head", "hair": "head", "nose": "head", "mouth": "head",
    "leye": "head", "reye": "head", "lear": "head", "rear": "head", "lebrow": "head", "rebrow": "head",
    "torso": "torso", "neck": "torso",
    "luarm": "up_hand", "ruarm": "up_hand",
    "llarm": "low_hand", "rlarm": "low_hand", "lhand": "low_hand", "rhand": "low_hand",
    "luleg": "up_leg", "ruleg": "up_leg",
    "llleg": "low_leg", "rlleg": "low_leg", "lfoot": "low_leg", "rfoot": "low_leg",
}
# fmt: on
"""The class that each of the 24 part names of a person belongs to: those of Pascal-Person-Part (Chen et al. 2016,
arXiv:1511.03339), where hands go with the lower arm, feet with the lower leg, and the neck with the torso."""


def find_sources(annotations: Path, pictures: Path, tree: Tree) -> dict[str, Source]:
    """By id, each `.mat` file below `annotations` with the JPEG of its name in `pictures`; nothing is read yet."""
    return sources_beside(pictures, annotations, ".mat", partial(read_labels, tree=tree))


def with_people(
    sources: Mapping[str, Source], *, on_image: Callable[[int], None] = lambda done: None
) -> tuple[str, ...]:
    """The ids whose annotation shows at least one part of a person; a file that cannot be read is left to `read`.

    `on_image(done)` hears of each.
    """
    names = []
    shows = ordered_map(_shows_person, sources.values())
    for done, (name, shown) in enumerate(zip(sources, shows, strict=True), start=1):
        names += [name] if shown else []
        on_image(done)
    return tuple(names)


def read_labels(path: Path, tree: Tree) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: the leaf label of each pixel by the annotation `path`.

    Objects and parts are painted in their order, later ones over earlier ones, as the release's own script does. What
    belongs to a person but to none of its parts, and what belongs to other objects, is background. Raises `DataError`
    where the file cannot be read or names a part that `PART_OF` does not have.
    """
    anno = _load(path)
    objects = _listed(anno.get("objects"))
    shapes = {np.shape(thing["mask"]) for thing in objects if isinstance(thing, dict) and "mask" in thing}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise DataError(f"{path}: expected masks (H, W) of one size; found {sorted(shapes) or 'none'}")
    labels = np.zeros(next(iter(shapes)), np.uint8)
    for person in _people(anno, path):
        for part in _parts(person):
            name = str(part.get("part_name"))
            if name not in PART_OF:
                raise DataError(f"{path}: a person's part is called {name!r}; known are {', '.join(PART_OF)}")
            mask = np.asarray(part.get("mask"))
            if mask.shape != labels.shape:
                raise DataError(f"{path}: the mask of {name} is {mask.shape}, the others are {labels.shape}")
            labels[mask > 0] = tree.node(PART_OF[name]).label or 0
    return labels


def _shows_person(source: Source) -> bool:
    try:
        return bool(source.read().any())
    except DataError:
        return True


def _load(path: Path) -> dict[str, Any]:
    try:
        from scipy.io import loadmat  # noqa: PLC0415 - an extra that nothing else needs
    except ModuleNotFoundError:
        raise MissingExtraError("scipy", "prepare") from None
    try:
        anno = loadmat(path, simplify_cells=True, variable_names=["anno"]).get("anno")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # damaged files make it raise whatever they lead it into
        raise DataError(f"{path}: not a MATLAB file that can be read ({first_line(error)})") from None
    if not isinstance(anno, dict):
        raise DataError(f"{path}: holds no struct called anno; expected a file of the Pascal-Part release")
    return anno


def _people(anno: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    objects = _listed(anno.get("objects"))
    if not all(isinstance(thing, dict) and "class" in thing for thing in objects):
        raise DataError(
            f"{path}: anno.objects must be structs with a class; expected a file of the Pascal-Part release"
        )
    return [thing for thing in objects if thing["class"] == "person"]


def _parts(person: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in _listed(person.get("parts")) if isinstance(part, dict)]


def _listed(value: object) -> list[Any]:
    """A struct array as a list: one struct alone comes without its array, an empty one as an empty array."""
    if isinstance(value, dict):
        return [value]
    return list(value) if isinstance(value, list | np.ndarray) and np.size(np.asarray(value, object)) else []
