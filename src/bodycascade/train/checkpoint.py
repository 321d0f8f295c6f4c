"""Checkpoints that a crash cannot spoil: checksummed, written aside, the one before kept."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bodycascade.errors import TrainingError
from bodycascade.files import replace_file

KEPT = 2
"""The newest and the one before, in case the newest turns out damaged."""

_DIGEST_BYTES = 32


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write `state` (tensors and plain data) as the checkpoint of `step`; older ones but the last go.

    Raises `TrainingError` with the path and the bytes needed where the disk is full; what was there stays.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    path = folder / f"step-{step:08d}.checkpoint"
    try:
        with replace_file(path) as aside, aside.open("wb") as file:
            file.write(hashlib.sha256(payload).digest())
            file.write(payload)
    except OSError as error:
        raise TrainingError(
            f"{path}: a checkpoint of {len(payload):,} bytes could not be written ({error.strerror}); "
            "make room and run again: training goes on from the last good checkpoint"
        ) from error
    for old in _checkpoints(folder)[:-KEPT]:
        old.unlink()
    return path


def load_checkpoint(folder: Path, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest undamaged state in `folder`, or None. A damaged file is renamed and `say` gets a line about it."""
    for path in reversed(_checkpoints(folder)):
        content = memoryview(path.read_bytes())
        digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() == digest:
            state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            return state
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        say(f"{path.name} is damaged (its checksum does not fit): set aside as {aside.name}, {_instead(folder)}")
    return None


def _instead(folder: Path) -> str:
    return "using the one before" if _checkpoints(folder) else "and there is none before it: starting over"


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.checkpoint"))
