"""The parts of a training, put together as the stage does, for tests that need one of them by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from bodycascade.expert import Expert
from bodycascade.hierarchy import Tree
from bodycascade.params import Params
from bodycascade.preprocess import read_manifest
from bodycascade.train.batches import Batch, BatchLoader
from bodycascade.train.history import Row
from bodycascade.train.job import Job
from bodycascade.train.materials import child_weights, make_loader, new_expert, open_split
from bodycascade.train.scoring import SelectionScorer
from bodycascade.train.stopping import StopRequest
from bodycascade.train.trainer import Trainer
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params

CPU = torch.device("cpu")


def make_job(root: Path, expert: str = "animal", params: Params | None = None, tree: Tree = FOUR_LEGS) -> Job:
    return Job(params or animal_params(tree), tree, tree.expert(expert), root, CPU, StopRequest())


def loader_of(job: Job, folder: Path) -> BatchLoader:
    return make_loader(job, open_split(job, "train", {}, folder))


class Diverging(Expert):
    """An expert whose logits are multiplied by `factor(call)`, calls in training counted from 0."""

    factor: Callable[[int], float]
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        if self.training:
            logits = logits * self.factor(self.calls)
            self.calls += 1
        return logits


class FixedBatches:
    """Stands for a `BatchLoader`: the same batches in every epoch."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    @property
    def steps_per_epoch(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int, *, first: int = 0) -> Generator[tuple[Batch, float], None, None]:
        for batch in self.batches[first:]:
            yield batch, 0.25


def make_trainer(
    job: Job,
    folder: Path,
    *,
    expert: Expert | None = None,
    loader: BatchLoader | FixedBatches | None = None,
    scorer: type[SelectionScorer] = SelectionScorer,
    say: Callable[[str], None] = print,
    precision: str = "float32",
    **changes: Any,
) -> Trainer:
    folder.mkdir(exist_ok=True)
    expert = expert or new_expert(job, {})
    return Trainer(
        expert,
        cast(BatchLoader, loader or loader_of(job, folder)),
        scorer(open_split(job, "selection", {}, folder).pack, expert, None, zoom=None, device=CPU),
        train=dataclasses.replace(job.train, **changes),
        weights=child_weights(job, read_manifest(job.data)),
        seed=job.seed,
        device=CPU,
        precision=precision,
        folder=folder,
        stop=job.stop,
        say=say,
    )


def run(trainer: Trainer, after_step: Callable[[int], None] = lambda step: None) -> list[Row]:
    """Train to the end; the rows of the history without what the clock says."""
    trainer.run(lambda row, score, average: None, after_step)
    return timeless(trainer.rows)


def timeless(rows: list[Row]) -> list[Row]:
    clocked = ("wall_time", "seconds", "images_per_second", "data_wait_fraction")
    return [{key: value for key, value in row.items() if key not in clocked} for row in rows]


def same_weights(one: Expert, other: Expert) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(mine, theirs) for mine, theirs in pairs)
