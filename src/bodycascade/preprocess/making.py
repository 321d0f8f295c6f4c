"""The preprocess stage: check, split, find grayscale pictures, pack, count."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bodycascade.data.check import DataReport, check_data
from bodycascade.data.layout import Layout
from bodycascade.data.parallel import ordered_map
from bodycascade.data.selection import split_selection
from bodycascade.errors import DataError
from bodycascade.files import sha256_of, write_text
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params, Preprocess
from bodycascade.preprocess.frequencies import count_frequencies, frequencies_csv
from bodycascade.preprocess.grayscale import kind_of
from bodycascade.preprocess.manifest import Manifest, write_manifest
from bodycascade.preprocess.pack import Sample, write_pack
from bodycascade.progress import track


def preprocess(params: Params, root: Path, tree: Tree = PASCAL_PART) -> Manifest:
    """Make the packs of `params.profile` below `root` and tell what was made.

    Everything is made in a folder aside, which takes the place of results/data/<profile> when it is whole. Two runs
    over the same data give the same bytes. Raises `DataError` where the data cannot be used, where no image is left,
    and where another preprocess of this profile is at work.
    """
    target = root / params.profile.data
    with _only_one(root / params.profile.work / "preprocess.lock"), _replace_folder(target) as aside:
        layout, where = _layout(params, root, aside, tree)
        settings = params.preprocess
        report = check_data(layout, train_ids=settings.train_ids, val_ids=settings.val_ids, tree=tree)
        for note in report.notes:
            print(f"preprocess: note: {note}", flush=True)
        manifest = _pack(settings, layout, where, report, aside, tree)
        write_manifest(aside, manifest)
    table = frequencies_csv([report.pixels[name] for name in manifest.ids["train"]], tree)
    write_text(root / params.profile.plots / "frequencies.csv", table)
    print(f"preprocess: {_summary(manifest)}", flush=True)
    return manifest


def _layout(params: Params, root: Path, aside: Path, tree: Tree) -> tuple[Layout, str]:
    """The layout, and the path of its folder for the manifest; rendered first where the profile asks for it."""
    if params.preprocess.source == "folder":
        return Layout.open(root / params.profile.source), params.profile.source
    from bodycascade.data.rendering import render_dataset  # noqa: PLC0415 - only a profile that renders pays for it

    rendered = params.preprocess.rendered
    render_dataset(
        aside / "rendered",
        train=rendered.train,
        val=rendered.val,
        side=rendered.side,
        grayscale_fraction=rendered.grayscale_fraction,
        seed=rendered.seed,
        tree=tree,
        workers=None,
    )
    return Layout.open(aside / "rendered"), (params.profile.data / "rendered").as_posix()


def _pack(settings: Preprocess, layout: Layout, where: str, report: DataReport, folder: Path, tree: Tree) -> Manifest:
    train, selection = split_selection(report.train, settings.selection_fraction)
    kinds: dict[str, str] = {}
    dropping = settings.grayscale.treatment == "drop"
    balancing = settings.grayscale.treatment == "balance"

    def samples(ids: Iterable[str], *, drop: bool) -> Iterator[Sample]:
        for sample in ordered_map(lambda name: _sample(layout, name, settings), ids):
            kinds[sample.id] = sample.kind
            if not (drop and sample.kind != "colour"):
                yield sample

    packed = samples(track(train, "pack train", total=len(train)), drop=dropping)
    write_pack(folder / "train", packed, gray_share=settings.grayscale.balanced_share if balancing else None)
    write_pack(folder / "selection", samples(selection, drop=False))
    val = tuple(sorted(report.val))
    tolerance = settings.grayscale.tolerance
    kinds |= dict(zip(val, ordered_map(lambda name: kind_of(layout.read_image(name), tolerance), val), strict=True))
    kept = tuple(name for name in train if not (dropping and kinds[name] != "colour"))
    return Manifest(
        tree=tree.to_json(),
        layout=where,
        settings=asdict(settings),
        ids={"train": kept, "selection": selection, "val": val},
        kinds=dict(sorted(kinds.items())),
        val_files=_checksums(layout, val),
        packs={split: sha256_of(folder / split / "index.json") for split in ("train", "selection")},
        frequencies=count_frequencies([report.pixels[name] for name in kept], tree),
        notes=report.notes,
    )


def _sample(layout: Layout, name: str, settings: Preprocess) -> Sample:
    image, mask = layout.read_image(name), layout.read_mask(name)
    kind = kind_of(image, settings.grayscale.tolerance)
    return Sample(name, *_shrink(image, mask, settings.long_side), kind)


def _shrink(
    image: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], long_side: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Image and label map with the long side at most `long_side`; never enlarged; 0 leaves them as they are."""
    height, width = mask.shape
    scale = long_side / max(height, width)
    if not long_side or scale >= 1:
        return image, mask
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    # Between labels there is no label: only nearest neighbour keeps to those that are there.
    labels = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
    return np.asarray(small), np.asarray(labels)


def _checksums(layout: Layout, ids: tuple[str, ...]) -> dict[str, str]:
    paths = [path for name in ids for path in (layout.image_path(name), layout.mask_path(name))]
    names = [path.relative_to(layout.folder).as_posix() for path in paths]
    return dict(zip(names, ordered_map(sha256_of, paths), strict=True))


def _summary(manifest: Manifest) -> str:
    sizes = ", ".join(f"{len(ids)} {split}" for split, ids in manifest.ids.items())
    gray, near = (sum(found == kind for found in manifest.kinds.values()) for kind in ("gray", "near_gray"))
    return f"{sizes} images; {gray} exactly gray, {near} nearly so"


@contextmanager
def _replace_folder(target: Path) -> Iterator[Path]:
    """An empty folder aside that takes the place of `target` on success and is removed on an error.

    The caller holds the profile's lock, so what lies aside already is left from a killed run and is removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    aside.mkdir()
    try:
        yield aside
        old = target.with_name(f".{target.name}.{os.getpid()}.old")
        if target.exists():
            target.rename(old)
        aside.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; raises `DataError` where another process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataError(f"{path}: another preprocess of this profile is at work; wait for it to end") from None
        yield
