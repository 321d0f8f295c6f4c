"""Images per second, latency, memory and arithmetic side by side: python -m benchmarks.speed released --bodypix FOLDER

All run on the CPU on decoded pictures, one after the other in every round; a figure is the median over the rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.arguments import count
from benchmarks.arithmetic import MatrixPeak, operations_per_image
from benchmarks.contestants import Contestant, Picture, build_nothing, contestants, precisions
from benchmarks.examples import spread
from benchmarks.machine import machine_facts
from benchmarks.memory import peak_memory_mib
from benchmarks.output import RESULTS, markdown_table, run_benchmark, write_results
from benchmarks.plain_unet import RESNET34
from benchmarks.rounds import Timed, speed_figures, time_rounds
from bodycascade.data.layout import Layout


def measure(
    timed: Timed, pictures: Sequence[Picture], *, threads: int, rounds: int, matrix_sides: Sequence[int]
) -> dict[str, Any]:
    """The figures of `rounds` at a number of threads: {"threads", "matrix_peak" {precision: operations/s}, "rows"}.

    `rows` are by contestant: `speed_figures`, operations per image, and their share of the matrix peak.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        peak = MatrixPeak(matrix_sides, precisions())
        seconds = time_rounds(timed, pictures, rounds=rounds, after_round=peak.measure)
    finally:
        torch.set_num_threads(before)
    rows = {}
    for contestant, subject in timed.items():
        figures = speed_figures(seconds[contestant.name], pictures=len(pictures), at_once=contestant.at_once)
        operations = operations_per_image(subject, pictures, at_once=contestant.at_once)
        reached = operations * (figures["images_per_second"] or 0.0) / peak.figures()[subject.precision]
        rows[contestant.name] = {
            "precision": subject.precision,
            **figures,
            "operations_per_image": operations,
            "share_of_matrix_peak": reached,
        }
    return {"threads": threads, "matrix_peak": peak.figures(), "rows": rows}


def memory(rows: Sequence[Contestant], paths: Sequence[Path], *, threads: int) -> dict[str, float]:
    """Peak memory of each row's own process in MiB, and that of one which only imports the packages."""
    nothing = Contestant("Python and packages", build_nothing)
    return {row.name: peak_memory_mib(row, paths, threads=threads) for row in (nothing, *rows)}


def tables(measured: Sequence[dict[str, Any]], peaks: dict[str, float], missing: dict[str, str]) -> str:
    """Markdown: one table for each number of threads, then memory, then what was left out."""
    parts = []
    for run_figures in measured:
        rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in run_figures["matrix_peak"].items())
        parts.append(f"Threads: {run_figures['threads']}. Matrix products, 10^9 operations/s: {rates}.\n")
        header = ["", "images/s", "median ms", "95 % ms", "10^9 operations/image", "share of matrix peak"]
        rows = [[name, *_cells(row)] for name, row in run_figures["rows"].items()]
        parts.append(markdown_table(header, rows))
    if peaks:
        parts.append(markdown_table(["", "peak memory MiB"], [[name, f"{mib:.0f}"] for name, mib in peaks.items()]))
    parts += [f"Left out: {name} ({reason}).\n" for name, reason in missing.items()]
    return "\n".join(parts)


def run(arguments: argparse.Namespace) -> None:
    """Measure everything of the command line, write the results, print the tables."""
    layout = Layout.open(arguments.data)
    ids = spread(layout.read_ids(arguments.ids), arguments.images)
    rows, missing = contestants(
        arguments.cascade,
        bodypix=arguments.bodypix,
        unet=arguments.unet or None,
        at_once=arguments.at_once,
    )
    paths = [layout.image_path(name) for name in ids]
    # First: a process of its own should not wait for the memory that this one takes.
    peaks = memory(rows, paths, threads=max(arguments.threads)) if arguments.memory else {}
    pictures = [layout.read_image(name) for name in ids]
    timed = {row: row.build() for row in rows}
    measured = [
        measure(timed, pictures, threads=threads, rounds=arguments.rounds, matrix_sides=arguments.matrix_sides)
        for threads in arguments.threads
    ]
    data = {
        "machine": machine_facts() | {"threads": max(arguments.threads)},
        "ids": Path(arguments.ids).name,
        "images": len(ids),
        "rounds": arguments.rounds,
        "runs": measured,
        "peak_memory_mib": peaks,
        "left_out": missing,
    }
    text = f"Images: {len(ids)} of {data['ids']}. Rounds: {arguments.rounds}.\n\n{tables(measured, peaks, missing)}"
    write_results(arguments.out, arguments.name, data, text)
    print(text, flush=True)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description="Time segmenters side by side.")
    parser.add_argument("cascade", help="released, or a bundle as FOLDER or NAME=FOLDER")
    parser.add_argument("--bodypix", metavar="FOLDER", help="where Google's files of BodyPix lie; otherwise left out")
    parser.add_argument("--unet", default=RESNET34, metavar="ENCODER", help="of the plain UNet, '' for none")
    parser.add_argument("--data", type=Path, default=Path("data/pascal_part"), help="data folder (%(default)s)")
    parser.add_argument("--ids", default="val_id.txt", help="list of image ids in it (%(default)s)")
    parser.add_argument("--images", type=count, default=60, help="evenly spread over the list (%(default)s)")
    parser.add_argument("--rounds", type=count, default=5, help="counted ones (%(default)s)")
    parser.add_argument("--threads", type=count, nargs="+", default=[1, 2], help="(1 2)")
    parser.add_argument("--at-once", type=count, default=16, help="images in a call of .batch (%(default)s)")
    parser.add_argument("--matrix-sides", type=count, nargs="+", default=[2048, 3072, 4096], help="(2048 3072 4096)")
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True, help="measure peak memory")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--name", default="speed", help="of the two files there (%(default)s)")
    return parser.parse_args(argv)


def _cells(row: dict[str, Any]) -> list[str]:
    latency = ["-" if row[key] is None else f"{row[key]:.1f}" for key in ("latency_ms", "latency_ms_95")]
    share = f"{100 * row['share_of_matrix_peak']:.0f} %"
    return [f"{row['images_per_second']:.1f}", *latency, f"{row['operations_per_image'] / 1e9:.3g}", share]


if __name__ == "__main__":
    run_benchmark(lambda: run(parse()))
