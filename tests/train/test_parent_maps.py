"""What the experts above say of a child's node."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bodycascade.data.examples import Example
from bodycascade.preprocess.pack import Pack, write_pack
from bodycascade.train.parent_maps import ParentMaps, ancestors_of, write_parent_maps
from tests.toy_experts import FOUR_LEGS, FixedExpert, random_image
from tests.train.jobs import CPU


def logits(*probabilities: float) -> torch.Tensor:
    """(children, 1, 1) logits that give these probabilities everywhere."""
    return torch.tensor(probabilities).log()[:, None, None]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    sizes = ((32, 40), (40, 32), (20, 50), (32, 40))
    samples = [
        Example(str(i), random_image(*size, seed=i), np.zeros(size, np.uint8), "colour") for i, size in enumerate(sizes)
    ]
    write_pack(tmp_path / "pack", samples)
    return Pack.open(tmp_path / "pack")


def maps_of(folder: Path, pack: Pack, expert: str, experts: list[FixedExpert]) -> tuple[ParentMaps, list[int]]:
    trained = {one.spec.name: one for one in experts}
    told: list[int] = []
    ancestors = ancestors_of(expert, FOUR_LEGS, trained)
    write_parent_maps(
        folder / "maps.npy", pack, ancestors, zoom=None, device=CPU, precision="float32", report=told.append
    )
    return ParentMaps(folder / "maps.npy", pack), told


def test_path_leads_from_the_root_to_the_node() -> None:
    trained = {
        "animal": FixedExpert(FOUR_LEGS, "animal", logits(0.5, 0.5)),
        "beast": FixedExpert(FOUR_LEGS, "beast", logits(0.2, 0.3, 0.5)),
    }
    steps = ancestors_of("legs", FOUR_LEGS, trained)
    assert [(step.expert.spec.name, step.child) for step in steps] == [("animal", 1), ("beast", 2)]
    assert ancestors_of("animal", FOUR_LEGS, {}) == []


def test_map_is_the_product_of_the_probabilities_on_the_path_at_each_images_size(tmp_path: Path, pack: Pack) -> None:
    experts = [
        FixedExpert(FOUR_LEGS, "animal", logits(0.2, 0.8)),
        FixedExpert(FOUR_LEGS, "beast", logits(0.1, 0.3, 0.6)),
    ]
    found, told = maps_of(tmp_path, pack, "legs", experts)
    for index in range(len(pack)):
        assert found.map(index).shape == pack.labels(index).shape
        assert found.map(index).dtype == np.uint8
        assert set(np.unique(found.map(index))) == {round(255 * 0.8 * 0.6)}
    assert told[-1] == len(pack)


def test_map_follows_the_picture(tmp_path: Path, pack: Pack) -> None:
    sides = torch.zeros(2, 32, 32)
    sides[1, :, :16], sides[0, :, 16:] = 20, 20
    found, _ = maps_of(tmp_path, pack, "beast", [FixedExpert(FOUR_LEGS, "animal", sides)])
    for index in range(len(pack)):
        probability, width = found.map(index), pack.labels(index).shape[1]
        assert (probability[:, : width // 2 - 2] == 255).all()
        assert (probability[:, width // 2 + 2 :] == 0).all()


def test_node_that_nothing_leads_to_is_nowhere(tmp_path: Path, pack: Pack) -> None:
    experts = [
        FixedExpert(FOUR_LEGS, "animal", logits(0.9, 0.1)),
        FixedExpert(FOUR_LEGS, "beast", logits(0.1, 0.3, 0.6)),
    ]
    found, _ = maps_of(tmp_path, pack, "legs", experts)
    assert experts[1].shown == []
    assert all(not found.map(index).any() for index in range(len(pack)))


def test_expert_above_sees_the_pixels_of_its_node_only(tmp_path: Path, pack: Pack) -> None:
    sides = torch.zeros(2, 32, 32)
    sides[1, :, :16], sides[0, :, 16:] = 20, 20
    experts = [FixedExpert(FOUR_LEGS, "animal", sides), FixedExpert(FOUR_LEGS, "beast", logits(0.1, 0.3, 0.6))]
    maps_of(tmp_path, pack, "legs", experts)
    assert experts[1].shown
    for prepared, _, mask in experts[1].shown:
        assert mask is not None
        assert (prepared[..., 20:] == 0).all()
        assert (prepared[..., :12] != 0).any()
