"""Training with the second question, which leaf each pixel is."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load

from bodycascade.train.job import Job
from bodycascade.train.stopping import Stopped
from bodycascade.train.trainer import Trainer
from tests.train.animals import animal_params
from tests.train.jobs import make_job, make_trainer, run, same_weights
from tests.train.test_stage import run as run_stage


@pytest.fixture
def job(packed: Path) -> Job:
    return make_job(packed)


def asked(job: Job, folder: Path, **changes: Any) -> Trainer:
    """A trainer that asks the second question."""
    return make_trainer(job, folder, **({"leaf_loss_weight": 0.5} | changes))


def test_both_questions_are_learnt(job: Job, tmp_path: Path) -> None:
    rows = run(asked(job, tmp_path, epochs=6))
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert rows[-1]["selection_mIoU"] > 0.7
    # What the second question costs is in the loss, and in neither part of the first one's.
    for row in rows:
        assert row["loss"] > row["cross_entropy"] + job.train.dice_weight * row["dice"] + 0.01


def test_second_question_changes_the_weights(job: Job, tmp_path: Path) -> None:
    with_it, without = asked(job, tmp_path / "with"), asked(job, tmp_path / "without", leaf_loss_weight=0.0)
    assert run(with_it) != run(without)
    assert not same_weights(with_it.averaged_expert()[0], without.averaged_expert()[0])


def test_expert_whose_children_are_leaves_is_asked_one_question(packed: Path, tmp_path: Path) -> None:
    job = make_job(packed, "legs")
    with_it, without = asked(job, tmp_path / "with"), asked(job, tmp_path / "without", leaf_loss_weight=0.0)
    assert run(with_it) == run(without)
    assert same_weights(with_it.averaged_expert()[0], without.averaged_expert()[0])


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_run_stopped_and_resumed_is_the_run_without_a_break(packed: Path, tmp_path: Path, steps: int) -> None:
    whole = asked(make_job(packed), tmp_path / "whole")
    expected = run(whole)

    def stop(step: int) -> None:
        if step == steps:
            signal.raise_signal(signal.SIGTERM)

    broken = make_job(packed)
    with broken.stop.listening(), pytest.raises(Stopped):
        run(asked(broken, tmp_path / "broken"), stop)
    resumed = asked(make_job(packed), tmp_path / "broken")
    assert resumed.resume()
    assert run(resumed) == expected
    assert same_weights(resumed.averaged_expert()[0], whole.averaged_expert()[0])


def test_saved_expert_has_no_second_head(project: Path) -> None:
    ways = [animal_params(leaf_loss_weight=weight, epochs=1) for weight in (0.0, 0.5)]
    asked_one, asked_two = (run_stage(project, params=params).read_bytes() for params in ways)
    assert asked_one != asked_two
    assert sorted(load(asked_one)) == sorted(load(asked_two))
