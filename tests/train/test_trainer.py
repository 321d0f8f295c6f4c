"""The training loop: resumption, cycles, stopping."""

from __future__ import annotations

import copy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bodycascade.errors import TrainingError
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.params import WeightAveraging
from bodycascade.train.augmentation import LIBRARIES
from bodycascade.train.checkpoint import load_checkpoint
from bodycascade.train.job import Job
from bodycascade.train.scoring import Score, SelectionScorer
from bodycascade.train.stopping import Stopped
from tests.toy_experts import FOUR_LEGS
from tests.train.jobs import FixedBatches, loader_of, make_job, make_trainer, run, same_weights, timeless


@pytest.fixture
def job(packed: Path) -> Job:
    return make_job(packed)


def stop_after(steps: int) -> Callable[[int], None]:
    """For `run`: asks for a stop after so many steps."""

    def after_step(step: int) -> None:
        if step == steps:
            signal.raise_signal(signal.SIGTERM)

    return after_step


def test_training_improves_the_score(job: Job, tmp_path: Path) -> None:
    rows = run(make_trainer(job, tmp_path, epochs=6))
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]
    assert rows[-1]["selection_mIoU"] > rows[0]["selection_mIoU"]
    assert rows[-1]["selection_mIoU"] > 0.7


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_run_stopped_at_any_step_and_resumed_is_the_run_without_a_break(job: Job, tmp_path: Path, steps: int) -> None:
    whole = make_trainer(job, tmp_path / "whole")
    expected = run(whole)
    assert whole.rows[-1]["step"] == 6, "two epochs of three steps"
    job = make_job(job.root)
    with job.stop.listening(), pytest.raises(Stopped):
        run(make_trainer(job, tmp_path / "broken"), stop_after(steps))
    resumed = make_trainer(make_job(job.root), tmp_path / "broken")
    assert resumed.resume()
    assert run(resumed) == expected
    assert same_weights(resumed.averaged_expert()[0], whole.averaged_expert()[0])


@pytest.mark.parametrize("steps", [5, 6, 7, 9])
@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 4, "restarts": (2,)},
        {"epochs": 2, "weight_averaging": WeightAveraging(cycles=2, epochs=1, rate=0.5)},
    ],
    ids=["restart", "averaging"],
)
def test_run_of_several_cycles_stopped_between_them_is_the_run_without_a_break(
    job: Job, tmp_path: Path, steps: int, changes: dict[str, Any]
) -> None:
    whole = make_trainer(job, tmp_path / "whole", **changes)
    expected = run(whole)
    job = make_job(job.root)
    with job.stop.listening(), pytest.raises(Stopped):
        run(make_trainer(job, tmp_path / "broken", **changes), stop_after(steps))
    resumed = make_trainer(make_job(job.root), tmp_path / "broken", **changes)
    assert resumed.resume()
    assert run(resumed) == expected
    (resumed_expert, epochs), (whole_expert, wanted) = resumed.averaged_expert(), whole.averaged_expert()
    assert same_weights(resumed_expert, whole_expert)
    assert epochs == wanted


def test_restart_goes_on_from_the_best_weights_with_a_new_optimiser(job: Job, tmp_path: Path) -> None:
    class BestFirst(SelectionScorer):
        def score(self, *args: Any, **kwargs: Any) -> Score:
            return Score({"cat": 1 / (1 + len(trainer.rows))}, 0.0, True, 0.0, 0.0)

    changes = {"epochs": 4, "restarts": (2,), "warmup_epochs": 1.0, "weight_decay": 0.0}
    trainer = make_trainer(job, tmp_path, scorer=BestFirst, **changes)
    moved: dict[int, dict[str, Tensor]] = {}

    def after_step(step: int) -> None:
        if step in (6, 7):
            trainer.checkpoint()
            state = load_checkpoint(tmp_path, print)
            assert state is not None
            moved[step] = state["weights"]

    best: list[Expert] = []
    trainer.run(lambda row, score, average: best.append(copy.deepcopy(average)), after_step)
    start = best[0].state_dict()

    def way(step: int) -> float:
        return max(float((moved[step][key] - start[key]).abs().max()) for key in start)

    first_rate = job.train.learning_rate / 3  # of the three steps of warm-up
    assert trainer.best_row["epoch"] == 1
    assert way(6) > 2 * first_rate, "the last weights before the restart are elsewhere"
    assert way(7) == pytest.approx(first_rate, rel=0.01), "Adam's first step is as long as the rate"
    assert trainer.rows[2]["learning_rate"] == trainer.rows[0]["learning_rate"]


