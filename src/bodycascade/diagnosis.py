"""What this installation is made of, where its networks run, and whether they give sound answers."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from importlib import metadata

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from bodycascade.devices import choose_device, runs_bfloat16
from bodycascade.segmenter import Segmenter

REQUIRED = ("torch", "numpy", "pillow", "safetensors")

OPTIONAL = {
    "click": "cli",
    "tqdm": "cli",
    "pi-heif": "heic",
    "pycocotools": "coco",
    "av": "video",
    "pygame-ce": "camera",
    "scipy": "prepare",
    "starlette": "demo",
    "uvicorn": "demo",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "timm": "timm",
    "dvc": "pipeline",
    "albumentations": "pipeline",
    "opencv-python-headless": "pipeline",
    "pyyaml": "pipeline",
    "tensorboard": "pipeline",
    "matplotlib": "pipeline",
}
"""Packages that some commands need, and the extra that installs each."""

SIDE = 320
"""The longer side of the drawn picture, in pixels: between that of a thumbnail and of Pascal-Part's photographs."""


@dataclass(frozen=True)
class SelfTest:
    """What came of the test: `faults` in words, none where all is sound; how many images a second; what was found."""

    faults: tuple[str, ...]
    images_per_second: float
    found: str

    @property
    def passed(self) -> bool:
        """Whether the answers were sound."""
        return not self.faults

    def summary(self) -> str:
        """The result in one line."""
        if self.faults:
            return f"FAILED: {'; '.join(self.faults)}; install torch and this package again, or try --device cpu"
        return f"passed; {self.images_per_second:.1f} images a second of {SIDE} pixels; {self.found}"


def versions() -> list[tuple[str, str]]:
    """(name, version) of this package, Python and the packages it uses; for a missing one how it is installed."""
    found = [("bodycascade", _version("bodycascade") or "not installed, run from its source")]
    found.append(("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"))
    found += [(name, _version(name) or "missing") for name in REQUIRED]
    for name, extra in OPTIONAL.items():
        found.append((name, _version(name) or f"missing; pip install 'bodycascade[{extra}]'"))
    return found


def device_lines(name: str, *, backend: str = "torch") -> list[tuple[str, str]]:
    """(heading, words): the device that `name` (auto, cpu, cuda, cuda:N) leads to and why, precision, threads.

    `backend`: torch, or onnx, which runs on the CPU in float32 whatever torch could do. Raises `BodyCascadeError` where
    a device that is asked for cannot be used.
    """
    threads = ("threads", str(torch.get_num_threads()))
    if backend == "onnx":
        return [("device", "cpu (onnxruntime)"), ("precision", "float32 (onnxruntime)"), threads]
    device, reason = choose_device(name)
    fast = runs_bfloat16(device)
    precision = "bfloat16, which is fast here" if fast else "float32; bfloat16 is not fast here"
    return [("device", f"{device} ({reason})"), ("precision", precision), threads]


def self_test(segmenter: Segmenter, *, seconds: float = 1.0) -> SelfTest:
    """Segment a drawn person for about `seconds`: sizes, probabilities, repeatability and speed."""
    image = drawn_person()
    first = segmenter(image)
    faults = []
    if first.parts.shape != image.shape[:2]:
        faults.append(f"the labels are {first.parts.shape}, the picture {image.shape[:2]}")
    sums = first.probs.sum(axis=0)
    if not bool(np.isfinite(sums).all()) or float(np.abs(sums - 1).max()) > 1e-3:
        faults.append("probabilities do not sum to 1")
    count, started = 0, time.perf_counter()
    while count < 1 or time.perf_counter() - started < seconds:
        again = segmenter(image)
        count += 1
    speed = count / (time.perf_counter() - started)
    if not np.array_equal(again.parts, first.parts):
        faults.append("the same picture gave different labels")
    name = segmenter.tree.levels[0][0]
    return SelfTest(tuple(faults), speed, f"{name} on {first.share(name):.0%} of the picture")


def drawn_person() -> npt.NDArray[np.uint8]:
    """(SIDE, 240, 3) uint8 RGB: a person of simple shapes before a wall and a floor."""
    picture = Image.new("RGB", (240, SIDE), (196, 205, 210))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 262, 240, SIDE), fill=(150, 128, 105))
    skin, shirt, trousers = (224, 172, 138), (40, 92, 150), (52, 54, 66)
    for left in (96, 124):
        pen.rounded_rectangle((left, 178, left + 24, 296), radius=9, fill=trousers)
    for left in (72, 150):
        pen.rounded_rectangle((left, 92, left + 20, 140), radius=9, fill=shirt)
        pen.rounded_rectangle((left + 2, 134, left + 18, 190), radius=8, fill=skin)
    pen.rounded_rectangle((88, 86, 154, 192), radius=14, fill=shirt)
    pen.rectangle((112, 72, 130, 92), fill=skin)
    pen.ellipse((98, 26, 144, 82), fill=skin)
    pen.chord((96, 20, 146, 72), 180, 360, fill=(70, 46, 30))
    array: npt.NDArray[np.uint8] = np.array(picture)
    return array


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
