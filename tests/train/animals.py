"""Drawn animals with four legs and a tail: a data set and parameters for another tree than that of people."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.hierarchy import Tree
from bodycascade.params import Params, Preprocess, Profile, TrainParams, load_params
from bodycascade.preprocess import preprocess
from tests.drawn import write_lines
from tests.imports import ROOT
from tests.toy_experts import FOUR_LEGS

UInt8 = npt.NDArray[np.uint8]

SIZES = ((32, 40), (40, 32), (36, 36))

PLACES = {
    "trunk": (0.25, 0.15, 0.60, 0.85),
    "fore_left": (0.60, 0.15, 0.95, 0.30),
    "fore_right": (0.60, 0.35, 0.95, 0.48),
    "hind_left": (0.60, 0.53, 0.95, 0.66),
    "hind_right": (0.60, 0.71, 0.95, 0.85),
    "tail": (0.05, 0.85, 0.35, 0.98),
}
"""Each part's rectangle as shares of the image's height and width: top, left, bottom, right."""


def draw_animal(seed: int, *, height: int, width: int, without: tuple[str, ...] = ()) -> tuple[UInt8, UInt8]:
    """((H, W, 3) uint8 RGB, (H, W) uint8 labels): an animal in the colours of its parts on dim noise."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    down, right = rng.integers(-1, 2, 2)
    for name, (top, left, bottom, end) in PLACES.items():
        if name not in without:
            rows = slice(max(0, round(top * height) + down), round(bottom * height) + down)
            columns = slice(max(0, round(left * width) + right), round(end * width) + right)
            labels[rows, columns] = FOUR_LEGS.node(name).label
    noise = rng.integers(0, 50, (height, width, 3))
    return (FOUR_LEGS.palette[labels] * 0.8 + noise).astype(np.uint8), labels


def write_animals(folder: Path, *, train: int = 12, val: int = 3, without: tuple[str, ...] = ()) -> Path:
    """A data set of animals in the layout of Pascal-Part, and `folder` itself."""
    (folder / "JPEGImages").mkdir(parents=True)
    (folder / "gt_masks").mkdir()
    names = [f"animal_{place:02d}" for place in range(train + val)]
    for place, name in enumerate(names):
        height, width = SIZES[place % len(SIZES)]
        image, labels = draw_animal(place, height=height, width=width, without=without)
        Image.fromarray(image).save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
        np.save(folder / "gt_masks" / f"{name}.npy", labels)
    write_lines(folder / "classes.txt", [f"{leaf.label}: {leaf.name}" for leaf in FOUR_LEGS.leaves])
    write_lines(folder / "train_id.txt", names[:train])
    write_lines(folder / "val_id.txt", names[train:])
    return folder


def pack_animals(root: Path) -> Path:
    """`root`, made a project folder in which the preprocess stage has packed drawn animals."""
    write_animals(root / "data" / "animals")
    preprocess(animal_params(), root, FOUR_LEGS)
    return root


def animal_params(tree: Tree = FOUR_LEGS, **changes: Any) -> Params:
    """The default's parameters for a training that takes a second; `changes` are those of every expert's training."""
    params = load_params(ROOT / "params.yaml")
    train = tiny_training(params.train["person"])
    return dataclasses.replace(
        params,
        profile=Profile("animals", ".", "params.yaml", "data/animals", "cascade"),
        base=dataclasses.replace(params.base, seed=3, device="cpu", precision="float32"),
        preprocess=from_folder(params.preprocess),
        train={spec.name: dataclasses.replace(train, **changes) for spec in tree.experts},
    )


def tiny_training(train: TrainParams) -> TrainParams:
    augment = dataclasses.replace(train.augment, flip=0.0, scale_min=0.9, scale_max=1.2)
    return dataclasses.replace(
        train,
        input_side=32,
        crop_side=32,
        widths=(4, 8),
        stem_stride=1,
        dropout=0.1,
        parent_mask="truth",
        mask_threshold=0.3,
        batch_size=4,
        epochs=2,
        learning_rate=0.02,
        ema_decay=0.8,
        checkpoint_seconds=60.0,
        panels=0,
        prefetch=2,
        augment=augment,
    )


def from_folder(preprocess: Preprocess) -> Preprocess:
    grayscale = dataclasses.replace(preprocess.grayscale, treatment="keep")
    return dataclasses.replace(preprocess, source="folder", selection_fraction=0.25, long_side=0, grayscale=grayscale)