class Wanting(SelectionScorer):
    """Scores a mean of weights that the epochs did not end at with `mean`, and epoch after epoch a little higher."""

    mean = 0.0

    def score(self, expert: Expert, *args: Any, **kwargs: Any) -> Score:
        self.asked = [*getattr(self, "asked", []), copy.deepcopy(expert)]
        value = len(self.asked) / 100 if len(self.asked) <= 3 else self.mean
        return Score({"cat": value}, value, True, 0.0, 0.0)


class WantingMean(Wanting):
    mean = 0.5


AVERAGING = {"epochs": 2, "weight_averaging": WeightAveraging(cycles=1, epochs=1, rate=0.5)}


def test_weights_of_the_cycles_are_averaged_where_that_scores_better(job: Job, tmp_path: Path) -> None:
    ends: list[Expert] = []
    trainer = make_trainer(job, tmp_path, scorer=WantingMean, **AVERAGING)
    assert trainer.epochs == 3
    trainer.run(lambda row, score, average: ends.append(copy.deepcopy(average)), lambda step: None)
    expert, epochs = trainer.averaged_expert()
    assert epochs == [2, 3]
    for key, value in expert.state_dict().items():
        mean = (ends[1].state_dict()[key] + ends[2].state_dict()[key]) / 2
        assert torch.allclose(value, mean, atol=1e-7), key
    assert not same_weights(expert, ends[2])


def test_best_weights_are_taken_alone_where_their_mean_is_worse(job: Job, tmp_path: Path) -> None:
    trainer = make_trainer(job, tmp_path, scorer=Wanting, **AVERAGING)
    ends: list[Expert] = []
    trainer.run(lambda row, score, average: ends.append(copy.deepcopy(average)), lambda step: None)
    expert, epochs = trainer.averaged_expert()
    assert epochs == [3]
    assert same_weights(expert, ends[2])


def test_checkpoint_after_every_step_changes_nothing(job: Job, tmp_path: Path) -> None:
    whole, often = make_trainer(job, tmp_path / "a"), make_trainer(job, tmp_path / "b", checkpoint_seconds=0.0)
    assert run(often) == run(whole)
    assert same_weights(often.averaged_expert()[0], whole.averaged_expert()[0])
    names = sorted(path.name for path in (tmp_path / "b").iterdir())
    assert names == ["step-00000005.checkpoint", "step-00000006.checkpoint"]


