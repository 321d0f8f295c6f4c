"""timm is replaced by a double: what is tested is how this package asks it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bodycascade.encoders import EncoderUNet, import_weights, make_encoder
from bodycascade.errors import BundleError, MissingExtraError
from bodycascade.expert import Expert
from bodycascade.expert_file import load_expert, save_expert
from bodycascade.hierarchy import PASCAL_PART
from tests import toy_experts


class Pyramid(nn.Module):
    """Stands for a network of timm's with features_only."""

    def __init__(self, strides: tuple[int, ...], output_fmt: str) -> None:
        super().__init__()
        self.default_cfg = {"mean": (0.5, 0.4, 0.2), "std": (0.2, 0.2, 0.1)}
        self.scale = nn.Parameter(torch.ones(1))
        self.output_fmt = output_fmt
        self.feature_info = SimpleNamespace(channels=lambda: [3] * len(strides), reduction=lambda: list(strides))
        self.strides = strides

    def forward(self, x: Tensor) -> list[Tensor]:
        return [nn.functional.avg_pool2d(x, stride) * self.scale for stride in self.strides]


def create_model(model: str, *, pretrained: bool, features_only: bool, pretrained_cfg_overlay: Any = None) -> Pyramid:
    kinds = {
        "pyramid": ((4, 8), "NCHW"),
        "columns": ((16, 16), "NCHW"),
        "channels_last": ((4, 8), "NHWC"),
    }
    if model not in kinds or not features_only:
        raise RuntimeError(f"Unknown model ({model})\nand more")
    network = Pyramid(*kinds[model])
    if pretrained:
        network.load_state_dict(pretrained_cfg_overlay["state_dict"])
    return network


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("timm")
    module.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", module)


def test_without_timm_the_error_has_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"timm is not installed; .*pip install 'bodycascade\[timm\]'"):
        make_encoder("timm:pyramid")


def test_an_expert_of_timms_cannot_be_read_without_it(tmp_path: Path, timm: None) -> None:
    tree, path = PASCAL_PART, tmp_path / "person.safetensors"
    plain = toy_experts.settings("person")
    settings = dataclasses.replace(plain, encoder="timm:pyramid", widths=(4,), stem_stride=1)
    save_expert(path, Expert(tree, settings), {})
    load_expert(path)
    del sys.modules["timm"]
    with mock.patch.dict(sys.modules, timm=None), pytest.raises(BundleError, match=rf"{path}: timm is not installed"):
        load_expert(path)


@pytest.mark.usefixtures("timm")
def test_a_network_of_timms_is_an_encoder() -> None:
    encoder = make_encoder("timm:pyramid")
    assert (encoder.channels, encoder.strides) == ((3, 3), (4, 8))
    assert encoder.mean == pytest.approx((127.5, 102.0, 51.0))
    assert encoder.std == pytest.approx((51.0, 51.0, 25.5))
    network = EncoderUNet(encoder, classes=2, decoder_widths=(4,), block_depth=1, kernel=3, dropout=0.0)
    assert network.stride == 8
    assert network(torch.zeros(1, 3, 16, 24)).shape == (1, 2, 16, 24)


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("model", "reason"),
    [("nonsense", r"Unknown model \(nonsense\);"), ("columns", "rising strides"), ("channels_last", "rising strides")],
)
def test_a_network_without_a_pyramid_of_maps_is_refused(model: str, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        make_encoder(f"timm:{model}")


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_come_from_the_file_that_the_user_names(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    state = {"scale": torch.full((1,), 7.0)}
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    encoder = make_encoder("timm:pyramid")
    encoder.load_state_dict(import_weights("timm:pyramid", path))
    assert encoder(torch.ones(1, 3, 8, 8))[1].unique().tolist() == [7.0]


@pytest.mark.usefixtures("timm")
def test_weights_without_a_file_or_from_one_that_does_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="comes without weights; name a"):
        import_weights("timm:pyramid", None)
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(BundleError, match="timm:pyramid cannot be an encoder"):
        import_weights("timm:pyramid", tmp_path / "other.safetensors")


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("sprung"),))


@pytest.mark.usefixtures("timm")
def test_nothing_in_a_weights_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"scale": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(BundleError, match="no weights that can be read safely"):
        import_weights("timm:pyramid", tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()
