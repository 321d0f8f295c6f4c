"""An exported folder: graphs, and cascade.json, which says all else that a cascade is made of.

cascade.json holds format_version, the class tree, the settings of the cascade, for each expert its file, the file's
sha256 and its settings, the file of the whole cascade, the sha256 of the bundle's manifest, what the checks found and
which packages were used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bodycascade.cascade_settings import CascadeSettings
from bodycascade.errors import BundleError, TreeError
from bodycascade.expert import ExpertSettings
from bodycascade.expert_file import check_version
from bodycascade.files import sha256_of
from bodycascade.folders import FolderKind
from bodycascade.hierarchy import Tree

DESCRIPTION = "cascade.json"
CASCADE_GRAPH = "cascade.onnx"
KIND = FolderKind("export", DESCRIPTION, ".onnx")

GRAPHS_VERSION = 2
"""Goes up with every change of what the graphs compute or how a folder describes them: caches are made again then."""

_KEYS = {"format_version", "tree", "settings", "experts", "cascade", "bundle", "checks", "made_with"}


@dataclass(frozen=True)
class GraphFolder:
    """What cascade.json says. `experts`: (settings, graph) in the tree's order."""

    tree: Tree
    settings: CascadeSettings
    experts: tuple[tuple[ExpertSettings, Path], ...]


def read_folder(folder: Path) -> GraphFolder:
    """The description of the exported `folder`, its files checked.

    Raises `BundleError`, in one line with file and reason, where something is missing, changed or of another tree.
    """
    path = folder / DESCRIPTION
    data = _read_json(path)
    try:
        check_version(data, str(path))
        if set(data) != _KEYS or not isinstance(data["experts"], list):
            raise BundleError(f"expected the entries {', '.join(sorted(_KEYS))}; export the folder again")
        tree = Tree.from_json(data["tree"])
        experts = tuple(_expert(folder, entry) for entry in data["experts"])
        _check_graph(folder, CASCADE_GRAPH, data["cascade"], {"file", "sha256"})
        found = GraphFolder(tree, _settings(data["settings"]), experts)
    except (BundleError, TreeError) as error:
        line = str(error)
        raise BundleError(line if line.startswith(str(folder)) else f"{path}: {line}") from None
    if [settings.expert for settings, _ in experts] != [spec.name for spec in tree.experts]:
        wanted = ", ".join(spec.name for spec in tree.experts)
        raise BundleError(f"{path}: expected the experts {wanted}, in this order; export the folder again")
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{path}: no such file; expected a folder that `bodycascade export onnx -o FOLDER` wrote"
        ) from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError):
        raise BundleError(f"{path}: not JSON; export the folder again") from None
    if not isinstance(data, dict):
        raise BundleError(f"{path}: expected an object; export the folder again")
    return data


def _settings(data: object) -> CascadeSettings:
    try:
        return CascadeSettings.from_json(data)
    except BundleError as error:
        raise BundleError(f"{error}; export the folder again") from None


def _expert(folder: Path, entry: object) -> tuple[ExpertSettings, Path]:
    settings = ExpertSettings.from_json(entry.get("settings") if isinstance(entry, dict) else None)
    return settings, _check_graph(folder, f"{settings.expert}.onnx", entry, {"file", "sha256", "settings"})


def _check_graph(folder: Path, name: str, entry: object, keys: set[str]) -> Path:
    """The path of the graph `name`, which is the one that its `entry` describes."""
    path = folder / name
    if not isinstance(entry, dict) or set(entry) != keys:
        raise BundleError(f"expected {', '.join(sorted(keys))} of {name}; export the folder again")
    if entry["file"] != name:
        raise BundleError(f"expected the file {name}, found {entry['file']!r}; export the folder again")
    if not path.is_file():
        raise BundleError(f"{path}: the file is missing; export the folder again")
    if sha256_of(path) != entry["sha256"]:
        raise BundleError(f"{path}: its sha256 is not the one in {DESCRIPTION}; export the folder again")
    return path
