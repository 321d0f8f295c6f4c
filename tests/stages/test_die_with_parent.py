"""A stage whose `dvc repro` is killed does not live on beside the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.imports import ROOT

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
time.sleep(60)
"""

CHILD = """
import time
from stages import die_with_parent
die_with_parent()
print("tied", flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_stage_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        told = sorted(parent.stdout.readline().strip() for _ in range(2))
        assert told[1] == "tied"
        child = int(told[0])
        assert is_alive(child)
        parent.kill()
        deadline = time.monotonic() + 10
        while is_alive(child) and time.monotonic() < deadline:
            time.sleep(0.01)
    alive = is_alive(child)
    if alive:
        os.kill(child, signal.SIGKILL)
    assert not alive


def test_asking_for_it_needs_none_of_the_slow_imports() -> None:
    report = "import sys, stages; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "yaml", "bodycascade"} & set(done.stdout.split())


@pytest.mark.parametrize("stage", ["preprocess", "train", "evaluate", "visualize"])
def test_stage_script_loads_nothing_slow_before_it_is_tied_to_its_parent(stage: str) -> None:
    report = f"import sys, stages.{stage}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "yaml", "bodycascade"} & set(done.stdout.split())
