"""One picture to one file, or to a pipe."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bodycascade.errors import OutputError
from bodycascade.files import remove_asides
from bodycascade.hierarchy import Tree
from bodycascade.outputs import Asked, FileOutput
from bodycascade.picture_run.sources import PIPE, SUFFIXES, Source
from bodycascade.progress import counted
from bodycascade.segmentation import SegmentAll

_FILES = SUFFIXES | {".npz", ".json", ".csv", ".txt"}
"""Endings that a folder does not have: who writes one means a file."""

_SPELLINGS = {".jpe": ".jpg", ".jpeg": ".jpg"}


def single_output(
    out: str, sources: Sequence[Source], asked: Asked, tree: Tree, *, overwrite: bool
) -> FileOutput | None:
    """The one output that `-o OUT` names as a file or a pipe; None where OUT is a folder.

    OUT is a file where it ends like the only output that is asked for and is no folder. Raises `OutputError` where it
    is a file or a pipe, but there are several pictures or outputs; where it ends like a file of another kind, is the
    picture itself, or is there and not to be overwritten; and where the pipe is a terminal.
    """
    outputs = asked.files(tree)
    endings = {f".{output.suffix.rpartition('.')[2]}" for output in outputs}
    ending = _SPELLINGS.get(Path(out).suffix.lower(), Path(out).suffix.lower())
    if out != PIPE and (Path(out).is_dir() or ending not in endings):
        if ending in _FILES and not Path(out).is_dir():
            if not endings:
                raise OutputError(f"{out}: a file, but tables are written into a folder; name a folder with -o")
            raise OutputError(
                f"{out}: what is asked for ends in {' or '.join(sorted(endings))}; name it so, or a folder"
            )
        return None
    if not outputs:
        raise OutputError(f"{out}: tables are written into a folder; name a folder with -o")
    what = "a pipe" if out == PIPE else f"{out}, a file,"
    if len(sources) != 1 or len(outputs) != 1 or asked.record_kinds():
        raise OutputError(
            f"{what} takes one output of one picture; found {counted(len(sources), 'picture')} and "
            f"{counted(len(outputs) + len(asked.record_kinds()), 'output')}; name a folder with -o"
        )
    _refuse_taken(out, sources[0], outputs[0], overwrite=overwrite)
    return outputs[0]


def _refuse_taken(out: str, source: Source, output: FileOutput, *, overwrite: bool) -> None:
    path = Path(out)
    if out == PIPE and sys.stdout.isatty():
        ending = output.suffix.rpartition(".")[2]
        raise OutputError(f"-: standard output is a terminal; send it to a program, or to a file with > out.{ending}")
    if out != PIPE and os.path.lexists(path):
        if source.path is not None and path.resolve() == source.path.resolve():
            raise OutputError(f"{out}: would replace the picture itself; choose another name with -o")
        if not overwrite:
            raise OutputError(f"{out}: there already; choose another name with -o, or replace it with --overwrite")


def write_single(source: Source, out: str, output: FileOutput, segment: SegmentAll) -> None:
    """Segment one picture and write `output` of it to the file `out`, or to standard output where that is `-`.

    A file that is there is replaced. Raises `ImageError` where the picture is bad.
    """
    path = Path(out)
    if out != PIPE:
        remove_asides(path.parent, path.name)
    (segmentation,) = segment([source.read()])
    segmentation.icc_profile = source.icc_profile()
    if out == PIPE:
        file = io.BytesIO()
        output.write(segmentation, file)
        sys.stdout.buffer.write(file.getvalue())
        sys.stdout.buffer.flush()
        return
    output.save(segmentation, path)
