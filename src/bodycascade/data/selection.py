"""The selection set: the slice of train that chooses epochs, thresholds and recipes, so that val need not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def split_selection(ids: Iterable[str], fraction: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(train, selection), both sorted: each id goes where its own sha256 says, about `fraction` of them to selection.

    The choice for one id depends on neither the order nor the other ids, so a growing data set keeps its slices. With
    two ids or more, both slices hold at least one.
    """
    ranked = sorted(set(ids), key=_place)
    count = sum(_place(name) < fraction for name in ranked)
    if len(ranked) > 1:
        count = min(max(count, 1), len(ranked) - 1)
    return tuple(sorted(ranked[count:])), tuple(sorted(ranked[:count]))


def _place(name: str) -> float:
    """A number from 0 to 1 that an id always gets."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
