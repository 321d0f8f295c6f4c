"""`dvc repro` of a small run, killed with -9 again and again, ends with the bytes of a run without a break.

BODYCASCADE_KILLS=25 pytest -m slow tests/test_kill_repro.py -s
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from bodycascade.hierarchy import PASCAL_PART
from tests.imports import ROOT

KILLS = int(os.environ.get("BODYCASCADE_KILLS", "10"))
EXPERTS = [spec.name for spec in PASCAL_PART.experts]

SMALL = {
    "base.device": "cpu",
    "preprocess.rendered.train": 24,
    "preprocess.rendered.val": 4,
    "preprocess.rendered.side": 64,
    "train.common.input_side": 64,
    "train.common.crop_side": 48,
    "train.common.widths": [4, 8],
    "train.common.batch_size": 4,
    "train.common.epochs": max(4, KILLS),
    "train.upkeep.checkpoint_seconds": 0.0,
    "train.upkeep.panels": 1,
    "train.body.start": "parent",
    "train.lower_body.parent_mask": "mixed",
    "evaluate.bootstrap_samples": 0,
    "visualize.panels": 1,
}


def copy_repository(folder: Path) -> Path:
    """This repository's code, graph and settings in `folder`, with parameters for a run of half a minute."""
    for name in ("src", "stages", "pipelines"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "dvc.lock"))
    for name in ("dvc.yaml", "params.yaml", ".dvcignore", ".dvc/config"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for key, value in SMALL.items():
        *sections, last = key.split(".")
        place = params
        for section in sections:
            place = place[section]
        place[last] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def start_repro(folder: Path) -> subprocess.Popen[bytes]:
    """A started `dvc repro`, in a process group of its own; what it prints goes to the file `log`."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(folder)]),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / ".dvc/tmp/site"),
        "OMP_NUM_THREADS": "1",
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def newest_checkpoint(folder: Path) -> str:
    """Expert and step of the newest checkpoint, or what stands instead."""
    found = list((folder / ".work/embedded").glob("*/*/step-*.checkpoint"))
    if not found:
        return "none"
    newest = max(found, key=lambda path: path.name)
    return f"{newest.parts[-3]} step {int(newest.stem.removeprefix('step-'))}"


def weights(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"results/models/embedded/{name}.safetensors").read_bytes() for name in EXPERTS}


def kill_at_random(folder: Path, dice: random.Random, *, only_dvc: bool, after_checkpoint: bool) -> str | None:
    """Start `dvc repro` and kill it; what was there to resume from then, None where it ended by itself before."""
    before = newest_checkpoint(folder)
    process = start_repro(folder)
    if after_checkpoint:
        while newest_checkpoint(folder) in (before, "none") and process.poll() is None:
            time.sleep(0.01)
    deadline = time.monotonic() + dice.uniform(0, 1.5 if after_checkpoint else 12)
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    if process.poll() is not None:
        assert process.returncode == 0, (folder / "log").read_text()[-3000:]
        return None
    if only_dvc:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return newest_checkpoint(folder)


@pytest.mark.slow
def test_repro_killed_at_random_moments_ends_with_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("dvc")
    whole, broken = (copy_repository(tmp_path / name) for name in ("whole", "broken"))
    started = time.monotonic()
    assert start_repro(whole).wait() == 0, (whole / "log").read_text()[-3000:]
    print(f"\nwithout a break: {time.monotonic() - started:.0f} s\n")
    seed = int(os.environ.get("BODYCASCADE_SEED", str(time.time_ns() % 10**6)))
    dice = random.Random(seed)
    print(f"seed {seed}\nkill  killed        newest checkpoint then")
    kills = 0
    for kill in range(1, KILLS + 1):
        only_dvc = kill % 2 == 1
        then = kill_at_random(broken, dice, only_dvc=only_dvc, after_checkpoint=kill % 3 != 0)
        if then is None:
            print(f"{kill:4}  (the run had come to its end before)")
            break
        kills += 1
        print(f"{kill:4}  {'dvc alone' if only_dvc else 'all processes':13} {then}", flush=True)
    log = broken / "log"
    assert start_repro(broken).wait() == 0, log.read_text()[-3000:]
    found, expected = weights(broken), weights(whole)
    resumed = log.read_text().count("; resumed in epoch")
    print(f"resumed {resumed} times")
    assert min(kills, resumed) > 0, "the run was too fast to be killed in a training"
    for name in EXPERTS:
        print(f"{name:12} {len(found[name]):8,} bytes  {'equal' if found[name] == expected[name] else 'DIFFERENT'}")
    assert found == expected
    assert "is at work" not in log.read_text()
