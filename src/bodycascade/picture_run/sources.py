"""Which pictures the words of a command line mean: files, folders, patterns, and a pipe."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from bodycascade.errors import ImageError
from bodycascade.imaging import decode, icc_profile, open_picture
from bodycascade.picture_run.results import EarlierResults

PIPE = "-"

SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("avif", "bmp", "gif", "heic", "heif", "jfif", "jp2", "jpe", "jpeg", "jpg"),
        *("pbm", "pgm", "png", "pnm", "ppm", "tga", "tif", "tiff", "webp"),
    )
)
"""Endings of the files of a folder that count as pictures; a file that is named itself may have any."""

_VIDEO_SUFFIXES = frozenset((".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"))

_WILD = frozenset("*?[")


@dataclass(frozen=True)
class Source:
    """One picture to read.

    `shown` names it in messages; `path` is where it lies, None for what came through a pipe (`data`). `below` is the
    folder, relative to the output folder, that its outputs belong in, and `name` its file name.
    """

    shown: str
    path: Path | None
    below: PurePosixPath
    name: str
    data: bytes = b""

    @property
    def key(self) -> str:
        """What tells it from all other pictures of this machine."""
        return f"{PIPE}{hashlib.sha256(self.data).hexdigest()}" if self.path is None else str(self.path)

    @property
    def relative(self) -> str:
        """Its name in tables: the file name with the folders that are mirrored."""
        return str(self.below / self.name)

    def stamp(self) -> list[int]:
        """Size and time of change, by which a file that is another one now is told; what came by pipe never changes."""
        if self.path is None:
            return [len(self.data)]
        facts = self.path.stat()
        return [facts.st_size, facts.st_mtime_ns]

    def pixels(self) -> int:
        """How many pixels it has, by its header alone; 0 where there is no telling."""
        try:
            with open_picture(self.path or io.BytesIO(self.data)) as picture:
                return picture.width * picture.height
        except Exception:  # decoders raise what they like; `read` says what is wrong
            return 0

    def read(self) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, upright; raises `ImageError` where it is no usable picture."""
        if self.path is not None and self.path.suffix.lower() in _VIDEO_SUFFIXES:
            raise ImageError(f"{self.shown}: a video, not a picture; for videos there is: bodycascade video")
        return decode(self.path or io.BytesIO(self.data), self.shown)

    def icc_profile(self) -> bytes | None:
        """Which colours the numbers that `read` gives stand for: see `imaging.icc_profile`."""
        return icc_profile(self.path or io.BytesIO(self.data))


def is_there(key: str) -> bool:
    """Whether the picture with this key is still where it was; what came by pipe has no place to be gone from."""
    return key.startswith(PIPE) or os.path.lexists(key)


def find_sources(
    words: Sequence[str],
    *,
    out: Path | None = None,
    pipe: BinaryIO | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Source]:
    """The pictures that `words` mean, each once, in the order of the words, those of a folder sorted.

    A word is a file, a folder (with all below it; hidden files, links to folders and the folder `out` are left out), a
    named pipe, a pattern with * ? [ ] or **, or `-`, a picture that is read from `pipe` (standard input). What an
    earlier run wrote, to whatever folder, is left out of all. Raises `ImageError` where no picture is left, where a
    word means nothing, and where a folder cannot be read. `tell` is given a line where a file that a word named, or a
    pattern met, is left out.
    """
    results = EarlierResults()
    words = _without_results(words, out, results)
    roots = _folder_names([word for word in words if word != PIPE and Path(word).is_dir()])
    found: dict[str, Source] = {}
    for word in dict.fromkeys(words):
        for source in _meant(word, roots, out, pipe, results):
            found.setdefault(source.key, source)
    left_out = {key: into for key, one in found.items() if one.path and (into := results.folder_of(one.path))}
    for key, into in left_out.items():
        line = f"{found[key].shown}: written by an earlier run into {into}"
        if len(left_out) == len(found):
            raise ImageError(f"{line}; name other pictures, or copy it elsewhere")
        more = f", and {len(left_out) - 1} more like it" if len(left_out) > 1 else ""
        tell(f"{line}{more}: left out")
        break
    return [one for key, one in found.items() if key not in left_out]


