"""A cascade as a folder: manifest.json and one safetensors file per expert, each checked by its sha256.

A folder that is not exactly what the manifest says is refused, and so is a manifest that was changed by hand: its last
line is the sha256 of the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bodycascade.errors import BundleError, TreeError
from bodycascade.expert import Expert
from bodycascade.expert_file import FORMAT_VERSION, check_version, expert_from_bytes, save_expert
from bodycascade.files import sha256_of, write_text
from bodycascade.folders import FolderKind, replace_kind
from bodycascade.hierarchy import Tree

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 24

_KIND = FolderKind("bundle", MANIFEST, ".safetensors")
_KEYS = ("format_version", "tree", "settings", "normalisation", "experts", "sha256")
_ENTRY_KEYS = {"name", "file", "sha256", "settings"}


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds: the class tree, its experts in the tree's order, and the settings of the cascade."""

    tree: Tree
    experts: tuple[Expert, ...]
    settings: dict[str, Any]


def save_bundle(
    folder: Path, experts: Sequence[Expert], tree: Tree, settings: Mapping[str, Any], *, half: bool = False
) -> None:
    """Write a bundle to `folder`, whole or not at all; the same content gives the same bytes.

    `settings` is plain JSON data. A bundle that is there is replaced. Raises `BundleError` where `folder` holds
    anything else, or a weight cannot be stored.
    """
    with replace_kind(folder, _KIND) as aside:
        entries = []
        for expert in experts:
            file = aside / _file_name(expert.spec.name)
            save_expert(file, expert, {}, half=half)
            settings_json = expert.settings.to_json()
            entry = {"name": expert.spec.name, "file": file.name, "sha256": sha256_of(file), "settings": settings_json}
            entries.append(entry)
        manifest = {
            "format_version": FORMAT_VERSION,
            "tree": tree.to_json(),
            "settings": dict(settings),
            "normalisation": _normalisation(experts),
            "experts": entries,
        }
        write_text(aside / MANIFEST, _manifest_text(manifest))


def load_bundle(folder: Path) -> Bundle:
    """The bundle in `folder`; nothing in it is executed.

    Raises `BundleError`, in one line with file and reason, where a file is missing, extra, renamed, changed, cut short
    or of a newer version, where experts and manifest disagree, or a weight is NaN.
    """
    manifest = _read_manifest(folder)
    source = str(folder / MANIFEST)
    tree = _tree(manifest, source)
    entries = _entries(manifest["experts"], tree, source)
    _check_files(folder, {MANIFEST, *(_file_name(name) for name in entries)})
    experts = tuple(_load_entry(folder / _file_name(name), entry, tree) for name, entry in entries.items())
    if manifest["normalisation"] != _normalisation(experts) or not isinstance(manifest["settings"], dict):
        raise BundleError(f"{source}: settings and normalisation do not fit the experts; make the bundle again")
    return Bundle(tree, experts, manifest["settings"])


def read_tree(folder: Path) -> Tree:
    """The class tree of the bundle in `folder`, without its weights.

    Raises `BundleError` where the manifest is missing, changed or of a newer version.
    """
    return _tree(_read_manifest(folder), str(folder / MANIFEST))


def _tree(manifest: Mapping[str, Any], source: str) -> Tree:
    try:
        return Tree.from_json(manifest["tree"])
    except TreeError as error:
        raise BundleError(f"{source}: {error}") from None


def _file_name(expert: str) -> str:
    return f"{expert}.safetensors"


def _normalisation(experts: Sequence[Expert]) -> dict[str, Any]:
    """What is subtracted from, and then divides, the values 0 to 255 of each RGB channel, for each expert."""
    return {e.spec.name: {"mean": list(e.settings.mean), "std": list(e.settings.std)} for e in experts}


def _manifest_text(manifest: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(manifest, indent=1, allow_nan=False).encode()).hexdigest()
    return json.dumps({**manifest, "sha256": digest}, indent=1, allow_nan=False) + "\n"


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.is_dir():
        found = "a file" if folder.is_file() else "no such folder"
        raise BundleError(
            f"{folder}: {found}; a bundle is the folder that evaluating a cascade writes, and without one the released "
            "cascade is taken"
        )
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise BundleError(f"{path}: too large for a manifest; make the bundle again")
        text = path.read_bytes().decode("utf-8")
        manifest = json.loads(text)
    except FileNotFoundError:
        raise BundleError(f"{path}: no such file; {folder.resolve().name} is no bundle, or not a whole one") from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError):
        raise BundleError(f"{path}: not JSON; copy the bundle again") from None
    check_version(manifest, str(path))
    if tuple(manifest) != _KEYS:
        raise BundleError(f"{path}: expected the entries {', '.join(_KEYS)}; found {', '.join(manifest)}")
    if text != _checked_text(manifest):
        raise BundleError(f"{path}: it was changed after it was written; copy the bundle again or make it again")
    return dict(manifest)


def _checked_text(manifest: Mapping[str, Any]) -> str | None:
    try:
        return _manifest_text({key: value for key, value in manifest.items() if key != "sha256"})
    except (ValueError, RecursionError):  # NaN and infinity, which JSON has no words for
        return None


def _entries(listed: object, tree: Tree, source: str) -> dict[str, dict[str, Any]]:
    """The manifest's entries by expert, in the order of the tree. A file name other than the expert's is refused."""
    wanted = [spec.name for spec in tree.experts]
    shaped = isinstance(listed, list) and all(isinstance(one, dict) and set(one) == _ENTRY_KEYS for one in listed)
    if not isinstance(listed, list) or not shaped or [one["name"] for one in listed] != wanted:
        raise BundleError(f"{source}: expected the experts {', '.join(wanted)}, in this order, and nothing else")
    for entry in listed:
        if entry["file"] != _file_name(entry["name"]):
            raise BundleError(f"{source}: expected the file {_file_name(entry['name'])}, found {entry['file']!r}")
    return {entry["name"]: entry for entry in listed}


def _check_files(folder: Path, wanted: set[str]) -> None:
    found = {path.name for path in folder.iterdir()}
    if missing := sorted(wanted - found):
        raise BundleError(f"{folder / missing[0]}: the file is missing; copy the bundle again")
    if extra := sorted(found - wanted):
        raise BundleError(f"{folder / extra[0]}: not part of the bundle; remove it")


def _load_entry(path: Path, entry: Mapping[str, Any], tree: Tree) -> Expert:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise BundleError(f"{path}: its sha256 is not the one in {MANIFEST}; copy the bundle again")
    expert = expert_from_bytes(data, source=str(path), tree=tree)
    if expert.spec.name != entry["name"] or expert.settings.to_json() != entry["settings"]:
        raise BundleError(f"{path}: it is another expert than {MANIFEST} says; make the bundle again")
    return expert
