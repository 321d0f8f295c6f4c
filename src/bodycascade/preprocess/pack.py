"""A pack: all images and label maps of a split in two flat files, opened as memory maps.

    index.json    format version, checksums, and for each image its id, height, width and kind; the order of an epoch
    images.bin    (H, W, 3) uint8 RGB of one image after the other
    masks.bin     (H, W) uint8 leaf labels, in the same order

index.json is written last: a pack that was not finished does not open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bodycascade.data.examples import Example
from bodycascade.errors import DataError
from bodycascade.files import replace_file, sha256_of, write_json

FORMAT_VERSION = 1
_INDEX_KEYS = {"format_version", "ids", "sizes", "kinds", "epoch", "sha256"}


def write_pack(folder: Path, examples: Iterable[Example], *, gray_share: float | None = None) -> None:
    """Write `examples` to `folder` as a pack; the same examples give the same bytes.

    `gray_share`: pictures without colour are repeated in an epoch until they make up this share of it; None: no
    repeats. Raises `DataError` where there is no example at all, or where the disk takes no more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    with replace_file(folder / "images.bin") as images_path, replace_file(folder / "masks.bin") as masks_path:
        written = _write_arrays(examples, images_path, masks_path, folder)
    if not written:
        raise DataError(f"{folder}: no image is left for this pack; expected at least one")
    index = {
        "format_version": FORMAT_VERSION,
        "ids": [name for name, _, _ in written],
        "sizes": [size for _, size, _ in written],
        "kinds": [kind for _, _, kind in written],
        "epoch": _epoch([kind for _, _, kind in written], gray_share),
        "sha256": {name: sha256_of(folder / name) for name in ("images.bin", "masks.bin")},
    }
    write_json(folder / "index.json", index)


def _write_arrays(
    examples: Iterable[Example], images_path: Path, masks_path: Path, folder: Path
) -> list[tuple[str, list[int], str]]:
    """(id, [height, width], kind) of each example, in the order in which the two files hold them."""
    written: list[tuple[str, list[int], str]] = []
    done = 0
    try:
        # Closing the files writes too, so it happens within the try.
        with images_path.open("wb") as images, masks_path.open("wb") as masks:
            for example in examples:
                done += images.write(np.ascontiguousarray(example.image).data)
                done += masks.write(np.ascontiguousarray(example.labels).data)
                written.append((example.id, [int(side) for side in example.labels.shape], example.kind))
    except OSError as error:
        remedy = "make room, or lower preprocess.long_side"
        reason = f"{error.strerror} after {done:,} bytes"
        raise DataError(f"{folder}: the pack cannot be written ({reason}); {remedy}") from None
    return written


class Pack:
    """The images of a split, as read-only views of two memory maps; made by `Pack.open`.

    It can be shared between threads, and pickled: another process opens the files anew.
    """

    def __init__(self, folder: Path, index: dict[str, Any]) -> None:
        self.folder = folder
        self.ids: tuple[str, ...] = tuple(index["ids"])
        self.epoch: tuple[int, ...] = tuple(index["epoch"])
        self._sizes: list[tuple[int, int]] = [(height, width) for height, width in index["sizes"]]
        areas = [height * width for height, width in self._sizes]
        self._starts = np.concatenate([[0], np.cumsum(areas, dtype=np.int64)])
        self._images = _map(folder / "images.bin", 3 * int(self._starts[-1]))
        self._masks = _map(folder / "masks.bin", int(self._starts[-1]))

    @classmethod
    def open(cls, folder: Path, *, verify: bool = False) -> Pack:
        """The pack in `folder`; with `verify`, after comparing the checksums of its files.

        Raises `DataError` where it is missing, unfinished, damaged or of another format version.
        """
        index = _read_index(folder / "index.json")
        pack = cls(folder, index)
        if verify:
            for name, expected in index["sha256"].items():
                if sha256_of(folder / name) != expected:
                    raise DataError(f"{folder / name}: damaged, its checksum differs; run the preprocess stage again")
        return pack

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Pack of {len(self)} images in {self.folder}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Pack.open, (self.folder,))

    def image(self, index: int) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, read-only: image number `index`."""
        start, stop, size = self._place(index)
        return self._images[3 * start : 3 * stop].reshape(*size, 3)

    def labels(self, index: int) -> npt.NDArray[np.uint8]:
        """(H, W) uint8 leaf labels, read-only, of image number `index`."""
        start, stop, size = self._place(index)
        return self._masks[start:stop].reshape(size)

    def _place(self, index: int) -> tuple[int, int, tuple[int, int]]:
        if not 0 <= index < len(self.ids):
            raise IndexError(f"{self!r} has no image {index}")
        return int(self._starts[index]), int(self._starts[index + 1]), self._sizes[index]


def _epoch(kinds: list[str], gray_share: float | None) -> list[int]:
    """Indices of one epoch: each image once, those without colour as often as `gray_share` of the epoch asks."""
    gray = [i for i, kind in enumerate(kinds) if kind != "colour"]
    epoch = list(range(len(kinds)))
    if gray_share is None or not gray or len(gray) == len(kinds):
        return epoch
    wanted = round(gray_share / (1 - gray_share) * (len(kinds) - len(gray)))
    repeats = [gray[i % len(gray)] for i in range(wanted - len(gray))]
    return sorted(epoch + repeats)


def _read_index(path: Path) -> dict[str, Any]:
    remedy = "run the preprocess stage again"
    try:
        index = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, so there is no finished pack here; {remedy}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {remedy}") from None
    version = index.get("format_version") if isinstance(index, dict) else None
    if version != FORMAT_VERSION:
        raise DataError(f"{path}: format version {version}, expected {FORMAT_VERSION}; {remedy}")
    if set(index) != _INDEX_KEYS or not _fits_together(index):
        raise DataError(f"{path}: the entries do not fit together; {remedy}")
    return dict(index)


def _fits_together(index: dict[str, Any]) -> bool:
    lists, digests = [index[key] for key in ("ids", "sizes", "kinds", "epoch")], index["sha256"]
    if not all(isinstance(entries, list) for entries in lists) or not isinstance(digests, dict):
        return False
    ids, sizes, kinds, epoch = lists
    pairs = all(
        isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
        for size in sizes
    )
    places = all(type(place) is int and 0 <= place < len(ids) for place in epoch)
    whole = set(digests) == {"images.bin", "masks.bin"}
    return pairs and places and whole and len(ids) == len(sizes) == len(kinds) > 0


def _map(path: Path, size: int) -> npt.NDArray[np.uint8]:
    try:
        found = path.stat().st_size
        if found != size:
            raise DataError(f"{path}: {found} bytes, expected {size}; run the preprocess stage again")
        return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); run the preprocess stage again") from None
