"""Pictures, label maps and lists of ids to a folder in the layout of `bodycascade.data.layout`, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.data.check import listing
from bodycascade.data.layout import ID_CHARACTERS, Layout, class_lines, is_id
from bodycascade.data.parallel import ordered_map
from bodycascade.data.selection import split_selection
from bodycascade.errors import DataError, ImageError
from bodycascade.files import naming
from bodycascade.folders import only_one, replace_folder
from bodycascade.hierarchy import Tree
from bodycascade.imaging import read_image

Labels = npt.NDArray[np.uint8]

JPEG_QUALITY = 95
"""Of pictures that are not distributed as JPEG; the layout holds nothing else."""


@dataclass(frozen=True)
class Source:
    """One image of an original: `name` is its id in the layout, `picture` its file, `read` gives its label map.

    `read()` returns (H, W) uint8 labels of the tree, of the picture's size, and raises `DataError` with the reason.
    """

    name: str
    picture: Path
    read: Callable[[], Labels]


def sources_beside(
    pictures: Path, labels: Path, suffix: str, read_labels: Callable[[Path], Labels]
) -> dict[str, Source]:
    """By id, each file of `labels` that ends in `suffix`, with the JPEG of its name in `pictures`; nothing is read yet.

    Hidden files are passed over: macOS puts a `._NAME` of its own beside each one. Raises `DataError` where none is
    left.
    """
    files = sorted(file for file in labels.glob(f"*{suffix}") if not file.name.startswith("."))
    if not files:
        raise DataError(f"{labels}: holds no {suffix} file; expected one for each image")
    return {file.stem: Source(file.stem, pictures / f"{file.stem}.jpg", partial(read_labels, file)) for file in files}


@dataclass(frozen=True)
class WrittenDataset:
    """What was written: images per split, and one line for each image that was left out."""

    train: int
    val: int
    problems: tuple[str, ...]


def split_names(names: Iterable[str], val_fraction: float) -> dict[str, tuple[str, ...]]:
    """`train` and `val`: which split an id goes to depends on the id alone, by its checksum."""
    train, val = split_selection(names, val_fraction)
    return {"train": train, "val": val}


def read_names(path: Path) -> tuple[str, ...]:
    """The ids listed in a text file, the first word of each line; raises `DataError` where there are none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{path}: cannot be read; expected one image id per line") from None
    names = tuple(line.split()[0] for line in lines if line.strip())
    if not names:
        raise DataError(f"{path}: lists no image; expected one image id per line")
    return names


def write_dataset(
    out: Path,
    tree: Tree,
    splits: Mapping[str, Iterable[str]],
    sources: Mapping[str, Source],
    *,
    link: bool,
    skip_bad: bool,
    on_image: Callable[[int], None] = lambda done: None,
) -> WrittenDataset:
    """Write the images of `splits` (`train`, `val`: names in `sources`) to the folder `out`, which must not be there.

    `link`: JPEGs become symbolic links instead of copies. Bad images are left out where `skip_bad`, else nothing is
    made and the `DataError` lists them; nor is anything where a split would be empty, or an id is in both.
    `on_image(done)` hears of each image.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: exists already; name a new folder")
    chosen = {split: tuple(dict.fromkeys(names)) for split, names in splits.items()}
    both = sorted(set(chosen["train"]) & set(chosen["val"]))
    if both:
        more = f" and {len(both) - 1} more" if len(both) > 1 else ""
        raise DataError(f"{both[0]}{more}: to train on and to validate on; take it out of one of the two lists")
    lock = out.parent / f".{out.name}.lock"
    with only_one(lock, "prepare of this folder"):
        try:
            with replace_folder(out) as aside:
                bad = _fill(aside, tree, chosen, sources, link=link, skip_bad=skip_bad, on_image=on_image)
        finally:
            lock.unlink(missing_ok=True)
    train, val = (sum(name not in bad for name in chosen[split]) for split in ("train", "val"))
    return WrittenDataset(train, val, tuple(bad.values()))


def _fill(
    folder: Path,
    tree: Tree,
    chosen: Mapping[str, tuple[str, ...]],
    sources: Mapping[str, Source],
    *,
    link: bool,
    skip_bad: bool,
    on_image: Callable[[int], None],
) -> dict[str, str]:
    """Write everything into the empty `folder`; what is wrong with each bad image, by its id."""
    layout = Layout.make(folder)
    wanted = [name for names in chosen.values() for name in names]
    bad: dict[str, str] = {}
    results = ordered_map(lambda name: _write(layout, sources.get(name), name, link=link), wanted)
    for done, (name, problem) in enumerate(zip(wanted, results, strict=True), start=1):
        bad |= {name: problem} if problem else {}
        on_image(done)
    empty = [split for split, names in chosen.items() if bad.keys() >= set(names)]
    if bad and (empty or not skip_bad):
        raise DataError(_listing(bad, len(wanted), skipped=skip_bad))
    if empty:
        raise DataError(f"no image is left for {empty[0]}; name more images, or choose another --val-fraction")
    for split, names in chosen.items():
        _write_lines(folder / f"{split}_id.txt", [name for name in names if name not in bad])
    _write_lines(folder / "classes.txt", class_lines(tree))
    return bad


def _write(layout: Layout, source: Source | None, name: str, *, link: bool) -> str:
    """Write one image, and what is wrong with it, or an empty text."""
    try:
        if not is_id(name):
            raise DataError(f"{name!r} is no image id; rename its files: {ID_CHARACTERS}")
        if source is None:
            raise DataError(f"{name}: listed, but not among the annotations")
        labels, picture = source.read(), read_image(source.picture)
        if labels.shape != picture.shape[:2]:
            raise DataError(f"{name}: the labels are {labels.shape}, the picture {picture.shape[:2]} (height, width)")
        target = layout.image_path(name)
        if source.picture.suffix.lower() not in (".jpg", ".jpeg"):
            with naming(target):
                Image.fromarray(picture).save(target, quality=JPEG_QUALITY, subsampling=0)
        elif link:
            target.symlink_to(source.picture.resolve())
        else:
            data = source.picture.read_bytes()
            with naming(target):  # a full disk is the copy's
                target.write_bytes(data)
        layout.write_labels(name, labels)
    except (DataError, ImageError) as error:
        return str(error)
    return ""


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _listing(bad: Mapping[str, str], total: int, *, skipped: bool) -> str:
    remedy = "mend them" if skipped else "mend them, or leave them out with --skip-bad"
    without = "; without them a split is empty" if skipped else ""
    return listing(f"{len(bad)} of {total} images are bad{without}; {remedy} (nothing was made):", bad.values())
