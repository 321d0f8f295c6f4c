"""What a training is made from: packs, parent masks, the expert as it starts, class weights, batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from bodycascade.encoders import EncoderUNet, import_weights, is_beginning
from bodycascade.errors import TrainingError
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.hierarchy import Tree
from bodycascade.params import TrainParams
from bodycascade.preprocess.manifest import Manifest, open_pack
from bodycascade.preprocess.pack import Pack
from bodycascade.progress import Progress
from bodycascade.train.augmentation import Augmenter
from bodycascade.train.batches import BatchLoader, loading_threads
from bodycascade.train.job import Job
from bodycascade.train.loss import class_weights
from bodycascade.train.parent_maps import ParentMaps, ancestors_of, write_parent_maps
from bodycascade.train.seeds import START


@dataclass(frozen=True)
class Split:
    """One pack, and the predicted parent masks of its images where the training wants them."""

    pack: Pack
    parents: ParentMaps | None


def open_split(job: Job, split: str, above: Mapping[str, Expert], folder: Path) -> Split:
    """The pack of `split` (train or selection), checksums compared; predicted parent masks are kept in `folder`.

    `above` holds the trained experts on the path from the root. Masks that a run before this one has made are used
    again. Raises `DataError` where the pack is damaged or does not belong to the manifest.
    """
    pack = open_pack(job.data, split, verify=True)
    if job.spec.parent is None or job.train.parent_mask == "truth":
        return Split(pack, None)
    path = folder / f"parents-{split}.npy"
    if not path.is_file():
        _predict_parents(job, path, pack, above)
    return Split(pack, ParentMaps(path, pack))


def _predict_parents(job: Job, path: Path, pack: Pack, above: Mapping[str, Expert]) -> None:
    ancestors = ancestors_of(job.spec.name, job.tree, above)
    for step in ancestors:
        step.expert.to(job.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    with Progress(f"{job.spec.name}: parent masks of {path.stem}", total=len(pack)) as progress:

        def report(done: int) -> None:
            progress.at(done)
            job.stop.raise_if_requested()

        write_parent_maps(
            path,
            pack,
            ancestors,
            zoom=job.params.zoom.settings,
            device=job.device,
            precision=job.precision,
            report=report,
        )


def new_expert(job: Job, above: Mapping[str, Expert]) -> Expert:
    """The expert as it starts: the parent's weights, a pretrained encoder's or random ones, as the params say.

    Raises `BundleError` where the encoder is not known or its weights are missing or altered, `TrainingError` where
    the parent's do not fit.
    """
    torch.manual_seed(job.seed.derive(START))
    expert = Expert(job.tree, ExpertSettings.of(job.spec.name, job.train))
    if job.starts_from_parent and job.spec.parent is not None:
        _start_from(expert, above[job.spec.parent])
    elif isinstance(expert.unet, EncoderUNet) and job.train.encoder_weights != "random":
        source = None if job.train.encoder_weights == "installed" else job.root / job.train.encoder_weights
        expert.unet.encoder.load_state_dict(import_weights(job.train.encoder, source))
    return expert


def _start_from(expert: Expert, parent: Expert) -> None:
    """Copy the parent's weights, its head excepted: what finds a body is a start for what divides it.

    A parent's encoder may be more than its child's, by further trunks at the end or by the last stage of the last of
    several: the child takes over what it has itself, and of the decoder that joins them the channels that read it.
    """
    if not is_beginning(expert.settings.encoder, of=parent.settings.encoder):
        raise TrainingError(
            f"{expert.spec.name} cannot start from {parent.spec.name}: its encoder is {expert.settings.encoder}, the "
            f"parent's {parent.settings.encoder}; give both the same encoder, or set train.{expert.spec.name}.start "
            "to scratch"
        )
    own, given = expert.unet.state_dict(), parent.unet.state_dict()
    fits = _holds if isinstance(expert.unet, EncoderUNet) else torch.Size.__eq__
    for key, value in own.items():
        if key.startswith("head."):
            continue
        source = given.get(key)
        if source is None or not fits(source.shape, value.shape):
            found = "nothing" if source is None else _text(source.shape)
            raise TrainingError(
                f"{expert.spec.name} cannot start from {parent.spec.name}: {key} is {_text(value.shape)}, the parent "
                f"has {found}; give both the same encoder, widths, block_depth, kernel and stem_stride, "
                f"or set train.{expert.spec.name}.start to scratch"
            )
        own[key] = source[tuple(slice(length) for length in value.shape)]
    expert.unet.load_state_dict(own)


def _holds(larger: torch.Size, smaller: torch.Size) -> bool:
    """Whether a weight holds another one, by more channels (the first two axes); a kernel is the same or another."""
    channels = all(theirs >= own for theirs, own in zip(larger[:2], smaller[:2], strict=False))
    return len(larger) == len(smaller) and larger[2:] == smaller[2:] and channels


def _text(shape: torch.Size) -> str:
    return " x ".join(map(str, shape)) or "a number"


def child_weights(job: Job, manifest: Manifest) -> list[float]:
    """Weight of each child in the loss; a line is said about one that never occurs."""
    frequencies = manifest.frequencies["experts"][job.spec.name]
    fractions = [float(frequencies[child]["fraction"]) for child in job.spec.children]
    for child, fraction in zip(job.spec.children, fractions, strict=True):
        if not fraction:
            job.say(f"{child} never occurs in the training images: its weight is 0")
    return class_weights(fractions, power=job.train.class_weight_power)


def make_loader(job: Job, split: Split) -> BatchLoader:
    """The training batches; none where no image holds the expert's node."""
    return BatchLoader(
        split.pack,
        split.parents,
        tree=job.tree,
        spec=job.spec,
        train=job.train,
        zoom=job.params.zoom.settings,
        seed=job.seed,
        make_augmenter=lambda: make_augmenter(job.tree, job.spec.node, job.train),
        threads=loading_threads(job.device),
    )


def make_augmenter(tree: Tree, node: str, train: TrainParams) -> Augmenter:
    """Random views for the expert that splits `node`: they hold some of its pixels (the root's some of a person) unless
    crops lie anywhere.
    """
    inside = set(tree.labels(node))
    outside = tuple(label for label in range(tree.num_labels) if label not in inside)
    return Augmenter(
        train.augment,
        input_side=train.input_side,
        crop_side=train.crop_side,
        outside=None if train.crops == "anywhere" else outside,
    )
