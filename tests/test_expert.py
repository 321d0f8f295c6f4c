"""One expert: its settings, its input, and what it can and cannot see."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import torch
from torch import Tensor

from bodycascade.encoders import make_encoder
from bodycascade.errors import BundleError, TreeError
from bodycascade.expert import IMAGENET_MEAN, IMAGENET_STD, Expert, ExpertSettings
from bodycascade.hierarchy import PASCAL_PART
from tests.toy_experts import FOUR_LEGS, settings, tiny_expert

BODYPIX = "bodypix_mobilenet_v1_075"


def encoded(name: str = "person", **changes: Any) -> ExpertSettings:
    """Settings of a small expert on an encoder, with its colours."""
    colours = make_encoder(BODYPIX)
    given: dict[str, Any] = {"encoder": BODYPIX, "widths": (8, 4), "stem_stride": 1}
    return dataclasses.replace(settings(name), mean=colours.mean, std=colours.std, **(given | changes))


def images(count: int = 2, height: int = 16, width: int = 24, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator, dtype=torch.uint8)


def mask(count: int = 2, height: int = 16, width: int = 24) -> Tensor:
    seen = torch.zeros(count, height, width, dtype=torch.bool)
    seen[:, 4:12, 6:20] = True
    return seen


@pytest.mark.parametrize("tree", [PASCAL_PART, FOUR_LEGS], ids=["people", "animals"])
def test_expert_gives_the_probability_of_each_child(tree: Any) -> None:
    for spec in tree.experts:
        expert = tiny_expert(tree, spec.name)
        found = expert.predict(images(), None if spec.parent is None else mask())
        assert found.shape == (2, len(spec.children), 16, 24)
        assert found.dtype == torch.float32
        assert torch.allclose(found.sum(dim=1), torch.ones(2, 16, 24), atol=1e-5)


def test_input_is_normalised_by_the_settings() -> None:
    expert = tiny_expert(PASCAL_PART, "person")
    given = images()
    found = expert.prepare(given, None)
    expected = (given.float() - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, atol=1e-6)


def test_pixels_outside_of_the_parent_are_zero_after_normalisation() -> None:
    expert, given, seen = tiny_expert(PASCAL_PART, "body"), images(), mask()
    found = expert.prepare(given, seen)
    everything = torch.ones_like(seen)
    outside = ~seen[:, None].expand_as(found)
    assert bool((found[outside] == 0).all())
    assert torch.equal(found[~outside], expert.prepare(given, everything)[~outside])
    assert bool((expert.prepare(given, everything)[outside] != 0).all())


def test_logits_do_not_change_with_the_pixels_outside_of_the_parent() -> None:
    seen = mask()
    for name in ("body", "upper_body", "lower_body"):
        expert, given = tiny_expert(PASCAL_PART, name), images()
        other = torch.where(seen[:, None], given, images(seed=1))
        assert not torch.equal(given, other)
        with torch.inference_mode():
            assert torch.equal(expert(expert.prepare(given, seen)), expert(expert.prepare(other, seen)))
            inside = torch.where(seen[:, None], images(seed=1), given)
            assert not torch.equal(expert(expert.prepare(given, seen)), expert(expert.prepare(inside, seen)))


def test_callers_tensors_are_left_as_they_are() -> None:
    expert, given, seen = tiny_expert(PASCAL_PART, "body"), images(), mask()
    before = (given.clone(), seen.clone())
    expert.prepare(given, seen).fill_(7)
    expert.predict(given, seen)
    assert torch.equal(given, before[0])
    assert torch.equal(seen, before[1])


def test_empty_parent_mask_gives_finite_probabilities() -> None:
    found = tiny_expert(PASCAL_PART, "body").predict(images(), torch.zeros(2, 16, 24, dtype=torch.bool))
    assert bool(found.isfinite().all())


def test_root_takes_no_mask_and_a_child_needs_one() -> None:
    with pytest.raises(TreeError, match="the expert 'person' takes no parent mask"):
        tiny_expert(PASCAL_PART, "person").prepare(images(), mask())
    with pytest.raises(TreeError, match="the expert 'body' takes a parent mask"):
        tiny_expert(PASCAL_PART, "body").prepare(images(), None)


@pytest.mark.parametrize(
    ("size", "shape"),
    [((32, 32), (32, 32)), ((500, 333), (32, 20)), ((333, 500), (20, 32)), ((1, 1), (32, 32)), ((20, 3000), (4, 32))],
)
def test_input_shape_keeps_the_long_side_and_whole_strides(size: tuple[int, int], shape: tuple[int, int]) -> None:
    expert = tiny_expert(PASCAL_PART, "person", side=32)
    assert expert.stride == 4
    assert expert.input_shape(*size) == shape


def test_prediction_leaves_no_gradient_and_does_not_depend_on_the_batch() -> None:
    expert, given, seen = tiny_expert(PASCAL_PART, "body"), images(), mask()
    together = expert.predict(given, seen)
    assert not together.requires_grad
    assert torch.allclose(expert.predict(given[1:], seen[1:])[0], together[1], atol=1e-6)


def test_tree_without_the_expert_is_refused() -> None:
    with pytest.raises(TreeError, match="no expert is called 'tail'"):
        Expert(FOUR_LEGS, settings("tail"))


def test_settings_survive_json() -> None:
    plain = settings("body", side=64, mask_threshold=0.25)
    for given in (plain, encoded("body", mask_form="soft", outside=0.1)):
        assert ExpertSettings.from_json(json.loads(json.dumps(given.to_json()))) == given


@pytest.mark.parametrize("name", ["person", "body"])
def test_expert_on_an_encoder_answers_at_the_size_of_its_input(name: str) -> None:
    expert = Expert(PASCAL_PART, encoded(name)).eval()
    assert expert.stride == 16
    assert expert.input_shape(500, 333) == (32, 16)
    given, seen = images(2, 32, 48), None if name == "person" else mask(2, 32, 48)
    found = expert.predict(given, seen)
    assert found.shape == (2, len(expert.spec.children), 32, 48)
    assert found.dtype == torch.float32
    assert torch.allclose(found.sum(dim=1), torch.ones(2, 32, 48), atol=1e-5)


def test_expert_on_an_encoder_normalises_as_its_trunk_was_trained() -> None:
    expert, given = Expert(PASCAL_PART, encoded()), images()
    trunk = make_encoder(BODYPIX)
    assert trunk.mean != IMAGENET_MEAN
    expected = (given.float() - torch.tensor(trunk.mean).view(3, 1, 1)) / torch.tensor(trunk.std).view(3, 1, 1)
    assert torch.allclose(expert.prepare(given, None), expected, atol=1e-6)


def test_encoder_with_more_widths_than_strides_is_refused() -> None:
    with pytest.raises(BundleError, match="allows 1 to 3 decoder widths, found 4"):
        Expert(PASCAL_PART, encoded(widths=(8, 8, 8, 4)))


@pytest.mark.parametrize("key", ["stem_stride", "input_pool"])
def test_settings_of_an_encoder_leave_the_input_as_it_is(key: str) -> None:
    assert ExpertSettings.from_json(encoded().to_json()) == encoded()
    with pytest.raises(BundleError, match="with an encoder, stem_stride and input_pool must be 1"):
        ExpertSettings.from_json(encoded().to_json() | {key: 2})


def test_hard_mask_is_where_the_node_is_probable_enough() -> None:
    expert = tiny_expert(PASCAL_PART, "body")  # its threshold is 0.3
    found = expert.mask(torch.tensor([[0.0, 0.29], [0.3, 1.0]]))
    assert found.dtype == torch.bool
    assert found.tolist() == [[False, False], [True, True]]


def test_soft_mask_weakens_pixels_by_the_probability_of_the_node() -> None:
    expert = Expert(PASCAL_PART, dataclasses.replace(settings("body"), mask_form="soft"))
    probability, given = torch.rand(2, 16, 24), images()
    everything = expert.prepare(given, torch.ones(2, 16, 24))
    found = expert.prepare(given, expert.mask(probability))
    assert torch.allclose(found, everything * probability[:, None], atol=1e-6)


@pytest.mark.parametrize("form", ["hard", "soft"])
def test_pixels_outside_of_the_node_keep_the_share_that_is_asked_for(form: str) -> None:
    expert = Expert(PASCAL_PART, dataclasses.replace(settings("body"), mask_form=form, outside=0.25))
    seen, given = mask(), images()
    everything = expert.prepare(given, torch.ones_like(seen))
    found = expert.prepare(given, expert.mask(seen.float()))
    strength = torch.where(seen, 1.0, 0.25)[:, None]
    assert torch.allclose(found, everything * strength, atol=1e-6)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("expert", "no word"),
        ("expert", 3),
        ("encoder", "resnet"),
        ("encoder", None),
        ("encoder", ["none"]),
        ("input_side", 0),
        ("input_side", 32.0),
        ("input_side", True),
        ("widths", []),
        ("widths", [4, -1]),
        ("widths", "44"),
        ("widths", [10**9]),
        ("block_depth", 0),
        ("kernel", 2),
        ("stem_stride", 100),
        ("input_pool", None),
        ("dropout", 1.5),
        ("dropout", "0"),
        ("mask_threshold", -0.1),
        ("mask_form", "round"),
        ("mask_form", None),
        ("outside", 1.5),
        ("outside", "0"),
        ("mean", [1, 2]),
        ("mean", [1, 2, float("nan")]),
        ("mean", [10**400, 0, 0]),
        ("std", [1, 2, 0]),
        ("std", [1, 2, 1e-60]),
        ("std", None),
    ],
)
def test_nonsense_in_settings_is_one_line_naming_it(key: str, value: object) -> None:
    data = settings("body").to_json() | {key: value}
    with pytest.raises(BundleError, match=key) as caught:
        ExpertSettings.from_json(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], {}, {"expert": "body"}])
def test_settings_with_other_keys_are_refused(data: object) -> None:
    with pytest.raises(BundleError, match="expert settings must have exactly"):
        ExpertSettings.from_json(data)
    with pytest.raises(BundleError, match="expert settings must have exactly"):
        ExpertSettings.from_json(settings("body").to_json() | {"extra": 1})
