"""Trainings in processes of their own that are killed, stopped, or started twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.train.animals import animal_params
from tests.train.children import checkpoints, start_training, wait_for


def model(root: Path) -> Path:
    return root / "results/models/animals/animal.safetensors"


def test_training_killed_again_and_again_ends_with_the_same_bytes(project: Path, tmp_path: Path) -> None:
    params = animal_params(checkpoint_seconds=0.0, epochs=20, panels=1)
    whole = shutil.copytree(project, tmp_path / "whole")
    undisturbed = start_training(whole, params, "animal", log=tmp_path / "whole.log")
    log, kills = tmp_path / "killed.log", 0
    for seconds in (0.0, 0.02, 0.05):
        victim = start_training(project, params, "animal", log=log)
        seen = checkpoints(project)
        wait_for(lambda seen=seen: checkpoints(project) != seen or model(project).is_file())
        time.sleep(seconds)
        victim.kill()
        victim.join()
        kills += victim.exitcode == -signal.SIGKILL
    last = start_training(project, params, "animal", log=log)
    for process in (undisturbed, last):
        process.join(timeout=60)
        assert process.exitcode == 0, log.read_text()
    assert kills >= 2, "the machine is too fast for this test: give it more epochs"
    assert log.read_text().count("; resumed in epoch") >= 2
    assert model(project).read_bytes() == model(whole).read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_ends_the_training_with_its_code_after_a_checkpoint(
    project: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    params, log = animal_params(epochs=2000), tmp_path / "log"
    process = start_training(project, params, "animal", log=log)
    wait_for(lambda: "epoch 2/" in log.read_text())
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join(timeout=30)
    assert process.exitcode == code
    assert log.read_text().splitlines()[-1] == f"stopped by {number.name}; the next run goes on from here"
    assert checkpoints(project)
    assert not model(project).exists()


def test_second_trainer_in_one_folder_ends_with_a_line_and_the_first_goes_on(project: Path, tmp_path: Path) -> None:
    params, log, other = animal_params(epochs=2000), tmp_path / "log", tmp_path / "other"
    first = start_training(project, params, "animal", log=log)
    wait_for(lambda: "epoch 1/" in log.read_text())
    second = start_training(project, params, "animal", log=other)
    second.join(timeout=30)
    assert second.exitcode == 1
    assert "another training of this expert is at work" in other.read_text().splitlines()[-1]
    done = log.read_text().count("selection mIoU")
    wait_for(lambda: log.read_text().count("selection mIoU") > done)
    first.kill()
    first.join()


def test_full_disk_ends_the_training_with_one_line_and_a_later_run_resumes(project: Path, tmp_path: Path) -> None:
    params, log = animal_params(checkpoint_seconds=0.0, epochs=4), tmp_path / "log"
    whole = shutil.copytree(project, tmp_path / "whole")
    undisturbed = start_training(whole, params, "animal", log=tmp_path / "whole.log")
    undisturbed.join(timeout=60)
    victim = start_training(project, params, "animal", log=log)
    wait_for(lambda: len(checkpoints(project)) == 2)
    victim.kill()
    victim.join()
    kept = checkpoints(project)
    full = start_training(project, params, "animal", log=log, room=3000)
    full.join(timeout=60)
    assert full.exitcode == 1
    line = log.read_text().splitlines()[-1]
    assert ".checkpoint: a checkpoint of" in line
    assert "could not be written (File too large); make room and run again" in line
    assert checkpoints(project) == kept
    last = start_training(project, params, "animal", log=log)
    last.join(timeout=60)
    assert last.exitcode == 0
    assert log.read_text().count("; resumed in epoch") == 2
    assert model(project).read_bytes() == model(whole).read_bytes()
