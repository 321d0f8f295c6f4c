"""Exports that nobody named a folder for: made at the first use, found again at the next."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from bodycascade import __version__
from bodycascade.bundle import MANIFEST
from bodycascade.cascade import RELEASED
from bodycascade.errors import BundleError
from bodycascade.files import sha256_of
from bodycascade.folders import folder_aside, put_in_place, remove_stale
from bodycascade.onnx_graphs.exporting import Exported, write_graphs
from bodycascade.onnx_graphs.folder import GRAPHS_VERSION, KIND, read_folder
from bodycascade.onnx_graphs.packages import OPSET, onnxruntime


def cached_folder(bundle: Path | None, *, on_graph: Callable[[Exported], None] | None = None) -> Path:
    """The folder with the graphs of `bundle` (None: the released one) in the user's cache; made where it is not there.

    That is $XDG_CACHE_HOME/bodycascade (~/.cache/bodycascade where it is not set), one folder for each bundle and
    each version of this package, of its graphs and of onnxruntime. One that is damaged is made again. Several processes
    may ask for it at once. Raises `BundleError` where `bundle` is no cascade's folder, `OutputError` where the cache
    cannot be written to.
    """
    path = RELEASED if bundle is None else bundle
    if not (path / MANIFEST).is_file():
        raise BundleError(f"{path / MANIFEST}: no such file; expected the folder of a cascade")
    parts = (sha256_of(path / MANIFEST), __version__, GRAPHS_VERSION, OPSET, onnxruntime.__version__)
    key = " ".join(map(str, parts))
    folder = _cache() / f"onnx-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if _is_whole(folder):
        return folder
    KIND.check_replaceable(folder)
    remove_stale(folder)
    with folder_aside(folder) as aside:
        write_graphs(aside, bundle=bundle, on_graph=on_graph)
        try:
            aside.rename(folder)
        except OSError:
            # Another process may have been faster; what it made is left to it, which may be reading it now.
            if not _is_whole(folder):
                put_in_place(aside, folder)
    return folder


def _is_whole(folder: Path) -> bool:
    try:
        read_folder(folder)
    except BundleError:
        return False
    return True


def _cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    if named and Path(named).is_absolute():  # the XDG base directory specification: a relative one counts as not set
        return Path(named) / "bodycascade"
    try:
        return Path.home() / ".cache" / "bodycascade"
    except RuntimeError:
        raise BundleError("there is no home folder to keep the graphs in; set XDG_CACHE_HOME, or use --onnx") from None
