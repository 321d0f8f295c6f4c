"""Progress is a bar on a terminal and a line now and then elsewhere, with the time left in both."""

from __future__ import annotations

import io

import pytest

from bodycascade.progress import Progress, duration, track


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_come_every_quarter_minute_with_the_time_left() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress("pack", total=100, stream=stream, clock=clock) as progress:
        for done in range(1, 101):
            clock.now += 1
            progress.at(done)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "pack: 15 of 100, 1 min 25 s left"
    assert lines[1] == "pack: 30 of 100, 1 min 10 s left"
    assert lines[-1] == "pack: 100 of 100, took 1 min 40 s"
    assert len(lines) == 7


def test_resumed_run_reckons_with_its_own_steps_only() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress("train", total=1000, stream=stream, clock=clock) as progress:
        for done in range(900, 1001):
            progress.at(done)
            clock.now += 2
    assert stream.getvalue().splitlines()[0] == "train: 908 of 1000, 3 min 4 s left"


def test_steps_told_of_in_batches_are_not_taken_for_slow_ones() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress("segment", total=100, stream=stream, clock=clock) as progress:
        for first in range(1, 100, 4):
            clock.now += 20
            for done in range(first, first + 4):
                progress.at(done)
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["segment: 1 of 100, time left not known yet", "segment: 5 of 100, 7 min 55 s left"]
    assert lines[-1] == "segment: 100 of 100, took 8 min 20 s"


def test_unknown_total_is_counted_until_it_is_told() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress("clip.mkv", total=None, stream=stream, clock=clock) as progress:
        for done in range(1, 101):
            clock.now += 1
            progress.at(done, 100 if done > 40 else None)
    lines = stream.getvalue().splitlines()
    assert lines[:3] == ["clip.mkv: 15 done so far", "clip.mkv: 30 done so far", "clip.mkv: 45 of 100, 55 s left"]
    assert lines[-1] == "clip.mkv: 100 of 100, took 1 min 40 s"


def test_total_that_nobody_ever_tells() -> None:
    stream, terminal = io.StringIO(), Terminal()
    for where in (stream, terminal):
        with Progress("clip.mkv", total=None, stream=where) as progress:
            progress.at(1)
            progress.at(7)
    assert stream.getvalue() == "clip.mkv: 7 done, took 0 s\n"
    assert "7it" in terminal.getvalue()


def test_error_is_not_followed_by_a_line_about_success() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyError), Progress("pack", total=3, stream=stream):
        raise KeyError
    assert stream.getvalue() == ""


def test_terminal_gets_a_bar_and_whole_lines_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Terminal()
    with Progress("pack", total=3, stream=stream) as progress:
        progress.at(2)
        progress.say("epoch 1")
    assert "pack" in stream.getvalue()
    assert "2/3" in stream.getvalue()
    assert capsys.readouterr().out == "epoch 1\n"


def test_track_gives_the_items_themselves() -> None:
    stream = io.StringIO()
    assert list(track("abc", "letters", total=3, stream=stream)) == ["a", "b", "c"]
    assert stream.getvalue() == "letters: 3 of 3, took 0 s\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-1, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min")],
)
def test_duration_is_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text
