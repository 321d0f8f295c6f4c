"""`bodycascade segment`: pictures in, label maps and whatever else is asked for out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bodycascade.commands.cascade_options import CascadeChoice, cascade_options
from bodycascade.progress import counted

if TYPE_CHECKING:
    from bodycascade.cascade import CascadeSegmenter
    from bodycascade.hierarchy import Tree
    from bodycascade.outputs import Asked
    from bodycascade.picture_run import Outcome, Settings, Source
    from bodycascade.segmentation import SegmentAll


PICTURES_AT_ONCE = 8
"""On the CPU; how many of them a network sees together is the cascade's own affair."""

MOST_PIXELS = 1_000_000_000
"""Larger pictures are refused, as Pillow refuses those above 179 million, lest a small file take all memory. Telephones
make 200 million."""


@click.command(no_args_is_help=True)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--out", required=True, metavar="OUT", help="Folder for the results; or one file; or - for a pipe.")
@click.option(
    "--labels",
    is_flag=True,
    help="Indexed PNG of class ids; the default where nothing else is asked for.",
)
@click.option("--overlay", is_flag=True, help="JPEG of the picture with the classes over it and a legend below.")
@click.option("--no-legend", is_flag=True, help="The overlay without legend, of the picture's own size.")
@click.option("--masks", is_flag=True, help="One black and white PNG per class of the tree.")
@click.option(
    "--cutout", multiple=True, metavar="NODE", help="RGBA PNG of one class, as head or upper_body. Repeatable."
)
@click.option(
    "--coco", type=click.Choice(["rle", "polygons"]), help="annotations.json in COCO's format, for all pictures."
)
@click.option("--probs", is_flag=True, help="NumPy archive (npz) of the probabilities, 16-bit floats.")
@click.option("--csv", "shares", is_flag=True, help="shares.csv: how much of each picture each class covers.")
@click.option(
    "--level", show_default="the finest", default=None, help="How fine: 0 body, 1 halves or 2 parts. 0 is fastest."
)
@click.option("--batch", type=click.IntRange(1, 256), help="Most pictures to take at once. [8; 16 on a GPU]")
@click.option("--tta", is_flag=True, help="Ask twice, the second time mirrored, and take the mean: half the speed.")
@click.option("--overwrite", is_flag=True, help="Replace files that this command has not made itself.")
@cascade_options
def segment(
    *,
    sources: Sequence[str],
    out: str,
    labels: bool,
    overlay: bool,
    no_legend: bool,
    masks: bool,
    cutout: Sequence[str],
    coco: str | None,
    probs: bool,
    shares: bool,
    level: str | None,
    batch: int | None,
    tta: bool,
    overwrite: bool,
    cascade: CascadeChoice,
) -> int:
    """Find people and their parts in pictures.

    SOURCE is a picture, a folder (with all below it, its tree kept in OUT), a pattern such as 'photos/*.jpg', or - for
    a picture from a pipe. Results have the size of the picture as it is shown, turned by its EXIF orientation.

    Run again, the command makes what is missing. Pictures that cannot be read are listed in OUT/failures.csv, and the
    exit code is 1.

    \b
      bodycascade segment photos -o out --overlay --csv
      bodycascade segment photo.jpg -o head.png --cutout head
      bodycascade segment - -o - --cutout body < photo.jpg > person.png
    """
    from PIL import Image  # noqa: PLC0415 - --help is quick without

    from bodycascade.outputs import Asked, level_number  # noqa: PLC0415
    from bodycascade.outputs.coco import require_pycocotools  # noqa: PLC0415
    from bodycascade.picture_run import find_sources, single_output, write_single  # noqa: PLC0415

    for words, expected in (
        (sources, "a picture, a folder, a pattern or -"),
        ([out], "a folder, a file or - after -o"),
    ):
        if "" in words:
            raise click.UsageError(f"an empty word, expected {expected}; is a variable not set?")
    found = find_sources(sources, out=Path(out), tell=lambda line: print(line, file=sys.stderr, flush=True))
    tree = cascade.tree()  # so that mistakes in options need not wait for the networks
    chosen = bool(overlay or masks or cutout or coco or probs or shares or no_legend)
    asked = Asked(
        level=level_number(level, tree),
        labels=labels or not chosen,
        overlay=overlay or no_legend,
        legend=not no_legend,
        masks=masks,
        cutouts=tuple(cutout),
        probabilities=probs,
        coco=coco or "",
        shares=shares,
    )
    if asked.coco == "rle":
        require_pycocotools()
    single = single_output(out, found, asked, tree, overwrite=overwrite)
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many
    segmenter = cascade.load()
    ask = _asker(segmenter, asked, tta=tta)
    if single is not None:
        write_single(found[0], out, single, ask)
        return 0
    settings = _settings(segmenter, asked, cascade.identity(), batch=batch, tta=tta, overwrite=overwrite)
    return _into_folder(found, out, ask, tree, settings)


def _settings(
    segmenter: CascadeSegmenter, asked: Asked, identity: str, *, batch: int | None, tta: bool, overwrite: bool
) -> Settings:
    from bodycascade.cascade import BATCH_SIZE_ON_GPU  # noqa: PLC0415 - loads torch
    from bodycascade.picture_run import Settings  # noqa: PLC0415

    return Settings(
        asked=asked,
        model=identity,
        tta=tta,
        by_leaves=asked.probabilities and asked.level < len(segmenter.tree.levels) - 1,
        batch=batch or (PICTURES_AT_ONCE if segmenter.device.type == "cpu" else BATCH_SIZE_ON_GPU),
        overwrite=overwrite,
    )


def _into_folder(sources: Sequence[Source], out: str, ask: SegmentAll, tree: Tree, settings: Settings) -> int:
    from bodycascade.picture_run import open_folder, run_pictures  # noqa: PLC0415 - loads torch

    with open_folder(Path(out)) as folder:
        outcome = run_pictures(sources, folder, ask, tree, settings)
    print(_told(outcome, out))
    return 1 if outcome.failures else 0


def _asker(segmenter: CascadeSegmenter, asked: Asked, *, tta: bool) -> SegmentAll:
    from bodycascade.flip_averaging import FlipAveraged  # noqa: PLC0415 - loads torch

    if tta:
        return FlipAveraged.of(segmenter).batch
    level = None if asked.probabilities else asked.level
    return lambda images: segmenter.batch(images, level=level)


def _told(outcome: Outcome, out: str) -> str:
    """What a run did, in one line."""
    clock, parts = outcome.clock, [f"{outcome.made} made"]
    if outcome.kept:
        parts.append(f"{outcome.kept} there already")
    if outcome.failures:
        parts.append(f"{len(outcome.failures)} failed (listed in {Path(out) / 'failures.csv'})")
    if outcome.outdated:
        parts.append(f"{counted(len(outcome.outdated), 'file')} of other settings left as they are")
    text = f"{out}: {', '.join(parts)}"
    if outcome.made > 1 and clock.seconds > 0:
        busy = clock.busy_seconds / clock.seconds
        text += f"; {outcome.made / clock.seconds:.1f} a second, the network busy {busy:.0%} of the time"
    return text
