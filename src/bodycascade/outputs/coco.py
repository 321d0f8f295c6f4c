"""Segmentations in the format of COCO's object annotations (Lin et al. 2014; cocodataset.org, "Data format").

A class of a picture is one annotation, however many people share it: the cascade tells parts apart, not persons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.errors import MissingExtraError
from bodycascade.hierarchy import Tree
from bodycascade.outputs.outlines import polygons
from bodycascade.segmentation import Segmentation

FORMS = ("rle", "polygons")


def class_annotations(segmentation: Segmentation, level: int, form: str) -> list[dict[str, Any]]:
    """One annotation, without ids, for each class of `level` that the picture shows.

    `category_id` is the class's id at that level, `area` counts pixels, `bbox` is [x, y, width, height] in pixels, and
    `segmentation` is compressed RLE or a list of polygons, as `form` says. Raises `MissingExtraError` where RLE is
    asked for without pycocotools.
    """
    labels = segmentation.level(level)
    found = []
    for category in np.flatnonzero(np.bincount(labels.ravel())).tolist():
        if category == 0:
            continue
        mask = labels == category
        top, bottom = _ends(mask.any(axis=1))
        left, right = _ends(mask.any(axis=0))
        found.append(
            {
                "category_id": category,
                "segmentation": _rle(mask) if form == "rle" else polygons(mask),
                "area": int(mask.sum()),
                "bbox": [left, top, right - left, bottom - top],
                "iscrowd": 0,
            }
        )
    return found


def document(
    tree: Tree, level: int, pictures: Iterable[tuple[str, tuple[int, int], Sequence[dict[str, Any]]]]
) -> dict[str, Any]:
    """The whole file: `pictures` are (name, (H, W), annotations); images and annotations are numbered from 1."""
    images: list[dict[str, Any]] = []
    every: list[dict[str, Any]] = []
    for number, (name, (height, width), found) in enumerate(pictures, start=1):
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for annotation in found:
            every.append({"id": len(every) + 1, "image_id": number, **annotation})
    return {
        "info": {"description": "human parts found by bodycascade"},
        "licenses": [],
        "images": images,
        "annotations": every,
        "categories": _categories(tree, level),
    }


def require_pycocotools() -> None:
    """Raises `MissingExtraError`, with the install line, where pycocotools is missing."""
    try:
        import pycocotools.mask  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("pycocotools", "coco") from None


def _categories(tree: Tree, level: int) -> list[dict[str, Any]]:
    above = {child.name: node.name for node in tree.root.walk() for child in node.children}
    return [
        {"id": number, "name": name, "supercategory": above[name]}
        for number, name in enumerate(tree.level_names(level))
        if number
    ]


def _rle(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    require_pycocotools()
    from pycocotools.mask import encode  # noqa: PLC0415 - an extra

    encoded = encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def _ends(hit: npt.NDArray[np.bool_]) -> tuple[int, int]:
    places = np.flatnonzero(hit)
    return int(places[0]), int(places[-1]) + 1
