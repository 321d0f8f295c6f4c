"""A stage reads its parameters, and leaves with one line and the exit code that a shell expects."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bodycascade.errors import DataError
from bodycascade.params import Params
from stages import run_stage
from tests.conftest import MakeParams
from tests.imports import ROOT

Run = Callable[..., tuple[int, str]]


class Paused(Exception):
    exit_code = 143


@pytest.fixture
def run(tmp_path: Path, make_params: MakeParams, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(main, *words)`: exit code and standard error of a stage over the tiny parameters."""
    make_params()

    def start(main: Callable[..., object], *words: str) -> tuple[int, str]:
        before = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as caught:
                run_stage(main, [*words, "--params", str(tmp_path / "params.yaml")])
        finally:
            signal.signal(signal.SIGTERM, before)
        assert isinstance(caught.value.code, int)
        return caught.value.code, capsys.readouterr().err

    return start


def raising(error: BaseException) -> Callable[..., object]:
    def main(params: Params, root: Path) -> None:
        raise error

    return main


def test_stage_gets_params_root_and_the_words_it_asks_for(run: Run, tmp_path: Path) -> None:
    seen: list[object] = []

    def main(params: Params, expert: str, root: Path, option: int = 3) -> None:
        seen.extend([params.profile.name, expert, root, option])

    assert run(main, "body") == (0, "")
    assert seen == ["tiny", "body", tmp_path.resolve(), 3]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("data: no such folder"), 1, "data: no such folder\n"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), 1, "/x/y: the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "/x: Permission denied\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (Paused("goes on from here"), 143, "goes on from here\n"),
    ],
)
def test_error_is_one_line_and_an_exit_code(run: Run, error: BaseException, code: int, line: str) -> None:
    found, said = run(raising(error))
    assert (found, said.count("\n")) == (code, 1)
    assert said.startswith(line)


def test_error_in_the_program_keeps_its_traceback(run: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run(raising(ZeroDivisionError()))


def test_bad_params_stop_the_stage_before_it_starts(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("seed: 1\n", "seed: one\n"), encoding="utf-8")
    code, said = run(raising(AssertionError("it started")))
    assert (code, said.count("\n")) == (1, 1)
    assert "seed: expected a whole number" in said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_ends_the_stage_with_its_code_and_clears_up(
    tmp_path: Path, make_params: MakeParams, number: int, code: int
) -> None:
    make_params()
    script = (
        "import time, pathlib\n"
        "from stages import run_stage\n"
        "def main(params, root):\n"
        "    try:\n"
        "        (root / 'started').touch(); time.sleep(60)\n"
        "    finally:\n"
        "        (root / 'cleared').touch()\n"
        f"run_stage(main, ['--params', {str(tmp_path / 'params.yaml')!r}])\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (code, "stopped\n")
    assert (tmp_path / "cleared").exists()
