"""`bodycascade doctor` and what it looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bodycascade.diagnosis import drawn_person, self_test, versions
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.imaging import ImageLike, read_image
from bodycascade.segmentation import Segmentation
from tests.commands.conftest import Call
from tests.toy_experts import cascade, tiny_experts


def test_it_tells_versions_device_speed_and_result(bundle: Path, call: Call) -> None:
    code, said, errors = call("doctor", "--bundle", bundle, "--device", "cpu")
    assert (code, errors) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert {"bodycascade", "python", "torch", "numpy", "pillow", "device", "precision", "threads"} <= set(lines)
    assert lines["device"] == "cpu (asked for)"
    assert lines["self-test"].startswith("passed; ")
    assert "images a second" in lines["self-test"]


def test_a_device_that_cannot_be_used_is_one_line(bundle: Path, call: Call) -> None:
    code, _, errors = call("doctor", "--bundle", bundle, "--device", "gpu")
    assert code == 1
    assert errors == "device: expected auto, cpu, cuda or cuda:N, found 'gpu'\n"


def test_a_missing_package_is_told_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bodycascade.diagnosis.OPTIONAL", {"no-such-package-here": "cli"})
    assert versions()[-1] == ("no-such-package-here", "missing; pip install 'bodycascade[cli]'")


class Unsound:
    """A segmenter that is wrong in one way."""

    tree: Tree = PASCAL_PART

    def __init__(self, way: str) -> None:
        self._way, self._calls = way, 0

    def __call__(self, image: ImageLike) -> Segmentation:
        self._calls += 1
        picture = read_image(image)
        parts = np.zeros(picture.shape[:2], np.uint8)
        if self._way == "size":
            return Segmentation(PASCAL_PART, parts[1:])
        if self._way == "changing":
            parts[:] = self._calls % 2
        value = np.float32(np.nan if self._way == "nan" else 0.1)
        unsound = np.full((7, *parts.shape), value, np.float32)
        return Segmentation(PASCAL_PART, parts, probs=None if self._way == "changing" else lambda: unsound)


@pytest.mark.parametrize(
    ("way", "wanted"), [("size", "the labels are"), ("nan", "sum to 1"), ("sum", "sum to 1"), ("changing", "different")]
)
def test_unsound_answers_fail_the_test(way: str, wanted: str) -> None:
    result = self_test(Unsound(way), seconds=0)
    assert not result.passed
    assert wanted in result.summary()
    assert result.summary().startswith("FAILED: ")


def test_a_sound_cascade_passes() -> None:
    assert self_test(cascade(tiny_experts(PASCAL_PART)), seconds=0).passed
    assert drawn_person().shape == (320, 240, 3)
