"""`bodycascade check`: the pipeline's check of a data set, by hand."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(no_args_is_help=True)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--train", default="train_id.txt", show_default=True, metavar="FILE", help="List of training ids in DATA."
)
@click.option("--val", default="val_id.txt", show_default=True, metavar="FILE", help="List of val ids in DATA.")
def check(data: Path, train: str, val: str) -> int:
    """Read every picture and label map of the data set DATA once.

    DATA is laid out as Pascal-Part: JPEGImages/ID.jpg, gt_masks/ID.npy (or masks/ID.png), classes.txt and two lists of
    ids. Bad files are listed with the reason, at most 50 of them, and the exit code is 1.
    """
    from bodycascade.data.check import check_data  # noqa: PLC0415 - --help is quick without
    from bodycascade.data.layout import Layout  # noqa: PLC0415
    from bodycascade.hierarchy import PASCAL_PART  # noqa: PLC0415
    from bodycascade.progress import counted  # noqa: PLC0415

    report = check_data(Layout.open(data), train_ids=train, val_ids=val, tree=PASCAL_PART)
    totals = [sum(counts) for counts in zip(*report.pixels.values(), strict=True)]
    shares = ", ".join(f"{leaf.name} {totals[leaf.label or 0] / sum(totals):.2%}" for leaf in PASCAL_PART.leaves)
    print(f"{data}: good; {counted(len(report.train), 'picture')} in {train}, {len(report.val)} in {val}")
    print(f"pixels: {shares}")
    for note in report.notes:
        print(f"note: {note}")
    return 0