def _without_results(words: Sequence[str], out: Path | None, results: EarlierResults) -> Sequence[str]:
    """`words` without the folder `out` where it holds results alone: in the second run a shell's * means it too."""
    if out is None or not out.is_dir():
        return words
    kept = [word for word in words if word == PIPE or not _is_of_results(Path(word), out, results)]
    return kept or words


def _is_of_results(folder: Path, out: Path, results: EarlierResults) -> bool:
    return folder.is_dir() and folder.resolve() == out.resolve() and not any(_pictures_below(folder, out, results))


def _meant(
    word: str, roots: dict[str, str], out: Path | None, pipe: BinaryIO | None, results: EarlierResults
) -> list[Source]:
    if word == PIPE:
        standard = None if sys.stdin is None else sys.stdin.buffer
        reader = pipe or standard
        if reader is None or not (data := reader.read()):
            raise ImageError("standard input: empty; expected a picture, as in: bodycascade segment - < photo.jpg")
        return [Source("standard input", None, PurePosixPath(), "stdin", data)]
    path = Path(word)
    if path.is_dir():
        inside = list(_pictures_below(path, out, results))
        if not inside:
            raise ImageError(f"{word}: the folder holds no picture; looked for files ending in .jpg, .png, .webp, ...")
        return [_source(file, path, roots[word]) for file in inside]
    if path.is_fifo():  # it can be read once only
        return [Source(word, None, PurePosixPath(), path.name, path.read_bytes())]
    if path.exists():
        return [_source(path, path.parent, "")]
    if _WILD & set(word):
        matches = [Path(match) for match in sorted(glob.glob(word, recursive=True))]  # noqa: PTH207 - takes any word
        files = [match for match in matches if match.is_file()]
        if not files:
            raise ImageError(f"{word}: no file matches this pattern")
        return [_source(file, _fixed_part(path), "") for file in files]
    kind = "a dead link" if path.is_symlink() else "no such file or folder"
    raise ImageError(f"{word}: {kind}")


def _source(file: Path, root: Path, prefix: str) -> Source:
    parts = file.relative_to(root).parent.parts
    # A ".." leads out of where it stands: there is no tree to mirror then, and what it leads back from may be a link.
    below = PurePosixPath(prefix, *(() if ".." in parts else parts))
    place = file.parent.resolve() if ".." in file.parts else Path(os.path.abspath(file.parent))  # noqa: PTH100
    return Source(str(file), place / file.name, below, file.name)


def _pictures_below(folder: Path, out: Path | None, results: EarlierResults) -> Iterator[Path]:
    left_out = None if out is None else out.resolve()
    if left_out == folder.resolve():
        left_out = None
    for place, folders, files in os.walk(folder, onerror=_refuse):
        here = Path(place)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (here / name).resolve() != left_out
        )
        for name in sorted(files):
            file = here / name
            is_picture = not name.startswith(".") and file.suffix.lower() in SUFFIXES
            if is_picture and results.folder_of(file) is None and not file.is_fifo():  # nobody may ever write to a pipe
                yield file


def _refuse(error: OSError) -> None:
    raise ImageError(
        f"{error.filename}: the folder cannot be read ({error.strerror}); make it readable, or move it away"
    )


def _folder_names(folders: Sequence[str]) -> dict[str, str]:
    """What each folder is called in the output: nothing where it is the only one, whose tree is mirrored as it is."""
    if len(set(folders)) < 2:
        return dict.fromkeys(folders, "")
    names, taken = {}, Counter[str]()
    for folder in dict.fromkeys(folders):
        name = Path(folder).resolve().name or "root"
        taken[name.casefold()] += 1
        times = taken[name.casefold()]
        names[folder] = name if times == 1 else f"{name}-{times}"
    return names


def _fixed_part(pattern: Path) -> Path:
    """The folders of a pattern before its first wildcard."""
    fixed = []
    for part in pattern.parts[:-1]:
        if _WILD & set(part):
            break
        fixed.append(part)
    return Path(*fixed)
