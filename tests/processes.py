"""New Python processes that import this working tree, whatever is installed."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.imports import ROOT


def environment() -> dict[str, str]:
    """This process's variables, with the tree's own packages before any that are installed."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}


def printed(code: str, *words: object) -> str:
    """What the program `code` prints, given `words`; a failure of it is one of the test."""
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout
