"""An expert that stands on a pretrained encoder: how it starts, and how fast its trunk learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bodycascade.encoders import EncoderUNet, import_weights, make_encoder
from bodycascade.encoders.bodypix import FILE_HASHES
from bodycascade.encoders.encoder import Encoder
from bodycascade.errors import BundleError, TrainingError
from bodycascade.expert import Expert
from bodycascade.expert_file import load_expert
from bodycascade.preprocess import read_manifest
from bodycascade.train.job import Job
from bodycascade.train.materials import new_expert
from bodycascade.train.setup import set_up_training
from tests.toy_experts import FOUR_LEGS
from tests.train.animals import animal_params
from tests.train.jobs import FixedBatches, loader_of, make_job, make_trainer
from tests.train.test_stage import run

BODYPIX = "bodypix_mobilenet_v1_075"


def params_with(**changes: Any) -> Any:
    """Parameters of an expert on the smallest encoder; start: from random weights unless `changes` say otherwise."""
    given: dict[str, Any] = {"encoder": BODYPIX, "encoder_weights": "random", "widths": (8, 4)}
    return animal_params(**(given | changes))


def job_with(root: Path, expert: str = "animal", **changes: Any) -> Job:
    return make_job(root, expert, params_with(**changes))


def state(expert: Expert) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in expert.state_dict().items()}


def trunk(expert: Expert) -> dict[str, Tensor]:
    start = "unet.encoder."
    return {name.removeprefix(start): value for name, value in state(expert).items() if name.startswith(start)}


def encoder_of(expert: Expert) -> Encoder:
    assert isinstance(expert.unet, EncoderUNet)
    return expert.unet.encoder


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_expert_starts_from_the_installed_weights(packed: Path) -> None:
    expert = new_expert(job_with(packed, encoder_weights="installed"), {})
    assert same(trunk(expert), import_weights(BODYPIX, None))


def test_expert_starts_from_random_weights_that_its_seed_decides(packed: Path) -> None:
    expert = new_expert(job_with(packed), {})
    assert not same(trunk(expert), import_weights(BODYPIX, None))
    assert same(state(expert), state(new_expert(job_with(packed), {})))


def test_expert_has_the_colours_of_its_encoder(packed: Path) -> None:
    settings = new_expert(job_with(packed), {}).settings
    encoder = make_encoder(BODYPIX)
    assert (settings.encoder, settings.mean, settings.std) == (BODYPIX, encoder.mean, encoder.std)


def test_child_starts_from_its_parent_and_not_from_the_installed_weights(packed: Path) -> None:
    parent = new_expert(job_with(packed), {})
    child = new_expert(job_with(packed, "beast", encoder_weights="installed", start="parent"), {"animal": parent})
    assert same(trunk(child), trunk(parent))


@torch.inference_mode()
def test_child_on_a_shorter_trunk_sees_what_its_parent_does_at_the_strides_of_both(packed: Path) -> None:
    whole, short = "movenet_thunder+nanodet_g", "movenet_thunder+nanodet_g_stride16"
    parent = new_expert(job_with(packed, encoder=whole, widths=(8, 8)), {})
    child = new_expert(job_with(packed, "beast", encoder=short, widths=(6, 8), start="parent"), {"animal": parent})
    view = torch.rand(1, 3, 64, 96)
    for own, theirs in zip(encoder_of(child)(view), encoder_of(parent)(view), strict=True):
        assert torch.equal(own, theirs[:, : own.shape[1]])
    joined = "unet.decoder.0.deep.weight"
    assert torch.equal(state(child)[joined], state(parent)[joined][:6, : encoder_of(child).channels[-1]])


def test_child_on_a_longer_trunk_than_its_parent_is_refused(packed: Path) -> None:
    parent = new_expert(job_with(packed, encoder="nanodet_g_stride16"), {})
    with pytest.raises(TrainingError, match="its encoder is nanodet_g, the parent's nanodet_g_stride16; give both"):
        new_expert(job_with(packed, "beast", encoder="nanodet_g", start="parent"), {"animal": parent})


def test_child_on_another_encoder_than_its_parent_is_refused(packed: Path) -> None:
    parent = new_expert(make_job(packed), {})
    with pytest.raises(TrainingError, match=r"beast cannot start from animal: .*give both the same encoder"):
        new_expert(job_with(packed, "beast", start="parent"), {"animal": parent})


def test_child_on_a_narrower_trunk_of_another_kind_is_refused(packed: Path) -> None:
    parent = new_expert(job_with(packed, encoder="efficientnet_lite2"), {})
    with pytest.raises(TrainingError, match="its encoder is efficientnet_lite0, the parent's efficientnet_lite2; give"):
        new_expert(job_with(packed, "beast", encoder="efficientnet_lite0", start="parent"), {"animal": parent})


def test_child_whose_decoder_would_begin_at_another_map_is_refused(packed: Path) -> None:
    parent = new_expert(job_with(packed, encoder="nanodet_g", widths=(8, 8, 8)), {})
    with pytest.raises(TrainingError, match="its encoder is nanodet_g_stride16, the parent's nanodet_g; give"):
        new_expert(
            job_with(packed, "beast", encoder="nanodet_g_stride16", widths=(8, 8), start="parent"), {"animal": parent}
        )


def test_child_with_smaller_kernels_than_its_parent_is_refused(packed: Path) -> None:
    parent = new_expert(job_with(packed, kernel=5), {})
    with pytest.raises(
        TrainingError, match=r"\.weight is [0-9x ]+ x 3 x 3, the parent has [0-9x ]+ x 5 x 5; give both"
    ):
        new_expert(job_with(packed, "beast", kernel=3, start="parent"), {"animal": parent})


def test_altered_weights_are_refused(packed: Path, tmp_path: Path) -> None:
    job = dataclasses.replace(job_with(packed, encoder_weights="weights"), root=tmp_path)
    (tmp_path / "weights").mkdir()
    with pytest.raises(BundleError, match=r"weights.* is missing"):
        new_expert(job, {})
    for name in FILE_HASHES:
        (tmp_path / "weights" / name).write_bytes(b"{}")
    with pytest.raises(BundleError, match=r"weights.* has sha256 .*, expected "):
        new_expert(job, {})


def test_unknown_encoder_is_refused(packed: Path) -> None:
    with pytest.raises(BundleError, match="encoder 'resnet' is not known"):
        new_expert(job_with(packed, encoder="resnet"), {})


def moved(packed: Path, folder: Path, rate: float) -> dict[str, Tensor]:
    """What one step at a trunk's rate of `rate` adds to each weight."""
    job = job_with(packed)
    batches = [batch for batch, _ in loader_of(job, folder).epoch(0)][:1]
    expert = new_expert(job, {})
    before = state(expert)
    changes: dict[str, Any] = {
        "epochs": 1,
        "warmup_epochs": 0.0,
        "encoder_rate": rate,
        "clip_norm": 1e6,
        "dropout": 0.0,
    }
    trainer = make_trainer(job, folder, expert=expert, loader=FixedBatches(batches), **changes)
    trainer.run(lambda row, score, average: None, lambda step: None)
    return {name: weight - before[name] for name, weight in state(expert).items()}


def test_trunk_learns_at_its_share_of_the_rate(packed: Path, tmp_path: Path) -> None:
    still, half, whole = (moved(packed, tmp_path / str(rate), rate) for rate in (0.0, 0.5, 1.0))
    for name, change in whole.items():
        if name.startswith("unet.encoder."):
            assert not still[name].any()
            assert torch.allclose(2 * half[name], change, atol=1e-5)
        else:
            assert torch.equal(still[name], change)
            assert torch.equal(half[name], change)
    assert any(change.any() for name, change in whole.items() if name.startswith("unet.encoder."))
    assert still["unet.head.weight"].any()


def test_pretrained_maps_start_at_one_size_and_random_ones_as_they_are(packed: Path, tmp_path: Path) -> None:
    manifest = read_manifest(make_job(packed).data)
    # The root has no parent to start from, whatever its params say.
    for weights, start, standardised in (
        ("installed", "scratch", True),
        ("installed", "parent", True),
        ("random", "scratch", False),
    ):
        job = job_with(packed, encoder_weights=weights, start=start)
        folder = tmp_path / f"{weights}-{start}"
        folder.mkdir()
        training = set_up_training(job, manifest, {}, folder=folder, maps=folder)
        factors = [value for name, value in state(training.expert).items() if ".scales." in name and "weight" in name]
        assert [not torch.equal(found, torch.ones_like(found)) for found in factors] == [standardised] * 3


def test_trained_expert_comes_back_with_its_encoder(project: Path) -> None:
    path = run(project, params=params_with(epochs=1, encoder_rate=0.0, encoder_weights="installed"))
    again = load_expert(path, FOUR_LEGS)
    assert again.settings.encoder == BODYPIX
    assert same(trunk(again), import_weights(BODYPIX, None))
