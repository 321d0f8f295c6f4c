"""The manifests: two small files that say what the preprocess stage made, and from what.

One is of the packs, and the only one that training reads; the other is of val. Nothing that is known of val is an input
of a training, and another list of val ids trains nothing anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bodycascade.errors import DataError, TreeError
from bodycascade.files import sha256_of, write_json
from bodycascade.hierarchy import Tree
from bodycascade.params import Preprocess
from bodycascade.preprocess.frequencies import Frequencies
from bodycascade.preprocess.pack import Pack

FORMAT_VERSION = 2
NAME, VAL_NAME = "manifest.json", "val.json"
_OF_VAL = ("rendered.val", "val_ids")
_REMEDY = "run the preprocess stage again"


@dataclass(frozen=True)
class _Source:
    """What both manifests say.

    `tree`: the class tree as JSON. `layout`: folder of the original files, relative to the repository's root where it
    lies in it. `settings`: the preprocess parameters, by their dotted keys.
    """

    tree: dict[str, Any]
    layout: str
    settings: dict[str, Any]

    def require_tree(self, tree: Tree) -> None:
        """Raise `DataError` where the packs hold the labels of another class tree."""
        try:
            same = Tree.from_json(self.tree) == tree
        except TreeError:
            same = False
        if not same:
            raise DataError(f"the data was preprocessed for another class tree; {_REMEDY}")

    def require_settings(self, settings: Preprocess) -> None:
        """Raise `DataError`, naming the parameter, where the data was preprocessed with other settings than these."""
        now = dict(_dotted(asdict(settings)))
        for key, then in self.settings.items():
            if now.get(key) != then:
                raise DataError(
                    f"the data was preprocessed with preprocess.{key} {then!r}, the parameter file has "
                    f"{now.get(key)!r}; {_REMEDY}"
                )


@dataclass(frozen=True)
class Manifest(_Source):
    """What the packs of train and selection were made from. Its `settings` lack those that are of val alone.

    `ids`: train and selection, each sorted. `kinds`: id to colour, gray or near_gray, for these. `packs`: sha256
    of each pack's index, which holds those of its arrays. `frequencies`: of the ids in train.
    """

    ids: dict[str, tuple[str, ...]]
    kinds: dict[str, str]
    packs: dict[str, str]
    frequencies: Frequencies


@dataclass(frozen=True)
class ValManifest(_Source):
    """What val, which is not packed, consists of.

    `ids`: sorted. `kinds`: id to colour, gray or near_gray. `files`: sha256 of each original file by its path in the
    layout.
    """

    ids: tuple[str, ...]
    kinds: dict[str, str]
    files: dict[str, str]


def settings_by_key(settings: Preprocess, *, val: bool) -> dict[str, Any]:
    """`settings` by their dotted keys; with or without those that are of val alone.

    Those of the renderer are left out where nothing is rendered: who changes one then need not train anew.
    """
    rendered = settings.source == "rendered"
    return {
        key: value
        for key, value in _dotted(asdict(settings))
        if (val or key not in _OF_VAL) and (rendered or not key.startswith("rendered."))
    }


def write_manifest(folder: Path, manifest: Manifest | ValManifest) -> None:
    """Write `manifest` to `folder`, whole or not at all."""
    name = NAME if isinstance(manifest, Manifest) else VAL_NAME
    write_json(folder / name, {"format_version": FORMAT_VERSION, **asdict(manifest)})


def read_manifest(folder: Path) -> Manifest:
    """The packs' manifest in `folder`; raises `DataError` where it is missing, damaged or of another version."""
    data = _read(folder / NAME, ids=dict, kinds=dict, packs=dict, frequencies=dict)
    ids = {split: tuple(ids) for split, ids in data.pop("ids").items()}
    return Manifest(**data, ids=ids)


def read_val_manifest(folder: Path) -> ValManifest:
    """The manifest of val in `folder`; raises `DataError` as `read_manifest` does."""
    data = _read(folder / VAL_NAME, ids=list, kinds=dict, files=dict)
    ids = tuple(data.pop("ids"))
    return ValManifest(**data, ids=ids)


def _read(path: Path, **own: type) -> dict[str, Any]:
    """The entries of a manifest file: those of every one, and its `own`, by the types that JSON has for them."""
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run the preprocess stage first") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_REMEDY}") from None
    version = data.pop("format_version", None) if isinstance(data, dict) else None
    if version != FORMAT_VERSION:
        raise DataError(f"{path}: format version {version}, expected {FORMAT_VERSION}; {_REMEDY}")
    types = {"tree": dict, "layout": str, "settings": dict, **own}
    if {key: type(value) for key, value in data.items()} != types:
        raise DataError(f"{path}: expected the entries {', '.join(types)}; found {', '.join(data)}; {_REMEDY}")
    return data


def _dotted(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def open_pack(folder: Path, split: str, *, verify: bool = False) -> Pack:
    """The pack of `split` (train or selection) in `folder`, which the manifest there belongs to.

    Raises `DataError` as `Pack.open` does, and where the pack comes from another run than the manifest.
    """
    expected = read_manifest(folder).packs.get(split)
    path = folder / split
    pack = Pack.open(path, verify=verify)
    if sha256_of(path / "index.json") != expected:
        raise DataError(f"{path}: made by another run than the manifest beside it; {_REMEDY}")
    return pack
