"""What an output folder remembers: which files it was given, for which pictures, and which pictures are finished.

One line of JSON each, appended to `.bodycascade.jsonl`. A file is claimed before it is written, and a picture is done
only when all its files are in place, so a run that is killed at any moment knows what is its own and what is whole.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bodycascade.files import naming

NAME = ".bodycascade.jsonl"


@dataclass
class Entry:
    """What is known of one picture.

    `stem` of its outputs; `files`: all that were ever claimed for it, relative to the folder. `mark` tells by what
    settings, from which state of the file, its finished outputs were made; `made` are these, as {file: (kind of output,
    bytes)}; `size` is (H, W), `records` what it gives to tables, and `name` what it is called there.
    """

    stem: str = ""
    files: set[str] = field(default_factory=set)
    mark: str = ""
    made: dict[str, tuple[str, int]] = field(default_factory=dict)
    name: str = ""
    size: tuple[int, int] = (0, 0)
    records: dict[str, Any] = field(default_factory=dict)


class Journal:
    """The memory of the output folder `folder`, to be used as a context manager by one process at a time.

    `entries` are by the key of the picture. Lines that were cut short by a kill are passed over.
    """

    def __init__(self, folder: Path) -> None:
        self.entries: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._path = folder / NAME
        if self._path.exists():
            for line in self._path.read_bytes().splitlines():
                self._remember(line)

    def __enter__(self) -> Journal:
        self._file = self._path.open("ab")
        if self._path.stat().st_size:
            self._file.write(b"\n")  # ends a line that a kill has cut short
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def claim(self, key: str, stem: str, files: Sequence[str]) -> None:
        """Remember that `files` are about to be written for the picture `key`."""
        entry = self.entries.get(key)
        if entry is None or entry.stem != stem or not set(files) <= entry.files:
            self._append({"key": key, "stem": stem, "files": list(files)})

    def finish(self, key: str, entry: Entry) -> None:
        """Remember that the outputs `entry.made` of the picture `key` are whole, and its records."""
        self._append(
            {
                "key": key,
                "mark": entry.mark,
                "made": entry.made,
                "name": entry.name,
                "size": list(entry.size),
                "records": entry.records,
            }
        )

    def owners(self) -> dict[str, str]:
        """The key of the picture that each claimed file belongs to."""
        return {file: key for key, entry in self.entries.items() for file in entry.files}

    def _append(self, data: Mapping[str, Any]) -> None:
        line = json.dumps(data, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            with naming(self._path):
                self._file.write(line)
                self._file.flush()
                os.fsync(self._file.fileno())
            self._remember(line)

    def _remember(self, line: bytes) -> None:
        try:
            data = json.loads(line)
            entry = self.entries.setdefault(str(data["key"]), Entry())
            if "files" in data:
                entry.stem = str(data["stem"])
                entry.files |= set(map(str, data["files"]))
                return
            if data["mark"] != entry.mark:  # other settings, or another picture: what was made before is outdated
                entry.mark, entry.made, entry.records = str(data["mark"]), {}, {}
            entry.made |= {str(file): (str(kind), int(size)) for file, (kind, size) in dict(data["made"]).items()}
            entry.records |= dict(data["records"])
            entry.name, entry.size = str(data["name"]), (int(data["size"][0]), int(data["size"][1]))
        except (ValueError, KeyError, TypeError, IndexError):
            return  # a torn line: what it would have told is made again
