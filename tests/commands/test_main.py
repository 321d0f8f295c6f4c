"""The command line as a whole: help, errors in one line, exit codes."""

from __future__ import annotations

import builtins
import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bodycascade import __version__
from bodycascade.commands import check, main
from bodycascade.data.layout import Layout
from tests.commands.conftest import Call
from tests.imports import ROOT


def test_it_runs_as_a_module_too() -> None:
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    words = [sys.executable, "-m", "bodycascade", "--version"]
    found = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert (found.returncode, found.stdout) == (0, f"bodycascade {__version__}\n")


def test_help_names_every_command_and_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from bodycascade.commands.main import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "assert not {'torch', 'numpy', 'PIL'} & set(sys.modules), 'loaded for nothing'\n"
    )
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stderr
    for name, (_, text) in main.COMMANDS.items():
        assert name in found.stdout
        assert text in found.stdout


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_every_command_has_help(name: str, call: Call) -> None:
    code, said, errors = call(name, "--help")
    assert (code, errors) == (0, "")
    assert said.startswith(f"Usage: bodycascade {name}")
    assert all(len(line) <= 100 for line in said.splitlines())


def test_version(call: Call) -> None:
    assert call("--version") == (0, f"bodycascade {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["segmnt"], "bodycascade: No such command"),
        (["segment", "a.jpg"], "bodycascade segment: Missing option '-o'"),
        (["segment", "-o", "out"], "bodycascade segment: Missing argument 'SOURCE...'"),
        (["segment", "a.jpg", "-o", "out", "--batch", "0"], "bodycascade segment: Invalid value for '--batch'"),
        (["segment", "a.jpg", "-o", "out", "--coco", "xml"], "bodycascade segment: Invalid value for '--coco'"),
        (["segment", "a.jpg", "-o", "out", "--coco"], "bodycascade segment: Option '--coco' requires an argument"),
        (["export", "onnx", "-o"], "bodycascade export onnx: Option '-o' requires an argument"),
        (["segment", "a.jpg", "-o", "out", "--colour"], "bodycascade segment: No such option"),
    ],
)
def test_a_command_line_that_is_not_understood_is_one_line(words: list[str], wanted: str, call: Call) -> None:
    code, said, errors = call(*words)
    assert (code, said) == (2, "")
    assert errors.startswith(wanted)
    assert errors.count("\n") == 1
    assert "--help" in errors


@pytest.mark.parametrize("words", [[], ["segment"], ["check"]])
def test_nothing_at_all_shows_the_help(words: list[str], call: Call) -> None:
    code, said, errors = call(*words)
    assert (code, errors) == (2, "")
    assert said.startswith("Usage: bodycascade")


def test_missing_click_is_one_line_with_the_remedy(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "click":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    code, said, errors = call("--help")
    assert (code, said) == (1, "")
    assert errors == "click is not installed; install it with: pip install 'bodycascade[cli]'\n"


@pytest.mark.parametrize(
    ("error", "wanted", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/a.png"), "/x/a.png: the disk is full", 1),
        (OSError(errno.EROFS, "Read-only file system", "/x/a.png"), "/x/a.png: Read-only file system", 1),
        (MemoryError(), "there is not enough memory", 1),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "there is not enough memory", 1),
        (KeyboardInterrupt(), "stopped", 130),
    ],
)
def test_what_goes_wrong_is_one_line(
    error: BaseException, wanted: str, code: int, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> NoReturn:
        raise error

    monkeypatch.setattr(Layout, "open", fail)
    found = call("check", "data")
    assert (found[0], found[1]) == (code, "")
    said = found[2].removeprefix("\n")  # after a ^C on the terminal
    assert said.startswith(wanted)
    assert said.count("\n") == 1


def test_a_terminated_command_says_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Layout, "open", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert call("check", "data") == (143, "", "stopped\n")


def test_check_lists_the_files_of_a_good_data_set(tiny_data: Path, call: Call) -> None:
    code, said, _ = call("check", tiny_data)
    assert code == 0
    assert said.startswith(f"{tiny_data}: good; 8 pictures in train_id.txt, 3 in val_id.txt\npixels: background ")


def test_check_takes_other_lists(tiny_data: Path, call: Call) -> None:
    (tiny_data / "train_id.txt").rename(tiny_data / "a.txt")
    (tiny_data / "val_id.txt").rename(tiny_data / "b.txt")
    code, said, _ = call("check", tiny_data, "--train", "a.txt", "--val", "b.txt")
    assert code == 0
    assert re.search(r": good; [1-9]\d* pictures in a\.txt, [1-9]\d* in b\.txt\n", said)


def test_a_name_that_is_no_text_is_escaped(tiny_data: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / os.fsdecode(b"d\xe9")).symlink_to(tiny_data)
    code, said, _ = call("check", tmp_path / os.fsdecode(b"d\xe9"))
    assert (code, f"{tmp_path}/d\\udce9: good" in said) == (0, True)


def test_a_closed_standard_output_is_no_error(tiny_data: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert call("check", tiny_data)[:2] == (0, "")


def test_a_closed_standard_error_is_no_error(tiny_data: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    code, said, _ = call("check", tiny_data)
    assert (code, ": good" in said) == (0, True)


def test_check_lists_every_bad_file(tiny_data: Path, call: Call) -> None:
    (tiny_data / "JPEGImages" / "img_00.jpg").write_bytes(b"")
    (tiny_data / "gt_masks" / "img_01.npy").unlink()
    code, said, errors = call("check", tiny_data)
    assert (code, said) == (1, "")
    assert "img_00.jpg: the file is empty" in errors
    assert "img_01.npy: no such file" in errors
    assert call("check", tiny_data / "gone")[0] == 1


def test_commands_are_found_where_the_table_says() -> None:
    assert main.COMMANDS["check"][0] == f"{check.__name__}:check"
