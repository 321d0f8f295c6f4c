"""Which images the report shows."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence


def pick(scores: Mapping[str, float | None], *, count: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Ids of the `best`, `worst` and `random` images, up to `count` each, no image twice.

    `scores` has the finest level's mIoU by id; None (neither truth nor prediction holds a part) is neither best nor
    worst. Equal scores are ordered by id, `random` is drawn by `seed` from what is left: the same picks every time.
    """
    scored = {name: score for name, score in scores.items() if score is not None}
    ranked = sorted(scored, key=lambda name: (-scored[name], name))
    best = ranked[: min(count, (len(ranked) + 1) // 2)]
    worst = ranked[len(best) :][::-1][:count]
    left = sorted(set(scores) - set(best) - set(worst))
    drawn = random.Random(seed).sample(left, min(count, len(left)))
    return {"best": tuple(best), "worst": tuple(worst), "random": tuple(drawn)}


def shown(picks: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All picked ids, in the order of the groups."""
    return tuple(name for group in picks.values() for name in group)
