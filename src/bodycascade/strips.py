"""Large pictures cut into horizontal strips, so that the memory of a step does not grow with the picture."""

from __future__ import annotations


def strips(top: int, bottom: int, *, width: int, pixels: int) -> list[slice]:
    """The rows `top` to `bottom` (excluded) of a picture, `width` wide, cut into slices of about `pixels` pixels."""
    rows = max(1, pixels // width)
    return [slice(first, min(first + rows, bottom)) for first in range(top, bottom, rows)]