def test_sums_over_an_epoch_survive_a_break(job: Job, tmp_path: Path) -> None:
    batches = [batch for batch, _ in loader_of(job, tmp_path).epoch(0)]
    trainer = make_trainer(job, tmp_path / "x", loader=FixedBatches(batches), epochs=1, checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        run(trainer, interrupt_at(2))
    resumed = make_trainer(job, tmp_path / "x", loader=FixedBatches(batches), epochs=1)
    assert resumed.resume()
    run(resumed)
    row, images = resumed.rows[0], sum(len(batch.images) for batch in batches)
    assert row["data_wait_fraction"] / row["images_per_second"] == pytest.approx(3 * 0.25 / images)
    assert row["seconds"] > 3 * 0.25


def interrupt_at(steps: int) -> Callable[[int], None]:
    """For `run`: breaks off after so many steps, without a last checkpoint."""

    def after_step(step: int) -> None:
        if step == steps:
            raise KeyboardInterrupt

    return after_step


def test_finished_run_has_nothing_left_to_do(job: Job, tmp_path: Path) -> None:
    first = make_trainer(job, tmp_path)
    expected = run(first)
    again = make_trainer(job, tmp_path)
    assert again.resume()
    steps: list[int] = []
    assert run(again, steps.append) == expected
    assert steps == []
    assert same_weights(again.averaged_expert()[0], first.averaged_expert()[0])


def test_run_without_a_checkpoint_has_nothing_to_resume(job: Job, tmp_path: Path) -> None:
    assert not make_trainer(job, tmp_path).resume()


def test_other_number_of_threads_goes_on_and_says_so(job: Job, tmp_path: Path) -> None:
    run(make_trainer(job, tmp_path, epochs=1))
    lines: list[str] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert make_trainer(job, tmp_path, say=lines.append).resume()
    finally:
        torch.set_num_threads(threads)
    assert lines == [
        f"threads: {threads} when the checkpoint was made, {threads + 1} in this run; "
        "it goes on, but its last bits may differ"
    ]


def test_other_version_of_a_library_goes_on_and_says_so(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(make_trainer(job, tmp_path, epochs=1))
    now = LIBRARIES["cv2"]
    monkeypatch.setitem(LIBRARIES, "cv2", "99.0")
    lines: list[str] = []
    assert make_trainer(job, tmp_path, say=lines.append).resume()
    assert lines == [
        f"cv2: {now} when the checkpoint was made, 99.0 in this run; it goes on, but its last bits may differ"
    ]


def test_other_precision_than_the_one_that_auto_chose_goes_on_and_says_so(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bodycascade.devices.runs_bfloat16", lambda _: False)
    run(make_trainer(job, tmp_path, epochs=1, precision="auto"))
    monkeypatch.setattr("bodycascade.devices.runs_bfloat16", lambda _: True)
    lines: list[str] = []
    assert make_trainer(job, tmp_path, precision="auto", say=lines.append).resume()
    assert [line.partition(";")[0] for line in lines] == [
        "precision: float32 when the checkpoint was made, bfloat16 in this run"
    ]


class Tallying(Expert):
    """An expert that counts in buffers, as batch normalisation does."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen += len(x)
            self.calls += 1
        return super().forward(x)


def test_what_the_expert_counts_goes_with_its_weights(job: Job, tmp_path: Path) -> None:
    expert = Tallying(FOUR_LEGS, ExpertSettings.of("animal", job.train))
    cycles = WeightAveraging(cycles=1, epochs=1, rate=1.0)
    trainer = make_trainer(job, tmp_path, expert=expert, scorer=WantingMean, weight_averaging=cycles)
    rows = run(trainer)
    steps = next(row["step"] for row in rows if row["epoch"] == trainer.best_row["epoch"])
    mean, epochs = trainer.averaged_expert()
    assert len(epochs) == 2
    assert mean.state_dict()["calls"] == steps
    assert mean.state_dict()["seen"] > 0


def test_gpu_without_enough_memory_is_one_line_naming_the_parameter(job: Job, tmp_path: Path) -> None:
    class TooLarge(Expert):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB")

    trainer = make_trainer(job, tmp_path, expert=TooLarge(FOUR_LEGS, ExpertSettings.of("animal", job.train)))
    with pytest.raises(TrainingError) as caught:
        run(trainer)
    assert str(caught.value) == (
        "animal: the GPU has too little memory for batches of 4; "
        "lower train.animal.batch_size or train.animal.crop_side"
    )


def test_stop_asked_for_while_scoring_does_not_wait_for_the_end_of_it(job: Job, tmp_path: Path) -> None:
    class Interrupted(SelectionScorer):
        def score(self, *args: Any, **kwargs: Any) -> Score:
            signal.raise_signal(signal.SIGINT)
            return super().score(*args, **kwargs)

    expected = run(make_trainer(job, tmp_path / "whole"))
    job = make_job(job.root)
    trainer = make_trainer(job, tmp_path / "broken", scorer=Interrupted)
    with job.stop.listening(), pytest.raises(Stopped):
        run(trainer)
    assert trainer.rows == []
    resumed = make_trainer(make_job(job.root), tmp_path / "broken")
    assert resumed.resume()
    assert run(resumed) == expected


def test_best_weights_are_those_of_the_best_epoch(job: Job, tmp_path: Path) -> None:
    kept: list[Expert] = []
    trainer = make_trainer(job, tmp_path, epochs=5, learning_rate=0.2, warmup_epochs=0.0)
    trainer.run(lambda row, score, average: kept.append(copy.deepcopy(average)), lambda step: None)
    scores = [row["selection_mIoU"] for row in trainer.rows]
    best = scores.index(max(scores))
    assert trainer.best_row is trainer.rows[best]
    assert same_weights(trainer.averaged_expert()[0], kept[best])
    assert timeless(trainer.rows)[best]["selection_mIoU"] == max(scores)


def test_last_weights_are_kept_where_no_image_can_be_scored(job: Job, tmp_path: Path) -> None:
    class Blind(SelectionScorer):
        def score(self, *args: Any, **kwargs: Any) -> Score:
            return Score({}, 0.0, False, 0.0, 0.0)

    kept: list[Expert] = []
    trainer = make_trainer(job, tmp_path, scorer=Blind, epochs=3)
    trainer.run(lambda row, score, average: kept.append(copy.deepcopy(average)), lambda step: None)
    assert trainer.best_row["epoch"] == 3
    assert same_weights(trainer.averaged_expert()[0], kept[-1])
