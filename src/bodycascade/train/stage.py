"""The train stage for one expert: from the packs and the experts before it to a file of weights and its record."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import torch

from bodycascade.devices import choose_device
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.expert_file import load_expert, save_expert
from bodycascade.files import remove_asides, write_json
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import UPKEEP, Params
from bodycascade.preprocess.manifest import Manifest
from bodycascade.progress import Progress
from bodycascade.train.calibration import calibrated
from bodycascade.train.counters import EpochSums, Place
from bodycascade.train.history import Events, Row, describe, make_row, write_history
from bodycascade.train.job import Job
from bodycascade.train.panels import sample_panels
from bodycascade.train.scoring import Score, SelectionScorer
from bodycascade.train.setup import TrainingSetup, set_up_training
from bodycascade.train.stopping import StopRequest
from bodycascade.train.trainer import Trainer
from bodycascade.train.workspace import code_files, fingerprint, working_folder


def train(params: Params, expert: str, root: Path, tree: Tree = PASCAL_PART) -> None:
    """Train `expert` as `params` say and write its files under `root`; goes on where a killed run stopped.

    `tree` holds the classes; the profile says whether its own experts are trained or the one of it made flat. To be
    called from the main thread, since it listens for signals. Raises `DataError`, `BundleError` or `TrainingError`
    where an input is missing or unusable, `BusyError` where another process trains this expert, `BodyCascadeError` for
    a device that cannot be used, `Stopped` after a signal.
    """
    tree = params.profile.trained_tree(tree)
    device, why = choose_device(params.base.device)
    stop = StopRequest()
    job = Job(params, tree, tree.expert(expert), root, device, stop)
    job.say(f"on {device} ({why}), {torch.get_num_threads()} threads")
    with stop.listening():
        manifest = job.manifest()
        above = job.models_above()
        with working_folder(job.work, _fingerprint(job, above), job.say) as folder:
            for path in (job.model(expert), job.history, job.summary):
                remove_asides(path.parent, path.name)
            _train(job, manifest, _load(job, above), folder)
            shutil.rmtree(folder)


def _fingerprint(job: Job, above: Mapping[str, Path]) -> str:
    """Of all that the weights depend on; `above`: the files of the experts on the path from the root."""
    named = job.root / job.train.encoder_weights
    weights = [named] if named.is_file() else []
    zoom = asdict(job.params.zoom)
    settings = {
        "train": {key: value for key, value in asdict(job.train).items() if key not in UPKEEP},
        # The root is shown boxes around true people, whatever finds them later: dvc.yaml says the same.
        "zoom": zoom if above else {key: zoom[key] for key in ("looks", "margin", "whole")},
        "seed": job.params.base.seed,
        "precision": job.precision,
    }
    return fingerprint(settings, [job.data / "manifest.json", *above.values(), *weights, *code_files()])


def _load(job: Job, above: Mapping[str, Path]) -> dict[str, Expert]:
    """The experts in the files `above`; those that were trained with other settings are refused."""
    settings = {name: ExpertSettings.of(name, job.params.train[name]) for name in above}
    return {name: load_expert(path, job.tree, settings[name]) for name, path in above.items()}


def _train(job: Job, manifest: Manifest, above: Mapping[str, Expert], folder: Path) -> None:
    """Everything from the packs to the files, `above` being the trained experts on the path from the root."""
    training = set_up_training(job, manifest, above, folder=folder, maps=folder)
    trainer = training.trainer
    if not training.loader.images_per_epoch:
        _leave_untrained(job, training, folder)
        return
    _say_what_is_missing(job, training.scorer)
    resumed = trainer.resume()
    again = _place(trainer) if resumed else ""
    plan = f"{trainer.epochs} epochs of {training.loader.steps_per_epoch} steps"
    job.say(f"{training.loader.images_per_epoch} images, {plan}{again}")
    _record(job, training, folder, resumed=resumed)
    _finish(job, trainer, training.scorer)


def _leave_untrained(job: Job, training: TrainingSetup, folder: Path) -> None:
    """Write the files of an expert that no training image shows anything to: its weights are those it starts with.

    Its record is one row, of epoch 0, so that all who read a training's files find what they look for.
    """
    job.say(f"no training image holds {job.spec.node}: there is nothing to learn from; the expert stays as it starts")
    score = training.scorer.score(training.expert, precision=job.precision, between=job.stop.raise_if_requested)
    row = make_row(Place(), EpochSums(), score, children=job.spec.children, learning_rate=0.0)
    with Events(job.events, [row], panels=folder):
        _write(job, training.expert, score, rows=[row], best_epoch=0, averaged=[0])


def _say_what_is_missing(job: Job, scorer: SelectionScorer) -> None:
    """A line about the children that no image of the selection set holds, and what follows from that."""
    if scorer.missing:
        follows = "the others choose the weights" if scorer.is_meaningful else "the last epoch's weights will be kept"
        job.say(f"no image of the selection set holds {' or '.join(scorer.missing)}: {follows}")


def _place(trainer: Trainer) -> str:
    """Where a resumed training goes on."""
    done = len(trainer.rows)
    return f"; resumed in epoch {done + 1}" if done < trainer.epochs else "; resumed after the last"


def _record(job: Job, training: TrainingSetup, folder: Path, *, resumed: bool) -> None:
    """Run the training, and keep its history while it runs."""
    trainer = training.trainer
    # Of an epoch that another run began, the scoring alone may be this one's: that tells nothing of the time left.
    told = len(trainer.rows) + int(resumed)
    epochs, count = trainer.epochs, job.train.panels
    with (
        Events(job.events, trainer.rows, panels=folder) as events,
        Progress(f"train {job.spec.name}", total=training.steps) as progress,
    ):

        def after_epoch(row: Row, score: Score, average: Expert) -> None:
            epoch = int(row["epoch"])
            events.add(row)
            if count and (epoch.bit_count() == 1 or epoch == epochs):
                events.add_panels(row, sample_panels(average, training.scorer, count=count))
            write_history(job.history, trainer.rows)
            left = progress.seconds_left if len(trainer.rows) > told else None
            progress.say(describe(row, epochs=epochs, seconds_left=left, scores=score.ious))

        trainer.run(after_epoch, progress.at)


def _finish(job: Job, trainer: Trainer, scorer: SelectionScorer) -> None:
    """Make the expert of the best weights, and write all files but the events."""
    expert, averaged = trainer.averaged_expert()
    if job.train.calibration.reach:
        expert = calibrated(
            expert,
            scorer,
            search=job.train.calibration,
            precision=job.precision,
            between=job.stop.raise_if_requested,
        )
    score = scorer.score(expert, precision=job.precision, between=job.stop.raise_if_requested)
    _write(job, expert, score, rows=trainer.rows, best_epoch=int(trainer.best_row["epoch"]), averaged=averaged)


def _write(
    job: Job, expert: Expert, score: Score, *, rows: Sequence[Row], best_epoch: int, averaged: Sequence[int]
) -> None:
    """Write the history, the summary and, last, the weights."""
    write_history(job.history, rows)
    summary = {
        "best_epoch": best_epoch,
        "averaged_epochs": averaged,
        "selection_mIoU": score.mean_iou,
        **{f"iou_{child}": iou for child, iou in score.ious.items()},
        "images_per_second": round(fmean(row["images_per_second"] for row in rows), 2),
        "data_wait_fraction": round(fmean(row["data_wait_fraction"] for row in rows), 5),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "skipped_steps": int(rows[-1]["skipped_steps"]),
        "device": str(job.device),
    }
    write_json(job.summary, summary)
    extra = {key: summary[key] for key in ("best_epoch", "selection_mIoU")}
    path = job.model(job.spec.name)
    save_expert(path, expert, extra)
    origin = f"best epoch {best_epoch}" if best_epoch else "weights of the start"
    if len(averaged) > 1:
        origin = f"mean of the weights of epochs {', '.join(map(str, averaged))}"
    job.say(f"{origin}, selection mIoU {score.mean_iou:.4f}: {path}")
