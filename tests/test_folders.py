from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bodycascade.errors import BodyCascadeError, BundleError
from bodycascade.folders import FolderKind, folder_aside, put_in_place, replace_folder, replace_kind

KIND = FolderKind("album", "album.json", ".png")


def fill(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "album.json").write_text(text)


def replace_once(target: Path, text: str, *, locked: bool) -> None:
    with replace_folder(target) if locked else replace_kind(target, KIND) as aside:
        fill(aside, text)


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_is_made_and_replaced(
    locked: bool, exchange: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not exchange:
        request.getfixturevalue("no_exchange")
    for text in ("one", "two"):
        replace_once(tmp_path / "new" / "album", text, locked=locked)
        assert (tmp_path / "new" / "album" / "album.json").read_text() == text
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["album"]


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.usefixtures("no_exchange")
def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(
    locked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "album", "old")
    rename = Path.rename

    def fail_for_new(path: Path, target: Path) -> Path:
        if path.suffix == ".part":
            raise OSError("no")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(OSError, match="no"):
        replace_once(tmp_path / "album", "new", locked=locked)
    assert (tmp_path / "album" / "album.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["album"]


@pytest.mark.parametrize("locked", [True, False])
def test_the_folder_one_is_in_is_not_replaced(locked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for target in (Path(), tmp_path):
        with pytest.raises(BodyCascadeError, match="is the folder that you are in"):
            replace_once(target, "new", locked=locked)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("locked", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(locked: bool, tmp_path: Path) -> None:
    fill(tmp_path / "album", "old")
    (tmp_path / "link").symlink_to("album")
    replace_once(tmp_path / "link", "new", locked=locked)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "album" / "album.json").read_text() == "new"


def test_two_at_once_do_not_share_what_lies_aside(tmp_path: Path) -> None:
    target = tmp_path / "album"
    with folder_aside(target) as one, folder_aside(target) as other:
        fill(one, "one")
        fill(other, "other")
        put_in_place(one, target)
        put_in_place(other, target)
    assert (target / "album.json").read_text() == "other"
    assert [path.name for path in tmp_path.iterdir()] == ["album"]


@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_where_nothing_may_be_written_is_said_by_the_name_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    reason = os.strerror(error)

    def refuse(path: Path, *_: object, **__: object) -> None:
        if path.name.endswith(".part"):
            raise OSError(error, reason, str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(BodyCascadeError, match=rf"^{tmp_path}: cannot be written to \({reason}\); choose another"),
        folder_aside(tmp_path / "album"),
    ):
        pass


def test_only_a_folder_of_the_kind_is_replaced(tmp_path: Path) -> None:
    fill(tmp_path / "album", "old")
    (tmp_path / "album" / "a.png").touch()
    KIND.check_replaceable(tmp_path / "album")
    (tmp_path / "album" / "a.txt").touch()
    with pytest.raises(BundleError, match=r"album: holds a\.txt, so it is no album; choose another folder"):
        replace_once(tmp_path / "album", "new", locked=False)
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match="file: a file is in the way; choose another folder for the album"):
        replace_once(tmp_path / "file", "new", locked=False)
    assert (tmp_path / "album" / "album.json").read_text() == "old"


def test_a_file_that_the_description_does_not_list_is_never_replaced(tmp_path: Path) -> None:
    fill(tmp_path / "album", json.dumps({"experts": [{"file": "a.png"}], "cascade": {"file": "all.png"}}))
    for name in ("a.png", "all.png"):
        (tmp_path / "album" / name).touch()
    KIND.check_replaceable(tmp_path / "album")
    (tmp_path / "album" / "small.png").touch()
    with pytest.raises(BundleError, match=r"album: holds small\.png, so it is no album; choose another folder"):
        replace_once(tmp_path / "album", "new", locked=False)
    assert (tmp_path / "album" / "small.png").exists()


def test_what_a_killed_run_left_goes_and_what_belongs_to_others_stays(tmp_path: Path) -> None:
    left = [tmp_path / ".name.123.0a1b2c3d.part", tmp_path / ".name.123.0a1b2c3d.old"]
    others = [tmp_path / ".name.v2.123.0a1b2c3d.part", tmp_path / ".name.settings", tmp_path / "name.v2"]
    for folder in (*left, *others):
        folder.mkdir()
    with replace_folder(tmp_path / "name") as aside:
        (aside / "file").write_text("new")
    assert not any(folder.exists() for folder in left)
    assert all(folder.is_dir() for folder in others)
    assert (tmp_path / "name" / "file").read_text() == "new"


def test_the_only_copy_that_a_killed_run_left_survives_a_failed_one(tmp_path: Path) -> None:
    old = tmp_path / ".name.123.0a1b2c3d.old"
    old.mkdir()
    fill(old, "all that there is")
    with pytest.raises(OSError, match="full"), replace_folder(tmp_path / "name"):
        raise OSError(errno.ENOSPC, "the disk is full")
    assert (tmp_path / "name" / "album.json").read_text() == "all that there is"
    assert not old.exists()


def test_where_no_lock_is_held_only_what_a_dead_process_left_goes(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".name.{gone.pid}.0a1b2c3d.part"
    others = [tmp_path / f".name.{os.getpid()}.0a1b2c3d.part", tmp_path / f".name.{gone.pid}.0a1b2c3d.old"]
    for folder in (left, *others):
        folder.mkdir()
    replace_once(tmp_path / "name", "new", locked=False)
    assert not left.exists()
    assert all(folder.is_dir() for folder in others), "one is at work, one may be the only whole copy"
