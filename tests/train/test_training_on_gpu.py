"""A training on a GPU keeps its tensors there, goes on after a break, and learns what one on the CPU learns."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from bodycascade.expert_file import load_expert
from bodycascade.params import Params
from bodycascade.train import train
from tests.pretended_gpu import pretended_gpu
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params
from tests.train.conftest import Unfinished
from tests.train.jobs import same_weights


def everything(device: str) -> Params:
    """A short training with all that the full recipe has, but for a pretrained trunk."""
    usual = animal_params().train["animal"]
    params = animal_params(
        checkpoint_seconds=0.0,
        panels=1,
        parent_mask="mixed",
        mask_form="soft",
        outside=0.5,
        start="parent",
        leaf_loss_weight=0.5,
        restarts=(1,),
        weight_averaging=dataclasses.replace(usual.weight_averaging, cycles=1, epochs=1),
        calibration=dataclasses.replace(usual.calibration, reach=1.0, steps=5, thinning=1),
    )
    return dataclasses.replace(
        params,
        base=dataclasses.replace(params.base, device=device),
        zoom=dataclasses.replace(params.zoom, looks="twice"),
    )


def test_a_training_there_learns_what_one_here_learns_with_a_break(
    project: Path,
    tmp_path: Path,
    unfinished: Unfinished,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [spec.name for spec in FOUR_LEGS.experts]
    here = shutil.copytree(project, tmp_path / "here")
    for name in names:
        train(everything("cpu"), name, here, FOUR_LEGS)
    for name in names:
        with pretended_gpu(monkeypatch):
            train(unfinished(name, everything("cuda"), epochs=2), name, project, FOUR_LEGS)
        said = capsys.readouterr().out
        assert f"{name}: on cuda (a pretended GPU runs a test kernel)" in said
        assert "resumed in epoch 3" in said
        one, other = (
            load_expert(root / "results/models/animals" / f"{name}.safetensors", FOUR_LEGS) for root in (project, here)
        )
        assert same_weights(one, other)
