"""A command line to call, and a cascade for it that is made in a moment."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bodycascade.commands.main import main
from bodycascade.hierarchy import PASCAL_PART
from tests.single_thread import single_thread
from tests.toy_experts import cascade, tiny_experts

__all__ = ["single_thread"]

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a saved toy cascade."""
    folder = tmp_path_factory.mktemp("bundle") / "cascade"
    cascade(tiny_experts(PASCAL_PART, sides=(32, 24))).save(folder)
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """`call("segment", path, "-o", out)`: (exit code, standard output, standard error)."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        found = capsys.readouterr()
        return int(caught.value.code or 0), found.out, found.err

    yield run
    signal.signal(signal.SIGTERM, before)
