"""Many pictures through a segmenter: found, named, read, segmented and written at the same time, and gone on with."""

from __future__ import annotations

from bodycascade.picture_run.folder import OutFolder, open_folder
from bodycascade.picture_run.run import Outcome, Settings, run_pictures
from bodycascade.picture_run.single import single_output, write_single
from bodycascade.picture_run.sources import Source, find_sources

__all__ = [
    "OutFolder",
    "Outcome",
    "Settings",
    "Source",
    "find_sources",
    "open_folder",
    "run_pictures",
    "single_output",
    "write_single",
]
