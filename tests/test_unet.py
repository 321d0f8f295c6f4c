"""The network of every expert."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bodycascade.unet import ChannelNorm, UNet


def make(*, classes: int = 3, seed: int = 0, **changes: Any) -> UNet:
    settings: dict[str, Any] = {"widths": (4, 6), "block_depth": 1, "kernel": 3, "stem_stride": 1, "input_pool": 1}
    torch.manual_seed(seed)
    net = UNet(classes=classes, **(settings | {"dropout": 0.0} | changes))
    nn.init.normal_(net.head.weight, std=1.0)
    return net


def picture(height: int = 32, width: int = 32, *, count: int = 2, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("widths", [(4,), (5, 7), (3, 9, 1), (4, 4, 4, 4)])
@pytest.mark.parametrize("stem_stride", [1, 2, 4])
@pytest.mark.parametrize("input_pool", [1, 2, 4])
def test_logits_are_of_the_inputs_size(widths: tuple[int, ...], stem_stride: int, input_pool: int) -> None:
    net = make(widths=widths, stem_stride=stem_stride, input_pool=input_pool)
    assert net.stride == stem_stride * input_pool * 2 ** (len(widths) - 1)
    for height, width in ((net.stride, net.stride), (net.stride, 3 * net.stride)):
        logits = net(picture(height, width))
        assert logits.shape == (2, 3, height, width)
        assert bool(logits.isfinite().all())


@pytest.mark.parametrize(("block_depth", "kernel"), [(1, 1), (2, 3), (3, 5)])
def test_depth_and_kernel_keep_the_size(block_depth: int, kernel: int) -> None:
    assert make(block_depth=block_depth, kernel=kernel)(picture(16, 24)).shape == (2, 3, 16, 24)


def test_every_weight_gets_a_gradient() -> None:
    net = make(widths=(4, 6, 8), block_depth=2, stem_stride=2, input_pool=2)
    net(picture()).square().mean().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name
        assert float(weight.grad.abs().max()) > 0, name


def test_result_of_an_image_does_not_depend_on_its_batch() -> None:
    # In float64, since kernels round differently for other sizes of the batch.
    net, images = make().eval().double(), picture(count=3).double()
    with torch.inference_mode():
        together = net(images)
        for place in range(3):
            assert torch.allclose(net(images[place : place + 1])[0], together[place], atol=1e-9)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_acts_in_training_and_in_the_encoder_only(training: bool) -> None:
    def all_but_dropped(net: UNet) -> dict[str, list[Tensor]]:
        seen: dict[str, list[Tensor]] = {}
        for name, module in net.named_modules():
            if isinstance(module, nn.Dropout2d):
                module.register_forward_hook(
                    lambda _module, given, made, name=name: seen.update({name: [given[0], made]})
                )
        net(picture())
        return seen

    seen = all_but_dropped(make(dropout=0.5, widths=(8, 8, 8)).train(training))
    changed = {name.split(".")[0] for name, (given, made) in seen.items() if not torch.equal(given, made)}
    assert changed == ({"encoder"} if training else set())


def test_dropout_is_decided_by_the_seed() -> None:
    net, image = make(dropout=0.5).train(), picture()
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(net(image))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_logits_are_not_normalised() -> None:
    net = make().eval()
    image = picture()
    with torch.inference_mode():
        before = net(image)
        net.head.weight *= 7
        net.head.bias.fill_(100)
        after = net(image)
    assert torch.allclose(after, 7 * before + 100, atol=1e-3)


def test_layout_in_memory_makes_no_difference() -> None:
    image = picture(24, 40)
    plain, turned = make(), make().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        expected = plain(image)
        found = turned(image.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(found, expected, atol=1e-5)


def test_norm_of_a_pixel_is_over_its_channels() -> None:
    norm = ChannelNorm(3)
    x = torch.tensor([1.0, 2.0, 6.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2).clone()
    x[..., 1] *= 100  # another column, which must not matter to the first
    expected = (torch.tensor([1.0, 2.0, 6.0]) - 3) / (14 / 3 + 1e-5) ** 0.5
    assert torch.allclose(norm(x)[0, :, 0, 0], expected, atol=1e-5)


def test_norm_has_a_learned_scale_and_shift() -> None:
    norm = ChannelNorm(2)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 3.0]))
        norm.bias.copy_(torch.tensor([10.0, 20.0]))
    made = norm(torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)).flatten()
    assert torch.allclose(made, torch.tensor([8.0, 23.0]), atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e6, 1e-30])
def test_norm_of_a_constant_map_is_finite_and_so_is_its_gradient(value: float) -> None:
    x = torch.full((1, 4, 3, 3), value, requires_grad=True)
    made = ChannelNorm(4)(x)
    made.sum().backward()
    assert x.grad is not None
    assert bool(made.isfinite().all())
    assert bool(x.grad.isfinite().all())
    assert float(made.detach().abs().max()) < 1e-2


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_constant_image_has_finite_logits(value: float) -> None:
    assert bool(make()(torch.full((1, 3, 16, 16), value)).isfinite().all())


def test_bfloat16_is_near_float32() -> None:
    net, image = make().eval(), picture()
    with torch.inference_mode():
        exact = net(image)
        with torch.autocast("cpu", torch.bfloat16):
            rough = net(image)
    assert float((rough.float() - exact).abs().mean()) < 0.05 * float(exact.abs().mean())
