"""annotations.json is read by pycocotools, and gives the masks back."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bodycascade.errors import MissingExtraError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.outputs.coco import class_annotations, document
from tests.painted import paint, painted_person, read_colours


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools, when it decodes
@pytest.mark.parametrize("form", ["rle", "polygons"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_pycocotools_reads_the_masks_back(form: str, level: int, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    images = [paint(seed=seed)[0] for seed in range(3)] + [painted_person(60, 44)]
    found = read_colours(images)
    rows = [(f"{i}.png", s.parts.shape, class_annotations(s, level, form)) for i, s in enumerate(found)]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(document(PASCAL_PART, level, rows)))  # type: ignore[arg-type]
    read = coco.COCO(str(path))
    names = {category["id"]: category["name"] for category in read.loadCats(read.getCatIds())}
    assert set(names.values()) == set(PASCAL_PART.levels[level])
    for number, segmentation in enumerate(found, start=1):
        seen = np.zeros(segmentation.parts.shape, np.bool_)
        for annotation in read.loadAnns(read.getAnnIds(imgIds=number)):
            mask = read.annToMask(annotation).astype(np.bool_)
            np.testing.assert_array_equal(mask, segmentation.mask(names[annotation["category_id"]]))
            x, y, width, height = annotation["bbox"]
            assert annotation["area"] == mask.sum() == mask[y : y + height, x : x + width].sum()
            seen |= mask
        np.testing.assert_array_equal(seen, segmentation.mask("body"))


def test_a_picture_without_people_has_no_annotation() -> None:
    (empty,) = read_colours([np.zeros((9, 9, 3), np.uint8)])
    assert class_annotations(empty, 2, "polygons") == []
    data = document(PASCAL_PART, 2, [("empty.png", (9, 9), [])])
    assert (len(data["images"]), data["annotations"]) == (1, [])


def test_categories_name_the_node_above() -> None:
    above = {row["name"]: row["supercategory"] for row in document(PASCAL_PART, 2, [])["categories"]}
    assert (above["head"], above["low_leg"]) == ("upper_body", "lower_body")


def test_missing_pycocotools_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    found, real = read_colours([paint()[0]])[0], builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'bodycascade\[coco\]'"):
        class_annotations(found, 2, "rle")
