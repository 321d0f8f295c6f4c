"""Fifty million pixels within a gigabyte and a half, in a process of its own, on Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import printed

MAKE = """
import sys
from PIL import Image
from tests.toy_experts import random_image
exif = Image.Exif()
exif[0x0112] = 6
Image.fromarray(random_image(577, 866)).resize((8660, 5774)).convert(sys.argv[2]).save(sys.argv[1], exif=exif)
"""

SEGMENT = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("error")
from tests.toy_experts import PASCAL_PART, cascade, tiny_experts
segmenter = cascade(tiny_experts(PASCAL_PART, sides=(256,)), routing=sys.argv[2])
parts = segmenter(sys.argv[1]).parts
assert parts.shape == (8660, 5774), parts.shape
assert len(set(parts[::97, ::89].flat)) > 3
# Not getrusage, which begins with the peak of the process that started this one.
(line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(line.split()[1]) / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("routing", ["hard", "soft"])
@pytest.mark.parametrize(("name", "mode"), [("turned.jpg", "RGB"), ("gray.jpg", "L"), ("print.jpg", "CMYK")])
def test_fifty_megapixels_fit_into_a_gigabyte_and_a_half(name: str, mode: str, routing: str, tmp_path: Path) -> None:
    path = str(tmp_path / name)
    printed(MAKE, path, mode)
    megabytes = float(printed(SEGMENT, path, routing))
    print(f"{name} {routing}: {megabytes:.0f} MB")
    assert megabytes < 1500
