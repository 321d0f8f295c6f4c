"""Trainings in processes of their own, which a test may kill."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from bodycascade.hierarchy import Tree
from bodycascade.params import Params
from bodycascade.train import train
from stages import run_stage
from tests.imports import ROOT
from tests.toy_experts import FOUR_LEGS

# A server that has imported what is slow to import, and forks: a child starts in a tenth of a second.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["torch", "albumentations", "safetensors.torch", "torch.utils.tensorboard", "yaml"])


def start(function: Callable[..., object], *args: object, log: Path) -> BaseProcess:
    """A started process that runs `function(*args)`; what it prints goes to `log`, which is there from the start."""
    log.touch()
    process = _CONTEXT.Process(target=_run, args=(function, args, log), daemon=True)
    process.start()
    return process


def start_training(
    root: Path, params: Params, expert: str, *, log: Path, tree: Tree = FOUR_LEGS, room: int | None = None
) -> BaseProcess:
    """A started process that trains `expert` as the stage script would; no file of its may grow beyond `room` bytes."""
    return start(_train, root, params, expert, tree, room, log=log)


def wait_for(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Return when `condition` holds; `TimeoutError` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still waiting after {seconds} s")
        time.sleep(0.01)


def checkpoints(root: Path) -> list[str]:
    """Names of the checkpoints of all unfinished trainings."""
    return sorted(path.name for path in (root / ".work").rglob("step-*.checkpoint"))


def _run(function: Callable[..., object], args: tuple[object, ...], log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    torch.set_num_threads(1)
    function(*args)


def _train(root: Path, params: Params, expert: str, tree: Tree, room: int | None) -> None:
    given, folder = params, root
    if room is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    def main(params: Params, root: Path) -> None:
        train(given, expert, folder, tree)

    run_stage(main, ["--params", str(ROOT / "params.yaml")])
