"""A lock left by a killed dvc goes; one that is held stays."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stages import clear_lock


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    clear_lock.LOCK.parent.mkdir(parents=True)
    return tmp_path / clear_lock.LOCK


def hold(lock: Path, pid: int) -> None:
    """Write the lock as dvc does for a process that reads one file and writes another."""
    holder = {"pid": pid, "cmd": "dvc repro"}
    lock.write_text(json.dumps({"write": {"/a": holder}, "read": {"/b": [holder]}}))


@pytest.fixture
def dvc_at_work() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "dvc", "repro"]) as process:
        yield process
        process.kill()


def test_no_lock_is_no_obstacle(lock: Path) -> None:
    assert clear_lock.main() == 0


def test_lock_of_a_dvc_at_work_stays(
    lock: Path, dvc_at_work: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    hold(lock, dvc_at_work.pid)
    assert clear_lock.main() == 1
    assert lock.exists()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(dvc_at_work.pid) in told


def test_lock_of_a_process_that_may_not_be_looked_at_stays(
    lock: Path, dvc_at_work: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "status", refuse)
    hold(lock, dvc_at_work.pid)
    assert clear_lock.main() == 1
    assert lock.exists()


def test_lock_of_a_dvc_that_is_gone_goes(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass", "dvc"]) as process:
        process.wait()
    hold(lock, process.pid)
    assert clear_lock.main() == 0
    assert not lock.exists()


def test_lock_of_a_dvc_that_ended_and_was_never_waited_for_goes(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass", "dvc"]) as process:
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        hold(lock, process.pid)
        assert clear_lock.main() == 0
    assert not lock.exists()


def test_lock_of_an_id_that_another_program_has_now_goes(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        hold(lock, process.pid)
        assert clear_lock.main() == 0
        process.kill()
    assert not lock.exists()


@pytest.mark.parametrize("content", ["", '{"write": {"/a": {"pi', "\0\0\0", "[]", "7"])
def test_torn_lock_goes(lock: Path, content: str) -> None:
    lock.write_text(content)
    assert clear_lock.main() == 0
    assert not lock.exists()
