"""What goes wrong, and how often: python -m benchmarks.failures released --data D --ids val_id.txt

The page shows photographs, so it stays on this machine: results/failures/ is ignored by git.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.arguments import count
from benchmarks.examples import read_examples, spread
from benchmarks.output import run_benchmark
from benchmarks.segmenters import KINDS, open_segmenter
from bodycascade import drawing
from bodycascade.data.examples import Example
from bodycascade.data.layout import Layout
from bodycascade.files import write_text
from bodycascade.hierarchy import Tree
from bodycascade.metric import SIZE_BANDS, band_name, confusion_matrix, level_keys, scores, size_band
from bodycascade.progress import track
from bodycascade.visualize.panels import jpeg_uri

SIDE = 300
"""Pixels of the long side of each view on the page."""


@dataclass(frozen=True)
class Failure:
    """One image: its mIoU over the parts that occur, and pixels that are wrong by kind, as shares of all that are.

    `missed`: people taken for background; `false`: background taken for people; `swapped`: the wrong half of the body;
    `confused`: the right half, another part. `kind`: what the image counts under.
    """

    id: str
    score: float
    wrong: dict[str, float]
    kind: str
    views: tuple[Image.Image, ...]


def failure(example: Example, labels: npt.NDArray[np.uint8], tree: Tree) -> Failure:
    """What is wrong with `labels` (H, W) uint8."""
    truth = example.labels
    finest = level_keys(tree)[-1]
    perfect = bool((truth == labels).all())  # also where there is nobody and nobody was found
    score = 1.0 if perfect else scores(confusion_matrix(truth, labels, tree.num_labels), tree)[finest]
    # One level has no halves that could be swapped: all parts are of one.
    halves = tree.level_map(1) if len(tree.levels) > 1 else np.minimum(tree.level_map(0), 1)
    both = (truth > 0) & (labels > 0)
    pixels = {
        "missed": np.count_nonzero((truth > 0) & (labels == 0)),
        "false": np.count_nonzero((truth == 0) & (labels > 0)),
        "swapped": np.count_nonzero(both & (halves[truth] != halves[labels])),
        "confused": np.count_nonzero(both & (halves[truth] == halves[labels]) & (truth != labels)),
    }
    total = max(1, sum(pixels.values()))
    wrong = {name: float(count / total) for name, count in pixels.items()}
    return Failure(example.id, score, wrong, _kind(example, wrong), _views(example, labels, tree))


def _kind(example: Example, wrong: dict[str, float]) -> str:
    if example.labels.any() and size_band(example.labels) == band_name(SIZE_BANDS[0]):
        return "tiny people"
    if example.kind != "colour":
        return "grayscale"
    words = {
        "missed": "missed people",
        "false": "things taken for people",
        "swapped": "upper and lower swapped",
        "confused": "parts confused",
    }
    return words[max(wrong, key=lambda name: wrong[name])]


def _views(example: Example, labels: npt.NDArray[np.uint8], tree: Tree) -> tuple[Image.Image, ...]:
    painted = (drawing.overlay(example.image, one, tree.palette, 0.7) for one in (example.labels, labels))
    views = [Image.fromarray(array) for array in (example.image, *painted)]
    for view in views:
        view.thumbnail((SIDE, SIDE))
    return tuple(views)


def page(failures: Sequence[Failure]) -> str:
    """One HTML page without a request: worst first within each kind, the most frequent kind first."""
    counts = Counter(one.kind for one in failures)
    summary = ", ".join(f"{kind} {times}" for kind, times in counts.most_common())
    groups = []
    for kind, times in counts.most_common():
        rows = "".join(_row(one) for one in sorted(failures, key=lambda one: one.score) if one.kind == kind)
        groups.append(f"<h2>{escape(kind)} ({times})</h2>{rows}")
    style = (
        ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;"
        "padding:0 1rem}figure{margin:0 0 1.5rem}figcaption{opacity:.75}img{max-width:32%;margin-right:1%}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>The worst images</title><style>{style}</style><h1>The {len(failures)} worst images</h1>"
        f"<p>{escape(summary)}. Left to right: picture, truth, prediction.</p>{''.join(groups)}</html>\n"
    )


def _row(one: Failure) -> str:
    images = "".join(f'<img src="{jpeg_uri(np.asarray(view))}" alt="">' for view in one.views)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in one.wrong.items())
    caption = f"<b>{escape(one.id)}</b> {one.score:.3f}; wrong pixels: {shares}"
    return f"<figure><figcaption>{caption}</figcaption>{images}</figure>"


def run(arguments: argparse.Namespace) -> None:
    """Segment the list, keep the worst, write the page, print how many of each kind there are."""
    layout = Layout.open(arguments.data)
    ids = spread(layout.read_ids(arguments.ids), arguments.limit)
    segmenter = open_segmenter(arguments.segmenter, device=arguments.device, precision=None)
    worst: list[Failure] = []
    for example in track(read_examples(layout, ids), "failures", total=len(ids)):
        one = failure(example, segmenter(example.image).parts, segmenter.tree)
        if one.score < 1:
            worst.append(one)
        worst = sorted(worst, key=lambda one: one.score)[: arguments.count]
    path = arguments.out / "failures.html"
    write_text(path, page(worst))
    for kind, times in Counter(one.kind for one in worst).most_common():
        print(f"{times:3d}  {kind}")
    print(path)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failures", description="What goes wrong.")
    parser.add_argument("segmenter", metavar="SEGMENTER", help=KINDS)
    parser.add_argument("--data", type=Path, default=Path("data/pascal_part"), help="data folder (%(default)s)")
    parser.add_argument("--ids", default="val_id.txt", help="list of image ids in it (%(default)s)")
    parser.add_argument("--limit", type=count, help="look at so many images, evenly spread over the list")
    parser.add_argument("--count", type=count, default=30, help="how many of the worst to show (%(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("results/failures"), help="folder of the page (%(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_benchmark(lambda: run(parse()))
