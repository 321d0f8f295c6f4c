"""Which files are results of earlier runs, and so no pictures to segment."""

from __future__ import annotations

from pathlib import Path

from bodycascade.picture_run.journal import NAME, Journal


class EarlierResults:
    """The files that earlier runs wrote, by the journals in the folders above them; each journal is read once."""

    def __init__(self) -> None:
        self._true_folders: dict[Path, Path] = {}
        self._written: dict[Path, frozenset[Path]] = {}

    def folder_of(self, file: Path) -> Path | None:
        """The output folder, by its true path, whose run wrote `file`; None where it is nobody's result."""
        try:
            if file.is_symlink():
                file = file.resolve()
            if file.parent not in self._true_folders:
                self._true_folders[file.parent] = file.parent.resolve()
        except (OSError, RuntimeError):  # links that lead in a circle; who reads the file says so
            return None
        true = self._true_folders[file.parent] / file.name
        return next((folder for folder in true.parents if true in self._written_into(folder)), None)

    def _written_into(self, folder: Path) -> frozenset[Path]:
        if folder not in self._written:
            try:
                found = Journal(folder).owners() if (folder / NAME).is_file() else {}
            except OSError:  # what nobody may look into says nothing
                found = {}
            self._written[folder] = frozenset(folder / file for file in found)
        return self._written[folder]
