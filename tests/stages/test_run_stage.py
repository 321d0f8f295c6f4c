"""A stage reads its parameters, and leaves with one line and the exit code that a shell expects."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bodycascade.errors import DataError
from bodycascade.params import Params
from stages import run_stage
from tests.conftest import MakeParams
from tests.processes import environment, printed

Run = Callable[..., tuple[int, str]]


class PausedError(Exception):
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
        (MemoryError(), 1, "there is not enough memory; "),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 1, "there is not enough memory; "),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (PausedError("goes on from here"), 143, "goes on from here\n"),
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


SIGNALLED = """
import os, pathlib, signal, sys, time
from stages import run_stage

# A shell starts its background jobs with Ctrl-C ignored, and a test may be part of one.
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = pathlib.Path(sys.argv[1])

def main(params, root):
    try:
        (folder / "started").touch()
        time.sleep(60)
    finally:
        (folder / "cleared").touch()

for number in (signal.SIGTERM, signal.SIGINT):
    child = os.fork()
    if child == 0:
        run_stage(main, ["--params", str(folder / "params.yaml")])
    while not (folder / "started").exists():
        time.sleep(0.02)
    os.kill(child, number)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, (folder / "cleared").exists())
    (folder / "started").unlink()
    (folder / "cleared").unlink()
"""


def test_signals_end_the_stage_with_their_codes_and_it_clears_up(tmp_path: Path, make_params: MakeParams) -> None:
    make_params()
    command = [sys.executable, "-c", SIGNALLED, str(tmp_path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=200)
    assert done.stdout == "143 True\n130 True\n"
    assert done.stderr == "stopped\nstopped\n"


ORPHANED = """
import os, pathlib, runpy, signal, subprocess, sys, time
import stages

folder, stage, run_stage = pathlib.Path(sys.argv[1]), sys.argv[2], stages.run_stage

def main(params, root):
    (folder / str(os.getpid())).touch()
    time.sleep(60)

middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        stages.run_stage = lambda _: run_stage(main, ["--params", str(folder / "params.yaml")])
        runpy.run_module(f"stages.{stage}", run_name="__main__")
    time.sleep(60)
while not (made := [path.name for path in folder.iterdir() if path.name.isdigit()]):
    time.sleep(0.02)
os.kill(middle, signal.SIGKILL)
os.waitpid(middle, 0)
time.sleep(0.5)
state = pathlib.Path(f"/proc/{made[0]}/stat")
alive = state.exists() and state.read_text().split()[2] != "Z"
print(alive)
if alive:
    os.kill(int(made[0]), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the request to the kernel is Linux's")
@pytest.mark.parametrize("stage", ["preprocess", "train", "evaluate", "visualize"])
@pytest.mark.parametrize("by_dvc", [True, False], ids=["dvc", "shell"])
def test_stage_ends_with_a_killed_dvc_and_outlives_a_shell(
    tmp_path: Path,
    make_params: MakeParams,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    by_dvc: bool,
) -> None:
    make_params()
    monkeypatch.delenv("DVC_STAGE", raising=False)
    if by_dvc:
        monkeypatch.setenv("DVC_STAGE", stage)
    assert printed(ORPHANED, tmp_path, stage).strip() == str(not by_dvc)
