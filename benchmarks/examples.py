"""Images of a data folder that something is measured on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bodycascade.data.examples import Example
from bodycascade.data.layout import Layout
from bodycascade.data.parallel import ordered_map
from bodycascade.preprocess.grayscale import kind_of


def spread(ids: Sequence[str], count: int | None) -> tuple[str, ...]:
    """`count` of the ids at even distances, in their order; all of them for None or where there are not more."""
    if count is None or count >= len(ids):
        return tuple(ids)
    return tuple(ids[place * len(ids) // count] for place in range(count))


def read_examples(layout: Layout, ids: Sequence[str]) -> Iterator[Example]:
    """Each image with its truth, read in a thread ahead of the caller; gray is what is exactly gray."""

    def read(name: str) -> Example:
        image = layout.read_image(name)
        return Example(name, image, layout.read_labels(name), kind_of(image, 0.0))

    return ordered_map(read, ids, threads=1)
