"""Steps that learn nothing: losses and gradients that are not finite, batches without a pixel."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bodycascade.errors import TrainingError
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.hierarchy import IGNORE
from bodycascade.train.job import Job
from bodycascade.train.trainer import MOST_BAD_STEPS
from tests.toy_experts import FOUR_LEGS
from tests.train.jobs import Diverging, FixedBatches, loader_of, make_job, make_trainer, run


@pytest.fixture
def job(packed: Path) -> Job:
    return make_job(packed)


def diverging(job: Job, bad: set[int], *, factor: float = math.nan) -> Expert:
    """An expert whose logits are spoilt at the steps `bad`."""
    torch.manual_seed(0)
    expert = Diverging(FOUR_LEGS, ExpertSettings.of("animal", job.train))
    expert.factor = lambda call: factor if call in bad else 1.0
    return expert


class Tallied(Diverging):
    """One that counts its training steps in a buffer, as batch normalisation does."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.register_buffer("counted", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.counted += 1
        return super().forward(x)


def test_what_a_skipped_step_counted_is_forgotten(job: Job, tmp_path: Path) -> None:
    expert = Tallied(FOUR_LEGS, ExpertSettings.of("animal", job.train))
    expert.factor = lambda call: math.nan if call in {1, 4} else 1.0
    trainer = make_trainer(job, tmp_path, expert=expert)
    run(trainer)
    assert expert.state_dict()["counted"] == 4


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_step_without_a_finite_loss_is_skipped_and_counted(job: Job, tmp_path: Path, factor: float) -> None:
    trainer = make_trainer(job, tmp_path, expert=diverging(job, {1, 4}, factor=factor))
    rows = run(trainer)
    assert [row["skipped_steps"] for row in rows] == [1, 2]
    assert rows[-1]["step"] == 6
    assert all(math.isfinite(row["loss"]) for row in rows)
    assert all(bool(weight.isfinite().all()) for weight in trainer.averaged_expert()[0].state_dict().values())


def test_step_without_a_finite_gradient_is_skipped_too(job: Job, tmp_path: Path) -> None:
    class Steep(Diverging):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = super().forward(x)
            if self.training and self.calls == 2:
                logits.register_hook(lambda gradient: gradient * math.inf)
            return logits

    expert = Steep(FOUR_LEGS, ExpertSettings.of("animal", job.train))
    expert.factor = lambda call: 1.0
    trainer = make_trainer(job, tmp_path, expert=expert)
    assert [row["skipped_steps"] for row in run(trainer)] == [1, 1]
    assert all(bool(weight.isfinite().all()) for weight in expert.state_dict().values())


def test_twenty_steps_in_a_row_without_a_finite_loss_end_the_run_with_one_line(job: Job, tmp_path: Path) -> None:
    # Three steps an epoch: the run is good for two epochs, then never again.
    trainer = make_trainer(job, tmp_path, expert=diverging(job, set(range(6, 100))), epochs=20, warmup_epochs=0.0)
    with pytest.raises(TrainingError) as caught:
        run(trainer)
    rate = job.train.learning_rate * 0.5 * (1 + math.cos(math.pi * (6 + MOST_BAD_STEPS - 1) / 60))
    assert str(caught.value) == (
        f"animal: no finite loss in 20 steps in a row (epoch 9, step 25, learning rate {rate:.3g}); "
        "lower train.animal.learning_rate or set base.precision to float32"
    )
    resumed = make_trainer(job, tmp_path, expert=diverging(job, set()), epochs=20)
    assert resumed.resume()
    assert resumed.best_row["epoch"] <= 3
    assert all(bool(weight.isfinite().all()) for weight in resumed.averaged_expert()[0].state_dict().values())


def test_bad_steps_apart_from_each_other_do_not_add_up(job: Job, tmp_path: Path) -> None:
    trainer = make_trainer(job, tmp_path, expert=diverging(job, set(range(0, 60, 2))), epochs=15)
    assert run(trainer)[-1]["skipped_steps"] == 23


def test_batch_without_a_pixel_to_learn_from_leaves_the_weights_finite(job: Job, tmp_path: Path) -> None:
    batches = [batch for batch, _ in loader_of(job, tmp_path).epoch(0)]
    empty = dataclasses.replace(batches[1], targets=torch.full_like(batches[1].targets, IGNORE))
    trainer = make_trainer(job, tmp_path, loader=FixedBatches([batches[0], empty, batches[2]]))
    rows = run(trainer)
    assert rows[-1]["skipped_steps"] == 0
    assert all(math.isfinite(row["loss"]) for row in rows)
