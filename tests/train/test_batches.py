"""Training batches: their order, their parent masks, and that nothing but the seed decides them."""

from __future__ import annotations

import dataclasses
import threading
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bodycascade.data.examples import Example
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.hierarchy import IGNORE
from bodycascade.preprocess.pack import Pack, write_pack
from bodycascade.train.batches import LOADING_THREADS, Batch, BatchLoader, loading_threads
from bodycascade.train.materials import make_augmenter
from bodycascade.train.parent_maps import Ancestor, ParentMaps, write_parent_maps
from bodycascade.train.seeds import ORDER, VIEW, Seed
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params, draw_animal
from tests.train.jobs import CPU

IMAGES = 10


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Ten animals, of which the last three have no legs and the very last is none at all."""
    folder = tmp_path_factory.mktemp("pack")
    legs = ("fore_left", "fore_right", "hind_left", "hind_right")
    samples = []
    for place in range(IMAGES):
        without = (*legs, "trunk", "tail") if place == 9 else legs if place >= 7 else ()
        image, labels = draw_animal(place, height=32, width=40, without=without)
        samples.append(Example(f"animal_{place}", image, labels, "colour"))
    write_pack(folder, samples)
    return Pack.open(folder)


@pytest.fixture(scope="module")
def parents(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> ParentMaps:
    """What an untrained expert takes for the beast."""
    path = tmp_path_factory.mktemp("maps") / "maps.npy"
    torch.manual_seed(1)
    expert = Expert(FOUR_LEGS, ExpertSettings.of("animal", animal_params().train["animal"])).eval()
    torch.nn.init.normal_(expert.unet.head.weight, std=1.0)
    ancestors = [Ancestor(expert, 1)]
    write_parent_maps(path, pack, ancestors, zoom=None, device=CPU, precision="float32", report=lambda done: None)
    return ParentMaps(path, pack)


def make(
    pack: Pack,
    expert: str = "animal",
    parents: ParentMaps | None = None,
    *,
    seed: int = 3,
    threads: int = LOADING_THREADS,
    **changes: Any,
) -> BatchLoader:
    train = dataclasses.replace(animal_params().train[expert], batch_size=4, **changes)
    spec = FOUR_LEGS.expert(expert)
    return BatchLoader(
        pack,
        parents,
        tree=FOUR_LEGS,
        spec=spec,
        train=train,
        zoom=None,
        seed=Seed(seed, expert),
        make_augmenter=lambda: make_augmenter(FOUR_LEGS, spec.node, train),
        threads=threads,
    )


def content(loader: BatchLoader, epoch: int, *, first: int = 0) -> list[bytes]:
    """The batches of an epoch as bytes."""
    return [as_bytes(batch) for batch, _ in loader.epoch(epoch, first=first)]


def as_bytes(batch: Batch) -> bytes:
    parts = [batch.images, batch.targets, batch.leaves, *([] if batch.parent is None else [batch.parent])]
    return b"".join(part.contiguous().numpy().tobytes() for part in parts)


def test_epoch_is_a_function_of_seed_and_number(pack: Pack) -> None:
    expected = content(make(pack), 0)
    assert content(make(pack), 0) == expected
    for other in (content(make(pack), 1), content(make(pack, seed=4), 0)):
        assert not set(other) & set(expected)


def test_image_looks_different_in_every_epoch(pack: Pack) -> None:
    views = [
        {image.numpy().tobytes() for batch, _ in make(pack).epoch(epoch) for image in batch.images}
        for epoch in range(2)
    ]
    assert [len(found) for found in views] == [IMAGES, IMAGES]
    assert not views[0] & views[1]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_epoch_resumed_in_the_middle_goes_on_with_the_same_batches(pack: Pack, first: int) -> None:
    assert content(make(pack), 5, first=first) == content(make(pack), 5)[first:]


@pytest.mark.parametrize("prefetch", [1, 3, 50])
def test_number_of_batches_made_ahead_makes_no_difference(pack: Pack, prefetch: int) -> None:
    assert content(make(pack, prefetch=prefetch), 2) == content(make(pack, prefetch=2), 2)


@pytest.mark.parametrize("threads", [1, 7])
def test_number_of_loading_threads_makes_no_difference(pack: Pack, threads: int) -> None:
    assert content(make(pack, threads=threads), 2) == content(make(pack), 2)


@pytest.mark.parametrize(("cores", "on_cpu", "on_gpu"), [(1, 2, 2), (2, 2, 2), (8, 2, 8), (64, 2, 16)])
def test_beside_a_gpu_all_cores_load(cores: int, on_cpu: int, on_gpu: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bodycascade.train.batches.usable_cores", lambda: cores)
    assert [loading_threads(torch.device(name)) for name in ("cpu", "cuda")] == [on_cpu, on_gpu]


def test_every_image_comes_once_in_an_epoch(pack: Pack) -> None:
    loader = make(pack)
    assert (loader.images_per_epoch, loader.steps_per_epoch) == (IMAGES, 3)
    assert [len(batch.images) for batch, _ in loader.epoch(0)] == [4, 4, 2]


def test_image_that_comes_again_in_an_epoch_is_seen_in_another_view(tmp_path: Path) -> None:
    others = [Example(f"animal_{n}", *draw_animal(n, height=32, width=40), "colour") for n in (1, 2, 3)]
    image, labels = draw_animal(0, height=32, width=40)
    write_pack(tmp_path, [Example("animal_0", image, labels, "gray"), *others], gray_share=0.5)
    views = {image.numpy().tobytes() for batch, _ in make(Pack.open(tmp_path)).epoch(0) for image in batch.images}
    assert len(views) == 6


@pytest.mark.parametrize(("expert", "images"), [("animal", 10), ("beast", 9), ("legs", 7)])
def test_images_without_the_node_are_left_out(pack: Pack, expert: str, images: int) -> None:
    loader = make(pack, expert)
    assert loader.images_per_epoch == images
    for batch, _ in loader.epoch(0):
        assert bool((batch.targets != IGNORE).flatten(1).any(dim=1).all())


def test_root_sees_all_and_gets_no_mask(pack: Pack) -> None:
    for batch, _ in make(pack).epoch(0):
        assert batch.parent is None
        assert batch.images.dtype == torch.uint8
        assert batch.targets.dtype == torch.int64
        assert batch.images.shape == (len(batch.targets), 3, 32, 32)
        assert set(batch.targets.unique().tolist()) <= {0, 1, IGNORE}


def test_true_parent_mask_is_where_the_target_is(pack: Pack) -> None:
    for batch, _ in make(pack, "legs").epoch(0):
        assert batch.parent is not None
        assert torch.equal(batch.parent, batch.targets != IGNORE)
        assert set(batch.targets.unique().tolist()) <= {0, 1, 2, 3, IGNORE}


def test_predicted_parent_mask_hides_the_targets_outside_of_it(pack: Pack, parents: ParentMaps) -> None:
    truth = dict(zip(content_keys(pack, None), make(pack, "beast").epoch(0), strict=True))
    missed = added = 0
    for key, (batch, _) in enumerate(make(pack, "beast", parents, parent_mask="predicted").epoch(0)):
        true, _ = truth[key]
        assert batch.parent is not None
        assert torch.equal(batch.images, true.images)
        assert bool((batch.targets[~batch.parent] == IGNORE).all())
        assert torch.equal(batch.targets[batch.parent], true.targets[batch.parent])
        missed += int((~batch.parent & (true.targets != IGNORE)).sum())
        added += int((batch.parent & (true.targets == IGNORE)).sum())
    assert missed > 0
    assert added > 0


def content_keys(pack: Pack, parents: ParentMaps | None) -> range:
    return range(make(pack, "beast", parents).steps_per_epoch)


def test_mixed_parent_masks_are_the_true_or_the_predicted_one_view_by_view(pack: Pack, parents: ParentMaps) -> None:
    counts = {"true": 0, "predicted": 0}
    for epoch in range(4):
        ways = [
            make(pack, "beast", parents, parent_mask=way, predicted_fraction=0.5).epoch(epoch)
            for way in ("truth", "predicted", "mixed")
        ]
        for (true, _), (guess, _), (mixed, _) in zip(*ways, strict=True):
            assert true.parent is not None
            assert guess.parent is not None
            assert mixed.parent is not None
            for i, mask in enumerate(mixed.parent):
                is_true = torch.equal(mask, true.parent[i])
                assert is_true or torch.equal(mask, guess.parent[i])
                counts["true" if is_true else "predicted"] += 1
    assert min(counts.values()) >= 8


def test_broken_off_epoch_leaves_no_thread_behind(pack: Pack) -> None:
    before = threading.active_count()
    with closing(make(pack, prefetch=3).epoch(0)) as batches:
        next(batches)
        assert threading.active_count() > before
    for thread in threading.enumerate():
        if "ThreadPoolExecutor" in thread.name:
            thread.join(timeout=10)
    assert threading.active_count() == before


def test_wait_is_told_with_each_batch(pack: Pack) -> None:
    waits = [waited for _, waited in islice(make(pack, prefetch=1).epoch(0), 3)]
    assert all(0 < waited < 60 for waited in waits)


def test_seeds_differ_by_purpose_place_and_expert() -> None:
    seed = Seed(1, "animal")
    found = [
        seed.derive(ORDER, 0),
        seed.derive(ORDER, 1),
        seed.derive(VIEW, 0, 1),
        seed.derive(VIEW, 1, 0),
        Seed(2, "animal").derive(ORDER, 0),
        Seed(1, "beast").derive(ORDER, 0),
    ]
    assert len(set(found)) == len(found)
    assert all(type(value) is int and 0 <= value < 2**32 for value in found)
    assert np.random.default_rng(seed.derive(ORDER, 0)).random() == np.random.default_rng(found[0]).random()
