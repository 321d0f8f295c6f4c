"""What several parameters say together: contradictions, and how often the cascade looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeParams
from tests.params_text import error_of, line_of, with_value


def test_contradiction_made_by_an_override_is_named_where_it_is_written(tmp_path: Path) -> None:
    said = error_of(tmp_path, with_value("train.body", "{crop_side: 4000}"))
    assert said.startswith(f"params.yaml:{line_of('train.body')}: train.body.crop_side: expected at most input_side")


def test_contradiction_with_what_is_common_says_whose_it_is(tmp_path: Path) -> None:
    said = error_of(tmp_path, with_value("train.body", "{input_side: 128}"))
    assert said.startswith(f"params.yaml:{line_of('train.common.crop_side')}: train.common.crop_side: ")
    assert said.endswith("expected at most input_side, 128, found 192 (for the expert body)")


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
