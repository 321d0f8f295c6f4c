"""A run over many pictures: what is made, what is kept, what is listed, what is never touched."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bodycascade.errors import BusyError, OutputError
from bodycascade.outputs import Asked
from bodycascade.picture_run import open_folder
from bodycascade.segmentation import Segmentation
from tests.painted import paint, read_colours, save_painted
from tests.picture_run.runs import ALL, Counting, files_below, labels_in, run


def test_the_tree_of_a_folder_is_mirrored(photos: Path, tmp_path: Path) -> None:
    outcome = run([photos], tmp_path / "out")
    assert (outcome.made, outcome.kept, outcome.failures) == (6, 0, [])
    assert files_below(tmp_path / "out") == {"0.png", "2.png", "4.png", "sub/1.png", "sub/3.png", "sub/5.png"}
    for seed in range(6):
        labels = labels_in(tmp_path / "out" / ("sub" if seed % 2 else "") / f"{seed}.png")
        np.testing.assert_array_equal(labels, paint(seed=seed)[1])


def test_all_outputs_at_once(photos: Path, tmp_path: Path) -> None:
    run([photos], tmp_path / "out", asked=ALL)
    found = files_below(tmp_path / "out")
    assert len(found) == 6 * (1 + 1 + 9 + 1 + 1) + 2
    assert {"annotations.json", "shares.csv", "sub/1.overlay.jpg", "sub/1.mask-head.png", "sub/1.probs.npz"} <= found
    with (tmp_path / "out" / "shares.csv").open(newline="") as file:
        rows = {row["picture"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["0.png", "2.png", "4.png", "sub/1.png", "sub/3.png", "sub/5.png"]
    assert float(rows["sub/1.png"]["head"]) == pytest.approx((paint(seed=1)[1] == 4).mean(), abs=1e-6)
    data = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [image["file_name"] for image in data["images"]] == list(rows)


def test_a_second_run_makes_nothing(photos: Path, tmp_path: Path) -> None:
    out, counting = tmp_path / "out", Counting()
    run([photos], out, asked=ALL)
    before = {name: (out / name).read_bytes() for name in files_below(out)}
    outcome = run([photos], out, asked=ALL, segment=counting)
    assert (outcome.made, outcome.kept, counting.pictures) == (0, 6, 0)
    assert {name: (out / name).read_bytes() for name in files_below(out)} == before


def test_only_what_is_missing_new_or_changed_is_made(photos: Path, tmp_path: Path) -> None:
    out, counting = tmp_path / "out", Counting()
    run([photos], out, asked=ALL)
    (out / "2.mask-head.png").unlink()
    os.utime(photos / "4.png", (1, 1))
    save_painted(photos / "new.png", seed=9)
    outcome = run([photos], out, asked=ALL, segment=counting)
    assert (outcome.made, outcome.kept, counting.pictures) == (3, 4, 3)
    assert "new.png" in (out / "shares.csv").read_text()


def test_a_picture_is_done_only_when_all_that_is_asked_for_is_there(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run([photos], out)
    assert run([photos], out, asked=Asked(2, labels=True, overlay=True)).made == 6
    assert run([photos], out, asked=Asked(2, labels=True)).kept == 6
    assert run([photos], out, asked=Asked(2, overlay=True)).kept == 6
    assert run([photos], out, asked=Asked(2, overlay=True, shares=True)).made == 6


def test_an_overlay_with_a_legend_and_one_without_take_each_others_place(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plain, explained = Asked(2, overlay=True, legend=False), Asked(2, overlay=True)
    for asked in (explained, plain, explained):
        assert run([photos], out, asked=asked).made == 6
    assert run([photos], out, asked=explained).kept == 6


def test_an_output_that_was_cut_short_is_made_again(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run([photos], out)
    whole = (out / "2.png").read_bytes()
    (out / "2.png").write_bytes(whole[:-20])
    outcome = run([photos], out)
    assert (outcome.made, outcome.kept) == (1, 5)
    assert (out / "2.png").read_bytes() == whole


def test_a_picture_that_changes_while_it_is_segmented_is_made_again(photos: Path, tmp_path: Path) -> None:
    def changing(images: Sequence[npt.NDArray[np.uint8]]) -> list[Segmentation]:
        save_painted(photos / "4.png", seed=8, height=90)
        return read_colours(images)

    run([photos / "4.png"], tmp_path / "out", segment=changing)
    assert run([photos / "4.png"], tmp_path / "out").made == 1
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "4.png"), paint(seed=8, height=90)[1])


def test_files_of_other_settings_are_told_of_and_left(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run([photos], out, asked=Asked(2, labels=True)).outdated == []
    assert run([photos / "sub"], out, asked=Asked(2, overlay=True)).outdated == []
    outcome = run([photos], out, asked=Asked(0, shares=True))
    assert outcome.outdated == [f"{name}.png" for name in ("0", "2", "4")] + [
        f"sub/{name}{ending}" for name in (1, 3, 5) for ending in (".overlay.jpg", ".png")
    ]
    assert all((out / file).is_file() for file in outcome.outdated)
    assert run([photos], out, asked=Asked(0, labels=True)).outdated == [f"sub/{name}.overlay.jpg" for name in (1, 3, 5)]


def test_results_of_other_settings_are_made_again(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run([photos], out, asked=Asked(2, labels=True, shares=True))
    assert run([photos], out, asked=Asked(0, labels=True, shares=True)).made == 6
    assert int(labels_in(out / "0.png").max()) == 1
    assert (out / "shares.csv").read_text().startswith("picture,output,width,height,body\n")
    assert run([photos], out, asked=Asked(0, labels=True), tta=True).made == 6


def test_pictures_that_differ_in_their_ending_are_kept_apart(tmp_path: Path) -> None:
    one = save_painted(tmp_path / "in" / "a.png", seed=1)
    other = save_painted(tmp_path / "in" / "a.bmp", seed=2)
    run([tmp_path / "in"], tmp_path / "out")
    assert files_below(tmp_path / "out") == {"a.png.png", "a.bmp.png"}
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "a.png.png"), one)
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "a.bmp.png"), other)


def test_a_file_of_somebody_else_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    out, counting = tmp_path / "out", Counting()
    (out / "sub").mkdir(parents=True)
    (out / "sub" / "3.png").write_text("mine")
    with pytest.raises(OutputError, match=r"out/sub/3\.png: there already, and not made by this command") as caught:
        run([photos], out, segment=counting)
    assert "\n" not in str(caught.value)
    assert (counting.pictures, (out / "sub" / "3.png").read_text()) == (0, "mine")
    assert run([photos], out, overwrite=True).made == 6


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_picture_is_not_replaced_through_a_link_either(photos: Path, tmp_path: Path, overwrite: bool) -> None:
    before = (photos / "0.png").read_bytes()
    (tmp_path / "linked").symlink_to(photos)
    with pytest.raises(OutputError, match="would be replaced by its own output"):
        run([photos], tmp_path / "linked", overwrite=overwrite)
    assert (photos / "0.png").read_bytes() == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_picture_is_never_replaced_by_its_own_output(photos: Path, overwrite: bool) -> None:
    before = (photos / "0.png").read_bytes()
    with pytest.raises(OutputError, match="would be replaced by its own output"):
        run([photos], photos, overwrite=overwrite)
    assert (photos / "0.png").read_bytes() == before


def test_a_second_folder_with_the_same_names_is_kept_apart(photos: Path, tmp_path: Path) -> None:
    save_painted(tmp_path / "more" / "0.png", seed=7)
    run([photos], tmp_path / "out")
    run([tmp_path / "more"], tmp_path / "out")
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "0.png"), paint(seed=0)[1])
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "0.png.png"), paint(seed=7)[1])


def test_a_full_disk_ends_the_run_and_loses_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real, left = tmp_path / "out", os.fsync, [7]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        run([photos], out)
    assert str(caught.value.filename).startswith(str(out))
    monkeypatch.undo()
    assert not list(out.rglob("*.part"))
    for name in files_below(out):
        labels_in(out / name)
    outcome = run([photos], out)
    assert outcome.made + outcome.kept == 6
    assert outcome.made >= 3
    assert len(files_below(out)) == 6


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    # Root may write anywhere but where the kernel has no files to make.
    target = Path("/proc/sys/out") if os.geteuid() == 0 else locked / "out"
    with pytest.raises(OutputError, match="cannot be written to") as caught, open_folder(target):
        pass
    assert "\n" not in str(caught.value)


def test_a_file_for_a_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="out: a file, not a folder"), open_folder(tmp_path / "out"):
        pass


def test_two_runs_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    with (
        open_folder(tmp_path / "out"),
        pytest.raises(BusyError, match="another bodycascade segment"),
        open_folder(tmp_path / "out"),
    ):
        pass


def test_no_more_than_a_batch_goes_through_the_network_at_once(photos: Path, tmp_path: Path) -> None:
    counting = Counting()
    run([photos], tmp_path / "out", segment=counting, batch=2)
    assert counting.pictures == 6
    assert counting.most <= 2
