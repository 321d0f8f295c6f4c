"""What the recipe on photographs switches on and the default leaves off: each switch reaches what it is for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bodycascade import CascadeSegmenter
from bodycascade.evaluate import evaluate
from bodycascade.expert import Expert
from bodycascade.expert_file import load_expert
from bodycascade.params import Calibration, Evaluate, Params
from bodycascade.preprocess import read_manifest
from bodycascade.train import train
from bodycascade.train.batches import Batch
from bodycascade.train.materials import open_split
from bodycascade.train.optimizer import make_optimizer
from bodycascade.train.setup import TrainingSetup, set_up_training
from tests.toy_experts import FOUR_LEGS, FixedExpert, tiny_expert
from tests.train.animals import animal_params
from tests.train.jobs import make_job, make_trainer, run, same_weights

SWITCHES = {
    "mask_form": "soft",
    "mask_threshold": 0.1,
    "outside": 0.5,
    "parent_mask": "predicted",
    "box_share": 1.0,
    "calibration": Calibration(reach=1.0, steps=11, rounds=1, thinning=1),
}


def full_recipe(*, looks: str = "twice", **changes: Any) -> Params:
    params = animal_params(**(SWITCHES | changes))
    return dataclasses.replace(
        params,
        zoom=dataclasses.replace(params.zoom, looks=looks, whole=1.0, margin=0.0, again_below=1.0, again_above=1.0),
        evaluate=Evaluate("soft", params.evaluate.bootstrap_samples, half=True),
    )


def left_half() -> Mapping[str, Expert]:
    """A trained root that sees the beast in the left half of whatever it looks at."""
    logits = torch.zeros(2, 32, 32)
    logits[1, :, :16], logits[0, :, 16:] = 20, 20
    return {"animal": FixedExpert(FOUR_LEGS, "animal", logits)}


def assembled(root: Path, folder: Path, above: Mapping[str, Expert], params: Params) -> TrainingSetup:
    folder.mkdir()
    job = make_job(root, "beast", params)
    return set_up_training(job, read_manifest(job.data), above, folder=folder, maps=folder)


def first_batch(training: TrainingSetup) -> Batch:
    with closing(training.loader.epoch(0)) as batches:
        return next(batches)[0]


def test_the_cascade_is_put_together_and_scored_as_its_recipe_says(project: Path) -> None:
    params = full_recipe()
    for spec in FOUR_LEGS.experts:
        train(params, spec.name, project, FOUR_LEGS)
    evaluate(params, project, FOUR_LEGS)
    bundle = project / "results/models/animals/cascade"
    cascade = CascadeSegmenter.load(bundle, "cpu")
    assert (cascade.routing, cascade.zoom) == ("soft", params.zoom.settings)
    assert {(e.settings.mask_form, e.settings.outside, e.settings.mask_threshold) for e in cascade.experts} == {
        ("soft", 0.5, 0.1)
    }
    for path in bundle.glob("*.safetensors"):
        assert {weight.dtype for weight in load_file(path).values()} == {torch.float16}


def test_calibration_moves_the_head_s_bias_and_nothing_else(project: Path) -> None:
    path = project / "results/models/animals/animal.safetensors"
    found = []
    for reach in (0.0, 1.0):
        params = full_recipe(calibration=dataclasses.replace(SWITCHES["calibration"], reach=reach))  # type: ignore[type-var]
        train(params, "animal", project, FOUR_LEGS)
        found.append(load_expert(path, FOUR_LEGS).state_dict())
    moved = {key for key in found[0] if not torch.equal(found[0][key], found[1][key])}
    assert moved == {"unet.head.bias"}


def test_a_soft_mask_is_the_parent_s_probability(packed: Path, tmp_path: Path) -> None:
    half = {"animal": FixedExpert(FOUR_LEGS, "animal", torch.zeros(2, 1, 1))}
    soft = first_batch(assembled(packed, tmp_path / "soft", half, full_recipe(looks="never"))).parent
    hard = first_batch(assembled(packed, tmp_path / "hard", half, full_recipe(looks="never", mask_form="hard"))).parent
    assert soft is not None
    assert hard is not None
    assert all(value == pytest.approx(0.5, abs=0.01) for value in soft.unique().tolist() if value)
    assert hard.dtype == torch.bool
    assert torch.equal(hard, soft > 0)


def test_zoom_decides_what_is_learned_from_and_what_its_parents_see(packed: Path, tmp_path: Path) -> None:
    trainings = {
        looks: assembled(packed, tmp_path / looks, left_half(), full_recipe(looks=looks))
        for looks in ("never", "twice")
    }
    assert not torch.equal(*(first_batch(training).images for training in trainings.values()))
    splits = [
        open_split(make_job(packed, "beast", full_recipe(looks=looks)), "selection", left_half(), tmp_path / looks)
        for looks in trainings
    ]
    for index in range(len(splits[0].pack)):
        never, twice = (split.parents.map(index) for split in splits if split.parents is not None)
        width = never.shape[1]
        assert (never[:, : width // 2 - 2] == 255).all()
        # In the box, which is the left half, the root that looks again sees the beast on the left only.
        assert twice[:, width * 3 // 8 :].max() < 255


def test_zoom_decides_what_epochs_are_judged_by(packed: Path, tmp_path: Path) -> None:
    losses = set()
    for looks in ("never", "twice"):
        training = assembled(packed, tmp_path / looks, {}, full_recipe(looks=looks, parent_mask="truth"))
        losses.add(training.scorer.score(training.expert, precision="float32").loss)
    assert len(losses) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"class_weight_power": 1.0},
        {"dice_weight": 0.0},
        {"label_smoothing": 0.2},
        {"leaf_loss_weight": 0.5},
        {"clip_norm": 0.001},
        {"weight_decay": 0.9},
        {"ema_decay": 0.0},
        {"dropout": 0.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_parameter_of_a_step_counts(packed: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    trained = []
    for name, changes in (("usual", {}), ("other", change)):
        trainer = make_trainer(make_job(packed, params=animal_params(**changes)), tmp_path / name)
        run(trainer)
        trained.append(trainer.averaged_expert()[0])
    assert not same_weights(*trained)


def test_weights_decay_and_norms_and_biases_do_not() -> None:
    expert, params = tiny_expert(FOUR_LEGS, "animal"), animal_params(weight_decay=0.25).train["animal"]
    decays = {
        id(parameter): group["weight_decay"]
        for group in make_optimizer(expert, None, params).param_groups
        for parameter in group["params"]
    }
    assert {decays[id(parameter)] for parameter in expert.parameters() if parameter.ndim > 1} == {0.25}
    assert {decays[id(parameter)] for parameter in expert.parameters() if parameter.ndim <= 1} == {0.0}


def test_predicted_parents_of_the_selection_set_are_those_of_its_own_pack(packed: Path, tmp_path: Path) -> None:
    job = make_job(packed, "beast", full_recipe(looks="never"))
    split = open_split(job, "selection", left_half(), tmp_path)
    assert split.parents is not None
    for index in range(len(split.pack)):
        assert split.parents.map(index).shape == split.pack.labels(index).shape
        assert set(np.unique(split.parents.map(index))) >= {0, 255}
