"""The run over many pictures: what is finished is kept, what is missing is made, what is bad is listed."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bodycascade.drawing import Picture
from bodycascade.errors import BodyCascadeError, ImageError, OutputError, is_out_of_memory
from bodycascade.hierarchy import Tree
from bodycascade.outputs import Asked, FileOutput
from bodycascade.picture_run.flow import Clock, Steps, overlapped
from bodycascade.picture_run.folder import OutFolder
from bodycascade.picture_run.journal import Entry
from bodycascade.picture_run.naming import Planned, plan
from bodycascade.picture_run.sources import Source, is_there
from bodycascade.progress import Progress
from bodycascade.segmentation import SegmentAll, Segmentation

PIXELS_AT_ONCE = 48_000_000
"""Pictures of so many pixels together are alive at a time, ten bytes each; a larger one is alive alone."""

WITH_PROBABILITIES = 4
"""A picture whose probabilities are made at its own size takes so many times the room of others."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What a name may hold and a terminal takes for more than a letter."""

# The name or its characters are refused by the file system, which the next picture's name need not be.
_NAME_ERRORS = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}


@dataclass(frozen=True)
class Settings:
    """How pictures are segmented and what is written.

    `model` identifies the segmenter, `tta` the way it is asked, and `by_leaves` says that a coarse level is decided by
    the leaves below it: what others made counts as outdated. `batch` pictures are segmented together, at most.
    `overwrite` allows to replace files of others.
    """

    asked: Asked
    model: str
    tta: bool
    batch: int
    by_leaves: bool = False
    overwrite: bool = False

    def digest(self) -> str:
        """The same for two runs whose outputs of one kind are the same."""
        facts = [self.model, self.tta, self.by_leaves, self.asked.level]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


@dataclass
class Outcome:
    """What a run did: pictures `made` now, `kept` as they were from an earlier run, and failures as (shown, reason).

    `outdated`: the files in the folder that were made by other settings, or from pictures that have changed. `clock`
    says how long it took, and how much of that the network was busy.
    """

    made: int = 0
    kept: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)


def run_pictures(
    sources: Sequence[Source], folder: OutFolder, segment: SegmentAll, tree: Tree, settings: Settings
) -> Outcome:
    """Make what `settings.asked` wants of `sources` in `folder`, as far as it is not there; bad pictures are listed.

    `segment` segments (H, W, 3) uint8 RGB arrays of any sizes. Raises `OutputError`, before anything is made, where a
    file of somebody else would be overwritten, and `OSError` where the folder cannot be written to (any more).
    """
    outputs = settings.asked.files(tree)
    planned = plan(
        sources,
        [output.suffix for output in outputs],
        before={key: entry.stem for key, entry in folder.journal.entries.items() if entry.stem},
        taken=folder.journal.owners(),
        reserved=folder.tables(settings.asked),
    )
    folder.refuse_foreign(planned, outputs, settings.asked, overwrite=settings.overwrite)
    run = _Run(folder, segment, settings, outputs, _names(planned, folder.journal.entries))
    todo = [one for one in planned if not run.is_done(one)]
    outcome = Outcome(kept=len(planned) - len(todo))
    run.make(todo, outcome)
    folder.write_tables(tree, settings.asked, settings.digest(), outcome.failures, without=run.failed)
    outcome.outdated = folder.outdated(settings.digest())
    return outcome


