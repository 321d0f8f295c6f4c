from __future__ import annotations

import pytest
import torch
from torch import nn

from bodycascade.encoders.convolution import SameConv2d, fold_batch_norms, same_padding
from bodycascade.errors import BundleError


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (6, 3, 1, (1, 1)),
        (6, 3, 2, (0, 1)),  # taps 0 1 2, 2 3 4, 4 5 and one zero
        (7, 3, 2, (1, 1)),
        (6, 5, 2, (1, 2)),
        (7, 5, 2, (2, 2)),
        (6, 1, 2, (0, 0)),
        (5, 1, 1, (0, 0)),
    ],
)
def test_padding_is_tensorflows(size: int, kernel: int, stride: int, expected: tuple[int, int]) -> None:
    assert same_padding(size, kernel=kernel, stride=stride) == expected


@pytest.mark.parametrize(("height", "width"), [(6, 7), (7, 6), (4, 4), (1, 3)])
def test_a_convolution_of_stride_two_sees_the_pixels_that_tensorflow_shows_it(height: int, width: int) -> None:
    image = torch.arange(height * width, dtype=torch.float32).view(1, 1, height, width) + 1
    layer = SameConv2d(1, 1, 3, stride=2)
    nn.init.ones_(layer.weight)
    found = layer(image)
    padded = torch.zeros(height + 4, width + 4)
    padded[2:-2, 2:-2] = image[0, 0]
    top, left = (2 - (1 if side % 2 else 0) for side in (height, width))  # even sides start without a zero
    expected = [
        [float(padded[y : y + 3, x : x + 3].sum()) for x in range(left, left + width, 2)]
        for y in range(top, top + height, 2)
    ]
    assert found[0, 0].tolist() == expected


def test_a_folded_convolution_equals_convolution_and_norm() -> None:
    torch.manual_seed(0)
    pair = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, eps=1e-3)).eval()
    norm = pair[1]
    assert isinstance(norm, nn.BatchNorm2d)
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        nn.init.uniform_(tensor, 0.5, 2.0)  # type: ignore[arg-type]
    [(weight, bias)] = fold_batch_norms(pair.state_dict(), epsilon=1e-3)
    image = torch.randn(2, 3, 5, 6)
    assert torch.allclose(torch.nn.functional.conv2d(image, weight, bias), pair(image), atol=1e-5)


def test_tensors_in_another_order_are_refused() -> None:
    state = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)).state_dict()
    with pytest.raises(BundleError, match="expected a convolution and the four tensors"):
        fold_batch_norms(dict(reversed(state.items())), epsilon=1e-3)
    with pytest.raises(BundleError, match="expected a convolution and the four tensors"):
        fold_batch_norms(dict(list(state.items())[:3]), epsilon=1e-3)
