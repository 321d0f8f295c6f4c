from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bodycascade.baselines.constant import ConstantSegmenter
from bodycascade.data.examples import Example
from bodycascade.errors import DataError
from bodycascade.evaluate.predictions import write_label_map
from bodycascade.evaluate.summary import summary
from bodycascade.evaluate.tally import tally
from bodycascade.hierarchy import PASCAL_PART, Tree
from tests.evaluate.project import ANIMAL, label_map
from tests.evaluate.segmenters import GivenSegmenter, Labels

SCORE = Path(__file__).parents[1] / "reference" / "score.py"


def make_examples(tree: Tree, *, count: int = 6, shares: tuple[float, ...] = (0.01, 0.05, 0.2, 0.7)) -> list[Example]:
    rng = np.random.default_rng(3)
    examples = []
    for place in range(count):
        shape = (int(rng.integers(20, 60)), int(rng.integers(20, 60)))
        truth = label_map(shape, tree, rng, share=shares[place % len(shares)])
        image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        examples.append(Example(f"image{place}", image, truth, "colour"))
    return examples


def ignore(_name: str, _labels: Labels) -> None:
    pass


@pytest.mark.parametrize("tree", [PASCAL_PART, ANIMAL], ids=["pascal", "animal"])
def test_the_truth_as_a_segmenter_scores_one_at_every_level(tree: Tree) -> None:
    examples = make_examples(tree)
    truth = GivenSegmenter(tree, [(example.image, example.labels) for example in examples])
    figures = summary(tally(truth, examples, keep=ignore), bootstrap_samples=20, seed=0)
    assert [figures[f"mIoU{level}"] for level in range(3)] == [1.0, 1.0, 1.0]
    assert figures["bootstrap"]["mIoU2"] == [1.0, 1.0]


def test_nothing_but_background_scores_zero_at_every_level() -> None:
    counted = tally(ConstantSegmenter(PASCAL_PART, 0), make_examples(PASCAL_PART), keep=ignore)
    figures = summary(counted, bootstrap_samples=20, seed=0)
    assert [figures[f"mIoU{level}"] for level in range(3)] == [0.0, 0.0, 0.0]
    assert figures["classes"]["head"] == {"iou": 0.0, "recall": 0.0}


def test_figures_equal_the_reference_script_to_the_last_digit_on_random_label_maps(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    examples = make_examples(PASCAL_PART, count=40, shares=(0.05, 0.2, 0.7))
    predicted = [
        np.where(rng.random(e.labels.shape) < 0.3, rng.integers(0, 7, e.labels.shape), e.labels).astype(np.uint8)
        for e in examples
    ]
    given = GivenSegmenter(PASCAL_PART, [(e.image, labels) for e, labels in zip(examples, predicted, strict=True)])
    for folder in ("gt_masks", "predictions"):
        (tmp_path / folder).mkdir()
    for example in examples:
        np.save(tmp_path / f"gt_masks/{example.id}.npy", example.labels)
    (tmp_path / "val_id.txt").write_text("\n".join(example.id for example in examples))

    def keep(name: str, labels: Labels) -> None:
        write_label_map(tmp_path / f"predictions/{name}.png", labels, PASCAL_PART)

    figures = summary(tally(given, examples, keep=keep), bootstrap_samples=0, seed=0)
    command = [sys.executable, str(SCORE), str(tmp_path), str(tmp_path / "predictions")]
    expected = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert {key: figures[key] for key in expected} == expected
    assert list(figures)[: len(expected)] == list(expected)
    assert expected["body_by_size"]["0%-2%"] is None
    assert 0 < expected["body_by_size"]["2%-10%"] < expected["body_by_size"]["30%-100%"]


def test_each_prediction_is_kept_with_its_id() -> None:
    examples = make_examples(PASCAL_PART, count=3)
    kept: dict[str, Labels] = {}
    truth = GivenSegmenter(PASCAL_PART, [(example.image, example.labels) for example in examples])
    tally(truth, examples, keep=kept.__setitem__)
    assert list(kept) == ["image0", "image1", "image2"]
    assert all((kept[example.id] == example.labels).all() for example in examples)


def test_a_prediction_of_another_size_is_refused() -> None:
    example = make_examples(PASCAL_PART, count=1)[0]
    small = GivenSegmenter(PASCAL_PART, [(example.image, np.zeros((2, 2), np.uint8))])
    with pytest.raises(DataError, match=r"image0: the prediction is \(2, 2\)"):
        tally(small, [example], keep=ignore)


def test_no_image_is_an_error_and_not_a_score() -> None:
    with pytest.raises(DataError, match="no image to score"):
        tally(ConstantSegmenter(PASCAL_PART, 0), [], keep=ignore)
