"""The ablation benchmark: its arms, what it trains, and its table."""

from __future__ import annotations

import csv
import dataclasses
import math
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ablation
from benchmarks.ablation import Arm, changed, measure, parse, parse_arm, run, table
from bodycascade.errors import BodyCascadeError, DataError, ParamsError, TrainingError
from bodycascade.expert_file import save_expert
from bodycascade.params import load_params
from bodycascade.preprocess import preprocess
from bodycascade.train import train
from bodycascade.train.materials import new_expert
from tests.imports import ROOT
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params, pack_animals, write_animals
from tests.train.jobs import make_job

PARAMS = ROOT / "params.yaml"

ROW = {"epoch": 12.0, "selection_mIoU": 0.54321, "iou_head": 0.5, "iou_torso": 0.25, "seconds": 90.0}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_animals(tmp_path_factory.mktemp("animals"))


@pytest.fixture
def project(packed: Path, tmp_path: Path) -> Path:
    """A copy, with an untrained root."""
    root = tmp_path / "project"
    shutil.copytree(packed, root)
    job = make_job(root)
    save_expert(job.model("animal"), new_expert(job, {}), {})
    return root


def results(root: Path) -> dict[Path, bytes]:
    """All files of a project but those of unfinished work."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".work" not in path.parts}


def test_an_arm_has_a_name_and_changes() -> None:
    assert parse_arm("as it is:") == Arm("as it is", ())
    given = "soft : train.body.mask_form=soft train.body.outside=.2 profile.name=a=b"
    changes = (("train.body.mask_form", "soft"), ("train.body.outside", ".2"), ("profile.name", "a=b"))
    assert parse_arm(given) == Arm("soft", changes)


@pytest.mark.parametrize("text", ["", "soft", ": base.seed=1", "soft: base.seed", "soft: =1", "soft: base.seed="])
def test_what_is_no_arm_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ParamsError, match=r"expected NAME: KEY=VALUE") as caught:
        parse_arm(text)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_changes_are_laid_over_the_file_and_leave_it_alone() -> None:
    before, plain = PARAMS.read_bytes(), load_params(PARAMS)
    params = changed(PARAMS, (("train.body.epochs", "2"), ("base.seed", "7"), ("train.body.epochs", "3")))
    assert params.train["body"].epochs == 3
    assert params.base.seed == 7
    assert params.train["person"] == plain.train["person"]
    assert params.preprocess == plain.preprocess
    assert changed(PARAMS, ()) == plain
    assert PARAMS.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train.body.epoch", "2", r"train\.body\.epoch: unknown key"),
        ("trian.body.epochs", "2", "trian: unknown key"),
        ("train.head.epochs", "2", r"train\.head: unknown key"),
        ("base.seed.more", "2", r"base\.seed\.more: .*no such section"),
        ("train.body.epochs", "many", r"train\.body\.epochs: .*expected"),
        ("train.body.epochs", "[1", r"train\.body\.epochs"),
    ],
)
def test_nonsense_in_a_change_is_one_line(key: str, value: str, message: str) -> None:
    with pytest.raises(ParamsError, match=message) as caught:
        changed(PARAMS, ((key, value),))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("key", "value"), [("base.seed", "010"), ("evaluate.half", "on"), ("base.seed", "1_0")])
def test_a_value_means_what_it_means_in_the_file(key: str, value: str) -> None:
    with pytest.raises(ParamsError) as caught:
        changed(PARAMS, ((key, value),))
    assert str(caught.value).startswith(f"{PARAMS}: {key}: expected ")  # no line: the file has another value there
    assert value in str(caught.value)


def test_a_change_may_open_a_section_that_the_expert_has_not() -> None:
    params = changed(PARAMS, (("train.body.augment.flip", "0.25"), ("train.body.augment.blur", "0")))
    assert (params.train["body"].augment.flip, params.train["body"].augment.blur) == (0.25, 0)
    assert params.train["person"] == load_params(PARAMS).train["person"]


def test_an_arm_is_measured_as_the_train_stage_measures_it(project: Path, tmp_path: Path) -> None:
    params, other = animal_params(), tmp_path / "other"
    shutil.copytree(project, other)
    before = results(project)
    row = measure(params, project, "animal", tmp_path, tree=FOUR_LEGS)
    assert results(project) == before
    assert row["epoch"] == params.train["animal"].epochs
    assert row["minutes"] > 0
    train(params, "animal", other, FOUR_LEGS)
    with make_job(other).history.open() as file:
        last = list(csv.DictReader(file))[-1]
    for key in ("selection_mIoU", "iou_beast", "loss"):
        assert float(last[key]) == pytest.approx(row[key], abs=1e-4)


def test_a_child_is_measured_below_the_experts_that_there_are(project: Path, tmp_path: Path) -> None:
    before, work = results(project), tmp_path / "work"
    work.mkdir()
    row = measure(animal_params(parent_mask="predicted"), project, "beast", work, tree=FOUR_LEGS)
    assert {"iou_tail", "iou_trunk", "iou_legs"} <= set(row)
    assert results(project) == before
    (maps,) = work.iterdir()
    made = {path: path.stat().st_mtime_ns for path in maps.iterdir()}
    assert made
    measure(animal_params(parent_mask="predicted"), project, "beast", work, tree=FOUR_LEGS)
    assert {path: path.stat().st_mtime_ns for path in maps.iterdir()} == made
    make_job(project).model("animal").unlink()
    with pytest.raises(TrainingError, match=r"animal\.safetensors: beast needs the expert .animal. trained first"):
        measure(animal_params(), project, "beast", work, tree=FOUR_LEGS)


def test_an_arm_that_wants_other_packs_is_refused(project: Path, tmp_path: Path) -> None:
    params = animal_params()
    smaller = dataclasses.replace(params, preprocess=dataclasses.replace(params.preprocess, long_side=32))
    with pytest.raises(DataError, match=r"long_side"):
        measure(smaller, project, "animal", tmp_path, tree=FOUR_LEGS)


def test_table_has_a_row_for_each_arm_and_a_column_for_each_class() -> None:
    rows = [{"arm": "hard", "minutes": 1.5} | ROW, {"arm": "few", "minutes": 20.0, "epoch": 3.0, "selection_mIoU": 0.5}]
    assert table(rows).splitlines() == [
        "| arm | epochs | selection mIoU | head | torso | minutes |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| hard | 12 | 0.5432 | 0.500 | 0.250 | 1.5 |",
        "| few | 3 | 0.5000 | - | - | 20.0 |",
    ]


def test_what_was_measured_before_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def measured(params: Any, root: Path, expert: str, folder: Path) -> dict[str, Any]:
        assert folder.is_dir()
        seen.append((params.train[expert].epochs, params.base.seed))
        if len(seen) == 2:
            raise BodyCascadeError("the second arm fails")
        return ROW | {"minutes": 1.5}

    monkeypatch.setattr(ablation, "measure", measured)
    project, out = tmp_path / "project", tmp_path / "out"
    project.mkdir()
    path = shutil.copy(PARAMS, project)
    arms = ["--set", "train.body.epochs=2", "--arm", "one: base.seed=5", "--arm", "two: train.body.epochs=4"]
    with pytest.raises(BodyCascadeError, match="the second arm fails"):
        run(parse([str(path), "body", *arms, "--out", str(out)]))
    assert seen == [(2, 5), (4, load_params(PARAMS).base.seed)]
    assert sorted(path.name for path in out.iterdir()) == ["ablation_body.json", "ablation_body.md"]
    assert "| one | 12 | 0.5432 | 0.500 | 0.250 | 1.5 |" in (out / "ablation_body.md").read_text()
    assert not list(project.rglob("*ablation*"))


def test_a_class_without_a_figure_is_left_out(tmp_path: Path) -> None:
    root, work = tmp_path / "project", tmp_path / "work"
    write_animals(root / "data" / "animals", without=("tail",))
    preprocess(animal_params(), root, FOUR_LEGS)
    job = make_job(root)
    save_expert(job.model("animal"), new_expert(job, {}), {})
    work.mkdir()
    row = measure(animal_params(), root, "beast", work, tree=FOUR_LEGS)
    assert "iou_trunk" in row
    assert "iou_tail" not in row
    assert all(math.isfinite(value) for value in row.values())  # JSON has nothing else


def test_what_a_killed_run_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "measure", lambda *_: ROW | {"minutes": 1.5})
    shutil.copy(PARAMS, tmp_path)
    work = tmp_path / load_params(PARAMS).profile.work
    dead, alive = (work / f".ablation.{process}.00000000.part" for process in (2**22 + 1, os.getppid()))
    for folder in (dead, alive):
        folder.mkdir(parents=True)
        (folder / "parents-train.npy").touch()
    run(parse([str(tmp_path / "params.yaml"), "body", "--arm", "one:", "--out", str(tmp_path / "out")]))
    assert list(work.iterdir()) == [alive]


def test_a_bad_arm_is_refused_before_anything_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "measure", lambda *_: pytest.fail("trained"))
    with pytest.raises(ParamsError, match="unknown key"):
        run(parse([str(PARAMS), "body", "--arm", "good:", "--arm", "bad: base.sead=1", "--out", str(tmp_path)]))
    late = ["--arm", "good:", "--arm", "flat: train.body.calibration.reach=0"]
    with pytest.raises(ParamsError, match=r"arm 'flat': train\.body\.calibration\.reach acts after training"):
        run(parse([str(PARAMS), "body", *late, "--out", str(tmp_path)]))
    assert not list(tmp_path.iterdir())
