"""What params.yaml says arrives as it was meant."""

from __future__ import annotations

import re
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from bodycascade.errors import MissingExtraError, ParamsError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.params import load_params
from tests.conftest import MakeParams
from tests.imports import ROOT
from tests.params_text import with_value

FILES = [ROOT / "params.yaml", *sorted((ROOT / "pipelines").glob("*/params.yaml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_parameter_files_of_the_repository_are_valid(path: Path) -> None:
    params = load_params(path)
    assert tuple(params.train) == tuple(spec.name for spec in params.profile.trained_tree(PASCAL_PART).experts)
    assert ((path.parent / params.profile.root).resolve(), params.profile.params) == (ROOT, str(path.relative_to(ROOT)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_key_of_the_parameter_files_has_a_comment(path: Path) -> None:
    found = re.findall(r"^ +(\w+): *[^ {#\n]+([^#\n]*#.+)?", path.read_text(encoding="utf-8"), re.MULTILINE)
    explained = {key for key, comment in found if comment}
    # One comment speaks for the four strengths of a change of colour.
    assert {key for key, _ in found} - explained <= {"brightness", "contrast", "saturation"}


def test_profiles_never_share_a_name() -> None:
    names = [load_params(path).profile.name for path in FILES]
    assert len(set(names)) == len(names)


def test_values_arrive_with_the_types_of_the_records(make_params: MakeParams) -> None:
    params = make_params({"train.common.learning_rate": 1, "train.common.widths": [8, 16], "evaluate.half": True})
    train = params.train["body"]
    assert (train.learning_rate, type(train.learning_rate)) == (1.0, float)
    assert train.widths == (8, 16)
    assert params.evaluate.half is True
    with pytest.raises(FrozenInstanceError):
        train.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("1.5E-2", 0.015), (".5", 0.5), ("+0.25", 0.25), ("1.", 1.0)]
)
def test_numbers_may_be_written_as_people_write_them(tmp_path: Path, text: str, value: float) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(with_value("train.common.learning_rate", text), encoding="utf-8")
    assert load_params(path).train["person"].learning_rate == value


def test_expert_section_overrides_single_keys_of_common(make_params: MakeParams) -> None:
    params = make_params({"train.common.epochs": 5, "train.body": {"epochs": 7, "augment": {"flip": 0.25}}})
    assert [params.train[name].epochs for name in ("person", "body", "lower_body")] == [5, 7, 5]
    assert params.train["body"].augment.flip == 0.25
    assert params.train["body"].augment.hue == params.train["person"].augment.hue


def test_byte_order_mark_crlf_and_anchors_are_harmless(tmp_path: Path) -> None:
    text = with_value("train.person", "&own {epochs: 3}").replace("  body: {}", "  body: *own").replace("\n", "\r\n")
    path = tmp_path / "params.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_params(path).train["body"].epochs == 3


def test_paths_of_results_carry_the_name_of_the_profile(make_params: MakeParams) -> None:
    profile = make_params().profile
    assert (profile.data, profile.work) == (Path("results/data/tiny"), Path(".work/tiny"))
    folders = (profile.models, profile.metrics, profile.plots, profile.reports)
    assert folders == tuple(Path("results") / kind / "tiny" for kind in ("models", "metrics", "plots", "reports"))


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParamsError, match=r"(no such file|cannot be read).*expected a params.yaml"):
        load_params(tmp_path / name)


def test_missing_yaml_is_an_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("document", "values", "reading"):
        monkeypatch.delitem(sys.modules, f"bodycascade.params.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'bodycascade\[pipeline\]'"):
        load_params(ROOT / "params.yaml")
