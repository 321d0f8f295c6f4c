"""Checkpoints under crashes, damage and a full disk."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from bodycascade.errors import TrainingError
from bodycascade.train.checkpoint import load_checkpoint, save_checkpoint
from tests.train.children import start, wait_for


def state(step: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(step)
    return {"step": step, "weights": {"a": torch.rand(500, generator=generator)}, "rows": [{"loss": float("nan")}]}


def load(folder: Path) -> tuple[int | None, list[str]]:
    """The step of what is loaded, None for nothing, and the lines said about it."""
    lines: list[str] = []
    loaded = load_checkpoint(folder, lines.append)
    if loaded is not None:
        assert torch.equal(loaded["weights"]["a"], state(loaded["step"])["weights"]["a"])
    return (None if loaded is None else loaded["step"]), lines


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: what a full disk does, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_newest_checkpoint_is_loaded_and_the_one_before_it_kept(tmp_path: Path) -> None:
    assert load(tmp_path) == (None, [])
    for step in (8, 9, 10, 11):
        save_checkpoint(tmp_path, step, state(step))
    assert load(tmp_path) == (11, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010.checkpoint", "step-00000011.checkpoint"]


@pytest.mark.parametrize("case", range(20))
def test_damaged_checkpoint_is_set_aside_and_the_one_before_used(tmp_path: Path, case: int) -> None:
    dice = random.Random(case)
    save_checkpoint(tmp_path, 1, state(1))
    path = save_checkpoint(tmp_path, 2, state(2))
    content = bytearray(path.read_bytes())
    if case % 2:
        path.write_bytes(content[: dice.randrange(len(content))])
    else:
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
    step, lines = load(tmp_path)
    assert step == 1
    assert len(lines) == 1
    assert "step-00000002.checkpoint is damaged" in lines[0]
    assert "step-00000002.damaged, using the one before" in lines[0]
    assert (tmp_path / "step-00000002.damaged").is_file()
    assert load(tmp_path) == (1, [])


def test_training_starts_over_where_all_checkpoints_are_damaged(tmp_path: Path) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, step, state(step)).write_bytes(b"")
    step, lines = load(tmp_path)
    assert step is None
    assert [line.rpartition(", ")[2] for line in lines] == [
        "using the one before",
        "and there is none before it: starting over",
    ]


def test_full_disk_is_one_line_with_path_and_bytes_and_the_good_checkpoint_stands(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, state(1))
    needed = (tmp_path / "step-00000001.checkpoint").stat().st_size
    with largest_file(1000), pytest.raises(TrainingError) as caught:
        save_checkpoint(tmp_path, 2, state(2))
    line = str(caught.value)
    assert "\n" not in line
    assert str(tmp_path / "step-00000002.checkpoint") in line
    assert f"{needed - 32:,} bytes" in line
    assert load(tmp_path) == (1, [])
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.checkpoint"]
    save_checkpoint(tmp_path, 2, state(2))
    assert load(tmp_path) == (2, [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_full_disk_itself(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", disk], check=False, capture_output=True)
    if made.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        for step in (1, 2):
            save_checkpoint(disk, step, state(step))
        with pytest.raises(TrainingError, match="No space left on device"):
            save_checkpoint(disk, 3, state(3))
        assert load(disk) == (2, [])
        assert not list(disk.glob(".*"))
    finally:
        subprocess.run(["umount", disk], check=True)


def write_many(folder: Path) -> None:
    for step in range(1, 100_000):
        save_checkpoint(folder, step, state(step))
        print(step, flush=True)


@pytest.mark.parametrize("told", [3, 6, 9])
def test_kill_while_writing_leaves_the_old_or_the_new(tmp_path: Path, told: int) -> None:
    folder, log = tmp_path / "work", tmp_path / "log"
    process = start(write_many, folder, log=log)
    wait_for(lambda: len(log.read_text().split()) >= told)
    process.kill()
    process.join()
    last = int(log.read_text().split()[-1])
    step, lines = load(folder)
    assert lines == []
    assert step in (last, last + 1)
