"""The training loop of one expert: resumable at any step, bit-identical on the CPU to a run without a break."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from bodycascade.devices import autocast, choose_precision
from bodycascade.encoders.registry import TIMM_PREFIX
from bodycascade.errors import TrainingError
from bodycascade.expert import Expert
from bodycascade.params import TrainParams
from bodycascade.train.augmentation import LIBRARIES
from bodycascade.train.batches import Batch, BatchLoader
from bodycascade.train.best_weights import BestWeights, Weights
from bodycascade.train.checkpoint import load_checkpoint, save_checkpoint
from bodycascade.train.counters import EpochSums, Place
from bodycascade.train.history import Row, make_row
from bodycascade.train.leaf_head import leaf_head_for
from bodycascade.train.loss import LossParts, expert_loss
from bodycascade.train.optimizer import make_optimizer
from bodycascade.train.schedule import Schedule
from bodycascade.train.scoring import Score, SelectionScorer
from bodycascade.train.seeds import STEP, Seed
from bodycascade.train.stopping import StopRequest

MOST_BAD_STEPS = 20
"""So many steps in a row without a finite loss and gradient end the training: it would not come back."""


class Trainer:
    """Trains `expert` and keeps its progress in `folder`.

    The state is the raw weights, their running average (which is what is scored and kept), the optimiser, the place in
    the epoch, the sums over the epoch so far, and the rows of the history.
    """

    def __init__(
        self,
        expert: Expert,
        loader: BatchLoader,
        scorer: SelectionScorer,
        *,
        train: TrainParams,
        weights: list[float],
        seed: Seed,
        device: torch.device,
        precision: str,
        folder: Path,
        stop: StopRequest,
        say: Callable[[str], None],
    ) -> None:
        self._expert = expert.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = copy.deepcopy(expert).requires_grad_(False).eval()
        self._loader, self._scorer, self._train, self._seed = loader, scorer, train, seed
        self._device, self._precision, self._folder = device, precision, folder
        self._stop, self._say = stop, say
        self._weights = torch.tensor(weights, device=device)
        self._leaf_head = leaf_head_for(expert, weight=train.leaf_loss_weight, device=device)
        self._optimizer = make_optimizer(expert, self._leaf_head, train)
        self._schedule = Schedule(train, steps_per_epoch=loader.steps_per_epoch)
        self._best = BestWeights()
        self._place, self._sums = Place(), EpochSums()
        self._saved = time.monotonic()
        self.rows: list[Row] = []

    @property
    def epochs(self) -> int:
        """Number of epochs in the whole training, the cycles of weight averaging included."""
        return self._schedule.epochs

    @property
    def best_row(self) -> Row:
        """The history's row of the epoch whose weights are the best so far."""
        return self.rows[self._best.best["epoch"] - 1]

    def averaged_expert(self) -> tuple[Expert, list[int]]:
        """The expert with its best weights, or with a mean of several epochs' that scores better; and these epochs.

        Raises `Stopped` where the process is asked to stop.
        """

        def score_of(weights: Weights) -> float:
            expert = self._expert_with(weights)
            between = self._stop.raise_if_requested
            return self._scorer.score(expert, precision=self._precision, between=between).mean_iou

        weights, epochs = self._best.average(score_of)
        return self._expert_with(weights), epochs

    def _expert_with(self, weights: Weights) -> Expert:
        expert = copy.deepcopy(self._average)
        expert.load_state_dict(weights)
        return expert

    def resume(self) -> bool:
        """Go on from the newest good checkpoint; False where there is none."""
        state = load_checkpoint(self._folder, self._say)
        if state is None:
            return False
        self._expert.load_state_dict(state["weights"])
        self._average.load_state_dict(state["average"])
        if self._leaf_head is not None:
            self._leaf_head.load_state_dict(state["leaf_head"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._place, self._sums = Place(**state["place"]), EpochSums(**state["sums"])
        self.rows = state["rows"]
        self._best.load(state["best"])
        for fact, now in self._machine().items():
            if state["machine"][fact] != now:
                self._say(
                    f"{fact}: {state['machine'][fact]} when the checkpoint was made, {now} in this run; "
                    "it goes on, but its last bits may differ"
                )
        return True

    def _machine(self) -> dict[str, str]:
        """What the last bits of a step depend on beside data, code and parameters."""
        precision = choose_precision(self._precision, self._device)
        libraries = {"torch": str(torch.__version__), **LIBRARIES}
        if TIMM_PREFIX in self._train.encoder:
            libraries["timm"] = version("timm")
        threads = str(torch.get_num_threads())
        return {"threads": threads, "device": self._device.type, "precision": precision, **libraries}

    def checkpoint(self) -> None:
        """Keep everything that `resume` needs."""
        state = {
            "weights": self._expert.state_dict(),
            "average": self._average.state_dict(),
            "leaf_head": {} if self._leaf_head is None else self._leaf_head.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "place": vars(self._place),
            "sums": vars(self._sums),
            "rows": self.rows,
            "best": self._best.state(),
            "machine": self._machine(),
        }
        save_checkpoint(self._folder, self._place.step, state)
        self._saved = time.monotonic()

    def run(self, after_epoch: Callable[[Row, Score, Expert], None], after_step: Callable[[int], None]) -> None:
        """Train to the end.

        `after_epoch` is called with each new row, its score and the averaged expert, `after_step` with the steps done.
        Raises `Stopped` after a checkpoint where the process is asked to stop, `TrainingError` where no step in
        MOST_BAD_STEPS has a finite loss, where the GPU's memory is too small, or where a checkpoint cannot be written.
        """
        self._saved = time.monotonic()
        while self._place.epoch < self.epochs:
            epoch = self._place.epoch
            if epoch and epoch == self._schedule.cycle(epoch).first and not self._place.batch:
                self._restart()
            self._learn_epoch(after_step)
            score = self._scorer.score(self._average, precision=self._precision, between=self._checkpoint_and_stop)
            after_epoch(self._end_epoch(score), score, self._average)
            # Last, so that a run that is killed in after_epoch comes back to it.
            self.checkpoint()
            self._stop.raise_if_requested()

    def _checkpoint_and_stop(self) -> None:
        """Save a checkpoint and raise `Stopped` if a stop was requested; scoring, which takes minutes, calls it too."""
        if self._stop.requested:
            self.checkpoint()
            self._stop.raise_if_requested()

    def _restart(self) -> None:
        """Begin a cycle of the learning rate: at the best weights so far, with an optimiser that has seen nothing.

        The leaf head, which nobody keeps, goes on as it is. Called again after a break, before the cycle's first step,
        this leaves the same.
        """
        best = self._best.best["weights"]
        self._expert.load_state_dict(best)
        self._average.load_state_dict(best)
        self._optimizer = make_optimizer(self._expert, self._leaf_head, self._train)

    def _learn_epoch(self, after_step: Callable[[int], None]) -> None:
        """The steps of this epoch that are still to be made."""
        self._expert.train()
        with closing(self._loader.epoch(self._place.epoch, first=self._place.batch)) as batches:
            for batch, waited in batches:
                started = time.perf_counter()
                with self._memory_hint():
                    self._step(batch)
                self._place.step += 1
                self._place.batch += 1
                self._sums.seconds += time.perf_counter() - started + waited
                self._sums.waited += waited
                self._sums.images += len(batch.images)
                after_step(self._place.step)
                self._checkpoint_and_stop()
                if time.monotonic() - self._saved >= self._train.checkpoint_seconds:
                    self.checkpoint()

    def _step(self, batch: Batch) -> None:
        """One step of the optimiser; left out, and counted, where the loss or its gradient is not finite."""
        step = self._place.step
        torch.manual_seed(self._seed.derive(STEP, step))  # dropout's choice is a function of the step
        rate = self._set_rate(step)
        loss = self._loss(batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._learned(), self._train.clip_norm)
        if not math.isfinite(loss.total.item() + norm.item()):
            self._skip(rate)
            return
        self._optimizer.step()
        self._update_average(step)
        self._place.bad = 0
        self._sums.loss += loss.total.item()
        self._sums.cross_entropy += loss.cross_entropy.item()
        self._sums.dice += loss.dice.item()
        self._sums.steps += 1

    def _learned(self) -> list[nn.Parameter]:
        return [parameter for group in self._optimizer.param_groups for parameter in group["params"]]

    def _set_rate(self, step: int) -> float:
        rate = self._schedule.learning_rate(step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        return rate

    def _loss(self, batch: Batch) -> LossParts:
        parent = None if batch.parent is None else batch.parent.to(self._device, non_blocking=True)
        images = batch.images.to(self._device, non_blocking=True)
        with autocast(self._device, self._precision):
            prepared = self._expert.prepare(images, parent)
            if self._leaf_head is None:
                logits, finer = self._expert(prepared), None
            else:
                features = self._expert.unet.features(prepared)
                height, width = prepared.shape[-2:]
                logits, finer = self._expert.unet.decide(features, (height, width)), self._leaf_head(features)
        terms = {"dice_weight": self._train.dice_weight, "label_smoothing": self._train.label_smoothing}
        targets = batch.targets.to(self._device, non_blocking=True)
        loss = expert_loss(logits.float(), targets, self._weights, **terms)
        if self._leaf_head is None or finer is None:
            return loss
        leaves = batch.leaves.to(self._device, non_blocking=True)
        second = self._leaf_head.loss(finer, leaves, **terms)
        return dataclasses.replace(loss, total=loss.total + self._train.leaf_loss_weight * second)

    def _skip(self, rate: float) -> None:
        self._place.skipped += 1
        self._place.bad += 1
        # Batch norms, in timm's encoders, have counted the step already; the average has what the last good one left.
        for counted, kept in zip(self._expert.buffers(), self._average.buffers(), strict=True):
            counted.copy_(kept)
        if self._place.bad >= MOST_BAD_STEPS:
            raise TrainingError(
                f"{self._expert.spec.name}: no finite loss in {MOST_BAD_STEPS} steps in a row (epoch "
                f"{self._place.epoch + 1}, step {self._place.step}, learning rate {rate:.3g}); "
                f"lower train.{self._expert.spec.name}.learning_rate or set base.precision to float32"
            )

    @contextmanager
    def _memory_hint(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            name = self._expert.spec.name
            raise TrainingError(
                f"{name}: the GPU has too little memory for batches of {self._train.batch_size}; "
                f"lower train.{name}.batch_size or train.{name}.crop_side"
            ) from error

    def _update_average(self, step: int) -> None:
        keep = self._schedule.averaging_decay(step)
        with torch.no_grad():
            pairs = zip(self._average.parameters(), self._expert.parameters(), strict=True)
            for average, current in pairs:
                average.lerp_(current.detach(), 1 - keep)
            # What is not learned but counted, as the statistics of batch normalisation in timm's encoders.
            for kept, counted in zip(self._average.buffers(), self._expert.buffers(), strict=True):
                kept.copy_(counted)

    def _end_epoch(self, score: Score) -> Row:
        """Move on to the next epoch; a new row of the history, and the best weights where these are."""
        phase = self._schedule.cycle(self._place.epoch).phase
        self._place.epoch += 1
        self._place.batch = 0
        rate = self._optimizer.param_groups[0]["lr"]
        row = make_row(self._place, self._sums, score, children=self._expert.spec.children, learning_rate=rate)
        self._sums = EpochSums()
        self.rows.append(row)
        self._best.offer(self._average.state_dict(), score, phase=phase, epoch=self._place.epoch)
        return row
