"""What several parameters say together: contradictions, and how often the cascade looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bodycascade.params import Params, load_params
from tests.conftest import MakeParams
from tests.params_text import error_of, line_of, with_value


def test_contradiction_made_by_an_override_is_named_where_it_is_written(tmp_path: Path) -> None:
    said = error_of(tmp_path, with_value("train.body", "{crop_side: 4000}"))
    assert said.startswith(f"params.yaml:{line_of('train.body')}: train.body.crop_side: expected at most input_side")


def test_contradiction_with_what_is_common_says_whose_it_is(tmp_path: Path) -> None:
    said = error_of(tmp_path, with_value("train.body", "{input_side: 128}"))
    assert said.startswith(f"params.yaml:{line_of('train.common.crop_side')}: train.common.crop_side: ")
    assert said.endswith("expected at most input_side, 128, found 192 (for the expert body)")


@pytest.mark.parametrize(("key", "name"), [("train_ids", "train_id.txt"), ("val_ids", "val_id.txt")])
def test_other_lists_than_the_renderer_writes_are_refused_where_it_writes_them(
    tmp_path: Path, key: str, name: str
) -> None:
    said = error_of(tmp_path, with_value(f"preprocess.{key}", "mine.txt"))
    where = f"params.yaml:{line_of(f'preprocess.{key}')}: preprocess.{key}"
    assert said == f"{where}: expected {name}, which the renderer writes, found 'mine.txt'"


@pytest.mark.parametrize(
    ("section", "stride"),
    [
        ("{crop_side: 200}", 64),
        ("{crop_side: 88, widths: [8, 16], input_pool: 2, stem_stride: 4}", 16),
        ("{crop_side: 240, encoder: movenet_thunder+nanodet_g, input_pool: 1, stem_stride: 1}", 32),
    ],
)
def test_training_crop_that_the_network_could_not_take_is_refused(tmp_path: Path, section: str, stride: int) -> None:
    side = section.split(",", maxsplit=1)[0].strip("{}").split()[-1]
    said = error_of(tmp_path, with_value("train.body", section))
    assert said.endswith(f"train.body.crop_side: expected a multiple of the network's stride, {stride}, found {side}")


def test_unknown_encoder_is_refused_before_the_first_expert_is_trained(tmp_path: Path) -> None:
    said = error_of(tmp_path, with_value("train.lower_body", "{encoder: movenet_thundr}"))
    where = f"params.yaml:{line_of('train.lower_body')}: train.lower_body.encoder"
    assert said.startswith(f"{where}: encoder 'movenet_thundr' is not known; expected one of ")


@pytest.mark.parametrize(("key", "value"), [("stem_stride", 4), ("input_pool", 2)])
def test_encoder_leaves_no_place_for_another_way_to_shrink_the_input(tmp_path: Path, key: str, value: int) -> None:
    others = {"stem_stride": 1, "input_pool": 1, key: value}
    section = ", ".join(f"{name}: {number}" for name, number in {"encoder": "efficientnet_lite0", **others}.items())
    said = error_of(tmp_path, with_value("train.body", f"{{{section}}}"))
    where = f"params.yaml:{line_of('train.body')}: train.body.{key}"
    assert said == f"{where}: expected 1 with the encoder efficientnet_lite0, found {value}"


def test_decoder_with_more_widths_than_the_encoder_has_strides_is_refused(tmp_path: Path) -> None:
    encoder = "encoder: bodypix_mobilenet_v1_075, stem_stride: 1, widths: [64, 48, 32, 24]"
    said = error_of(tmp_path, with_value("train.body", f"{{{encoder}, start: scratch}}"))
    assert said.endswith("train.body.widths: expected at most 3 with the encoder bodypix_mobilenet_v1_075, found 4")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("kernel: 5", "kernel: expected 3 as person"),
        ("widths: [8, 16]", "widths: expected [48, 96, 128, 160, 192] as person"),
        ("block_depth: 2", "block_depth: expected 1 as person"),
        ("encoder: movenet_thunder, widths: [8], stem_stride: 1", "encoder: expected none as person"),
    ],
)
def test_expert_that_could_not_start_from_its_parent_is_refused_before_any_is_trained(
    tmp_path: Path, section: str, words: str
) -> None:
    said = error_of(tmp_path, with_value("train.body", f"{{{section}}}"))
    assert said.startswith(f"params.yaml:{line_of('train.body')}: train.body.{words}, from whose weights it starts (")
    load(tmp_path, with_sections("{}", f"{{{section}, start: scratch}}"))


ON_TRUNKS = "{encoder: movenet_thunder+nanodet_g, stem_stride: 1, widths: [64, 32, 24]}"
SMALLER = "encoder: movenet_thunder+nanodet_g_stride16, stem_stride: 1"


@pytest.mark.parametrize("section", [f"{SMALLER}, widths: [64, 32, 24]", f"{SMALLER}, widths: [24, 24, 24]"])
def test_expert_on_an_encoder_may_start_from_a_larger_one(tmp_path: Path, section: str) -> None:
    params = load(tmp_path, with_sections(ON_TRUNKS, f"{{{section}}}"))
    assert params.train["body"].start == "parent"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (f"{SMALLER}, widths: [64, 48, 24]", "widths: expected at most [64, 32, 24] as person"),
        (f"{SMALLER}, widths: [24, 24]", "widths: expected at most [64, 32, 24] as person"),
        (f"{SMALLER}, widths: [64, 32, 24], kernel: 5", "kernel: expected 3 as person"),
        (f"{SMALLER}, widths: [64, 32, 24], block_depth: 2", "block_depth: expected at most 1 as person"),
        (
            "encoder: nanodet_g, stem_stride: 1, widths: [64, 32, 24]",
            "encoder: expected movenet_thunder+nanodet_g as person",
        ),
    ],
)
def test_expert_on_an_encoder_does_not_start_from_what_lacks_some_of_it(
    tmp_path: Path, section: str, words: str
) -> None:
    said = error_of(tmp_path, with_sections(ON_TRUNKS, f"{{{section}}}"))
    assert f": train.body.{words}, from whose weights it starts (" in said


def with_sections(person: str, body: str) -> str:
    """Of `person` and `body`; the experts below these start from random weights."""
    sections = {"person": person, "upper_body": "{start: scratch}", "lower_body": "{start: scratch}"}
    text = with_value("train.body", body)
    for expert, section in sections.items():
        text = text.replace(f"\n  {expert}: {{}}\n", f"\n  {expert}: {section}\n")
    return text


def load(tmp_path: Path, text: str) -> Params:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params(path)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("{epochs: 12, restarts: [6, 12]}", "train.body.restarts: expected less than epochs, 12, found 12"),
        ("{epochs: 9, restarts: [4, 2]}", "train.body.restarts: expected epochs in rising order, found [4, 2]"),
        (
            "{epochs: 12, restarts: [11], warmup_epochs: 2}",
            "train.body.warmup_epochs: expected at most the shortest cycle's epochs, 1, found 2",
        ),
        (
            "{epochs: 12, weight_averaging: {cycles: 1, epochs: 1}, warmup_epochs: 2}",
            "train.body.warmup_epochs: expected at most the shortest cycle's epochs, 1, found 2",
        ),
    ],
)
def test_cycles_fit_into_the_training(tmp_path: Path, section: str, words: str) -> None:
    assert error_of(tmp_path, with_value("train.body", section)).endswith(words)


@pytest.mark.parametrize(("looks", "weights"), [("never", None), ("once", (0.0, 0.0)), ("twice", (1.0, 0.0))])
def test_cascade_looks_as_often_as_the_params_say(
    make_params: MakeParams, looks: str, weights: tuple[float, float] | None
) -> None:
    zoom = make_params({"zoom.looks": looks}).zoom.settings
    # Weight of the second look in a tiny box and in one of half the picture.
    assert (None if zoom is None else (zoom.second_weight(0.01), zoom.second_weight(0.5))) == weights
