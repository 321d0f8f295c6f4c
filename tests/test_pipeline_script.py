"""pipeline.sh: what it understands without setting anything up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.imports import ROOT


def run(script: Path, *words: str, python: str = "python3") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": python}
    return subprocess.run([script, *words], capture_output=True, text=True, check=False, cwd="/", env=environment)


@pytest.mark.parametrize("words", [["nonsense"], ["--help"], ["test", "more"], [" "]])
def test_anything_unknown_prints_usage_and_sets_nothing_up(tmp_path: Path, words: list[str]) -> None:
    script = Path(shutil.copy(ROOT / "pipeline.sh", tmp_path))
    done = run(script, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ./pipeline.sh")
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.sh"]


def test_old_python_is_refused_in_one_line(tmp_path: Path) -> None:
    script = Path(shutil.copy(ROOT / "pipeline.sh", tmp_path))
    old = tmp_path / "old python"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.18\nexit 1\n')
    old.chmod(0o755)
    done = run(script, "setup", python=str(old))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "expected Python 3.11 or later, found Python 3.9.18" in done.stderr
    assert not (tmp_path / ".venv").exists()
