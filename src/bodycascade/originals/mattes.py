"""Portrait mattes: RGBA PNGs whose alpha is the person's outline, as AISegment distributes them, beside the pictures.

A matte tells a body from the background, nothing more, while the layout wants a leaf label in each pixel. The person
expert's target asks only whether the leaf lies below the body, so any leaf of it would do; `STAND_IN` is used for all.
The other experts would learn from it that everybody is made of that part alone: they must not see such a data set.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.errors import DataError, first_line
from bodycascade.hierarchy import Tree
from bodycascade.originals.dataset import Source

STAND_IN = "torso"
"""The leaf that a matte's pixel is labelled with: the part that nearly every portrait shows most of."""

HALF = 128
"""An alpha from here on, half of 255 rounded up, is the person: hair that is half transparent is divided evenly."""

PICTURES = (".jpg", ".jpeg", ".png", ".webp")


def find_sources(mattes: Path, pictures: Path, tree: Tree) -> dict[str, Source]:
    """By id, each PNG below `mattes` with the picture of its name below `pictures`, both searched through all folders.

    The pictures are needed: what the RGB of a matte holds outside the person is black, or anything. Raises `DataError`
    where there is no matte, or two files have one name.
    """
    outlines = _by_name(mattes, (".png",))
    if not outlines:
        raise DataError(f"{mattes}: holds no .png file; expected mattes, RGBA PNGs whose alpha is the person")
    found = _by_name(pictures, PICTURES)
    return {
        name: Source(name, found.get(name, pictures / f"{name}.jpg"), partial(read_labels, file, tree))
        for name, file in outlines.items()
    }


def read_labels(path: Path, tree: Tree) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: `STAND_IN`'s label where the alpha of the PNG `path` is at least half, else 0, the background.

    Raises `DataError` where the file has no alpha or cannot be decoded.
    """
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("RGBA", "LA", "PA"):
                raise DataError(f"{path}: a PNG of mode {picture.mode}; expected an alpha channel (RGBA), the matte")
            alpha = np.asarray(picture.getchannel("A"))
    except DataError:
        raise
    except Exception as error:  # decoders raise what they like
        raise DataError(f"{path}: cannot be decoded ({first_line(error)})") from None
    labels: npt.NDArray[np.uint8] = np.where(alpha >= HALF, np.uint8(tree.node(STAND_IN).label or 0), np.uint8(0))
    return labels


def _by_name(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """Pictures in all folders below `folder`, by their names without ending; macOS's `._` files are none."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in endings or path.name.startswith("."):
            continue
        if path.stem in found:
            raise DataError(f"{path}: has the name of {found[path.stem]}; names must be unique, they become the ids")
        found[path.stem] = path
    return found
