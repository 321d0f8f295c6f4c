"""Fifty million pixels within a gigabyte and a half, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MAKE = """
import sys
from PIL import Image
from tests.toy_experts import random_image
exif = Image.Exif()
exif[0x0112] = 6
Image.fromarray(random_image(577, 866)).resize((8660, 5774)).convert(sys.argv[2]).save(sys.argv[1], exif=exif)
"""

SEGMENT = """
import resource, sys, time, warnings
warnings.simplefilter("error")
from tests.toy_experts import PASCAL_PART, cascade, tiny_experts
segmenter = cascade(tiny_experts(PASCAL_PART, sides=(256,)), routing=sys.argv[2])
started = time.perf_counter()
parts = segmenter(sys.argv[1]).parts
seconds = time.perf_counter() - started
assert parts.shape == (8660, 5774), parts.shape
assert len(set(parts[::97, ::89].flat)) > 3
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(code: str, *arguments: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env={"PYTHONPATH": "src:.", "PATH": "/usr/bin:/bin"},
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("routing", ["hard", "soft"])
@pytest.mark.parametrize(("name", "mode"), [("turned.jpg", "RGB"), ("gray.jpg", "L"), ("print.jpg", "CMYK")])
def test_fifty_megapixels_fit_into_a_gigabyte_and_a_half(name: str, mode: str, routing: str, tmp_path: Path) -> None:
    path = str(tmp_path / name)
    run(MAKE, path, mode)
    seconds, megabytes = map(float, run(SEGMENT, path, routing).split())
    print(f"{name} {routing}: {seconds:.1f} s, {megabytes:.0f} MB")
    assert megabytes < 1500