class _Run:
    """One run: the steps that each picture goes through."""

    def __init__(
        self,
        folder: OutFolder,
        segment: SegmentAll,
        settings: Settings,
        outputs: Sequence[FileOutput],
        names: dict[str, str],
    ) -> None:
        self._folder, self._segment, self._settings = folder, segment, settings
        self._outputs, self._names, self._digest = outputs, names, settings.digest()
        self._marks: dict[str, str] = {}
        self.failed: set[str] = set()
        """The keys of the pictures that failed."""

    def is_done(self, one: Planned) -> bool:
        """Whether all that is asked for of this picture is there, whole, and made by the same settings from it."""
        entry = self._folder.journal.entries.get(one.source.key)
        if entry is None or not entry.mark or entry.mark != self._mark(one.source):
            return False
        has_records = set(self._settings.asked.record_kinds()) <= entry.records.keys()
        return has_records and self._found(one).items() <= entry.made.items()

    def make(self, todo: Sequence[Planned], outcome: Outcome) -> None:
        """Make `todo`, telling `outcome` of each picture."""
        if not todo:
            return
        large = self._settings.tta or self._settings.asked.probabilities
        steps = Steps(
            weigh=lambda one: one.source.pixels() * (WITH_PROBABILITIES if large else 1),
            read=self._read,
            work=self._work,
            write=self._write,
            errors=(BodyCascadeError,),
        )
        flow = overlapped(todo, steps, batch=self._settings.batch, room=PIXELS_AT_ONCE, clock=outcome.clock)
        done = 0
        try:
            with Progress("segment", total=len(todo)) as progress, closing(flow):  # type: ignore[type-var]
                for one, error in flow:
                    done += 1
                    if error is None:
                        outcome.made += 1
                    else:
                        self._tell(one, error, outcome, progress)
                    progress.at(done)
        except KeyboardInterrupt:
            done = sum(map(self.is_done, todo))  # what was being written is whole by now
            print(f"segment: {done} of {len(todo)} done; the same command goes on from here", file=sys.stderr)
            raise

    def _read(self, one: Planned) -> Picture:
        # Taken before it is read: a file that changes meanwhile is another one, and made again.
        self._marks[one.source.key] = self._mark(one.source)
        return one.source.read()

    def _work(self, images: Sequence[Picture]) -> Sequence[Segmentation | Exception]:
        try:
            return self._segment(images)
        except (BodyCascadeError, MemoryError, RuntimeError) as error:
            if not isinstance(error, BodyCascadeError) and not is_out_of_memory(error):
                raise
            if len(images) > 1:  # one picture that is too large must not take the others with it
                return [self._work([image])[0] for image in images]
            return [error if isinstance(error, BodyCascadeError) else _too_large(images[0])]

    def _write(self, one: Planned, segmentation: Segmentation) -> None:
        source, asked = one.source, self._settings.asked
        mark = self._marks.pop(source.key)
        segmentation.icc_profile = source.icc_profile()
        self._folder.journal.claim(source.key, one.stem, [one.file(output.suffix) for output in self._outputs])
        try:
            records = asked.records(segmentation)
            for output in self._outputs:
                output.save(segmentation, self._folder.path(one, output))
        except MemoryError:
            raise _too_large(segmentation.level(0)) from None
        except OSError as error:
            if error.errno in _NAME_ERRORS:
                raise OutputError(f"its outputs cannot be named as it is ({error.strerror}); rename it") from None
            raise
        height, width = segmentation.level(0).shape
        entry = Entry(
            stem=one.stem,
            mark=mark,
            made=self._found(one),
            name=self._names[source.key],
            size=(height, width),
            records=records,
        )
        self._folder.journal.finish(source.key, entry)

    def _found(self, one: Planned) -> dict[str, tuple[str, int]]:
        """The outputs of a picture as they lie in the folder, as `Entry.made`; -1 byte where one is missing."""
        return {
            one.file(output.suffix): (output.kind, _file_size(self._folder.path(one, output)))
            for output in self._outputs
        }

    def _mark(self, source: Source) -> str:
        try:
            stamp = source.stamp()
        except OSError:  # gone meanwhile
            return ""
        return ":".join(map(str, [self._digest, *stamp]))

    def _tell(self, one: Planned, error: Exception, outcome: Outcome, progress: Progress) -> None:
        source = one.source
        reason = str(error).removeprefix(f"{source.shown}: ")
        outcome.failures.append((source.shown, reason))
        self.failed.add(source.key)
        with redirect_stdout(sys.stderr):  # a bad picture is no result
            progress.say(_CONTROL.sub(lambda found: repr(found[0])[1:-1], f"{source.shown}: {reason}"))


def _names(planned: Sequence[Planned], known: Mapping[str, Entry]) -> dict[str, str]:
    """What each picture is called in tables, by key: its place in the mirrored tree, or, where others share that, its
    full name.

    `known`: the pictures, by key, that are in the tables already.
    """
    now = {one.source.key for one in planned}
    times = Counter(one.source.relative for one in planned)
    times.update(entry.name for key, entry in known.items() if key not in now and is_there(key))
    return {one.source.key: one.source.relative if times[one.source.relative] == 1 else _full(one) for one in planned}


def _full(one: Planned) -> str:
    """A name that no other picture has: where it lies; of what came through a pipe, that of its outputs."""
    return one.stem if one.source.path is None else one.source.shown


def _file_size(path: Path) -> int:
    """In bytes; -1 where there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _too_large(image: npt.NDArray[np.uint8]) -> ImageError:
    height, width = image.shape[:2]
    return ImageError(f"{width} x {height} pixels need more memory than there is; make the picture smaller")
