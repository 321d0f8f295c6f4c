"""How fast training batches are made, with packs and without: python -m benchmarks.loading PARAMS"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, RandomSampler

from benchmarks.arguments import count, count_from_zero, duration
from benchmarks.jpeg_views import JpegPack, PillowViews
from benchmarks.machine import machine_facts
from benchmarks.output import RESULTS, markdown_table, run_benchmark, write_results
from bodycascade.data.layout import Layout
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params, load_params
from bodycascade.preprocess import open_pack, read_manifest
from bodycascade.preprocess.pack import Pack
from bodycascade.train.job import Job
from bodycascade.train.materials import Split, make_loader
from bodycascade.train.stopping import StopRequest

Sizes = Generator[int, None, None]
"""Numbers of images of the batches, one after the other, without an end; closing it ends its threads."""

FOREVER = 1 << 40


def ways(params: Params, root: Path, expert: str, *, workers: int, tree: Tree = PASCAL_PART) -> dict[str, Sizes]:
    """The batches of `expert` as they are made in training, the same from JPEG files, and a plain DataLoader's.

    Parent masks are the true ones. Raises `DataError` where the preprocess stage has not run.
    """
    tree = params.profile.trained_tree(tree)
    manifest = read_manifest(root / params.profile.data)
    manifest.require_tree(tree)
    pack = open_pack(root / params.profile.data, "train")
    layout = Layout.open(root / manifest.layout)
    train = params.train[tree.expert(expert).name]
    files = JpegPack(pack, layout, long_side=params.preprocess.long_side)
    plain = PillowViews(layout, pack.ids, train.input_side, train.crop_side)
    return {
        "packed": _batches(params, root, pack, expert, tree),
        "the same from JPEG files": _batches(params, root, cast(Pack, files), expert, tree),
        f"DataLoader, Pillow, {workers} workers": _plain_batches(plain, train.batch_size, workers),
    }


def images_per_second(sizes: Sizes, seconds: float, *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Images per second over at least `seconds` and one batch."""
    started, images = clock(), 0
    while True:
        images += next(sizes)
        passed = clock() - started
        if passed >= seconds:
            return images / passed


def measure(
    params: Params, root: Path, expert: str, *, rounds: int, seconds: float, workers: int, tree: Tree = PASCAL_PART
) -> dict[str, list[float]]:
    """Images per second of each way in each round. Only one way is at work at any time."""
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, sizes in ways(params, root, expert, workers=workers, tree=tree).items():
            with closing(sizes):
                for _ in range(params.train[expert].prefetch + workers * 2 + 1):
                    next(sizes)  # what was made ahead, while everything started
                rates.setdefault(name, []).append(images_per_second(sizes, seconds))
    return rates


def run(arguments: argparse.Namespace) -> None:
    """Measure what the command line asks for, write the results, print the table."""
    params = load_params(arguments.params)
    root = params.profile.root_from(arguments.params)
    expert = arguments.expert or params.profile.trained_tree(PASCAL_PART).experts[0].name
    rates = measure(
        params,
        root,
        expert,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        workers=arguments.workers,
    )
    medians = {name: float(np.median(values)) for name, values in rates.items()}
    train = params.train[expert]
    data: dict[str, Any] = {
        "machine": machine_facts(),
        "profile": params.profile.name,
        "expert": expert,
        "crop_side": train.crop_side,
        "batch_size": train.batch_size,
        "images_per_second": medians,
        "rounds": rates,
    }
    rows = [[name, f"{rate:.0f}"] for name, rate in medians.items()]
    text = (
        f"Batches of {train.batch_size} squares of {train.crop_side} pixels for the expert {expert} of "
        f"{params.profile.name}\n\n{markdown_table(['batches', 'images/s'], rows)}"
    )
    write_results(arguments.out, arguments.name, data, text)
    print(text, flush=True)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", description="Time the making of batches.")
    parser.add_argument("params", type=Path, help="parameter file of a profile whose preprocess stage has run")
    parser.add_argument("--expert", help="the profile's first one unless named")
    parser.add_argument("--seconds", type=duration, default=10.0, help="of each way in each round (%(default)s)")
    parser.add_argument("--rounds", type=count, default=3, help="(%(default)s)")
    parser.add_argument("--workers", type=count_from_zero, default=2, help="processes of the DataLoader (%(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--name", default="loading", help="of the two files there (%(default)s)")
    return parser.parse_args(argv)


def _batches(params: Params, root: Path, pack: Pack, expert: str, tree: Tree) -> Sizes:
    job = Job(params, tree, tree.expert(expert), root, torch.device("cpu"), StopRequest())
    loader = make_loader(job, Split(pack, None))
    for epoch in itertools.count():
        with closing(loader.epoch(epoch)) as batches:
            for batch, _ in batches:
                yield len(batch.images)


def _plain_batches(views: PillowViews, batch_size: int, workers: int) -> Sizes:
    loader = DataLoader(
        views,
        batch_size=batch_size,
        sampler=RandomSampler(views, replacement=True, num_samples=FOREVER),
        num_workers=workers,
        # A fork of a process with threads, as this one is, can hang.
        multiprocessing_context="spawn" if workers else None,
    )
    for images, _ in loader:
        yield len(images)


if __name__ == "__main__":
    run_benchmark(lambda: run(parse()))
