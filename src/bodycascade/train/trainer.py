"""The training loop of one expert: resumable at any step, bit-identical on the CPU to a run without a break."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bodycascade.devices import autocast
from bodycascade.errors import TrainingError
from bodycascade.expert import Expert
from bodycascade.params import TrainParams
from bodycascade.train.batches import STEP, Batch, BatchLoader, Seed
from bodycascade.train.checkpoint import load_checkpoint, save_checkpoint
from bodycascade.train.history import Row
from bodycascade.train.loss import expert_loss
from bodycascade.train.schedule import averaging_decay, rate_factor
from bodycascade.train.scoring import Score, SelectionScorer
from bodycascade.train.stopping import StopRequest

MOST_BAD_STEPS = 20
"""So many steps in a row without a finite loss end the training: it would not come back."""


class Trainer:
    """Trains `expert` and keeps its progress in `folder`.

    The state is the raw weights, their running average (which is what is scored and kept), the optimiser, the place in
    the epoch, and the rows of the history. `after_epoch` is called with each new row, the score and the averaged expert.
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
        self.average = copy.deepcopy(expert).requires_grad_(False).eval()
        self._loader, self._scorer, self._train, self._seed = loader, scorer, train, seed
        self._device, self._precision, self._folder = device, precision, folder
        self._stop, self._say = stop, say
        self._weights = torch.tensor(weights, device=device)
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(expert, train.weight_decay), lr=train.learning_rate, fused=True
        )
        self._steps = train.epochs * loader.steps_per_epoch
        self._state: dict[str, Any] = {"epoch": 0, "batch": 0, "step": 0, "skipped": 0, "bad": 0, "best": -1.0}
        self._sums = dict.fromkeys(("loss", "cross_entropy", "dice", "steps", "seconds", "waited", "images"), 0.0)
        self.rows: list[Row] = []
        self.best_weights: dict[str, Tensor] = {}

    def resume(self) -> bool:
        """Go on from the newest good checkpoint; False where there is none."""
        state = load_checkpoint(self._folder, self._say)
        if state is None:
            return False
        self._expert.load_state_dict(state["weights"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._state, self._sums = state["state"], state["sums"]
        self.rows, self.best_weights = state["rows"], state["best_weights"]
        if state["threads"] != torch.get_num_threads():
            self._say(
                f"the checkpoint was made with {state['threads']} threads, this run has {torch.get_num_threads()}: "
                "it goes on, but its last bits may differ"
            )
        return True

    def checkpoint(self) -> None:
        """Keep everything that `resume` needs."""
        state = {
            "weights": self._expert.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "state": self._state,
            "sums": self._sums,
            "rows": self.rows,
            "best_weights": self.best_weights,
            "threads": torch.get_num_threads(),
        }
        save_checkpoint(self._folder, int(self._state["step"]), state)

    def run(self, after_epoch: Callable[[Row, Score, Expert], None], after_step: Callable[[int], None]) -> None:
        """Train to the end. Raises `StopRequest.Stopped` after a checkpoint, where the process is asked to stop."""
        saved = time.monotonic()
        while self._state["epoch"] < self._train.epochs:
            self._expert.train()
            for batch, waited in self._loader.epoch(self._state["epoch"], first=self._state["batch"]):
                self._step(batch, waited)
                after_step(int(self._state["step"]))
                due = time.monotonic() - saved > self._train.checkpoint_seconds
                if due or self._stop.requested:
                    self.checkpoint()
                    saved = time.monotonic()
                    self._stop.raise_if_requested()
            row, score = self._end_epoch()
            self.checkpoint()
            saved = time.monotonic()
            after_epoch(row, score, self.average)
            self._stop.raise_if_requested()

    def _step(self, batch: Batch, waited: float) -> None:
        started = time.perf_counter()
        step = int(self._state["step"])
        torch.manual_seed(self._seed.derive(STEP, step))  # dropout's choice is a function of the step
        warmup = round(self._train.warmup_epochs * self._loader.steps_per_epoch)
        factor = rate_factor(step, steps=self._steps, warmup_steps=warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = self._train.learning_rate * factor
        try:
            parts = self._forward(batch)
            if math.isfinite(parts["loss"].item()):
                self._optimizer.zero_grad(set_to_none=True)
                parts["loss"].backward()
                nn.utils.clip_grad_norm_(self._expert.parameters(), self._train.clip_norm)
                self._optimizer.step()
                self._update_average(step)
                self._state["bad"] = 0
                for key, value in parts.items():
                    self._sums[key] += float(value.detach())
                self._sums["steps"] += 1
            else:
                self._skip(step, factor)
        except torch.cuda.OutOfMemoryError as error:
            raise TrainingError(
                f"{self._expert.spec.name}: the GPU has too little memory for batches of {self._train.batch_size}; "
                "lower train.common.batch_size or crop_side in params.yaml"
            ) from error
        self._state["step"] += 1
        self._state["batch"] += 1
        self._sums["seconds"] += time.perf_counter() - started + waited
        self._sums["waited"] += waited
        self._sums["images"] += len(batch.images)

    def _forward(self, batch: Batch) -> dict[str, Tensor]:
        parent = None if batch.parent is None else batch.parent.to(self._device, non_blocking=True)
        images = batch.images.to(self._device, non_blocking=True)
        with autocast(self._device, self._precision):
            logits = self._expert(self._expert.prepare(images, parent))
        parts = expert_loss(
            logits.float(),
            batch.targets.to(self._device, non_blocking=True),
            self._weights,
            dice_weight=self._train.dice_weight,
            label_smoothing=self._train.label_smoothing,
        )
        return {"loss": parts.total, "cross_entropy": parts.cross_entropy, "dice": parts.dice}

    def _skip(self, step: int, factor: float) -> None:
        self._state["skipped"] += 1
        self._state["bad"] += 1
        if self._state["bad"] >= MOST_BAD_STEPS:
            raise TrainingError(
                f"{self._expert.spec.name}: no finite loss in {MOST_BAD_STEPS} steps in a row (epoch "
                f"{self._state['epoch'] + 1}, step {step}, learning rate {self._train.learning_rate * factor:.3g}); "
                "lower train.common.learning_rate or set base.precision to float32"
            )

    def _update_average(self, step: int) -> None:
        keep = averaging_decay(step, decay=self._train.ema_decay)
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self._expert.parameters(), strict=True)
            for average, current in pairs:
                average.lerp_(current.detach(), 1 - keep)

    def _end_epoch(self) -> tuple[Row, Score]:
        started = time.perf_counter()
        score = self._scorer.score(self.average, precision=self._precision)
        self._state["epoch"] += 1
        self._state["batch"] = 0
        sums, steps = self._sums, max(1.0, self._sums["steps"])
        row: Row = {
            "epoch": self._state["epoch"],
            "step": self._state["step"],
            "wall_time": time.time(),
            "seconds": sums["seconds"] + time.perf_counter() - started,
            "images_per_second": sums["images"] / max(sums["seconds"], 1e-9),
            "data_wait_fraction": sums["waited"] / max(sums["seconds"], 1e-9),
            "learning_rate": self._optimizer.param_groups[0]["lr"],
            "loss": sums["loss"] / steps,
            "cross_entropy": sums["cross_entropy"] / steps,
            "dice": sums["dice"] / steps,
            "skipped_steps": self._state["skipped"],
            "selection_loss": score.loss,
            "selection_mIoU": score.mean_iou,
        }
        row |= {f"iou_{name}": score.ious.get(name, float("nan")) for name in self._expert.spec.children}
        self._sums = dict.fromkeys(self._sums, 0.0)
        self.rows.append(row)
        if score.mean_iou > self._state["best"]:
            self._state["best"] = score.mean_iou
            self._state["best_epoch"] = self._state["epoch"]
            self.best_weights = {key: value.detach().clone() for key, value in self.average.state_dict().items()}
        return row, score


def _parameter_groups(expert: Expert, weight_decay: float) -> list[dict[str, Any]]:
    """Weights decay; norms and biases, which have one dimension, do not."""
    decayed = [p for p in expert.parameters() if p.ndim > 1]
    free = [p for p in expert.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
