"""What one training consists of, put together from the job: its data, its network, its judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from bodycascade.encoders import EncoderUNet
from bodycascade.expert import Expert
from bodycascade.preprocess.manifest import Manifest
from bodycascade.train.batches import BatchLoader
from bodycascade.train.job import Job
from bodycascade.train.materials import child_weights, make_loader, new_expert, open_split
from bodycascade.train.scoring import SelectionScorer
from bodycascade.train.trainer import Trainer


@dataclass(frozen=True)
class TrainingSetup:
    """A trainer at its start, with the expert it trains, what that learns from and is judged by."""

    expert: Expert
    trainer: Trainer
    loader: BatchLoader
    scorer: SelectionScorer

    @property
    def steps(self) -> int:
        """Steps of the optimiser in the whole training."""
        return self.trainer.epochs * self.loader.steps_per_epoch


def set_up_training(
    job: Job, manifest: Manifest, above: Mapping[str, Expert], *, folder: Path, maps: Path
) -> TrainingSetup:
    """The training of `job`, its checkpoints in `folder` and the parent maps in `maps`, made where they are missing.

    `above` holds the trained experts on the path from the root. Where no training image holds the expert's node, the
    training has no step. Raises what `open_split` and `new_expert` raise, and `Stopped` where a stop was asked for:
    all this can take a minute.
    """
    learned = open_split(job, "train", above, maps)
    job.stop.raise_if_requested()
    selection = open_split(job, "selection", above, maps)
    job.stop.raise_if_requested()
    expert = new_expert(job, above)
    loader = make_loader(job, learned)
    if loader.images_per_epoch and not job.starts_from_parent and job.train.encoder_weights != "random":
        _standardise(expert, loader, views=job.train.standardise_views, between=job.stop.raise_if_requested)
    job.stop.raise_if_requested()
    scorer = SelectionScorer(
        selection.pack, expert, selection.parents, zoom=job.params.zoom.settings, device=job.device
    )
    trainer = Trainer(
        expert,
        loader,
        scorer,
        train=job.train,
        weights=child_weights(job, manifest),
        seed=job.seed,
        device=job.device,
        precision=job.precision,
        folder=folder,
        stop=job.stop,
        say=job.say,
    )
    return TrainingSetup(expert, trainer, loader, scorer)


def _standardise(expert: Expert, loader: BatchLoader, *, views: int, between: Callable[[], None]) -> None:
    """Bring the maps of a pretrained trunk to one size, as the first `views` of the training show them.

    `between` is called between batches.
    """
    if not isinstance(expert.unet, EncoderUNet):
        return
    with closing(loader.epoch(0)) as batches:
        wanted = islice(batches, -(-views // loader.batch_size))
        seen = []
        for batch, _ in wanted:
            between()
            seen.append(expert.prepare(batch.images, batch.parent))
    training = expert.training
    expert.eval()  # batch norms, in timm's encoders, are to count training steps only
    expert.unet.standardise(torch.cat(seen)[:views])
    expert.train(training)
