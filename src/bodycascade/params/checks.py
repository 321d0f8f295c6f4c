"""Parameters that are fine one by one and contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from bodycascade.params.schema import Params, TrainParams


def contradictions(params: Params) -> Iterator[tuple[list[str], str]]:
    """(keys, message) for each contradiction; the first of the dotted keys that the file has is the one to name."""
    if params.preprocess.train_ids == params.preprocess.val_ids:
        found = params.preprocess.val_ids
        yield ["preprocess.val_ids"], f"expected another file than preprocess.train_ids, found {found!r} for both"
    zoom = params.zoom
    if zoom.again_below > zoom.again_above:
        yield ["zoom.again_below"], f"expected at most again_above, {zoom.again_above:g}, found {zoom.again_below:g}"
    for expert, train in params.train.items():
        for key, message in _in_training(train):
            yield [f"train.{expert}.{key}", f"train.common.{key}"], message


def _in_training(train: TrainParams) -> Iterator[tuple[str, str]]:
    if train.crop_side > train.input_side:
        yield "crop_side", f"expected at most input_side, {train.input_side}, found {train.crop_side}"
    if train.warmup_epochs > train.epochs:
        yield "warmup_epochs", f"expected at most epochs, {train.epochs}, found {train.warmup_epochs:g}"
    if list(train.restarts) != sorted(set(train.restarts)):
        yield "restarts", f"expected epochs in rising order, found {list(train.restarts)}"
    elif train.restarts and train.restarts[-1] >= train.epochs:
        yield "restarts", f"expected less than epochs, {train.epochs}, found {train.restarts[-1]}"
    else:
        starts = [0, *train.restarts, train.epochs]
        shortest = min(end - start for start, end in pairwise(starts))
        if train.weight_averaging.cycles:
            shortest = min(shortest, train.weight_averaging.epochs)
        if shortest < train.warmup_epochs <= train.epochs:
            yield (
                "warmup_epochs",
                f"expected at most the shortest cycle's epochs, {shortest}, found {train.warmup_epochs:g}",
            )
    if train.encoder != "none":
        for key in ("stem_stride", "input_pool"):
            if getattr(train, key) != 1:
                yield key, f"expected 1 with the encoder {train.encoder}, found {getattr(train, key)}"
    low, high = train.augment.scale_min, train.augment.scale_max
    if low > high:
        yield "augment.scale_min", f"expected at most scale_max, {high:g}, found {low:g}"
    low, high = train.augment.blur_sigma_min, train.augment.blur_sigma_max
    if low > high:
        yield "augment.blur_sigma_min", f"expected at most blur_sigma_max, {high:g}, found {low:g}"
