"""Scores of segmenters on a list of images: python -m benchmarks.accuracy released bodypix=FOLDER background ..."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.arguments import count, count_from_zero
from benchmarks.examples import read_examples, spread
from benchmarks.machine import machine_facts
from benchmarks.output import RESULTS, markdown_table, run_benchmark, score_text, with_interval, write_results
from benchmarks.segmenters import KINDS, open_segmenter, split_name
from bodycascade.data.layout import Layout
from bodycascade.errors import BodyCascadeError
from bodycascade.evaluate.summary import summary
from bodycascade.evaluate.tally import tally
from bodycascade.hierarchy import Tree
from bodycascade.metric import level_keys
from bodycascade.progress import track
from bodycascade.segmenter import Segmenter


def measure(
    segmenter: Segmenter, layout: Layout, ids: Sequence[str], *, name: str, bootstrap_samples: int, seed: int
) -> dict[str, Any]:
    """`evaluate.summary` of the segmenter's labels for `ids`, with name and images_per_second.

    Only the time inside the segmenter counts, after a first call that does not.
    """
    segmenter(layout.read_image(ids[0]))
    examples = track(read_examples(layout, ids), name, total=len(ids))
    counted = tally(segmenter, examples, keep=lambda *_: None)
    figures = summary(counted, bootstrap_samples=bootstrap_samples, seed=seed)
    rate = len(ids) / counted.predict_seconds
    return {"name": name, "images_per_second": rate} | figures


def tables(measured: Sequence[dict[str, Any]], tree: Tree) -> str:
    """Markdown: the levels with their 95 % intervals, every class, and the levels by the size of the people."""
    levels = level_keys(tree)
    first = [
        [row["name"], *(with_interval(row, level) for level in levels), f"{row['images_per_second']:.1f}"]
        for row in measured
    ]
    classes = [[row["name"], *(score_text(row.get(name)) for name in tree.class_names)] for row in measured]
    sizes = [
        [row["name"], band, str(group["images"]), *(score_text(group.get(level)) for level in levels)]
        for row in measured
        for band, group in row["by_size"].items()
    ]
    return "\n".join(
        [
            markdown_table(["segmenter", *levels, "images/s"], first),
            markdown_table(["IoU", *tree.class_names], classes),
            markdown_table(["segmenter", "people's share of the image", "images", *levels], sizes),
        ]
    )


def run(arguments: argparse.Namespace) -> None:
    """Measure every segmenter of the command line, write the results, print the tables."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    layout = Layout.open(arguments.data)
    ids = spread(layout.read_ids(arguments.ids), arguments.limit)
    names = [split_name(text)[0] for text in arguments.segmenters]
    if len(set(names)) < len(names):
        raise BodyCascadeError(f"two segmenters have one name ({', '.join(names)}); name bundles: NAME=FOLDER")
    # All are opened before the first is measured, which takes minutes.
    opened = [
        open_segmenter(text, device=arguments.device, precision=arguments.precision) for text in arguments.segmenters
    ]
    tree = opened[0].tree
    for name, segmenter in zip(names, opened, strict=True):
        if segmenter.tree != tree:
            raise BodyCascadeError(f"{name} has another class tree than {names[0]}; measure it in a run of its own")
    measured = [
        measure(segmenter, layout, ids, name=name, bootstrap_samples=arguments.bootstrap_samples, seed=arguments.seed)
        for name, segmenter in zip(names, opened, strict=True)
    ]
    text = f"Images: {len(ids)} of {Path(arguments.ids).name}.\n\n{tables(measured, tree)}"
    data = {"machine": machine_facts(), "ids": Path(arguments.ids).name, "images": len(ids), "segmenters": measured}
    write_results(arguments.out, arguments.name, data, text)
    print(text, flush=True)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description="Score segmenters on images.")
    parser.add_argument("segmenters", nargs="+", metavar="SEGMENTER", help=KINDS)
    parser.add_argument("--data", type=Path, default=Path("data/pascal_part"), help="data folder (%(default)s)")
    parser.add_argument("--ids", default="val_id.txt", help="list of image ids in it (%(default)s)")
    parser.add_argument("--limit", type=count, help="score so many images, evenly spread over the list")
    parser.add_argument("--bootstrap-samples", type=count_from_zero, default=1000, help="0: no intervals (%(default)s)")
    parser.add_argument("--seed", type=count_from_zero, default=1, help="of the intervals (%(default)s)")
    parser.add_argument("--threads", type=count, help="of torch; otherwise as it chooses")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), help="otherwise each segmenter's own")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--name", default="accuracy", help="of the two files there (%(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_benchmark(lambda: run(parse()))
