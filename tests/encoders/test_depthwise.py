from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bodycascade.encoders.depthwise import DepthwiseOnCpu

CHANNELS = 5

Convolution = Callable[[Tensor, Tensor, Tensor, int, tuple[int, int]], Tensor]


def plain(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: tuple[int, int]) -> Tensor:
    return functional.conv2d(x, weight, bias, stride, padding, 1, len(weight))


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: tuple[int, int]) -> Tensor:
    return DepthwiseOnCpu.apply(x, weight, bias, stride, padding)


def inputs(kernel: int, wanted: tuple[bool, bool, bool] = (True, True, True)) -> list[Tensor]:
    """Input, weight and bias, the same at each call; `wanted` tells which of them want a gradient."""
    dice = torch.Generator().manual_seed(kernel)
    shapes = ((2, CHANNELS, 13, 16), (CHANNELS, 1, kernel, kernel), (CHANNELS,))
    return [
        torch.randn(shape, generator=dice).requires_grad_(needs) for shape, needs in zip(shapes, wanted, strict=True)
    ]


def run(
    convolution: Convolution, kernel: int, stride: int, tensors: list[Tensor]
) -> tuple[Tensor, list[Tensor | None]]:
    """What comes out, and the gradients of a loss that weighs each output differently."""
    out = convolution(tensors[0], tensors[1], tensors[2], stride, (kernel // 2, kernel // 2))
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype))
    return out.detach(), [tensor.grad for tensor in tensors]


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_output_and_gradients_are_those_of_a_plain_convolution(kernel: int, stride: int) -> None:
    found, gradients = run(depthwise, kernel, stride, inputs(kernel))
    expected, wanted = run(plain, kernel, stride, inputs(kernel))
    assert torch.equal(found, expected)
    for one, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_in_bfloat16_gradients_are_close_to_exact_ones_and_as_wide_as_what_they_are_of(
    kernel: int, stride: int
) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found, gradients = run(depthwise, kernel, stride, inputs(kernel))
        expected, _ = run(plain, kernel, stride, inputs(kernel))
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected)
    _, exact = run(plain, kernel, stride, inputs(kernel))
    for one, other in zip(gradients, exact, strict=True):
        assert one is not None
        assert other is not None
        assert one.dtype == torch.float32
        assert float((one - other).abs().max()) < 0.02 * float(other.abs().max())


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "wanted", [(True, False, False), (False, True, True), (False, True, False), (False, False, True)]
)
def test_nothing_gets_a_gradient_that_wants_none(precision: torch.dtype, wanted: tuple[bool, bool, bool]) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        _, gradients = run(depthwise, 5, 2, inputs(5, wanted))
    _, exact = run(plain, 5, 2, inputs(5))
    assert [gradient is not None for gradient in gradients] == list(wanted)
    for one, other in zip(gradients, exact, strict=True):
        assert one is None or other is None or float((one - other).abs().max()) < 0.02 * float(other.abs().max())


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False,) * 3])
def test_what_nobody_wants_is_not_computed(wanted: tuple[bool, bool, bool]) -> None:
    x, weight, _ = inputs(5)
    context = SimpleNamespace(
        saved_tensors=(x, weight), needs_input_grad=(*wanted, False, False), stride=2, padding=(2, 2)
    )
    found = DepthwiseOnCpu.backward(context, torch.ones(2, CHANNELS, 7, 8))
    assert [gradient is not None for gradient in found] == [*wanted, False, False]


def test_padding_may_differ_between_rows_and_columns() -> None:
    for padding in ((0, 2), (2, 0), (1, 0)):
        found, expected = inputs(5), inputs(5)
        depthwise(found[0], found[1], found[2], 2, padding).sum().backward()
        plain(expected[0], expected[1], expected[2], 2, padding).sum().backward()
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-5)
