"""The Pascal-Part layout as distributed: where the files of an image lie, and how they are read.

    classes.txt  train_id.txt  val_id.txt  JPEGImages/ID.jpg  gt_masks/ID.npy (or masks/ID.png)
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.errors import DataError, ImageError
from bodycascade.imaging import read_image

_ID = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class Layout:
    """A data set in the folder `folder`. Every method that reads raises `DataError` naming the file and the reason."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Layout:
        """The layout in `folder`, which is there, can be listed and holds the two kinds of files."""
        remedy = f"lay the data set out there or link it: ln -s /path/to/the/data {folder}"
        if folder.is_symlink() and not folder.exists():
            raise DataError(f"{folder}: a dead link to {os.readlink(folder)}; remove it and {remedy}")
        if not folder.exists():
            raise DataError(f"{folder}: no such folder; {remedy}")
        try:
            names = {path.name for path in folder.iterdir()}
        except NotADirectoryError:
            raise DataError(f"{folder}: a file, not a folder; {remedy}") from None
        except OSError as error:
            raise DataError(f"{folder}: cannot be read ({error.strerror}); give yourself access or {remedy}") from None
        if not names:
            raise DataError(f"{folder}: the folder is empty; {remedy}")
        missing = [name for name, there in _needed(names).items() if not there]
        if missing:
            raise DataError(f"{folder}: {' and '.join(missing)} not found; {remedy}")
        return cls(folder)

    def image_path(self, name: str) -> Path:
        """Path of the photograph of the image `name`."""
        return self.folder / "JPEGImages" / f"{name}.jpg"

    def mask_path(self, name: str) -> Path:
        """Path of the label map of the image `name`: the .npy, or the .png where there is no .npy."""
        array = self.folder / "gt_masks" / f"{name}.npy"
        picture = self.folder / "masks" / f"{name}.png"
        return picture if picture.exists() and not array.exists() else array

    def read_ids(self, file: str) -> tuple[str, ...]:
        """The image ids listed in `file` (a path below the folder), in its order.

        Blanks, empty lines, CRLF and a byte order mark are harmless. Ids that are no plain file names (`../x`) are
        kept out of the file system: they raise `DataError`.
        """
        path = self.folder / file
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DataError(f"{path}: not UTF-8 text; expected one image id per line") from None
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); expected one image id per line") from None
        ids = tuple(text.split())
        bad = [name for name in ids if not _ID.fullmatch(name)]
        if bad:
            listed = ", ".join(repr(name[:80]) for name in bad[:5]) + (" ..." if len(bad) > 5 else "")
            raise DataError(
                f"{path}: {len(bad)} ids are no plain file names: {listed}; expected letters, digits, '_', '-', '.' only"
            )
        if not ids:
            raise DataError(f"{path}: lists no image; expected one image id per line")
        return ids

    def read_classes(self) -> dict[int, str]:
        """Label to class name, from classes.txt (`label: name` per line)."""
        path = self.folder / "classes.txt"
        try:
            lines = path.read_bytes().decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise DataError(f"{path}: cannot be read; expected lines like '2: torso'") from None
        classes: dict[int, str] = {}
        for line in filter(str.strip, lines):
            found = re.fullmatch(r"\s*(\d{1,3})\s*:\s*(\S+)\s*", line)
            if not found or int(found[1]) in classes:
                raise DataError(f"{path}: expected lines like '2: torso', each label once; found {line.strip()[:80]!r}")
            classes[int(found[1])] = found[2]
        return classes

    def read_image(self, name: str) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: the photograph at its own size."""
        path = self.image_path(name)
        try:
            return read_image(path)
        except ImageError as error:
            raise DataError(str(error) if str(path) in str(error) else f"{path}: {error}") from error

    def read_mask(self, name: str) -> npt.NDArray[np.uint8]:
        """(H, W) uint8: the label map. Nothing pickled is ever loaded."""
        path = self.mask_path(name)
        try:
            return _read_png(path) if path.suffix == ".png" else _read_npy(path)
        except FileNotFoundError:
            raise DataError(f"{path}: no such file, and no {self.folder / 'masks' / name}.png") from None
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
        except ValueError as error:
            raise DataError(f"{path}: {error}") from None


def _needed(names: set[str]) -> dict[str, bool]:
    return {"JPEGImages": "JPEGImages" in names, "gt_masks (or masks)": bool({"gt_masks", "masks"} & names)}


def _read_npy(path: Path) -> npt.NDArray[np.uint8]:
    # The header is looked at before anything is read: it says whether there is a pickle, and how much memory it takes.
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
            shape, _, dtype = read_header(file)
        except (ValueError, KeyError, SyntaxError):
            raise ValueError("not a whole .npy file; expected a uint8 array (H, W)") from None
        if dtype.hasobject:
            raise ValueError("a pickled array, which is never loaded; expected a uint8 array (H, W)")
        if dtype != np.uint8 or len(shape) != 2 or 0 in shape:
            raise ValueError(f"an array of {dtype} with shape {shape}; expected uint8 (H, W)")
        stored = os.fstat(file.fileno()).st_size - file.tell()
    if stored != shape[0] * shape[1]:
        raise ValueError(f"{stored} bytes of data for {shape[0]} x {shape[1]} pixels; the file is cut short or overlong")
    array: npt.NDArray[np.uint8] = np.ascontiguousarray(np.load(path, allow_pickle=False))
    return array


def _read_png(path: Path) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("L", "P"):
                raise ValueError(f"a PNG of mode {picture.mode}; expected one channel of 8 bits (L or P)")
            return np.asarray(picture).copy()
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError) as error:
        raise ValueError(f"cannot be decoded ({str(error).splitlines()[0]})") from None
