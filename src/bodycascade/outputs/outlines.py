"""The outline of a mask as polygons that run along the edges of its pixels, so that filling them gives the mask back.

No polygon has a hole, which COCO could not express: a mask with one is cut through it, into parts without.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Loop = npt.NDArray[np.int64]


def polygons(mask: Mask) -> list[list[int]]:
    """[x0, y0, x1, y1, ...] of each part of `mask` (H, W) bool, in pixel edges: 0 is the left or upper rim.

    Parts that touch at a corner only are polygons of their own.
    """
    found: list[list[int]] = []
    pending = [(mask, 0)]
    while pending:
        part, left = pending.pop()
        loops = _loops(part)
        hole = next((loop for loop in loops if not part[_first(loop)]), None)
        if hole is None:
            found += [(loop + np.array([left, 0])).ravel().tolist() for loop in loops]
            continue
        cut = int(hole[:, 0].min() + hole[:, 0].max()) // 2
        pending += [(part[:, cut:], left + cut), (part[:, :cut], left)]
    return found


def _first(loop: Loop) -> tuple[int, int]:
    """(row, column) of the pixel below and right of the uppermost, then leftmost corner: it lies inside the loop."""
    x, y = loop[np.lexsort((loop[:, 0], loop[:, 1]))[0]]
    return int(y), int(x)


def _loops(mask: Mask) -> list[Loop]:
    """(corners, 2) of (x, y) for each closed line between mask and background."""
    padded = np.pad(mask, 1)
    nw, ne, sw, se = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    turns = nw ^ ne ^ sw ^ se
    crossing = (nw == se) & (ne == sw) & (nw != ne)  # two parts touch there: two corners in one place
    ys, xs = np.nonzero(turns | crossing)
    double = crossing[ys, xs]
    copies = np.where(double, 2, 1)
    ys, xs, falls = np.repeat(ys, copies), np.repeat(xs, copies), np.repeat(nw[ys, xs], copies)
    second = np.zeros(len(ys), np.int64)
    second[1:] = (ys[1:] == ys[:-1]) & (xs[1:] == xs[:-1])
    beside = _partners(np.lexsort((second, xs, ys)))
    # Of two corners in one place the first has the edge to its left. So that each part keeps to itself, that corner
    # has the edge above where the part is up left of it, else the edge below.
    across = np.repeat(double, copies) & ~falls
    stacked = _partners(np.lexsort((np.where(across, 1 - second, second), ys, xs)))
    return _walk(np.stack([xs, ys], axis=1), beside, stacked)


def _partners(order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each corner the other end of its edge: along a line, edges join the first and second corner, and so on."""
    partner = np.empty_like(order)
    partner[order[::2]], partner[order[1::2]] = order[1::2], order[::2]
    return partner


def _walk(corners: Loop, beside: npt.NDArray[np.int64], stacked: npt.NDArray[np.int64]) -> list[Loop]:
    across, down = beside.tolist(), stacked.tolist()
    seen = bytearray(len(across))
    loops = []
    for start in range(len(across)):
        if seen[start]:
            continue
        path, here = [], start
        while not seen[here]:
            other = across[here]
            seen[here] = seen[other] = 1
            path += [here, other]
            here = down[other]
        loops.append(corners[path])
    return loops
