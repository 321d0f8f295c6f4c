"""The manifest: one small file that says what the preprocess stage made, and from what."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bodycascade.errors import DataError, TreeError
from bodycascade.files import sha256_of, write_json
from bodycascade.hierarchy import Tree
from bodycascade.params import Preprocess
from bodycascade.preprocess.frequencies import Frequencies
from bodycascade.preprocess.pack import Pack

FORMAT_VERSION = 1
NAME = "manifest.json"
_REMEDY = "run the preprocess stage again"


@dataclass(frozen=True)
class Manifest:
    """What `preprocess` made.

    `tree`: the class tree as JSON. `layout`: folder of the original files, relative to the repository's root where it
    lies in it. `settings`: the preprocess parameters. `ids`: train, selection and val, each sorted. `kinds`: id to
    colour, gray or near_gray, for all of them. `val_files`: sha256 of each original file of val, by its path in the
    layout. `packs`: sha256 of each pack's index, which holds those of its arrays. `frequencies`: of the ids in train.
    `notes`: remarks of the data check.
    """

    tree: dict[str, Any]
    layout: str
    settings: dict[str, Any]
    ids: dict[str, tuple[str, ...]]
    kinds: dict[str, str]
    val_files: dict[str, str]
    packs: dict[str, str]
    frequencies: Frequencies
    notes: tuple[str, ...]

    def require_tree(self, tree: Tree) -> None:
        """Raise `DataError` where the packs hold the labels of another class tree."""
        try:
            same = Tree.from_json(self.tree) == tree
        except TreeError:
            same = False
        if not same:
            raise DataError(f"the packs were made for another class tree; {_REMEDY}")

    def require_settings(self, settings: Preprocess) -> None:
        """Raise `DataError`, naming the parameter, where the packs were made with other settings than these."""
        now, then = asdict(settings), dict(self.settings)
        for key, value in now.items():
            unused = key == "rendered" and settings.source != "rendered"
            if not unused and then.get(key) != value:
                raise DataError(
                    f"the packs were made with preprocess.{key} {then.get(key)!r}, params.yaml has {value!r}; {_REMEDY}"
                )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` to `folder`, whole or not at all."""
    write_json(folder / NAME, {"format_version": FORMAT_VERSION, **asdict(manifest)})


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`; raises `DataError` where it is missing, damaged or of another format version."""
    path = folder / NAME
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run the preprocess stage first") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_REMEDY}") from None
    version = data.pop("format_version", None) if isinstance(data, dict) else None
    if version != FORMAT_VERSION:
        raise DataError(f"{path}: format version {version}, expected {FORMAT_VERSION}; {_REMEDY}")
    types = {field.name: dict for field in fields(Manifest)} | {"layout": str, "notes": list}
    if {key: type(value) for key, value in data.items()} != types:
        raise DataError(f"{path}: expected the entries {', '.join(types)}; found {', '.join(data)}; {_REMEDY}")
    data["ids"] = {split: tuple(ids) for split, ids in data["ids"].items()}
    data["notes"] = tuple(data["notes"])
    return Manifest(**data)


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
