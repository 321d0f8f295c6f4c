"""Files are the old one or the new one, whatever happens while they are written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bodycascade.expert_file import save_expert
from bodycascade.files import naming, remove_asides, replace_file, save_array, sha256_of, write_json, write_text
from bodycascade.hierarchy import PASCAL_PART
from tests.toy_experts import tiny_expert


def test_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    with replace_file(path) as aside:
        aside.write_text("new")
        assert aside.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail() -> None:
        with replace_file(path) as aside:
            aside.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_forgetting_to_write_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), replace_file(path):
        pass
    assert path.read_text() == "old"


def write_array(path: Path) -> None:
    with replace_file(path) as aside:
        save_array(aside, np.zeros((500, 700), np.uint8))


def write_expert(path: Path) -> None:
    save_expert(path, tiny_expert(PASCAL_PART, "person"), {})


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "x" * 5000),
        lambda path: write_json(path, [1] * 5000),
        write_array,
        write_expert,
    ],
    ids=["text", "json", "array", "expert"],
)
def test_full_disk_names_the_file_and_leaves_the_old_one(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("shape", [(0, 3), (7,), (5, 9)])
def test_an_array_is_as_numpy_saves_it(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    for name, one in (("rows", array), ("columns", array.T)):
        save_array(tmp_path / f"{name}.npy", one)
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), one)


def test_an_error_without_a_file_gets_the_name_and_one_with_a_file_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as caught, naming(tmp_path / "a.png"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "a.png")
    with pytest.raises(OSError, match="No space") as caught, naming(tmp_path / "a.png"):
        raise OSError(errno.ENOSPC, "No space left on device", "b.png")
    assert caught.value.filename == "b.png"


def test_error_names_the_file_that_was_meant_and_not_the_one_aside(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as caught:
        write_text(tmp_path / "file" / "new.txt", "new")
    assert caught.value.filename == str(tmp_path / "file")
    with pytest.raises(FileNotFoundError) as gone, replace_file(tmp_path / "new.txt") as aside:
        aside.read_bytes()
    assert gone.value.filename == str(tmp_path / "new.txt")


def test_process_that_dies_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    child = os.fork()
    if not child:
        with replace_file(path) as aside:
            aside.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert path.read_text() == "old"
    left = [other for other in tmp_path.iterdir() if other != path]
    assert [other.name for other in left] == [f".file.txt.{child}.part"]
    remove_asides(tmp_path, "other.txt")
    assert left[0].exists()
    remove_asides(tmp_path, path.name)
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_writing_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with replace_file(path) as mine:
        mine.write_text("mine")
        child = os.fork()
        if not child:
            write_text(path, "theirs")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert path.read_text() == "theirs"
    assert path.read_text() == "mine"


def test_asides_of_a_folder_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.txt.99999999.part", ".b[1].99999998.part", "c.part", ".hidden", "d"):
        (tmp_path / name).touch()
    remove_asides(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "c.part", "d"]
    remove_asides(tmp_path / "not there")


def test_text_is_utf8_and_json_is_indented(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "Füße\n")
    assert (tmp_path / "text").read_bytes() == "Füße\n".encode()
    write_json(tmp_path / "json", {"b": 1, "a": [None, 0.5]})
    text = (tmp_path / "json").read_text()
    assert json.loads(text) == {"b": 1, "a": [None, 0.5]}
    assert text.startswith('{\n "b": 1,')


def test_json_without_a_number_for_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "json", {"score": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_checksum_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_asides_of_one_file_are_told_by_its_very_name(tmp_path: Path) -> None:
    for name in (".b[1].99999999.part", ".b1.99999999.part"):
        (tmp_path / name).touch()
    remove_asides(tmp_path, "b[1]")
    assert [path.name for path in tmp_path.iterdir()] == [".b1.99999999.part"]


def test_what_a_living_process_writes_is_left_to_it(tmp_path: Path) -> None:
    with replace_file(tmp_path / "a") as aside:
        aside.write_text("half")
        remove_asides(tmp_path)
        aside.write_text("whole")
    assert (tmp_path / "a").read_text() == "whole"
