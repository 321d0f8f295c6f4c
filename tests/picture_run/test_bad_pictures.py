"""What becomes of a run where some of its pictures cannot be made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bodycascade.errors import BodyCascadeError
from bodycascade.segmentation import Segmentation
from tests.painted import paint, read_colours
from tests.picture_run.runs import failures, run


def test_bad_files_are_listed_and_the_others_made(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (photos / "0.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "page.jpg").write_bytes(b"<html>not found</html>")
    (photos / "sub" / "dead.jpg").symlink_to(tmp_path / "gone")
    out = tmp_path / "out"
    outcome = run([photos], out)
    assert outcome.made == 6
    listed = failures(out)
    assert {Path(name).name for name in listed} == {"cut.png", "empty.jpg", "page.jpg", "dead.jpg"}
    assert listed[str(photos / "empty.jpg")] == "the file is empty"
    said = capsys.readouterr().err.splitlines()
    for name, reason in listed.items():
        assert f"{name}: {reason}" in said
    for name in ("cut.png", "empty.jpg", "page.jpg", "sub/dead.jpg"):
        (photos / name).unlink()
    assert run([photos], out).kept == 6
    assert not (out / "failures.csv").exists()


def test_a_bad_file_is_named_once_where_its_path_is_relative(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "empty.jpg").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    run(["photos"], tmp_path / "out")
    assert failures(tmp_path / "out") == {"photos/empty.jpg": "the file is empty"}
    assert "photos/empty.jpg: the file is empty" in capsys.readouterr().err.splitlines()


def test_a_table_of_failures_of_somebody_else_stays_where_there_are_none(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "failures.csv").write_text("mine")
    for _ in range(2):
        assert run([photos], tmp_path / "out", overwrite=True).failures == []
        assert (tmp_path / "out" / "failures.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BodyCascadeError("does not fit into the memory of cuda"), "does not fit into the memory of cuda"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: can't allocate memory"),
            "32 x 24 pixels need more memory than there is; make the picture smaller",
        ),
    ],
)
def test_a_picture_that_the_network_refuses_does_not_take_its_batch_along(
    photos: Path, tmp_path: Path, error: Exception, reason: str
) -> None:
    (refused, _) = paint(seed=2)

    def picky(images: Sequence[npt.NDArray[np.uint8]]) -> list[Segmentation]:
        if any(np.array_equal(image, refused) for image in images):
            raise error
        return read_colours(images)

    outcome = run([photos], tmp_path / "out", segment=picky)
    assert outcome.made == 5
    assert failures(tmp_path / "out") == {str(photos / "2.png"): reason}


def test_a_name_too_long_for_an_output_is_a_failure_of_its_picture(photos: Path, tmp_path: Path) -> None:
    long = photos / f"{'n' * 250}.png"
    (photos / "0.png").rename(long)
    outcome = run([photos], tmp_path / "out")
    assert (outcome.made, len(outcome.failures)) == (5, 1)
    assert "rename it" in outcome.failures[0][1]


def test_a_bad_files_name_stays_on_one_line(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(photos / "two\nlines\x1b[1m.jpg")
    Path(name).write_bytes(b"")
    run([photos], tmp_path / "out")
    assert failures(tmp_path / "out") == {name: "the file is empty"}
    assert f"{photos}/two\\nlines\\x1b[1m.jpg: the file is empty" in capsys.readouterr().err.splitlines()
