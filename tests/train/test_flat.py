"""One network for all leaves goes through the stages that train a cascade."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest

from bodycascade.errors import DataError, TreeError
from bodycascade.evaluate import evaluate
from bodycascade.expert_file import load_expert
from bodycascade.hierarchy import flat
from bodycascade.params import Params
from bodycascade.preprocess import preprocess, read_manifest
from bodycascade.train import train
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params, write_animals


def flat_params(**changes: float) -> Params:
    params = animal_params(flat(FOUR_LEGS), **changes)
    return dataclasses.replace(params, profile=dataclasses.replace(params.profile, tree="flat"))


def test_flat_expert_is_packed_trained_and_scored_by_level(packed: Path, tmp_path: Path) -> None:
    params = flat_params(epochs=32)
    write_animals(tmp_path / "data" / "animals")
    preprocess(params, tmp_path, FOUR_LEGS)
    data = params.profile.data
    for file in ("train/images.bin", "train/masks.bin", "selection/index.json"):
        assert (tmp_path / data / file).read_bytes() == (packed / data / file).read_bytes()
    table = params.profile.plots / "frequencies.csv"
    assert (tmp_path / table).read_bytes() == (packed / table).read_bytes()
    # What the network's classes are weighted by is each leaf's share of the whole picture.
    frequencies = read_manifest(tmp_path / data).frequencies
    assert frequencies["experts"] == {"parts": frequencies["labels"]}

    train(params, "parts", tmp_path, FOUR_LEGS)
    expert = load_expert(tmp_path / params.profile.models / "parts.safetensors", flat(FOUR_LEGS))
    assert expert.spec.children == tuple(leaf.name for leaf in FOUR_LEGS.leaves)
    with (tmp_path / params.profile.plots / "parts.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {f"iou_{leaf.name}" for leaf in FOUR_LEGS.leaves} <= set(rows[-1])

    figures = evaluate(params, tmp_path, FOUR_LEGS)
    assert figures["mIoU0"] > 0.7
    assert figures["mIoU2"] > 0.2
    assert set(figures["classes"]) == {name for level in FOUR_LEGS.levels for name in level}


def test_cascades_experts_and_packs_are_not_those_of_a_flat_profile(packed: Path) -> None:
    with pytest.raises(TreeError, match="no expert is called 'animal'; the tree has: parts"):
        train(flat_params(), "animal", packed, FOUR_LEGS)
    with pytest.raises(DataError, match="another class tree"):
        train(flat_params(), "parts", packed, FOUR_LEGS)
