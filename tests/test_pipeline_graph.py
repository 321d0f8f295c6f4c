"""The DVC graph: one text for all profiles, true to the code that its stages run."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bodycascade.hierarchy import PASCAL_PART
from bodycascade.params import load_params
from bodycascade.train.workspace import CODE
from tests.imports import ROOT, imported_names, module_file

COPIES = ("pascal_part", "official", "scratch")
PROFILES = {
    "embedded": ROOT / "params.yaml",
    **{name: ROOT / "pipelines" / name / "params.yaml" for name in (*COPIES, "direct")},
}
EXPERTS = {spec.name: spec.parent for spec in PASCAL_PART.experts}
TRAINED = [f"train-{name}" for name in EXPERTS]

CARRIES = {
    "stages": "reads params and words errors",
    "bodycascade": "exports names",
    "bodycascade.errors": "words",
    "bodycascade.files": "writes what it is given",
    "bodycascade.folders": "puts a folder in its place",
    "bodycascade.progress": "bars and lines",
    "bodycascade.strips": "cuts large pictures up, for memory's sake",
    "bodycascade.params.*": "the params that a stage reads are tracked as such",
    "bodycascade.devices": "where and in which precision is said by base",
}
"""Modules that a stage may import without depending on them, since they do not decide what comes out; with `.*`, all
below them too."""

ALSO_CARRIES = {
    "preprocess": {
        "bodycascade.data": "exports names",
        "bodycascade.data.examples": "names what is packed",
        "bodycascade.data.rendering.*": "is profile.source, where a profile renders",
    },
    "train": {
        "bodycascade.data.parallel": "carries batches, in the order in which they were asked for",
        "bodycascade.expert_file": "carries weights",
        "bodycascade.preprocess.*": "carries packs and frequencies, whose content is tracked",
    },
    "evaluate": {
        "bodycascade.data.*": "carries images that val.json names",
        "bodycascade.drawing": "colours, none of which is scored",
        "bodycascade.preprocess.*": "carries val.json, whose content is tracked",
    },
    "visualize": {
        "bodycascade.data.*": "carries images that val.json names",
        "bodycascade.evaluate.*": "carries predictions, whose content is tracked",
        "bodycascade.preprocess.*": "carries val.json, whose content is tracked",
    },
}


@cache
def stages(profile: str) -> dict[str, dict[str, Any]]:
    """Stages of a profile's dvc.yaml, its values in place of the templates; a param is "section.key"."""
    text = PROFILES[profile].with_name("dvc.yaml").read_text(encoding="utf-8")
    for key, value in read_yaml(PROFILES[profile])["profile"].items():
        text = text.replace(f"${{profile.{key}}}", value)
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["stages"]
    return found


