"""The speed benchmark: its parts on doubles with known figures, and the whole on two drawn people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchmarks.arithmetic import MatrixPeak, operations_per_image
from benchmarks.contestants import Contestant, Picture, Subject, build_nothing, precisions
from benchmarks.examples import spread
from benchmarks.memory import MIB, peak_memory_mib
from benchmarks.rounds import speed_figures, time_rounds
from benchmarks.speed import measure, parse, run
from tests.baselines.bodypix_files import write_random_bodypix

TRUNK = "bodypix_mobilenet_v1_075"
"""An encoder that every installation has."""

PICTURES = [np.zeros((2, 2, 3), np.uint8)] * 5


def never() -> Subject:
    raise AssertionError("what is built already is not built again")


def test_contestants_take_turns_in_every_round_and_the_first_round_is_not_counted() -> None:
    seen: list[str] = []

    def note(name: str) -> Subject:
        return Subject(lambda pictures: seen.append(f"{name}{len(pictures)}"), "float32")

    timed = {Contestant("a", never): note("a"), Contestant("b", never, 3): note("b")}
    seconds = time_rounds(timed, PICTURES, rounds=2, after_round=lambda: seen.append("end"))
    one = ["a1"] * 5 + ["b3", "b2"]
    assert seen == [*one, *one, "end", *one, "end"]
    assert [len(calls) for calls in seconds["a"]] == [5, 5]
    assert [len(calls) for calls in seconds["b"]] == [2, 2]


def test_times_are_those_of_the_calls() -> None:
    timed = {Contestant("slow", never): Subject(lambda pictures: time.sleep(0.02), "float32")}
    seconds = time_rounds(timed, PICTURES[:2], rounds=1, after_round=lambda: None)
    assert all(0.019 < call < 2 for call in seconds["slow"][0])


def test_figures_are_medians_over_rounds() -> None:
    # Three rounds of 2, 4 and 8 seconds for four images: 2, 1 and 0.5 images/s.
    rounds = [[0.5] * 4, [0.4, 0.4, 1.2, 2.0], [2.0] * 4]
    figures = speed_figures(rounds, pictures=4, at_once=1)
    assert figures["images_per_second"] == pytest.approx(1)
    assert figures["latency_ms"] == pytest.approx(800)  # of 500, 800 and 2000
    assert figures["latency_ms_95"] == pytest.approx(1880)  # of 500, 1200 + 0.85 * 800 and 2000
    assert speed_figures([[2.0, 1.0]], pictures=6, at_once=3) == {
        "images_per_second": 2.0,
        "latency_ms": None,
        "latency_ms_95": None,
    }


def test_operations_of_a_convolution_are_two_per_multiplication() -> None:
    def call(pictures: Sequence[Picture]) -> object:
        return functional.conv2d(torch.zeros(len(pictures), 3, 8, 8), torch.zeros(4, 3, 3, 3), padding=1)

    for at_once in (1, 2):
        operations = operations_per_image(Subject(call, "float32"), PICTURES, at_once=at_once)
        assert operations == 2 * 8 * 8 * 4 * 3 * 9


def test_matrix_peak_has_a_rate_for_each_precision() -> None:
    peak = MatrixPeak([32, 64], ("float32", "bfloat16"))
    assert peak.figures() == {"float32": 0.0, "bfloat16": 0.0}
    peak.measure()
    first = peak.figures()
    peak.measure()
    assert all(peak.figures()[name] >= rate > 0 for name, rate in first.items())


def build_hungry() -> Subject:
    """Takes 200 MiB."""
    kept = np.ones(200 * MIB, np.uint8)
    return Subject(lambda pictures: int(kept[0]), "float32")


def test_memory_is_the_peak_of_a_process_of_its_own(people: Path) -> None:
    paths = sorted((people / "JPEGImages").iterdir())
    own = np.ones(300 * MIB, np.uint8)  # what this process has taken does not count
    nothing, hungry = (
        peak_memory_mib(Contestant("", build), paths, threads=1) for build in (build_nothing, build_hungry)
    )
    assert own[-1] == 1
    assert 50 < nothing < 1000
    assert 195 < hungry - nothing < 300  # a machine at work rounds up by some tens


def test_ids_are_spread_evenly() -> None:
    assert spread("abcdefgh", 4) == ("a", "c", "e", "g")
    assert spread("abc", 2) == ("a", "b")
    assert spread("abc", 7) == spread("abc", None) == ("a", "b", "c")


def results(out: Path, people: Path, *words: object) -> dict[str, Any]:
    few = ["--images", 1, "--rounds", 1, "--matrix-sides", 32, "--data", people, "--out", out, "--at-once", 2]
    run(parse([str(word) for word in (*words, *few)]))
    data: dict[str, Any] = json.loads((out / "speed.json").read_text())
    return data


def test_threads_are_set_for_the_measurement_alone() -> None:
    seen: list[int] = []
    subject = Subject(lambda pictures: seen.append(torch.get_num_threads()), "float32")
    figures = measure({Contestant("a", never): subject}, PICTURES[:1], threads=2, rounds=1, matrix_sides=[8])
    assert figures["threads"] == 2
    assert seen[:2] == [2, 2]
    assert torch.get_num_threads() == 1


def test_every_contestant_has_figures_in_every_run(
    tmp_path: Path, people: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodypix = write_random_bodypix(tmp_path / "files", monkeypatch)
    options = ("--bodypix", bodypix, "--unet", TRUNK, "--threads", 1, 1, "--no-memory")
    data = results(tmp_path / "out", people, bundle, *options)
    networks = [f"{name} {precision}" for precision in precisions() for name in ("BodyPix", f"UNet {TRUNK}")]
    assert [run_figures["threads"] for run_figures in data["runs"]] == [1, 1]
    for run_figures in data["runs"]:
        rows = run_figures["rows"]
        assert {"cascade", "cascade, body alone", "cascade, 2 at once", *networks} <= set(rows)
        for name, row in rows.items():
            assert row["images_per_second"] > 0
            assert (row["latency_ms"] is None) == ("at once" in name)
            rate = run_figures["matrix_peak"][row["precision"]]
            assert row["share_of_matrix_peak"] == pytest.approx(
                row["operations_per_image"] * row["images_per_second"] / rate
            )
        alone, whole = rows["cascade, body alone"], rows["cascade"]
        small, fast = rows["fast cascade, inputs at 0.55"], rows["fast cascade"]
        assert small["operations_per_image"] < fast["operations_per_image"] < whole["operations_per_image"]
        assert rows["fast cascade, body alone"]["operations_per_image"] < alone["operations_per_image"]
        assert 0 < alone["operations_per_image"] < whole["operations_per_image"]
        assert rows["cascade, 2 at once"]["operations_per_image"] == whole["operations_per_image"]
    text = (tmp_path / "out" / "speed.md").read_text()
    assert "| cascade, body alone |" in text
    assert str(tmp_path) not in text + json.dumps(data)


def test_what_is_missing_is_left_out_and_said(
    tmp_path: Path, people: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    data = results(tmp_path / "out", people, bundle, "--threads", 1, "--no-memory")
    assert data["left_out"]["UNet"].endswith("pip install 'bodycascade[timm]'")
    assert "--bodypix" in data["left_out"]["BodyPix"]
    assert [name for name in data["runs"][0]["rows"] if "cascade" not in name] == []
    assert len(data["runs"][0]["rows"]) == 7
    assert "pip install 'bodycascade[timm]'" in (tmp_path / "out" / "speed.md").read_text()


def test_memory_of_every_row_is_measured(tmp_path: Path, people: Path, bundle: Path) -> None:
    data = results(tmp_path / "out", people, bundle, "--threads", 1, "--unet", "")
    peaks = data["peak_memory_mib"]
    assert list(peaks) == ["Python and packages", *data["runs"][0]["rows"]]
    assert all(peaks["Python and packages"] < peak for name, peak in peaks.items() if name.startswith("cascade"))
