"""One graph for the whole cascade says what the cascade says with its zoom off."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from bodycascade.expert import Expert
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.onnx_graphs.cascade_graph import cascade_model
from bodycascade.onnx_graphs.expert_graph import expert_model
from bodycascade.onnx_graphs.packages import onnxruntime, open_session
from tests.toy_experts import FOUR_LEGS, cascade, random_image, tiny_experts

SIZES = ((40, 60), (61, 30), (1, 1), (1, 2), (20, 150))


def session_of(experts: Sequence[Expert], *, routing: str) -> onnxruntime.InferenceSession:
    models = {expert.spec.name: expert_model(expert) for expert in experts}
    model = cascade_model(experts, models, routing=routing)
    return open_session(model.SerializeToString(), threads=1)


def assert_like_the_cascade(experts: Sequence[Expert], *, routing: str) -> None:
    session, segmenter = session_of(experts, routing=routing), cascade(experts, routing=routing)
    for seed, size in enumerate(SIZES):
        image = random_image(*size, seed=seed)
        labels, probabilities = session.run(["labels", "probabilities"], {"picture": image[None]})
        wanted = segmenter(image)
        assert (labels.dtype, labels.shape) == (np.uint8, (1, *size))
        np.testing.assert_array_equal(labels[0], wanted.parts)
        np.testing.assert_allclose(probabilities[0], wanted.probs, atol=5e-5)


@pytest.mark.parametrize("routing", ["hard", "soft"])
@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_labels_and_probabilities_are_those_of_the_cascade(tree: Tree, routing: str) -> None:
    assert_like_the_cascade(tiny_experts(tree, sides=(32, 48)), routing=routing)


@pytest.mark.parametrize(
    ("form", "outside", "threshold"), [("soft", 0.5, 0.1), ("soft", 0.0, 0.3), ("hard", 0.25, 0.5)]
)
def test_masks_of_every_form(form: str, outside: float, threshold: float) -> None:
    assert_like_the_cascade(
        [changed(expert, form, outside, threshold) for expert in tiny_experts(PASCAL_PART)], routing="hard"
    )


@pytest.mark.parametrize("routing", ["hard", "soft"])
@pytest.mark.parametrize("unreached", [("beast",), ("legs",), ("beast", "legs")])
def test_an_expert_that_nothing_reaches_has_no_say(unreached: tuple[str, ...], routing: str) -> None:
    experts = [
        changed(expert, "hard", 0.0, 1.0 if expert.spec.name in unreached else 0.0)
        for expert in tiny_experts(FOUR_LEGS)
    ]
    assert_like_the_cascade(experts, routing=routing)


def test_pictures_of_one_size_go_together() -> None:
    session = session_of(tiny_experts(PASCAL_PART), routing="hard")
    images = np.stack([random_image(33, 47, seed=seed) for seed in range(3)])
    labels, probabilities = session.run(None, {"picture": images})
    for i in range(3):
        alone = session.run(None, {"picture": images[i : i + 1]})
        np.testing.assert_array_equal(labels[i], alone[0][0])
        np.testing.assert_allclose(probabilities[i], alone[1][0], atol=1e-6)


def test_the_graph_says_what_goes_in_and_out() -> None:
    session = session_of(tiny_experts(PASCAL_PART), routing="hard")
    told = session.get_modelmeta()
    assert "Every expert looks at the full frame" in told.description
    assert told.custom_metadata_map["routing"] == "hard"
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("picture", "tensor(uint8)", ["batch", "height", "width", 3])
    found = [(one.name, one.type, one.shape) for one in session.get_outputs()]
    assert found == [
        ("labels", "tensor(uint8)", ["batch", "height", "width"]),
        ("probabilities", "tensor(float)", ["batch", 7, "height", "width"]),
    ]


def changed(expert: Expert, form: str, outside: float, threshold: float) -> Expert:
    """The expert with another mask."""
    settings = dataclasses.replace(expert.settings, mask_form=form, outside=outside, mask_threshold=threshold)
    other = Expert(expert.tree, settings)
    other.load_state_dict(expert.state_dict())
    return other.eval()
