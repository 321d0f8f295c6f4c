"""The working folder of one training: its own for each set of inputs, for one process at a time."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bodycascade
from bodycascade.files import remove_asides, sha256_of
from bodycascade.folders import only_one

CODE = ("descent.py", "encoders", "expert.py", "hierarchy.py", "regions.py", "resizing.py", "train", "unet.py")
"""What of the package changes a training's result; a change drops an unfinished one, as DVC drops a finished one."""


def code_files() -> list[Path]:
    """The files of `CODE`."""
    package = Path(bodycascade.__file__).parent
    return [file for part in CODE for file in sorted((package / part).rglob("*.py")) or [package / part]]


def fingerprint(settings: object, files: Sequence[Path]) -> str:
    """16 hex digits over `settings` (plain data) and the content of `files`: equal inputs, equal fingerprint."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    return digest.hexdigest()[:16]


@contextmanager
def working_folder(base: Path, inputs: str, say: Callable[[str], None]) -> Iterator[Path]:
    """`base/<inputs>`, locked for this process; folders of other inputs are removed, since their training is stale.

    Raises `BusyError` where another process holds it.
    """
    with only_one(base / ".lock", "training of this expert"):
        for other in base.iterdir():
            if other.is_dir() and other.name != inputs:
                say(f"parameters, data or code have changed since {other.name}: that unfinished training is dropped")
                shutil.rmtree(other)
        folder = base / inputs
        folder.mkdir(exist_ok=True)
        remove_asides(folder)
        yield folder
