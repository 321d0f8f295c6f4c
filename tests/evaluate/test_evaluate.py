from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import BundleError, DataError
from bodycascade.evaluate import evaluate
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.params import Params
from tests.evaluate.project import ANIMAL, make_project

SCORE = Path(__file__).parents[1] / "reference" / "score.py"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    root = tmp_path_factory.mktemp("evaluated")
    params = make_project(root, PASCAL_PART, half=True)
    evaluate(params, root)
    return root, params


def read_metrics(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "results/reports/tiny/metrics.json").read_text())
    return found


def test_metrics_start_with_what_the_reference_script_prints_for_the_saved_predictions(
    evaluated: tuple[Path, Params],
) -> None:
    root, _ = evaluated
    command = [sys.executable, str(SCORE), str(root / "data/tiny"), str(root / "results/predictions/tiny")]
    expected = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    metrics = read_metrics(root)
    assert list(metrics)[: len(expected)] == list(expected)
    assert {key: metrics[key] for key in expected} == expected
    assert 0 < expected["mIoU2"] < 1


def test_what_is_scored_is_the_bundle_on_disk(evaluated: tuple[Path, Params]) -> None:
    root, _ = evaluated
    segmenter = CascadeSegmenter.load(root / "results/models/tiny/cascade", device="cpu", precision="float32")
    folder = root / "data/tiny"
    names = (folder / "val_id.txt").read_text().split()
    pairs = [(folder / f"JPEGImages/{name}.jpg", np.load(folder / f"gt_masks/{name}.npy")) for name in names]
    figures, metrics = segmenter.score(pairs), read_metrics(root)
    assert {key: metrics[key] for key in figures} == figures


def test_predictions_are_indexed_pngs_in_the_colours_of_the_tree(evaluated: tuple[Path, Params]) -> None:
    root, _ = evaluated
    files = sorted((root / "results/predictions/tiny").iterdir())
    assert len(files) == 8
    with Image.open(files[0]) as picture:
        assert picture.mode == "P"
        assert (picture.width, picture.height) == (56, 40)
        assert (picture.getpalette() or [])[: 3 * 7] == PASCAL_PART.palette.ravel().tolist()


def test_the_ladder_goes_from_the_score_as_it_is_to_one(evaluated: tuple[Path, Params]) -> None:
    metrics = read_metrics(evaluated[0])
    ladder = metrics["oracle"]["cumulative"]
    assert list(ladder) == [
        "none",
        "person",
        "person+body",
        "person+body+upper_body",
        "person+body+upper_body+lower_body",
    ]
    assert ladder["none"] == {level: metrics[level] for level in ("mIoU0", "mIoU1", "mIoU2")}
    assert ladder["person"]["mIoU0"] == 1.0
    assert ladder["person+body"]["mIoU1"] == 1.0
    assert list(ladder.values())[-1] == {"mIoU0": 1.0, "mIoU1": 1.0, "mIoU2": 1.0}
    assert list(metrics["oracle"]["single"]) == ["person", "body", "upper_body", "lower_body"]


def test_tables_have_a_row_for_each_image_and_a_hundred_for_each_class(evaluated: tuple[Path, Params]) -> None:
    plots = evaluated[0] / "results/plots/tiny"
    with (plots / "per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"2008_{place:06d}" for place in range(8)]
    assert [row["grayscale"] for row in rows] == ["colour"] * 7 + ["gray"]
    with (plots / "confusion.csv").open(newline="") as file:
        actual = [row["actual"] for row in csv.DictReader(file)]
    assert {name: actual.count(name) for name in set(actual)} == {leaf.name: 100 for leaf in PASCAL_PART.leaves}


def test_speed_device_and_groups_are_reported(evaluated: tuple[Path, Params]) -> None:
    metrics = read_metrics(evaluated[0])
    assert metrics["images_per_second"] >= metrics["images_per_second_whole"] > 0
    assert metrics["device"] == "cpu, float32"
    assert (metrics["colour"]["images"], metrics["grayscale"]["images"]) == (7, 1)
    assert {band: figures["images"] for band, figures in metrics["by_size"].items()} == dict.fromkeys(
        ("0%-2%", "2%-10%", "10%-30%", "30%-100%"), 2
    )
    low, high = metrics["bootstrap"]["mIoU2"]
    assert low <= metrics["mIoU2"] <= high


def test_another_tree_is_assembled_and_scored(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, half=True)
    figures = evaluate(params, tmp_path, ANIMAL)
    assert set(figures["classes"]) <= {"animal", "tail", "legs", "front_legs", "hind_legs"}
    assert "mIoU_4_with_background" in figures
    assert list(figures["oracle"]["cumulative"].values())[-1] == {"mIoU0": 1.0, "mIoU1": 1.0, "mIoU2": 1.0}
    assert list(figures["confusion"]["level1"]["names"]) == ["ground", "tail", "legs"]


def test_a_second_run_leaves_no_prediction_of_the_first(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, images=4)
    stray = tmp_path / "results/predictions/tiny/stray.png"
    stray.parent.mkdir(parents=True)
    stray.touch()
    evaluate(params, tmp_path, ANIMAL)
    assert sorted(file.name for file in stray.parent.iterdir()) == [f"2008_{place:06d}.png" for place in range(4)]
    assert list(stray.parent.parent.iterdir()) == [stray.parent]


def test_a_missing_expert_is_named_with_what_to_do(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, images=4)
    (tmp_path / "results/models/tiny/legs.safetensors").unlink()
    with pytest.raises(DataError, match=r"legs\.safetensors: no such file; train the expert 'legs' first"):
        evaluate(params, tmp_path, ANIMAL)


def test_a_damaged_expert_is_refused(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, images=4)
    path = tmp_path / "results/models/tiny/legs.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BundleError, match="legs"):
        evaluate(params, tmp_path, ANIMAL)


def test_data_of_another_tree_are_refused(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, images=4)
    with pytest.raises(DataError, match="another class tree"):
        evaluate(params, tmp_path, PASCAL_PART)


def test_data_that_were_prepared_by_other_settings_are_refused(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, images=4)
    other = replace(params, preprocess=replace(params.preprocess, selection_fraction=0.37))
    with pytest.raises(DataError, match="preprocess"):
        evaluate(other, tmp_path, ANIMAL)


@pytest.mark.parametrize("file", ["JPEGImages/2008_000002.jpg", "gt_masks/2008_000002.npy"])
def test_a_val_file_changed_since_the_check_is_refused_and_nothing_is_left_behind(tmp_path: Path, file: str) -> None:
    params = make_project(tmp_path, ANIMAL, images=4)
    with (tmp_path / "data/tiny" / file).open("ab") as changed:
        changed.write(b"\0")
    with pytest.raises(DataError, match=f"{file}: not the file that the preprocess stage checked"):
        evaluate(params, tmp_path, ANIMAL)
    assert not (tmp_path / "results/reports/tiny/metrics.json").exists()
    assert list((tmp_path / "results/predictions").iterdir()) == []


def test_a_val_file_that_is_gone_is_named(tmp_path: Path) -> None:
    params = make_project(tmp_path, ANIMAL, images=4)
    (tmp_path / "data/tiny/gt_masks/2008_000001.npy").unlink()
    with pytest.raises(DataError, match=r"2008_000001.*gone since"):
        evaluate(params, tmp_path, ANIMAL)
