"""What `dvc repro` runs again, seen with the real graph and stages that only pretend."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.imports import ROOT
from tests.test_pipeline_graph import PROFILES, outputs, stages, tracked, word

pytest.importorskip("dvc")

PRETENDER = """
import hashlib, json, sys, yaml
from pathlib import Path

word, *rest, _, params = [Path(sys.argv[0]).stem, *sys.argv[1:]]
sections = yaml.safe_load(Path(params).read_text())
stage = json.loads(Path("graph.json").read_text())[sections["profile"]["name"]]["-".join([word, *rest])]
digest = hashlib.sha256(repr(stage).encode())
for key in stage["tracked"]:
    value = sections
    for part in key.split("."):
        value = value[part]
    digest.update(repr(value).encode())
for dep in stage["deps"]:
    for file in [Path(dep), *sorted(Path(dep).rglob("*"))]:
        digest.update(file.read_bytes() if file.is_file() else b"")
for out in map(Path, stage["files"]):
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"value": digest.hexdigest()}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this repository's graph, params and DVC settings, where embedded and pascal_part have been run."""
    folder = tmp_path_factory.mktemp("a copy")
    for name in ("dvc.yaml", "params.yaml", "pipelines", ".dvc/config", ".dvcignore"):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(ROOT / name, target) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, target)
    for lock in folder.rglob("dvc.lock"):
        lock.unlink()
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    for path in {path for profile in PROFILES for stage in stages(profile).values() for path in stage["deps"]}:
        if not path.startswith("results/"):
            place(folder / path)
    for name in {word(name) for name in stages("embedded")}:
        (folder / "stages" / f"{name}.py").write_text(PRETENDER)
    graph = {profile: {name: told(profile, name) for name in stages(profile)} for profile in PROFILES}
    (folder / "graph.json").write_text(json.dumps(graph))
    for words in ([], ["pipelines/pascal_part/dvc.yaml"]):
        assert sorted(repro(folder, *words)) == sorted(stages("embedded"))
    return folder


def told(profile: str, name: str) -> dict[str, list[str]]:
    """What the pretender of a stage has to know, with a file in each folder that it makes or that is read there."""
    stage = stages(profile)[name]
    read = sorted({dep for other in stages(profile).values() for dep in other["deps"]})
    made = outputs(stage, "outs", "metrics", "plots")
    paths = [path for out in made for path in ([dep for dep in read if dep.startswith(f"{out}/")] or [out])]
    files = [path if Path(path).suffix else f"{path}/file" for path in paths]
    return {"deps": stage["deps"], "tracked": tracked(stage), "files": files}


def place(path: Path) -> None:
    """An empty file at `path`, or in the folder that `path` names."""
    file = path if path.suffix else path / "file.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def repro(folder: Path, *words: str) -> list[str]:
    """Names of the stages that `dvc repro` ran."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", *words],
        cwd=folder,
        env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / ".dvc/tmp/site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"Running stage '(?:.*:)?(.+)'", done.stdout)


def set_param(path: Path, section: str, key: str, value: float) -> None:
    """Set train.<section>.<key> in a params file."""
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["train"][section][key] = value
    path.write_text(yaml.safe_dump(params), encoding="utf-8")


def test_nothing_changed_nothing_run(copy: Path) -> None:
    assert repro(copy) == []


def test_changed_expert_runs_itself_and_what_follows(copy: Path) -> None:
    set_param(copy / "params.yaml", "lower_body", "dropout", 0.123)
    assert repro(copy) == ["train-lower_body", "evaluate", "visualize"]


def test_changed_expert_above_runs_the_experts_below_it(copy: Path) -> None:
    set_param(copy / "pipelines/pascal_part/params.yaml", "body", "dropout", 0.123)
    ran = repro(copy, "pipelines/pascal_part/dvc.yaml")
    assert sorted(ran[:3]) == ["train-body", "train-lower_body", "train-upper_body"]
    assert ran[3:] == ["evaluate", "visualize"]
    assert repro(copy) == [], "the other profile is untouched"
