"""Results as the page takes them: one compact answer to look at, and files to keep."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.demo.uploads import read_picture
from bodycascade.errors import RequestError
from bodycascade.hierarchy import Tree
from bodycascade.imaging import icc_profile
from bodycascade.outputs.asked import level_number, level_words
from bodycascade.outputs.labels import write_labels
from bodycascade.outputs.masks import write_cutout, write_mask
from bodycascade.outputs.overlay import write_overlay
from bodycascade.resizing import resize_image
from bodycascade.segmentation import Segmentation
from bodycascade.segmenter import Segmenter

SHOWN_SIDE = 1600
"""The long side of what the page shows: sharp on any screen, small enough for a phone. Files have the full size."""

Write = Callable[[Segmentation, BinaryIO], None]


@dataclass(frozen=True)
class _Last:
    key: bytes
    answer: bytes
    segmentation: Segmentation
    """Without the probabilities, which take seven times the memory of all the rest."""


class Work:
    """Pictures to answers, by one segmenter. One thread at a time may use it.

    What was found in the last picture is kept, so that nothing of it is computed again: neither the files that the
    page downloads nor the answer, which could not be packed without the probabilities.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._last: _Last | None = None

    def answer(self, data: bytes) -> bytes:
        """What the page shows of the picture in `data`: see `packed`. Raises `RequestError` as `read_picture`."""
        key = _key(data)
        if self._last is None or self._last.key != key:
            segmentation = self._segmented(data)
            kept = Segmentation(
                segmentation.tree,
                segmentation.parts,
                image=segmentation.image,
                icc_profile=segmentation.icc_profile,
            )
            self._last = _Last(key, packed(segmentation), kept)
        return self._last.answer

    def file(self, data: bytes, write: Write) -> bytes:
        """The file that `write` makes of the picture in `data`; raises as `answer` does."""
        file = io.BytesIO()
        write(self._segmented(data), file)
        return file.getvalue()

    def _segmented(self, data: bytes) -> Segmentation:
        if self._last is not None and self._last.key == _key(data):
            return self._last.segmentation
        picture = read_picture(data)
        self._last = None  # its memory is free before the next one's probabilities take some
        segmentation = self._segmenter(picture)
        segmentation.icc_profile = icc_profile(io.BytesIO(data))
        return segmentation


def packed(segmentation: Segmentation) -> bytes:
    """A line of JSON, then bytes.

    The line: `size` [H, W] of the picture, `shown` [h, w] of what follows, `pixels`: how many of the picture each leaf
    label has, `jpeg`: the length of the first thing that follows. These are: the picture (h, w) as JPEG; the leaf label
    of each shown pixel, uint8 (h, w); for each level, coarse to fine, the probability of the class that the pixel shows
    at that level, 0 to 255, uint8 (h, w): a class above the leaves has the sum of its leaves.
    """
    if segmentation.image is None:
        raise RequestError(500, "the segmenter gave its result without the picture")
    height, width = segmentation.parts.shape
    shape = _shown_shape(height, width)
    rows, columns = _centres(height, shape[0]), _centres(width, shape[1])
    labels = np.ascontiguousarray(segmentation.parts[np.ix_(rows, columns)])
    probs = segmentation.probs[np.ix_(np.arange(segmentation.tree.num_labels), rows, columns)]  # (labels, h, w)
    jpeg = io.BytesIO()
    shown = segmentation.image if shape == (height, width) else resize_image(segmentation.image, shape)
    Image.fromarray(shown).save(jpeg, "JPEG", quality=90, subsampling=0, icc_profile=segmentation.icc_profile)
    counts = np.bincount(segmentation.parts.ravel(), minlength=segmentation.tree.num_labels)
    head = {"size": [height, width], "shown": shape, "pixels": counts.tolist(), "jpeg": len(jpeg.getvalue())}
    planes = [
        shown_probability(labels, probs, segmentation.tree.level_map(level))
        for level in range(len(segmentation.tree.levels))
    ]
    line = json.dumps(head).encode("ascii") + b"\n"
    return b"".join([line, jpeg.getvalue(), labels.tobytes(), *(plane.tobytes() for plane in planes)])


def shown_probability(
    labels: npt.NDArray[np.uint8], probs: npt.NDArray[np.float32], level_map: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """(H, W) uint8, 0 to 255: how probable the class is that each pixel shows at a level.

    `labels` (H, W) uint8 leaf labels; `probs` (labels, H, W) float32 of the leaves; `level_map` as of `Tree.level_map`.
    """
    total = np.zeros(labels.shape, np.float32)
    ids = level_map[labels]
    for label, probability in enumerate(probs):
        total += probability * (ids == level_map[label])
    return (total.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def writer(tree: Tree, kind: str, *, level: str, node: str) -> tuple[str, Write]:
    """(media type, how it is written) of a file to download.

    `kind`: mask (class ids of `level`; of a `node` black and white), overlay (of `level`, with a legend) or cutout (of
    `node`). Raises `RequestError` 404 for another kind, `TreeError` for a level or node that the tree does not have.
    """
    if node:
        tree.node(node)
    number = level_number(level or "0", tree)
    if kind == "mask":
        return "image/png", partial(write_mask, node) if node else partial(write_labels, number)
    if kind == "overlay":
        return "image/jpeg", partial(write_overlay, number, True)
    if kind == "cutout" and node:
        return "image/png", partial(write_cutout, node)
    raise RequestError(404, "there is no such file; expected mask, overlay or cutout of a class")


def level_table(tree: Tree) -> list[dict[str, object]]:
    """For each level, coarse to fine, what the page has to know of it.

    `title`; `ids`: the id of each leaf label; `names` and `colours` (RGB) by id, 0 the background; `order`: the ids in
    the order of the tree.
    """
    titles = {number: title for title, number in level_words(tree).items()}
    found: list[dict[str, object]] = []
    for level, classes in enumerate(tree.levels):
        names = tree.level_names(level)
        found.append(
            {
                "title": titles.get(level, f"level {level}"),
                "ids": tree.level_map(level).tolist(),
                "names": list(names),
                "colours": tree.level_palette(level).tolist(),
                "order": [names.index(name) for name in classes],
            }
        )
    return found


def _shown_shape(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, SHOWN_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _centres(full: int, shown: int) -> npt.NDArray[np.int64]:
    """The place among `full` of the centre of each of `shown` pixels."""
    found: npt.NDArray[np.int64] = ((np.arange(shown) + 0.5) * (full / shown)).astype(np.int64)
    return found


def _key(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
