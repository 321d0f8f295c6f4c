"""Checks of parameters that are fine one by one and contradict each other."""

from __future__ import annotations

from collections.abc import Callable

from bodycascade.errors import ParamsError
from bodycascade.params.schema import Params, TrainParams

Fail = Callable[[str, str], ParamsError]


def check_together(params: Params, fail: Fail) -> Params:
    """`params` itself; raises what `fail(key, message)` makes for the first contradiction."""
    if params.preprocess.train_ids == params.preprocess.val_ids:
        named = params.preprocess.val_ids
        raise fail("preprocess.val_ids", f"expected another file than preprocess.train_ids, found {named!r} for both")
    for expert, train in params.train.items():
        for key, message in _contradictions(train):
            raise fail(f"train.{expert}.{key}", message)
    return params


def _contradictions(train: TrainParams) -> list[tuple[str, str]]:
    found = []
    if train.crop_side > train.input_side:
        found.append(("crop_side", f"expected at most input_side, {train.input_side}, found {train.crop_side}"))
    if train.warmup_epochs > train.epochs:
        found.append(("warmup_epochs", f"expected at most epochs, {train.epochs}, found {train.warmup_epochs:g}"))
    if train.augment.scale_min > train.augment.scale_max:
        low, high = train.augment.scale_min, train.augment.scale_max
        found.append(("augment.scale_min", f"expected at most scale_max, {high:g}, found {low:g}"))
    return found
