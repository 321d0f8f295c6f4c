"""Profiles that are compared with the full recipe differ from it in what they are about, and in nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from bodycascade.errors import ParamsError
from bodycascade.hierarchy import PASCAL_PART, flat
from bodycascade.params import Params, TrainParams, load_params
from bodycascade.train.schedule import Schedule
from tests.conftest import TINY
from tests.imports import ROOT

NETWORK = {"encoder", "encoder_weights", "encoder_rate", "start", "input_side", "crop_side", "widths", "stem_stride"}
SCHEDULE = {"epochs", "learning_rate", "restarts", "warmup_epochs", "weight_averaging"}


def profile(name: str) -> Params:
    return load_params(ROOT / "pipelines" / name / "params.yaml")


def without_names(params: Params) -> Params:
    """The parameters with what has to differ between any two profiles, and the training, left out."""
    same = dataclasses.replace(params.profile, name="", params="", tree="cascade")
    return dataclasses.replace(params, profile=same, train={})


def epochs_of(train: TrainParams) -> int:
    return Schedule(train, steps_per_epoch=1).epochs


def differing(one: TrainParams, other: TrainParams) -> set[str]:
    names = [field.name for field in dataclasses.fields(TrainParams)]
    return {name for name in names if getattr(one, name) != getattr(other, name)}


def test_scratch_is_the_full_recipe_with_an_untrained_network_more_decay_in_its_root_and_stricter_looks() -> None:
    recipe, scratch = profile("pascal_part"), profile("scratch")
    looks = dataclasses.replace(recipe.zoom, threshold=scratch.zoom.threshold, again_above=scratch.zoom.again_above)
    assert without_names(scratch) == dataclasses.replace(without_names(recipe), zoom=looks)
    assert scratch.zoom.threshold > recipe.zoom.threshold, "a root that was not pretrained is less sure"
    for expert, train in scratch.train.items():
        own = {"weight_decay"} if expert == "person" else set()
        assert differing(train, recipe.train[expert]) <= NETWORK | SCHEDULE | {"augment"} | own
        assert train.weight_decay >= recipe.train[expert].weight_decay
        assert (train.encoder, train.input_side) == ("none", 256)
        sizes = {"scale_min": 0.0, "scale_max": 0.0}
        assert dataclasses.replace(train.augment, **sizes) == dataclasses.replace(recipe.train[expert].augment, **sizes)


def test_official_is_the_full_recipe_on_other_ids_with_a_shorter_training_of_its_root() -> None:
    recipe, official = profile("pascal_part"), profile("official")
    others = dataclasses.replace(
        official.preprocess, train_ids=recipe.preprocess.train_ids, val_ids=recipe.preprocess.val_ids
    )
    assert official.preprocess != others
    assert without_names(dataclasses.replace(official, preprocess=others)) == without_names(recipe)
    for expert, train in official.train.items():
        assert differing(train, recipe.train[expert]) <= SCHEDULE
    assert epochs_of(official.train["person"]) < epochs_of(recipe.train["person"])


def test_direct_is_the_recipe_of_the_first_expert_of_official_for_all_classes_at_once() -> None:
    recipe, direct = profile("official"), profile("direct")
    assert list(direct.train) == ["parts"]
    assert differing(direct.train["parts"], recipe.train["person"]) == {
        "box_share",
        "epochs",
        "restarts",
        "leaf_loss_weight",
    }
    assert without_names(direct) == dataclasses.replace(without_names(recipe), zoom=direct.zoom)
    assert direct.zoom.settings is None, "one look at the whole picture"


def test_direct_sees_as_many_pictures_as_the_experts_of_the_cascade_together() -> None:
    recipe, direct = profile("official"), profile("direct")
    # A quarter of Pascal-Part's images show no lower body, and its expert leaves them out.
    views = sum(epochs_of(train) * (0.75 if name == "lower_body" else 1) for name, train in recipe.train.items())
    assert epochs_of(direct.train["parts"]) == int(views), "the opponent's epochs follow those of official"


def test_tree_of_the_profile_says_which_experts_have_parameters(tmp_path: Path) -> None:
    data = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    data["profile"] |= {key.removeprefix("profile."): value for key, value in TINY.items() if "profile." in key}
    data["profile"]["tree"] = "flat"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ParamsError, match=r"train\.body: unknown key, expected one of upkeep, common, parts"):
        load_params(path)
    data["train"] = {key: data["train"][key] for key in ("upkeep", "common")} | {"parts": {"epochs": 3}}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    params = load_params(path)
    assert {name: train.epochs for name, train in params.train.items()} == {"parts": 3}
    assert params.profile.trained_tree(PASCAL_PART) == flat(PASCAL_PART)
