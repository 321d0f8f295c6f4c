"""Convolutions in one kernel: the same maps as step by step, and the way back."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from bodycascade.encoders import make_encoder
from bodycascade.encoders.convolution import SameConv2d
from bodycascade.encoders.fusion import Activation, Convolution, fuse, unfuse


def channels_last(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(shape, generator=generator).contiguous(memory_format=torch.channels_last)


def fused(network: nn.Module, x: Tensor, dtype: torch.dtype = torch.float32) -> nn.Module:
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
        pytest.skip("this torch has no fused kernels")
    assert fuse(network, dtype, usual=x, trial=x), "the fused network differs from the plain one"
    return network


@pytest.mark.parametrize("activation", ["none", "relu6", "leaky_relu"])
@pytest.mark.parametrize("plus", [False, True])
@torch.no_grad()
def test_fused_convolution_gives_what_the_plain_one_gives(activation: Activation, plus: bool) -> None:
    layer = Convolution(6, 5, 3, padding=1, activation=activation)
    x, added = 3 * channels_last(2, 6, 9, 12), 3 * channels_last(2, 5, 9, 12) if plus else None
    wanted = layer(x, added)
    assert wanted.min() < 0 or activation == "relu6"
    fused(layer, x)
    assert torch.allclose(layer(x, added), wanted, atol=1e-5)


@pytest.mark.parametrize("size", [(9, 12), (8, 12), (8, 11), (7, 7)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 1), (1, 1)])
@pytest.mark.parametrize("depthwise", [False, True])
@torch.no_grad()
def test_padding_at_one_side_is_the_same_in_one_kernel(
    size: tuple[int, int], kernel: int, stride: int, depthwise: bool
) -> None:
    layer = SameConv2d(8, 8, kernel, stride=stride, depthwise=depthwise)
    x = channels_last(1, 8, *size)
    wanted = layer(x)
    fused(layer, channels_last(1, 8, 12, 12))
    assert torch.allclose(layer(x), wanted, atol=1e-5)


@torch.no_grad()
def test_fused_trunk_shows_what_the_trunk_shows() -> None:
    torch.manual_seed(0)
    trunk = make_encoder("movenet_thunder").eval()
    x = channels_last(1, 3, 64, 96)
    wanted = trunk(x)
    fused(trunk, x)
    for found, map_ in zip(trunk(x), wanted, strict=True):
        assert torch.allclose(found, map_, atol=1e-3 * float(map_.abs().max()))


@torch.no_grad()
def test_weights_stay_what_they_were_and_unfused_networks_are_as_before() -> None:
    layer = Convolution(6, 5, 3, padding=1)
    x, state = channels_last(1, 6, 8, 8), copy.deepcopy(layer.state_dict())
    wanted = layer(x)
    fused(layer, x, torch.bfloat16)
    assert layer(x).dtype == torch.bfloat16
    assert all(torch.equal(value, state[name]) for name, value in layer.state_dict().items())
    unfuse(layer)
    assert torch.equal(layer(x), wanted)


@torch.no_grad()
def test_fused_network_can_be_copied_and_pickled() -> None:
    layer = Convolution(6, 5, 3, padding=1)
    x = channels_last(1, 6, 8, 8)
    wanted = layer(x)
    fused(layer, x)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(copied(x), wanted)


class BadKernels(Convolution):
    """Fails, or differs from what it is unfused, whenever it is fused."""

    def __init__(self, fault: str) -> None:
        super().__init__(6, 5, 3, padding=1)
        self.fault, self.fused, self.tried = fault, False, 0

    def fuse(self, dtype: torch.dtype) -> None:
        self.fused = True

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        if not self.fused:
            return super().forward(x, plus)
        self.tried += 1
        if self.fault == "missing":
            raise AttributeError("no such kernel")
        return super().forward(x, plus) + 1


@pytest.mark.parametrize("fault", ["missing", "wrong"])
@torch.no_grad()
def test_network_whose_kernels_fail_or_differ_stays_as_it_was(fault: str) -> None:
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no fused kernels")
    x, bad, good = channels_last(1, 6, 8, 8), BadKernels(fault), Convolution(6, 6, 3, padding=1)
    network = nn.Sequential(good, bad)
    wanted = good(x)
    assert not fuse(network, torch.float32, usual=x, trial=x)
    assert bad.tried > 0
    assert torch.equal(good(x), wanted)


def test_fusing_leaves_the_caller_s_dice() -> None:
    layer = Convolution(6, 5, 3, padding=1)
    state = torch.random.get_rng_state()
    fuse(layer, torch.float32, usual=channels_last(1, 6, 8, 8), trial=channels_last(1, 6, 8, 8))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_network_without_such_convolutions_is_not_run() -> None:
    class Forbidden(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise AssertionError("it has nothing to try")

    x = channels_last(1, 6, 8, 8)
    assert not fuse(Forbidden(), torch.float32, usual=x, trial=x)