@cache
def read_yaml(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def word(stage: str) -> str:
    """The stage's word, shared by script, package and params section: train-person is a `train`."""
    return stage.partition("-")[0]


def outputs(stage: dict[str, Any], *kinds: str) -> list[str]:
    """Paths under `kinds` of "outs", "metrics", "plots"."""
    listed = [entry for kind in kinds for entry in stage.get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in listed]


def tracked(stage: dict[str, Any]) -> list[str]:
    """Keys of params.yaml that the stage depends on."""
    return [key for entry in stage["params"] for keys in entry.values() for key in keys]


def code_of(stage: dict[str, Any]) -> list[str]:
    """What of this repository's code the stage depends on."""
    return [path for path in stage["deps"] if path.endswith(".py") or path.startswith("src/")]


def is_below(path: str, folders: list[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def reached_modules(start: str, stop: set[str]) -> set[str]:
    """Modules that a run of `start` loads, those that `stop` names neither counted nor followed."""
    found: set[str] = set()
    queue = [start]
    while queue:
        name = queue.pop()
        file = module_file(name)
        if file is None or name in found or is_stopped(name, stop):
            continue
        found.add(name)
        packages = [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
        queue += [*packages, *imported_names(file)]
    return found


def is_stopped(name: str, stop: set[str]) -> bool:
    """Whether `name` is in `stop`, or below an entry of it that ends in `.*`."""
    return name in stop or any(f"{name}.".startswith(entry[:-1]) for entry in stop if entry.endswith(".*"))


def test_every_profile_is_tested_here() -> None:
    assert {path.parent.name for path in (ROOT / "pipelines").glob("*/params.yaml")} == {*PROFILES} - {"embedded"}


@pytest.mark.parametrize("profile", COPIES)
def test_graph_of_a_profile_is_a_copy(profile: str) -> None:
    copy = ROOT / "pipelines" / profile / "dvc.yaml"
    assert not copy.is_symlink()
    assert copy.read_bytes() == (ROOT / "dvc.yaml").read_bytes(), f"cp dvc.yaml {copy.relative_to(ROOT)}"


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_names_itself_and_the_way_to_the_root(profile: str) -> None:
    path, record = PROFILES[profile], load_params(PROFILES[profile]).profile
    assert record.name == profile
    assert record.params == path.relative_to(ROOT).as_posix()
    assert (path.parent / record.root).resolve() == ROOT


@pytest.mark.parametrize("profile", PROFILES)
def test_stage_script_package_and_section_share_a_word(profile: str) -> None:
    sections = read_yaml(PROFILES[profile])
    for name, stage in stages(profile).items():
        expert = name.removeprefix(word(name)).replace("-", " ")
        assert stage["cmd"] == f"python -m stages.{word(name)}{expert} --params ${{profile.params}}".replace(
            "${profile.params}", sections["profile"]["params"]
        )
        assert (ROOT / "stages" / f"{word(name)}.py").is_file()
        assert (ROOT / "src/bodycascade" / word(name) / "__init__.py").is_file()
        assert word(name) in sections


def zoom_of(stage: str) -> list[str]:
    """What a training depends on of `zoom`: the root's sees boxes around true people, so not on how they are found."""
    is_root = stage in ("train-person", "train-parts")
    return [f"zoom.{key}" for key in ("looks", "margin", "whole")] if is_root else ["zoom"]


@pytest.mark.parametrize("profile", PROFILES)
def test_stage_tracks_the_sections_that_it_reads_and_they_exist(profile: str) -> None:
    sections = read_yaml(PROFILES[profile])
    for name, stage in stages(profile).items():
        if word(name) == "train":
            expected = ["base", *zoom_of(name), "train.common", f"train.{name.removeprefix('train-')}"]
        elif name == "evaluate":
            expected = ["base", "zoom", "evaluate"]
        elif name == "preprocess":
            expected = ["preprocess", "profile.tree"]
        else:
            expected = ["base", word(name)]
        assert tracked(stage) == expected
        for key in expected:
            section: Any = sections
            for part in key.split("."):
                section = section[part]
            assert isinstance(section, str | float if "." in key and not key.startswith("train.") else dict)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_dependency_exists_or_is_made_by_a_stage_before(profile: str) -> None:
    made: list[str] = []
    for name, stage in stages(profile).items():
        for path in stage["deps"]:
            raw = name == "preprocess" and path == read_yaml(PROFILES[profile])["profile"]["source"]
            assert (ROOT / path).exists() or is_below(path, made) or (raw and path.startswith("data/")), (name, path)
            assert is_below(path, made) == path.startswith("results/"), (name, path)
        made += outputs(stage, "outs", "metrics", "plots")
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_writes_to_folders_of_its_own(profile: str) -> None:
    for stage in stages(profile).values():
        for path in outputs(stage, "outs", "metrics", "plots"):
            assert Path(path).parts[0] == "results"
            assert Path(path).parts[2] == profile


def test_only_preprocess_reads_the_raw_data() -> None:
    source = read_yaml(PROFILES["pascal_part"])["profile"]["source"]
    assert [name for name, stage in stages("pascal_part").items() if source in stage["deps"]] == ["preprocess"]


@pytest.mark.parametrize("profile", PROFILES)
def test_training_depends_on_nothing_that_is_known_of_val(profile: str) -> None:
    data = f"results/data/{profile}"
    for name, stage in stages(profile).items():
        wanted = {
            "preprocess": set(),
            "train": {f"{data}/manifest.json", f"{data}/selection", f"{data}/train"},
        }.get(word(name), {f"{data}/val.json"})
        assert {path for path in stage["deps"] if is_below(path, [data])} == wanted


def test_each_expert_has_a_stage_that_depends_on_all_experts_above_it() -> None:
    graph = stages("embedded")
    assert [name for name in graph if word(name) == "train"] == TRAINED
    for expert, parent in EXPERTS.items():
        above = []
        while parent is not None:
            above.append(parent)
            parent = EXPERTS[parent]  # noqa: PLW2901 - one step up the tree
        models = [path for path in graph[f"train-{expert}"]["deps"] if path.startswith("results/models/")]
        assert models == [f"results/models/embedded/{name}.safetensors" for name in above]


def test_training_stages_differ_in_the_expert_only() -> None:
    graph, plain = stages("embedded"), []
    for name in TRAINED:
        stage = dict(graph[name])
        stage["deps"] = [path for path in stage["deps"] if not path.startswith("results/models/")]
        stage.pop("desc")
        (params,) = stage["params"][0].values()
        assert params[1:-2] == zoom_of(name)
        params[1:-2] = ["zoom"]
        plain.append(re.sub(rf"\b{name.removeprefix('train-')}\b", "EXPERT", yaml.safe_dump(stage)))
    assert len(set(plain)) == 1


def test_opponents_graph_has_one_network_and_no_report() -> None:
    graph, other = stages("direct"), stages("pascal_part")
    assert list(graph) == ["preprocess", "train-parts", "evaluate"]
    for name, same in (("preprocess", "preprocess"), ("train-parts", "train-person"), ("evaluate", "evaluate")):
        assert code_of(graph[name]) == code_of(other[same]), "a change of dvc.yaml belongs in pipelines/direct too"
        assert graph[name].keys() == other[same].keys()
    made: list[str] = []
    for name in graph:
        assert bool(made) == any(is_below(path, made) for path in graph[name]["deps"]), f"{name} waits for no other"
        made = outputs(graph[name], "outs")


def test_unfinished_training_is_dropped_for_the_code_that_dvc_tracks() -> None:
    listed = {path for path in stages("embedded")["train-person"]["deps"] if path.startswith("src/")}
    assert listed == {f"src/bodycascade/{name}" for name in CODE}


@pytest.mark.parametrize("stage", ["preprocess", "train-person", "evaluate", "visualize"])
def test_code_dependencies_cover_what_the_stage_imports(stage: str) -> None:
    code = code_of(stages("pascal_part")[stage])
    exempt = set(CARRIES) | set(ALSO_CARRIES[word(stage)])
    reached = reached_modules(f"stages.{word(stage)}", exempt)
    files = {module_file(name) for name in reached}
    paths = {file.relative_to(ROOT).as_posix() for file in files if file is not None}
    assert {path for path in paths if not is_below(path, code)} == set()
    idle = {entry for entry in code if not any(is_below(path, [entry]) for path in paths)}
    assert idle == set(), "these are depended on but not imported"


@pytest.mark.parametrize("profile", PROFILES)
def test_git_keeps_small_results_and_leaves_the_others_to_dvc(profile: str) -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this copy has no git")
    for stage in stages(profile).values():
        cached, kept = outputs(stage, "outs"), outputs(stage, "metrics", "plots")
        asked = subprocess.run(
            ["git", "check-ignore", "--no-index", *cached, *kept], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert sorted(asked.stdout.split()) == sorted(cached)
