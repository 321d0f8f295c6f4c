from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from bodycascade.train.stopping import Stopped, StopRequest
from tests.train.children import start


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_is_remembered_until_it_suits(number: signal.Signals, code: int) -> None:
    stop = StopRequest()
    with stop.listening():
        assert not stop.requested
        stop.raise_if_requested()
        signal.raise_signal(number)
        assert stop.requested
        with pytest.raises(Stopped) as caught:
            stop.raise_if_requested()
    assert caught.value.exit_code == code
    assert str(caught.value) == f"stopped by {number.name}; the next run goes on from here"


def test_signals_are_given_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with StopRequest().listening():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before


def ask_twice() -> None:
    with StopRequest().listening():
        os.kill(os.getpid(), signal.SIGINT)
        print("still here", flush=True)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)


def ask_when_nobody_reads() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    os.dup2(writes, 2)  # as after `... 2>&1 | tee log`, whose tee has ended by the same Ctrl-C
    with StopRequest().listening() as _:
        os.kill(os.getpid(), signal.SIGINT)
        print("still here", flush=True)


def test_a_signal_is_remembered_where_nobody_reads_any_more(tmp_path: Path) -> None:
    process = start(ask_when_nobody_reads, log=tmp_path / "log")
    process.join(timeout=30)
    assert process.exitcode == 0
    assert (tmp_path / "log").read_text() == "still here\n"


def test_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(ask_twice, log=log)
    process.join(timeout=30)
    assert process.exitcode == -signal.SIGINT
    assert log.read_text().split("\n") == [
        "",
        "stopping after this step, with a checkpoint; ask again to stop at once",
        "still here",
        "",
    ]
