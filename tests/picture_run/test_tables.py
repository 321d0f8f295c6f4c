"""The tables about all pictures of a folder: which rows they have, and what these are called."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import numpy as np

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.outputs import Asked
from bodycascade.picture_run import Settings, find_sources, open_folder, run_pictures
from tests.painted import paint, read_colours, save_painted
from tests.picture_run.runs import files_below, labels_in, run


def test_pictures_of_several_pipes_are_told_apart_by_the_names_of_their_outputs(tmp_path: Path) -> None:
    for seed in range(3):
        save_painted(tmp_path / "a.png", seed=seed)
        (source,) = find_sources(["-"], pipe=io.BytesIO((tmp_path / "a.png").read_bytes()))
        settings = Settings(Asked(2, labels=True, shares=True), model="painted", tta=False, batch=1)
        with open_folder(tmp_path / "out") as folder:
            run_pictures([source], folder, read_colours, PASCAL_PART, settings)
    with (tmp_path / "out" / "shares.csv").open(newline="") as file:
        names = [row["picture"] for row in csv.DictReader(file)]
    assert names == ["stdin", "stdin-2", "stdin-3"]
    assert files_below(tmp_path / "out") == {"shares.csv", *(f"{name}.png" for name in names)}


def test_tables_name_pictures_of_several_runs_apart(photos: Path, tmp_path: Path) -> None:
    shares = Asked(2, shares=True)
    save_painted(tmp_path / "more" / "0.png", seed=7)
    run([photos], tmp_path / "out", asked=shares)
    run([tmp_path / "more"], tmp_path / "out", asked=shares)
    with (tmp_path / "out" / "shares.csv").open(newline="") as file:
        names = [row["picture"] for row in csv.DictReader(file)]
    assert sorted(names) == sorted(
        ["0.png", "2.png", "4.png", "sub/1.png", "sub/3.png", "sub/5.png", str(tmp_path / "more" / "0.png")]
    )


def test_the_table_of_shares_says_what_the_outputs_of_pictures_of_one_name_are_called(tmp_path: Path) -> None:
    folders = [tmp_path / "anna", tmp_path / "ben"]
    for seed, folder in enumerate(folders):
        save_painted(folder / "x.png", seed=seed)
    run([folder / "x.png" for folder in folders], tmp_path / "out", asked=Asked(2, labels=True, shares=True))
    with (tmp_path / "out" / "shares.csv").open(newline="") as file:
        rows = {Path(row["picture"]).parent.name: row for row in csv.DictReader(file)}
    for seed, folder in enumerate(folders):
        labels = labels_in(tmp_path / "out" / f"{rows[folder.name]['output']}.png")
        np.testing.assert_array_equal(labels, paint(seed=seed)[1])


def test_tables_leave_out_a_picture_that_became_bad(photos: Path, tmp_path: Path) -> None:
    shares = Asked(2, shares=True)
    run([photos], tmp_path / "out", asked=shares)
    (photos / "2.png").write_bytes(b"no picture")
    run([photos], tmp_path / "out", asked=shares)
    lines = (tmp_path / "out" / "shares.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["0.png", "4.png", "sub/1.png", "sub/3.png", "sub/5.png"]


def test_tables_leave_out_pictures_that_are_gone(photos: Path, tmp_path: Path) -> None:
    asked = Asked(2, shares=True, coco="polygons")
    run([photos], tmp_path / "out", asked=asked)
    (photos / "2.png").unlink()
    (photos / "sub").rename(photos / "moved")
    run([photos], tmp_path / "out", asked=asked)
    wanted = ["0.png", "4.png", "moved/1.png", "moved/3.png", "moved/5.png"]
    lines = (tmp_path / "out" / "shares.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == wanted
    data = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [image["file_name"] for image in data["images"]] == wanted


def test_a_name_in_another_encoding_is_escaped_in_tables(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    save_painted(tmp_path / "photos" / name, seed=1)
    (tmp_path / "photos" / os.fsdecode(b"bad\xe9.png")).write_bytes(b"no picture")
    outcome = run([tmp_path / "photos"], tmp_path / "out", asked=Asked(2, labels=True, shares=True))
    assert (outcome.made, len(outcome.failures)) == (1, 1)
    assert (tmp_path / "out" / name).exists()
    assert (tmp_path / "out" / "shares.csv").read_text(encoding="utf-8").splitlines()[1].startswith("caf\\udce9.png,")
    assert "bad\\udce9.png" in (tmp_path / "out" / "failures.csv").read_text(encoding="utf-8")
