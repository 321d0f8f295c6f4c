"""An unfinished training goes on where it was, or starts over where its inputs are others."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from bodycascade.params import Params
from bodycascade.preprocess import preprocess
from bodycascade.train.workspace import CODE, fingerprint
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params, write_animals
from tests.train.conftest import Unfinished
from tests.train.test_stage import Output, events, read_history, run


def often(**changes: object) -> Params:
    """Parameters with a checkpoint after each step."""
    return animal_params(checkpoint_seconds=0.0, **changes)


def test_unfinished_training_is_resumed(project: Path, tmp_path: Path, unfinished: Unfinished, capsys: Output) -> None:
    other = shutil.copytree(project, tmp_path / "other")
    expected = run(other, params=often(panels=1))
    params = unfinished("animal", often(panels=1))
    leftover = project / "results/models/animals/.animal.safetensors.99999999.part"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    capsys.readouterr()
    path = run(project, params=params)
    assert "2 epochs of 3 steps; resumed in epoch 2" in capsys.readouterr().out
    assert path.read_bytes() == expected.read_bytes()
    found, wanted = ([list(row.values())[5:] for row in read_history(root)] for root in (project, other))
    assert found == wanted
    assert not leftover.exists()


def test_what_no_weight_depends_on_may_change_before_a_training_is_resumed(
    project: Path, unfinished: Unfinished, capsys: Output
) -> None:
    unfinished("animal", often())
    capsys.readouterr()
    run(project, params=animal_params(checkpoint_seconds=60.0, prefetch=1, panels=2))
    assert "resumed in epoch 2" in capsys.readouterr().out


def with_zoom(params: Params, **changes: object) -> Params:
    return dataclasses.replace(params, zoom=dataclasses.replace(params.zoom, looks="twice", **changes))  # type: ignore[arg-type]


def test_how_people_are_found_makes_no_difference_to_the_root(
    project: Path, tmp_path: Path, unfinished: Unfinished, capsys: Output
) -> None:
    other = shutil.copytree(project, tmp_path / "other")
    params = with_zoom(often(box_share=1.0), whole=1.0, margin=0.0)
    expected = run(other, params=params).read_bytes()
    assert run(other, params=with_zoom(params, margin=0.4)).read_bytes() != expected
    unfinished("animal", params)
    capsys.readouterr()
    path = run(project, params=with_zoom(params, threshold=0.7, again_below=0.1, again_above=0.9))
    assert "resumed in epoch 2" in capsys.readouterr().out
    assert path.read_bytes() == expected


def test_every_step_and_panel_stands_in_the_events_once_after_a_resume(project: Path, unfinished: Unfinished) -> None:
    params = unfinished("animal", often(panels=1, epochs=4), epochs=2)
    run(project, params=params)
    found = events(project)
    for tag in found.Tags()["scalars"]:
        assert [event.step for event in found.Scalars(tag)] == [3, 6, 9, 12]
    assert [event.step for event in found.Images("samples")] == [3, 6, 12]


@pytest.mark.parametrize("changed", ["params", "seed", "zoom", "code", "data", "expert above"])
def test_other_inputs_start_from_scratch_and_say_so(
    project: Path, unfinished: Unfinished, capsys: Output, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    run(project)
    params = unfinished("beast", often())
    if changed == "params":
        params = often(learning_rate=0.01)
    elif changed == "seed":
        params = dataclasses.replace(params, base=dataclasses.replace(params.base, seed=99))
    elif changed == "zoom":
        params = dataclasses.replace(params, zoom=dataclasses.replace(params.zoom, margin=0.9))
    elif changed == "code":
        monkeypatch.setattr("bodycascade.train.workspace.CODE", (*CODE, "metric.py"))
    elif changed == "data":
        shutil.rmtree(project / "data")
        write_animals(project / "data/animals", train=11)
        preprocess(params, project, FOUR_LEGS)
    else:
        run(project, params=animal_params(learning_rate=0.01))
    capsys.readouterr()
    run(project, "beast", params)
    said = capsys.readouterr().out
    assert "beast: parameters, data or code have changed since" in said
    assert "that unfinished training is dropped" in said
    assert "resumed" not in said


def test_damaged_checkpoint_is_said_and_the_training_goes_on_from_the_one_before(
    project: Path, tmp_path: Path, unfinished: Unfinished, capsys: Output
) -> None:
    expected = run(shutil.copytree(project, tmp_path / "other"), params=often()).read_bytes()
    params = unfinished("animal", often())
    newest = max((project / ".work").rglob("step-*.checkpoint"))
    newest.write_bytes(newest.read_bytes()[:-50])
    assert run(project, params=params).read_bytes() == expected
    assert f"animal: {newest.name} is damaged (its checksum does not fit)" in capsys.readouterr().out


def test_predicted_parent_masks_are_made_once(
    project: Path, unfinished: Unfinished, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    params = unfinished("beast", often(parent_mask="predicted"))
    monkeypatch.setattr("bodycascade.train.materials.write_parent_maps", None)
    assert run(project, "beast", params).is_file()


def test_fingerprint_tells_other_settings_and_contents_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("b")
    first = fingerprint({"rate": 0.1, "side": 3}, [one, other])
    assert first == fingerprint({"side": 3, "rate": 0.1}, [one, other])
    assert len(first) == 16
    found = {first, fingerprint({"rate": 0.2, "side": 3}, [one, other]), fingerprint({"rate": 0.1, "side": 3}, [one])}
    other.write_text("c")
    found.add(fingerprint({"rate": 0.1, "side": 3}, [one, other]))
    assert len(found) == 4
