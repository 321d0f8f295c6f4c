"""The preprocess stage: check, split, find grayscale pictures, pack, count."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from bodycascade.data.check import DataReport, check_data
from bodycascade.data.examples import Example
from bodycascade.data.layout import Layout
from bodycascade.data.parallel import ordered_map
from bodycascade.data.rendering import render_dataset
from bodycascade.data.selection import split_selection
from bodycascade.errors import DataError
from bodycascade.files import remove_asides, sha256_of, write_text
from bodycascade.folders import only_one, replace_folder
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params, Preprocess
from bodycascade.preprocess.frequencies import count_frequencies, frequencies_csv
from bodycascade.preprocess.grayscale import kind_of
from bodycascade.preprocess.manifest import Manifest, ValManifest, settings_by_key, write_manifest
from bodycascade.preprocess.pack import write_pack
from bodycascade.preprocess.shrinking import packed_size, read_example
from bodycascade.progress import track


def preprocess(params: Params, root: Path, tree: Tree = PASCAL_PART) -> tuple[Manifest, ValManifest]:
    """Make the packs of `params.profile` below `root` and tell what was made, of the packs and of val.

    Everything is made in a folder aside, which takes the place of results/data/<profile> when it is whole. Two runs
    over the same data give the same bytes. Raises `DataError` where the data cannot be used, where no image is left
    or the disk is too small, `BusyError` where another preprocess of this profile is at work.
    """
    target, settings = root / params.profile.data, params.preprocess
    lock = root / params.profile.work / "preprocess.lock"
    with only_one(lock, "preprocess of this profile"):
        with replace_folder(target) as aside:
            layout, where = _open_layout(params, root, aside, tree)
            report = check_data(layout, train_ids=settings.train_ids, val_ids=settings.val_ids, tree=tree)
            for note in report.notes:
                print(f"preprocess: note: {note}", flush=True)
            _check_room(report, settings, aside)
            trained = params.profile.trained_tree(tree)
            val = _describe_val(settings, layout, report, where=where, tree=trained)
            manifest = _make(settings, layout, report, aside, where=where, tree=trained)
            for one in (manifest, val):
                write_manifest(aside, one)
        pixels = [report.pixels[name] for name in manifest.ids["train"]]
        _write_table(root / params.profile.plots / "frequencies.csv", frequencies_csv(pixels, tree))
    print(f"preprocess: {_summary(manifest, val)}", flush=True)
    return manifest, val


def _open_layout(params: Params, root: Path, aside: Path, tree: Tree) -> tuple[Layout, str]:
    """The layout, rendered first where the profile asks for it, and the path of its folder for the manifest."""
    if params.preprocess.source == "folder":
        return Layout.open(root / params.profile.source), params.profile.source
    rendered = params.preprocess.rendered
    render_dataset(
        aside / "rendered",
        train=rendered.train,
        val=rendered.val,
        side=rendered.side,
        grayscale_fraction=rendered.grayscale_fraction,
        seed=rendered.seed,
        tree=tree,
    )
    return Layout.open(aside / "rendered"), (params.profile.data / "rendered").as_posix()


def _check_room(report: DataReport, settings: Preprocess, folder: Path) -> None:
    sizes = (packed_size(*report.sizes[name], settings.long_side) for name in report.train)
    needed = sum(4 * height * width for height, width in sizes)  # three bytes of colour, one of label
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{folder.parent}: the packs need {needed:,} bytes, the disk has {free:,} free; make room, "
            "or lower preprocess.long_side"
        )


def _make(
    settings: Preprocess, layout: Layout, report: DataReport, folder: Path, *, where: str, tree: Tree
) -> Manifest:
    """Write the packs to `folder` and describe them."""
    grayscale = settings.grayscale
    train, selection = split_selection(report.train, settings.selection_fraction)
    if not (train and selection):
        listed = Path(where) / settings.train_ids
        raise DataError(f"{listed}: lists one image; expected two at least, one to train on and one to choose epochs")
    kinds: dict[str, str] = {}

    def examples(ids: Iterable[str], *, drop: bool = False) -> Iterator[Example]:
        left = 0
        for example in ordered_map(lambda name: read_example(layout, name, settings), ids):
            kinds[example.id] = example.kind
            if not (drop and example.kind != "colour"):
                left += 1
                yield example
        if not left:
            said = "drop leaves no image to train on, since none has colours; set keep or balance"
            raise DataError(f"preprocess.grayscale.treatment: {said}")

    drop, balance = grayscale.treatment == "drop", grayscale.treatment == "balance"
    packed = examples(track(train, "pack train", total=len(train)), drop=drop)
    write_pack(folder / "train", packed, gray_share=grayscale.balanced_share if balance else None)
    write_pack(folder / "selection", examples(selection))
    kept = tuple(name for name in train if not (drop and kinds[name] != "colour"))
    return Manifest(
        tree=tree.to_json(),
        layout=where,
        settings=settings_by_key(settings, val=False),
        ids={"train": kept, "selection": selection},
        kinds={name: kinds[name] for name in sorted((*kept, *selection))},
        packs={split: sha256_of(folder / split / "index.json") for split in ("train", "selection")},
        frequencies=count_frequencies([report.pixels[name] for name in kept], tree),
    )


def _describe_val(settings: Preprocess, layout: Layout, report: DataReport, *, where: str, tree: Tree) -> ValManifest:
    ids, tolerance = tuple(sorted(report.val)), settings.grayscale.tolerance
    kinds = ordered_map(lambda name: kind_of(layout.read_image(name), tolerance), ids)
    return ValManifest(
        tree=tree.to_json(),
        layout=where,
        settings=settings_by_key(settings, val=True),
        ids=ids,
        kinds=dict(zip(ids, kinds, strict=True)),
        files=_checksums(layout, ids),
    )


def _write_table(path: Path, text: str) -> None:
    remove_asides(path.parent, path.name)
    write_text(path, text)


def _checksums(layout: Layout, ids: tuple[str, ...]) -> dict[str, str]:
    paths = [path for name in ids for path in (layout.image_path(name), layout.labels_path(name))]
    names = [path.relative_to(layout.folder).as_posix() for path in paths]
    return dict(zip(names, ordered_map(sha256_of, paths), strict=True))


def _summary(manifest: Manifest, val: ValManifest) -> str:
    sizes = ", ".join(f"{len(ids)} {split}" for split, ids in (*manifest.ids.items(), ("val", val.ids)))
    kinds = [*manifest.kinds.values(), *val.kinds.values()]
    gray, near = (kinds.count(kind) for kind in ("gray", "near_gray"))
    return f"{sizes} images; {gray} exactly gray, {near} nearly so"
