"""The accuracy benchmark, end to end on two drawn people."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import parse, run
from benchmarks.output import run_benchmark
from bodycascade.cascade import CascadeSegmenter
from bodycascade.data.layout import Layout
from bodycascade.errors import BodyCascadeError, BundleError
from bodycascade.flip_averaging import FlipAveraged
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.metric import confusion_matrix, scores
from bodycascade.segmenter import Segmenter


def measured(out: Path, *words: object) -> dict[str, Any]:
    run(parse([*map(str, words), "--bootstrap-samples", "20", "--out", str(out)]))
    data: dict[str, Any] = json.loads((out / "accuracy.json").read_text())
    return data


def scores_on(people: Path, segmenter: Segmenter) -> dict[str, Any]:
    """The metric's scores of `segmenter` on the val images, by the plainest way."""
    layout = Layout.open(people)
    matrix = sum(
        confusion_matrix(layout.read_labels(name), segmenter(layout.read_image(name)).parts, 7)
        for name in layout.read_ids("val_id.txt")
    )
    return scores(matrix, PASCAL_PART)


@pytest.fixture
def both(tmp_path: Path, people: Path, bundle: Path) -> dict[str, Any]:
    return measured(tmp_path / "out", f"tiny={bundle}", "background", "--data", people, "--precision", "float32")


def test_figures_are_those_of_the_metric(both: dict[str, Any], people: Path, bundle: Path) -> None:
    tiny, background = both["segmenters"]
    expected = scores_on(people, CascadeSegmenter.load(bundle, "cpu", precision="float32"))
    assert {key: tiny[key] for key in expected} == expected
    assert expected["mIoU0"] > 0
    assert [background[f"mIoU{level}"] for level in range(3)] == [0, 0, 0]
    assert (tiny["images"], tiny["name"], background["name"]) == (2, "tiny", "background")
    assert sum(group["images"] for group in tiny["by_size"].values()) == 2
    low, high = tiny["bootstrap"]["mIoU1"]
    assert low <= tiny["mIoU1"] <= high
    assert tiny["images_per_second"] > 0


def test_tta_is_the_released_cascade_asked_about_the_mirror_image_too(tmp_path: Path, people: Path) -> None:
    segmenter = CascadeSegmenter.load(device="cpu", precision="float32")
    asked_twice = FlipAveraged(PASCAL_PART, segmenter.batch, routing=segmenter.routing)
    words = ("--data", people, "--precision", "float32", "--device", "cpu")
    (found,) = measured(tmp_path / "out", "tta", *words)["segmenters"]
    expected = scores_on(people, asked_twice)
    assert {key: found[key] for key in expected} == expected
    assert found["name"] == "tta"


def test_tables_show_levels_classes_and_sizes(both: dict[str, Any], tmp_path: Path) -> None:
    text = (tmp_path / "out" / "accuracy.md").read_text()
    tiny = both["segmenters"][0]
    low, high = tiny["bootstrap"]["mIoU0"]
    assert f"| tiny | {tiny['mIoU0']:.3f} [{low:.3f}, {high:.3f}] |" in text
    assert "| IoU | body | upper_body | lower_body | low_hand | up_hand | torso | head | low_leg | up_leg |" in text
    assert "| background | 10%-30% |" in text


def test_results_say_what_they_were_measured_on_but_not_where(both: dict[str, Any], tmp_path: Path) -> None:
    assert set(both["machine"]) == {"cpu", "instructions", "cores", "threads", "torch", "python", "date"}
    for name in ("accuracy.json", "accuracy.md"):
        text = (tmp_path / "out" / name).read_text()
        assert str(both["machine"]["cpu"]) in text
        for secret in (str(tmp_path), str(Path.home()), platform.node() or "no name"):
            assert secret not in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["accuracy.json", "accuracy.md"]


def test_a_limit_takes_fewer_images(tmp_path: Path, people: Path) -> None:
    data = measured(tmp_path / "out", "background", "--data", people, "--limit", 1, "--ids", "val_id.txt")
    assert data["images"] == data["segmenters"][0]["images"] == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere"], "no such folder"),
        (["bodypix=nowhere"], "model-stride16.json is missing"),
        (["background=here"], "expected released, fast"),
        (["a=", "background"], "expected released, fast"),
        (["fast=half"], "fast=half: expected a number, as in fast=0.55"),
        (["fast=7"], "fast: expected True, False, or the share"),
        (["background", "background"], "two segmenters have one name"),
    ],
)
def test_nonsense_is_one_line(tmp_path: Path, people: Path, words: list[str], reason: str) -> None:
    with pytest.raises(BodyCascadeError, match=reason) as caught:
        measured(tmp_path / "out", *words, "--data", people)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_error_meant_for_the_user_ends_the_benchmark_with_its_line() -> None:
    def fail() -> None:
        raise BundleError("this bundle is damaged")

    with pytest.raises(SystemExit) as caught:
        run_benchmark(fail)
    assert caught.value.code == "this bundle is damaged"
