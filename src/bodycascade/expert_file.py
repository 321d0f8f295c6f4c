"""One expert in one safetensors file, whose header also holds the tree and the settings that rebuild it.

The header's only metadata entry, "bodycascade", is JSON: {format_version, tree, settings, extra}. Reading executes
nothing: the header is JSON, the rest plain numbers (https://github.com/huggingface/safetensors, format of 2023).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

from bodycascade.errors import BundleError, MissingExtraError, TreeError, first_line
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.files import replace_file
from bodycascade.hierarchy import Tree

FORMAT_VERSION = 1

_METADATA = "bodycascade"
_KEYS = {"format_version", "tree", "settings", "extra"}
_DTYPES = (torch.float32, torch.float16)


def save_expert(path: Path, expert: Expert, extra: Mapping[str, Any], *, half: bool = False) -> None:
    """Write `expert` to `path`, whole or not at all; the same expert gives the same bytes.

    `extra` is any plain JSON data to keep beside it; `read_extra` gives it back. `half` stores the weights as float16,
    which loading widens to float32 again. Raises `BundleError` where a weight is NaN or infinite, or too large for
    float16.
    """
    tensors = {}
    for name, tensor in expert.state_dict().items():
        # Counters of batch norms, in timm's encoders, are whole numbers that float16 cannot hold.
        kind = "float16" if half and tensor.is_floating_point() else "float32"
        stored = tensor.detach().to(device="cpu", dtype=getattr(torch, kind)).contiguous()
        if not bool(torch.isfinite(stored).all()):
            raise BundleError(f"{path}: not written: {name} of {expert.spec.name!r} is not finite as {kind}")
        tensors[name] = stored
    header = {
        "format_version": FORMAT_VERSION,
        "tree": expert.tree.to_json(),
        "settings": expert.settings.to_json(),
        "extra": dict(extra),
    }
    # One metadata entry only: safetensors writes several in an order that changes from run to run. It is not asked to
    # write the file, since its own error of a full disk is no `OSError`.
    data = safetensors.torch.save(tensors, {_METADATA: json.dumps(header, sort_keys=True, allow_nan=False)})
    with replace_file(path) as aside:
        aside.write_bytes(data)


def load_expert(path: Path, tree: Tree | None = None, settings: ExpertSettings | None = None) -> Expert:
    """The expert in `path`, on the CPU, ready to predict; weights are float32.

    Raises `BundleError`, in one line with the reason, where the file is missing, damaged, too new, not an expert, holds
    NaN, or (with `tree`, `settings`) is of another tree, or was trained with other settings.
    """
    expert = expert_from_bytes(_read(path), source=str(path), tree=tree)
    if settings is not None and expert.settings != settings:
        name = next(name for name, value in vars(settings).items() if getattr(expert.settings, name) != value)
        found, wanted = getattr(expert.settings, name), getattr(settings, name)
        raise BundleError(f"{path}: trained with {name} {found}, where {wanted} is set now; train it again: dvc repro")
    return expert


def read_extra(path: Path) -> dict[str, Any]:
    """The `extra` that `save_expert` was given; raises `BundleError` as `load_expert` does."""
    extra: dict[str, Any] = _header(_read(path), str(path))["extra"]
    return extra


def expert_from_bytes(data: bytes, *, source: str, tree: Tree | None) -> Expert:
    """The expert whose file content is `data`; `source` names the file in errors, which are those of `load_expert`."""
    header = _header(data, source)
    try:
        own = Tree.from_json(header["tree"])
        settings = ExpertSettings.from_json(header["settings"])
        if tree is not None and own != tree:
            raise BundleError("it is of another class tree; train it again for this one")
        with torch.device("meta"), NoDraws():  # shapes without memory: the settings may ask for anything
            wanted = {name: tensor.shape for name, tensor in Expert(own, settings).state_dict().items()}
    except (TreeError, BundleError, MissingExtraError) as error:
        raise BundleError(f"{source}: {error}") from None
    try:
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise BundleError(f"{source}: damaged ({first_line(error)}); copy it again") from None
    _check_tensors(tensors, wanted, source)
    with NoDraws():
        expert = Expert(own, settings).float()  # whatever torch's default type is
    expert.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return expert.eval()


class NoDraws(TorchFunctionMode):
    """Networks made in this context hold whatever was in memory: their weights come from a file, or are not used.

    Skips random initialisation, which on the device "meta" imports torch's compiler (1.5 s), and leaves the caller's
    random state as it is.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in (Tensor.normal_, Tensor.uniform_) or getattr(func, "__module__", None) == init.__name__:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"{path}: no such file; train the expert first") from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from error


def _header(data: bytes, source: str) -> dict[str, Any]:
    """The JSON beside the weights, its outer form checked. The first eight bytes are the length of what follows."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise BundleError(f"{source}: not a safetensors file, or cut short; copy it again or train the expert again")
    try:
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        header = json.loads(metadata[_METADATA])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BundleError(f"{source}: not an expert of this project: its header holds no {_METADATA!r} entry") from None
    check_version(header, source)
    if set(header) != _KEYS or not isinstance(header["extra"], dict):
        raise BundleError(f"{source}: its header must hold {', '.join(sorted(_KEYS))}; found {', '.join(header)}")
    return dict(header)


def check_version(data: object, source: str) -> None:
    """Raise `BundleError` where `data`, the JSON of a file, is not an object of this format version."""
    version = data.get("format_version") if isinstance(data, dict) else None
    if type(version) is not int or version < 1:
        raise BundleError(f"{source}: expected format_version {FORMAT_VERSION}, found {version!r}")
    if version > FORMAT_VERSION:
        raise BundleError(f"{source}: format version {version} is newer than {FORMAT_VERSION}; upgrade bodycascade")


def _check_tensors(tensors: Mapping[str, Tensor], wanted: Mapping[str, torch.Size], source: str) -> None:
    for problem, names in (("is missing", set(wanted) - set(tensors)), ("is unknown", set(tensors) - set(wanted))):
        if names:
            raise BundleError(f"{source}: the tensor {min(names)} {problem}; its settings are of another network")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name] or tensor.dtype not in _DTYPES:
            found = f"{tensor.dtype} {tuple(tensor.shape)}"
            raise BundleError(f"{source}: {name}: expected float32 or float16 {tuple(wanted[name])}, found {found}")
        if not bool(torch.isfinite(tensor).all()):
            raise BundleError(f"{source}: {name} holds NaN or infinity; train the expert again")
