"""Names of outputs: short, like those of the pictures, and no two alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bodycascade.picture_run.sources import Source


@dataclass(frozen=True)
class Planned:
    """A picture and the stem of its outputs, a path below the output folder without an ending."""

    source: Source
    stem: str

    def file(self, suffix: str) -> str:
        """The output that ends in `suffix`, relative to the output folder."""
        return f"{self.stem}{suffix}"


def plan(
    sources: Sequence[Source],
    suffixes: Sequence[str],
    *,
    before: Mapping[str, str],
    taken: Mapping[str, str],
    reserved: Iterable[str] = (),
) -> list[Planned]:
    """A stem for each source such that no two outputs have one name, also where upper and lower case are the same.

    `a.jpg` becomes `a`; beside an `a.png` both keep their ending (`a.jpg`, `a.png`), and what still collides is
    numbered; so is what would have the name of a folder of outputs. `before` gives the stem that a source (by key) had
    in earlier runs: it keeps that, so a run goes on under the same names. `taken` gives the source that a file there
    belongs to; `reserved` files belong to none.
    """
    folders = {str(folder) for source in sources for folder in (source.below, *source.below.parents)}
    used = {file.casefold(): "" for file in (*folders, *reserved)}
    used |= {file.casefold(): key for file, key in taken.items()}
    stems = Counter(_short(source).casefold() for source in sources)
    planned = []
    # Who has a name already keeps it, before newcomers choose theirs.
    for source in sorted(sources, key=lambda source: source.key not in before):
        for stem in _candidates(source, before.get(source.key), alone=stems[_short(source).casefold()] == 1):
            files = [f"{stem}{suffix}".casefold() for suffix in suffixes]
            if all(used.get(file, source.key) == source.key for file in files):
                used |= dict.fromkeys(files, source.key)
                planned.append(Planned(source, stem))
                break
    order = {source.key: place for place, source in enumerate(sources)}
    return sorted(planned, key=lambda one: order[one.source.key])


def _short(source: Source) -> str:
    return str(source.below / (Path(source.name).stem or source.name))


def _candidates(source: Source, known: str | None, *, alone: bool) -> Iterator[str]:
    if known is not None:
        yield known
    if alone:
        yield _short(source)
    yield source.relative
    for number in count(2):
        yield f"{source.relative}-{number}"
