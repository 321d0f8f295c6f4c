"""The folder that a run writes to: whose files are in it, and the tables about all of its pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bodycascade.errors import OutputError
from bodycascade.files import csv_text, write_text
from bodycascade.folders import only_one
from bodycascade.hierarchy import Tree
from bodycascade.outputs.asked import Asked, FileOutput
from bodycascade.outputs.coco import document
from bodycascade.outputs.shares import shares_table
from bodycascade.picture_run.journal import Entry, Journal
from bodycascade.picture_run.naming import Planned
from bodycascade.picture_run.sources import is_there

ANNOTATIONS, SHARES, FAILURES = "annotations.json", "shares.csv", "failures.csv"
LOCK = ".bodycascade.lock"

_TABLES = "(tables)"


class OutFolder:
    """The output folder `path` and what it remembers; got by `open_folder`."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self.root, self.journal = path, journal

    def path(self, one: Planned, output: FileOutput) -> Path:
        """Where an output of a picture lies."""
        return self.root / one.file(output.suffix)

    def tables(self, asked: Asked) -> list[str]:
        """The files about all pictures that a run may write."""
        return [FAILURES, *([ANNOTATIONS] if asked.coco else []), *([SHARES] if asked.shares else [])]

    def refuse_foreign(
        self, planned: Sequence[Planned], outputs: Sequence[FileOutput], asked: Asked, *, overwrite: bool
    ) -> None:
        """Raises `OutputError` where a file that a run would write is there and not its own, or is a picture itself.

        `overwrite` allows the former. Half-written files of killed runs are removed on the way.
        """
        owners = self.journal.owners()
        # By the file itself: where A.PNG and a.png are one, and behind links, paths do not tell.
        sources = {_identity(one.source.path) for one in planned if one.source.path is not None} - {None}
        wanted = [(one.file(output.suffix), one.source.key) for one in planned for output in outputs]
        wanted += [(name, _TABLES) for name in self.tables(asked)]
        self._remove_asides({*owners, *(file for file, _ in wanted)})
        root = self.root.resolve()
        foreign = []
        for file, key in wanted:
            path = root / file
            if _identity(path) in sources:
                raise OutputError(f"{path}: would be replaced by its own output; choose another folder with -o")
            if owners.get(file) != key and os.path.lexists(path):
                foreign.append(file)
        if foreign and not overwrite:
            more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
            raise OutputError(
                f"{self.root / foreign[0]}{more}: there already, and not made by this command; "
                "choose another folder with -o, or replace it with --overwrite"
            )

    def write_tables(
        self, tree: Tree, asked: Asked, digest: str, failures: Sequence[tuple[str, str]], *, without: Container[str]
    ) -> None:
        """Write the tables about all pictures here that were made by the settings of `digest` and are still there.

        `without`: keys of pictures that are left out, as what is known of them is of an earlier state of the file.
        """
        had_failures = self.journal.owners().get(FAILURES) == _TABLES
        written = [name for name in self.tables(asked) if name != FAILURES or failures]
        self.journal.claim(_TABLES, "", written)
        known = self.journal.entries.items()
        entries = [
            entry
            for key, entry in known
            if entry.mark.startswith(f"{digest}:") and key not in without and is_there(key)
        ]
        entries.sort(key=lambda entry: entry.name)
        if asked.coco:
            kind = f"coco {asked.coco}"
            pictures = [(entry.name, entry.size, entry.records[kind]) for entry in _having(kind, entries)]
            write_text(self.root / ANNOTATIONS, json.dumps(document(tree, asked.level, pictures)) + "\n")
        if asked.shares:
            rows = [
                (_text(entry.name), _text(entry.stem), entry.size, entry.records["shares"])
                for entry in _having("shares", entries)
            ]
            write_text(self.root / SHARES, shares_table(tree, asked.level, rows))
        if failures:
            write_text(self.root / FAILURES, _failures_table(failures))
        elif had_failures:  # one of somebody else stays
            (self.root / FAILURES).unlink(missing_ok=True)

    def outdated(self, digest: str) -> list[str]:
        """Files there, sorted, that were made by other settings than those of `digest`, or from changed pictures."""
        found = [
            file
            for key, entry in self.journal.entries.items()
            for file in entry.files
            if key != _TABLES and (file not in entry.made or not entry.mark.startswith(f"{digest}:"))
        ]
        return sorted(file for file in found if (self.root / file).is_file())

    def _remove_asides(self, files: Iterable[str]) -> None:
        # The name is that which `files.replace_file` gives; the folder's lock is held, so nobody is writing them.
        ours = {self.root / file for file in files}
        for folder in {path.parent for path in ours}:
            for aside in folder.glob(".*.part"):
                if aside.with_name(aside.name[1:].rsplit(".", 2)[0]) in ours:
                    aside.unlink(missing_ok=True)


@contextmanager
def open_folder(path: Path) -> Iterator[OutFolder]:
    """The output folder `path`, made where it is missing, for this process alone.

    Raises `OutputError`, in one line with the reason, where it cannot be made or written to, and `BusyError` where
    another run is at work in it.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path}: a file, not a folder; choose a folder with -o")
    with ExitStack() as stack:
        try:
            path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(only_one(path / LOCK, "bodycascade segment with this folder"))
            journal = stack.enter_context(Journal(path))
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{path}: cannot be written to ({reason}); choose another folder with -o") from None
        yield OutFolder(path, journal)


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from all others, by whatever name; None where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _having(kind: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    return (entry for entry in entries if kind in entry.records)


def _failures_table(failures: Sequence[tuple[str, str]]) -> str:
    rows = sorted((_text(picture), _text(reason)) for picture, reason in failures)
    return csv_text([("picture", "reason"), *rows])


def _text(name: str) -> str:
    """A file's name as text that UTF-8 can hold: bytes of another encoding in it become \\udc.. escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
