"""Parameters that are fine one by one and contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from bodycascade.errors import BundleError
from bodycascade.hierarchy import Tree
from bodycascade.params.schema import Params, TrainParams


def contradictions(params: Params, tree: Tree) -> Iterator[tuple[str | None, list[str], str]]:
    """(expert, keys, message) for each contradiction: whose it is, and the keys to name.

    The first of the dotted keys that the file has is the one. `tree`: the one whose experts are trained.
    """
    if params.preprocess.train_ids == params.preprocess.val_ids:
        found = params.preprocess.val_ids
        yield None, ["preprocess.val_ids"], f"expected another file than preprocess.train_ids, found {found!r} for both"
    if params.preprocess.source == "rendered":
        for key, name in (("train_ids", "train_id.txt"), ("val_ids", "val_id.txt")):
            found = getattr(params.preprocess, key)
            if found != name:
                yield None, [f"preprocess.{key}"], f"expected {name}, which the renderer writes, found {found!r}"
    zoom = params.zoom
    if zoom.again_below > zoom.again_above:
        said = f"expected at most again_above, {zoom.again_above:g}, found {zoom.again_below:g}"
        yield None, ["zoom.again_below"], said
    for expert, train in params.train.items():
        parent = tree.expert(expert).parent
        alike = _of_start(train, params.train[parent], parent) if parent and train.start == "parent" else ()
        for key, message in (*_of_network(train), *_of_cycles(train), *_of_views(train), *alike):
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
        most, found = len(_encoder_strides(train.encoder)) - 1, len(train.widths)
        if found > most:
            yield "widths", f"expected at most {most} with the encoder {train.encoder}, found {found}"


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


def _of_start(train: TrainParams, parent: TrainParams, name: str) -> Iterator[tuple[str, str]]:
    """What keeps an expert from starting with the weights of the one above it, called `name`; see `new_expert`."""
    otherwise = f"as {name}, from whose weights it starts (start: scratch asks for none)"
    if not _begins(train.encoder, parent.encoder):
        yield "encoder", f"expected {parent.encoder} {otherwise}, found {train.encoder}"
        return
    exact = ("kernel",) if train.encoder != "none" else ("kernel", "stem_stride", "widths", "block_depth")
    for key in exact:
        own, theirs = getattr(train, key), getattr(parent, key)
        if own != theirs:
            yield key, f"expected {_text(theirs)} {otherwise}, found {_text(own)}"
    if train.encoder != "none":
        # Of a wider decoder those channels are taken that the narrower one has.
        widths = list(zip(train.widths, parent.widths, strict=False))
        if len(train.widths) != len(parent.widths) or any(own > theirs for own, theirs in widths):
            yield "widths", f"expected at most {_text(parent.widths)} {otherwise}, found {_text(train.widths)}"
        if train.block_depth > parent.block_depth:
            yield "block_depth", f"expected at most {parent.block_depth} {otherwise}, found {train.block_depth}"


def _text(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _begins(encoder: str, parents: str) -> bool:
    if encoder == parents:
        return True
    if "none" in (encoder, parents):
        return False
    from bodycascade.encoders import is_beginning  # noqa: PLC0415

    return is_beginning(encoder, of=parents)


def _stride(train: TrainParams) -> int:
    """Both sides of what the network is given are multiples of this many pixels; see `UNet` and `EncoderUNet`."""
    if train.encoder == "none":
        stride: int = train.input_pool * train.stem_stride * 2 ** (len(train.widths) - 1)
        return stride
    return _encoder_strides(train.encoder)[-1]


@cache
def _encoder_strides(name: str) -> tuple[int, ...]:
    # Here and not above: torch takes a second, and whoever trains without an encoder reads parameters without it.
    import torch  # noqa: PLC0415

    from bodycascade.encoders import make_encoder  # noqa: PLC0415

    with torch.device("meta"):  # no memory, no random numbers
        return tuple(make_encoder(name).strides)
