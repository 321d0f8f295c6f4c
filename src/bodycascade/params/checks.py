"""Parameters that are fine one by one and contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from bodycascade.errors import BundleError
from bodycascade.params.schema import Params, TrainParams


def contradictions(params: Params) -> Iterator[tuple[str | None, list[str], str]]:
    """(expert, keys, message) for each contradiction: whose it is, and the keys to name.

    The first of the dotted keys that the file has is the one.
    """
    if params.preprocess.train_ids == params.preprocess.val_ids:
        found = params.preprocess.val_ids
        yield None, ["preprocess.val_ids"], f"expected another file than preprocess.train_ids, found {found!r} for both"
    zoom = params.zoom
    if zoom.again_below > zoom.again_above:
        said = f"expected at most again_above, {zoom.again_above:g}, found {zoom.again_below:g}"
        yield None, ["zoom.again_below"], said
    for expert, train in params.train.items():
        for key, message in (*_of_network(train), *_of_cycles(train), *_of_views(train)):
            yield expert, [f"train.{expert}.{key}", f"train.common.{key}"], message


def _of_network(train: TrainParams) -> Iterator[tuple[str, str]]:
    try:
        stride = _stride(train)
    except BundleError as error:
        yield "encoder", str(error)
        return
    if train.crop_side > train.input_side:
        yield "crop_side", f"expected at most input_side, {train.input_side}, found {train.crop_side}"
    if train.crop_side % stride:
        yield "crop_side", f"expected a multiple of the network's stride, {stride}, found {train.crop_side}"
    if train.encoder != "none":
        for key in ("stem_stride", "input_pool"):
            if getattr(train, key) != 1:
                yield key, f"expected 1 with the encoder {train.encoder}, found {getattr(train, key)}"


def _of_cycles(train: TrainParams) -> Iterator[tuple[str, str]]:
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


def _of_views(train: TrainParams) -> Iterator[tuple[str, str]]:
    low, high = train.augment.scale_min, train.augment.scale_max
    if low > high:
        yield "augment.scale_min", f"expected at most scale_max, {high:g}, found {low:g}"
    low, high = train.augment.blur_sigma_min, train.augment.blur_sigma_max
    if low > high:
        yield "augment.blur_sigma_min", f"expected at most blur_sigma_max, {high:g}, found {low:g}"


def _stride(train: TrainParams) -> int:
    """Both sides of what the network is given are multiples of this many pixels; see `UNet` and `EncoderUNet`."""
    if train.encoder == "none":
        stride: int = train.input_pool * train.stem_stride * 2 ** (len(train.widths) - 1)
        return stride
    return _encoder_stride(train.encoder)


@cache
def _encoder_stride(name: str) -> int:
    # Here and not above: torch takes a second, and whoever trains without an encoder reads parameters without it.
    import torch  # noqa: PLC0415

    from bodycascade.encoders import make_encoder  # noqa: PLC0415

    with torch.device("meta"):  # no memory, no random numbers
        return make_encoder(name).strides[-1]
