"""Numbers on the benchmarks' command lines: what cannot be meant is one line, never a traceback."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from benchmarks.accuracy import parse as accuracy
from benchmarks.loading import parse as loading


@pytest.mark.parametrize(
    ("parse", "words", "line"),
    [
        (accuracy, "released --threads -1", "argument --threads: expected a whole number from 1 on, found '-1'"),
        (accuracy, "released --threads two", "argument --threads: expected a whole number from 1 on, found 'two'"),
        (accuracy, "released --limit 0", "argument --limit: expected a whole number from 1 on, found '0'"),
        (accuracy, "released --seed -1", "argument --seed: expected a whole number from 0 on, found '-1'"),
        (loading, "params.yaml --seconds nan", "argument --seconds: expected seconds above 0, found 'nan'"),
        (loading, "params.yaml --seconds 1s", "argument --seconds: expected seconds above 0, found '1s'"),
        (loading, "params.yaml --workers -1", "argument --workers: expected a whole number from 0 on, found '-1'"),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused(
    parse: Callable[[list[str]], argparse.Namespace], words: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words.split())
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(line)


def test_none_at_all_may_be_asked_for_where_that_makes_sense() -> None:
    assert accuracy(["released", "--bootstrap-samples", "0", "--seed", "0"]).bootstrap_samples == 0
    assert loading(["params.yaml", "--workers", "0"]).workers == 0
