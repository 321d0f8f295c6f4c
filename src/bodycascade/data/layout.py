"""The Pascal-Part layout as distributed: where the files of an image lie, and how they are read.

classes.txt  train_id.txt  val_id.txt  JPEGImages/ID.jpg  gt_masks/ID.npy (or masks/ID.png)
"""

from __future__ import annotations

import errno
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.errors import DataError, ImageError, first_line
from bodycascade.files import save_array
from bodycascade.hierarchy import Tree
from bodycascade.imaging import read_image

_HEADERS = threading.Lock()
"""numpy parses the header of a .npy file as Python, which Python 3.11 cannot do in two threads at once: now and then it
raises SystemError, "AST constructor recursion depth mismatch"."""

_ID = re.compile(r"\w[\w.-]{0,199}", re.ASCII)
ID_CHARACTERS = "letters, digits, '_', '-' and '.' only"


@dataclass(frozen=True)
class Layout:
    """A data set in the folder `folder`. Every method that reads raises `DataError` naming the file and the reason."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Layout:
        """The layout in `folder`, which is there, can be listed and holds images and masks."""
        remedy = (
            "expected JPEGImages/ID.jpg, gt_masks/ID.npy (or masks/ID.png), classes.txt and two lists of ids there; "
            f"link the data: ln -sfn /path/to/the/data {folder}, or make it: bodycascade prepare"
        )
        try:
            _look_into(folder)
            _look_into(folder / "JPEGImages")
            masks = [folder / name for name in ("gt_masks", "masks") if os.path.lexists(folder / name)]
            for path in masks or [folder / "gt_masks"]:
                _look_into(path)
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}; {remedy}") from None
        return cls(folder)

    @classmethod
    def make(cls, folder: Path) -> Layout:
        """A new layout in `folder`, which has the subfolders for images and label maps then, and nothing else new."""
        for name in ("JPEGImages", "gt_masks"):
            (folder / name).mkdir(parents=True)
        return cls(folder)

    def image_path(self, name: str) -> Path:
        """Path of the photograph of the image `name`."""
        return self.folder / "JPEGImages" / f"{name}.jpg"

    def labels_path(self, name: str) -> Path:
        """Path of the label map of the image `name`: the .npy, or the .png where there is no .npy."""
        array = self._array_path(name)
        picture = self.folder / "masks" / f"{name}.png"
        return picture if picture.exists() and not array.exists() else array

    def read_ids(self, file: str) -> tuple[str, ...]:
        """The image ids listed in `file` (a path below the folder), in its order; `DataError` for any bad one."""
        ids, problems = self.scan_ids(file)
        if problems:
            raise DataError(problems[0])
        return ids

    def scan_ids(self, file: str) -> tuple[tuple[str, ...], list[str]]:
        """(good ids in the order of `file`, one message for each bad one).

        Blanks, empty lines, CRLF and a byte order mark are harmless. What is no plain file name (`../x`) is bad, and
        never meets the file system.
        """
        path = self.folder / file
        try:
            words = path.read_bytes().decode("utf-8-sig").split()
        except UnicodeDecodeError:
            return (), [f"{path}: not UTF-8 text; expected one image id per line"]
        except OSError as error:
            return (), [f"{path}: cannot be read ({error.strerror}); expected one image id per line"]
        if not words:
            return (), [f"{path}: lists no image; expected one image id per line"]
        bad = sorted({word for word in words if not is_id(word)})
        return (
            tuple(word for word in words if is_id(word)),
            [f"{path}: {word[:80]!r} is no image id; expected {ID_CHARACTERS}" for word in bad],
        )

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
        """(H, W, 3) uint8 RGB: the photograph at its own size, upright by its EXIF orientation."""
        path = self.image_path(name)
        try:
            return read_image(path)
        except ImageError as error:
            raise DataError(str(error)) from error

    def read_labels(self, name: str) -> npt.NDArray[np.uint8]:
        """(H, W) uint8: the label map. Nothing pickled is ever loaded."""
        path = self.labels_path(name)
        try:
            return read_label_png(path) if path.suffix == ".png" else _read_npy(path)
        except FileNotFoundError:
            raise DataError(f"{path}: no such file, and no masks/{name}.png") from None
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
        except ValueError as error:
            raise DataError(f"{path}: {error}") from None

    def write_labels(self, name: str, labels: npt.NDArray[np.uint8]) -> None:
        """Write `labels` (H, W) uint8 as the label map of the image `name`; raises `OSError` where it cannot."""
        save_array(self._array_path(name), labels)

    def _array_path(self, name: str) -> Path:
        return self.folder / "gt_masks" / f"{name}.npy"


def class_lines(tree: Tree) -> list[str]:
    """The lines of classes.txt for `tree`; the distributed file calls the background "bg"."""
    return [f"{leaf.label}: {leaf.name if leaf.label else 'bg'}" for leaf in tree.leaves]


def is_id(word: str) -> bool:
    """Whether an image can have this id: it becomes a file name, and a word of a list."""
    return _ID.fullmatch(word) is not None


def _look_into(folder: Path) -> None:
    """Raise OSError, worded for the user, where `folder` is not a folder with something in it."""
    if folder.is_symlink() and not folder.exists():
        raise OSError(errno.ENOENT, f"a dead link to {folder.readlink()}", str(folder))
    if not folder.exists():
        raise OSError(errno.ENOENT, "no such folder", str(folder))
    if not folder.is_dir():
        raise OSError(errno.ENOTDIR, "a file, not a folder", str(folder))
    if next(folder.iterdir(), None) is None:
        raise OSError(errno.ENOENT, "the folder is empty", str(folder))


def _read_npy(path: Path) -> npt.NDArray[np.uint8]:
    # The header is looked at before anything is read: it says whether there is a pickle, and how much memory it takes.
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
            with _HEADERS:
                shape, _, dtype = read_header(file)
        except OSError:
            raise
        except Exception:  # numpy's parser of the header raises what it likes
            raise ValueError("not a whole .npy file; expected a uint8 array (H, W)") from None
        if dtype.hasobject:
            raise ValueError("a pickled array, which is never loaded; expected a uint8 array (H, W)")
        if dtype != np.uint8 or len(shape) != 2 or 0 in shape:
            raise ValueError(f"an array of {dtype} with shape {shape}; expected uint8 (H, W)")
        stored = os.fstat(file.fileno()).st_size - file.tell()
    if stored != shape[0] * shape[1]:
        raise ValueError(f"{stored} bytes of data for an array {shape}; the file is cut short or overlong")
    with _HEADERS:
        array: npt.NDArray[np.uint8] = np.ascontiguousarray(np.load(path, allow_pickle=False))
    return array


def read_label_png(path: Path) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: the values of a gray or indexed PNG; raises `ValueError` with the reason where it is none."""
    try:
        with Image.open(path) as picture:
            mode, array = picture.mode, np.array(picture)
    except FileNotFoundError:
        raise
    except Exception as error:  # decoders raise what they like
        raise ValueError(f"cannot be decoded ({first_line(error)})") from None
    if mode not in ("L", "P"):
        raise ValueError(f"a PNG of mode {mode}; expected one channel of 8 bits (L or P)")
    return array
