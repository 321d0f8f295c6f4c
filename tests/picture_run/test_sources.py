"""What the words of a command line mean."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.errors import ImageError
from bodycascade.picture_run import Source, find_sources
from tests.painted import paint, save_painted


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """photos/{a.png, B.PNG, notes.txt, .hidden.png, sub/c.bmp, sub/deep/d.png, .git/e.png}"""
    folder = tmp_path / "photos"
    for name in ("a.png", "B.PNG", ".hidden.png", "sub/c.bmp", "sub/deep/d.png", ".git/e.png"):
        save_painted(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def relative(found: list[Source]) -> list[str]:
    return [source.relative for source in found]


def test_a_folder_means_all_pictures_below_it_in_order(photos: Path) -> None:
    assert relative(find_sources([str(photos)])) == ["B.PNG", "a.png", "sub/c.bmp", "sub/deep/d.png"]


def test_several_folders_are_kept_apart_by_their_names(photos: Path, tmp_path: Path) -> None:
    save_painted(tmp_path / "other" / "photos" / "a.png")
    found = relative(find_sources([str(photos / "sub"), str(photos), str(tmp_path / "other" / "photos")]))
    assert found == ["sub/c.bmp", "sub/deep/d.png", "photos/B.PNG", "photos/a.png", "photos-2/a.png"]


def test_a_file_may_have_any_ending_and_counts_once(photos: Path) -> None:
    odd = photos / "picture.xyz"
    odd.write_bytes((photos / "a.png").read_bytes())
    found = find_sources([str(odd), str(odd), str(photos / "a.png"), str(photos / "sub" / ".." / "a.png")])
    assert relative(found) == ["picture.xyz", "a.png"]


def test_patterns_mirror_what_follows_their_fixed_part(photos: Path) -> None:
    assert relative(find_sources([f"{photos}/**/*.png"])) == ["a.png", "sub/deep/d.png"]
    assert relative(find_sources([f"{photos}/s?b/*"])) == ["sub/c.bmp"]


def test_a_file_with_wildcards_in_its_name_is_that_file(photos: Path) -> None:
    save_painted(photos / "a[1].png")
    assert relative(find_sources([str(photos / "a[1].png")])) == ["a[1].png"]


def test_the_output_folder_is_no_source(photos: Path) -> None:
    save_painted(photos / "out" / "a.png")
    assert "out/a.png" in relative(find_sources([str(photos)]))
    assert "out/a.png" not in relative(find_sources([str(photos)], out=photos / "out"))


def test_linked_folders_are_not_walked_into_for_ever(photos: Path) -> None:
    (photos / "sub" / "round").symlink_to(photos)
    assert len(find_sources([str(photos)])) == 4
    (photos.parent / "link").symlink_to(photos)
    assert len(find_sources([str(photos.parent / "link")])) == 4


def test_a_folder_that_cannot_be_read_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photos / "shut").mkdir()
    scan = os.scandir

    def refusing(path: str) -> Iterator[os.DirEntry[str]]:  # root may read any folder
        if Path(path) == photos / "shut":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ImageError) as caught:
        find_sources([str(photos)])
    assert str(caught.value).startswith(f"{photos / 'shut'}: the folder cannot be read (Permission denied)")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("nothing.jpg", "no such file or folder"),
        ("dead", "a dead link"),
        ("*.webp", "no file matches this pattern"),
        ("empty", "the folder holds no picture"),
    ],
)
def test_a_word_that_means_nothing_is_one_line(
    word: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "dead").symlink_to(tmp_path / "gone")
    with pytest.raises(ImageError) as caught:
        find_sources([word])
    assert str(caught.value).startswith(f"{word}: {reason}")
    assert "\n" not in str(caught.value)


def test_a_video_is_one_bad_picture_of_several(photos: Path) -> None:
    (photos / "clip.MP4").write_bytes(b"frames")
    found = find_sources([str(photos / "a.png"), str(photos / "clip.MP4")])
    assert relative(found) == ["a.png", "clip.MP4"]
    with pytest.raises(ImageError, match=r"clip.MP4: a video, not a picture; for videos there is: bodycascade video$"):
        found[1].read()


def test_no_words_mean_no_pictures() -> None:
    assert find_sources([]) == []


def test_links_in_a_circle_are_bad_pictures(photos: Path) -> None:
    (photos / "one.png").symlink_to(photos / "other.png")
    (photos / "other.png").symlink_to(photos / "one.png")
    found = {source.name: source for source in find_sources([str(photos)])}
    with pytest.raises(ImageError, match=r"one.png"):
        found["one.png"].read()


def test_an_output_folder_that_holds_results_alone_is_no_word(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = [str(photos), str(out)]
    assert relative(find_sources(words, out=out)) == relative(find_sources([str(photos)], out=out))
    save_painted(out / "mine.png")
    assert "out/mine.png" in relative(find_sources(words, out=out))


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    image, _ = paint()
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    writer = threading.Thread(target=pipe.write_bytes, args=(file.getvalue(),), daemon=True)
    writer.start()
    (source,) = find_sources([str(pipe)])
    writer.join(timeout=10)
    assert source.pixels() == image.shape[0] * image.shape[1]
    np.testing.assert_array_equal(source.read(), image)
    assert source.icc_profile() is None


def test_a_pipe_in_a_folder_is_no_picture(photos: Path) -> None:
    before = relative(find_sources([str(photos)]))
    os.mkfifo(photos / "pipe.png")
    assert relative(find_sources([str(photos)])) == before


def test_a_picture_comes_through_a_pipe() -> None:
    image, _ = paint()
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    (source,) = find_sources(["-"], pipe=io.BytesIO(file.getvalue()))
    np.testing.assert_array_equal(source.read(), image)
    assert source.pixels() == image.shape[0] * image.shape[1]


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"<html>", "not a picture")])
def test_a_bad_pipe_is_one_line(content: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=f"standard input: {reason}"):
        find_sources(["-"], pipe=io.BytesIO(content))[0].read()


def test_a_changed_file_has_another_stamp(photos: Path) -> None:
    (source,) = find_sources([str(photos / "a.png")])
    before = source.stamp()
    os.utime(photos / "a.png", (1, 1))
    assert source.stamp() != before


def test_a_way_back_out_of_a_link_leads_where_the_system_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_painted(tmp_path / "elsewhere" / "b.png", seed=3)
    save_painted(tmp_path / "here" / "b.png", seed=4)
    (tmp_path / "elsewhere" / "inner").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere" / "inner")
    monkeypatch.chdir(tmp_path / "here")
    (source,) = find_sources(["link/../b.png"])
    np.testing.assert_array_equal(source.read(), paint(seed=3)[0])


def test_a_pattern_that_leads_out_of_its_folder_mirrors_no_tree(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)
    assert relative(find_sources(["sub/*/../../a.png"])) == ["a.png"]


def test_a_pipe_that_is_closed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ImageError, match="standard input: empty"):
        find_sources(["-"])
