"""Depthwise convolution with a backward pass that is fast on the CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class DepthwiseOnCpu(torch.autograd.Function):
    """A depthwise convolution whose gradients are computed in float32 where bfloat16 is slow.

    In bfloat16, oneDNN's gradient of the input is five to twelve times slower than in float32 for strides above 1, its
    gradient of the weight two to five times for kernels above 3 x 3 (torch 2.13, AVX512-BF16): together half of a
    training step. The forward pass is that of `conv2d`, to the bit.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd passes everything by position
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: tuple[int, int]
    ) -> Tensor:
        """(N, C, H, W) to (N, C, H', W'); `weight` (C, 1, k, k), `padding`: rows and columns at each side."""
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, weight, bias, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of input, weight and bias, each only where it is wanted."""
        (grad,) = grads
        x, weight = ctx.saved_tensors
        of_input, of_weight, of_bias = ctx.needs_input_grad[:3]
        found: list[Tensor | None] = [None, None, None]
        with torch.autocast("cpu", enabled=False):
            if of_input:
                dtype = torch.float32 if ctx.stride > 1 else grad.dtype
                found[0] = _gradients(ctx, grad, x, weight, dtype=dtype, wanted=[True, False, False])[0].to(x.dtype)
            if of_weight or of_bias:
                dtype = torch.float32 if weight.shape[-1] > 3 else grad.dtype
                _, found[1], found[2] = _gradients(
                    ctx, grad, x, weight, dtype=dtype, wanted=[False, of_weight, of_bias]
                )
        return *(None if one is None else one.to(weight.dtype) if i else one for i, one in enumerate(found)), None, None


def _gradients(
    ctx: Any, grad: Tensor, x: Tensor, weight: Tensor, *, dtype: torch.dtype, wanted: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of input, weight and bias, computed in `dtype`."""
    channels = len(weight)
    # The gradient of the input needs no more of the input than its shape.
    given = x.to(dtype) if wanted[1] else x if x.dtype == dtype else torch.empty_like(x, dtype=dtype)
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        grad.to(dtype),
        given,
        weight.to(dtype),
        [channels],
        [ctx.stride] * 2,
        list(ctx.padding),
        [1, 1],
        False,
        [0, 0],
        channels,
        wanted,
    )
    return found
