from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bodycascade.encoders import Encoder, EncoderUNet, make_encoder
from bodycascade.errors import BundleError, ImageError
from tests.processes import printed

BODYPIX = "bodypix_mobilenet_v1_075"


def network(name: str, widths: tuple[int, ...], *, dropout: float = 0.0) -> EncoderUNet:
    torch.manual_seed(0)
    encoder = make_encoder(name)
    return EncoderUNet(encoder, classes=3, decoder_widths=widths, block_depth=1, kernel=3, dropout=dropout)


@pytest.mark.parametrize(
    ("name", "widths", "stride"),
    [(BODYPIX, (8, 8, 8), 16), (BODYPIX, (8, 4), 16), ("efficientnet_lite0", (8, 8, 8, 8), 32)],
)
def test_logits_have_the_size_of_the_input(name: str, widths: tuple[int, ...], stride: int) -> None:
    unet = network(name, widths)
    assert unet.stride == stride
    with torch.inference_mode():
        assert unet(torch.randn(2, 3, stride, 3 * stride)).shape == (2, 3, stride, 3 * stride)


@pytest.mark.parametrize(("height", "width"), [(17, 32), (32, 40), (8, 16), (0, 16)])
def test_a_side_that_is_no_multiple_of_the_stride_is_refused(height: int, width: int) -> None:
    with pytest.raises(ImageError, match=f"{height} x {width} pixels; resize it: both sides must be multiples of 16"):
        network(BODYPIX, (8,))(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize("widths", [(), (8, 8, 8, 8)])
def test_more_or_fewer_widths_than_the_encoder_has_strides_for_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match=f"allows 1 to 3 decoder widths, found {len(widths)}"):
        network(BODYPIX, widths)


@pytest.mark.parametrize("encoder", [BODYPIX, "efficientnet_lite0"])
def test_every_weight_gets_a_gradient(encoder: str) -> None:
    unet = network(encoder, (8, 8, 8))
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        for bias in (parameter for name, parameter in unet.named_parameters() if name.endswith("bias")):
            bias.add_(0.1)  # so that no ReLU6 is idle everywhere
    (unet(image) * torch.randn(2, 3, 64, 64)).sum().backward()
    without = [key for key, value in unet.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []


def test_a_result_does_not_depend_on_what_shares_the_batch() -> None:
    unet = network(BODYPIX, (8, 8)).eval()
    images = torch.randn(3, 3, 32, 48)
    with torch.inference_mode():
        together, alone = unet(images), unet(images[1:2])
    assert torch.allclose(together[1:2], alone, atol=1e-6)


def test_channels_last_and_bfloat16_give_nearly_the_same_logits() -> None:
    unet = network(BODYPIX, (8, 8)).eval()
    torch.nn.init.normal_(unet.head.weight)
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        plain = unet(image)
        with torch.autocast("cpu", torch.bfloat16):
            cast = unet(image.contiguous(memory_format=torch.channels_last))
    assert cast.dtype == torch.float32
    assert float((cast - plain).abs().mean()) < 0.05 * float(plain.abs().mean())


def test_dropout_acts_in_training_only() -> None:
    unet = network(BODYPIX, (8, 8), dropout=0.5)
    image = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        assert not torch.equal(unet(image), unet(image))
        unet.eval()
        assert torch.equal(unet(image), unet(image))


def test_importing_the_encoders_loads_neither_timm_nor_torchvision() -> None:
    report = "import sys, bodycascade.encoders; print(*sys.modules)"
    assert not {"timm", "torchvision", "huggingface_hub"} & {name.split(".")[0] for name in printed(report).split()}


def test_standardised_maps_enter_the_decoder_at_one_size() -> None:
    unet = network("movenet_thunder+nanodet_g", (8, 8)).eval()
    with torch.no_grad():
        for parameter in unet.encoder.parameters():
            parameter.mul_(3)  # maps far from any size that a decoder expects
    images = torch.randn(4, 3, 64, 96)
    unet.standardise(images)
    with torch.no_grad():
        maps = unet.encoder(images)[-3:]
    for scale, found in zip(unet.scales, maps, strict=True):
        deviation, mean = torch.std_mean(scale(found), dim=(0, 2, 3))
        alive = found.std(dim=(0, 2, 3)) > 0.1
        assert alive.float().mean() > 0.5
        assert torch.allclose(mean, torch.zeros(()), atol=1e-3)
        assert torch.allclose(deviation[alive], torch.ones(()), atol=0.02)


def test_maps_of_one_value_are_not_divided_by_nothing() -> None:
    unet = network(BODYPIX, (8,)).eval()
    unet.standardise(torch.rand(1, 3, 16, 16))  # its coarsest stride
    with torch.no_grad():
        assert all(bool(parameter.isfinite().all()) for parameter in unet.parameters())


def test_a_channel_that_is_always_the_same_is_not_blown_up() -> None:
    unet = network(BODYPIX, (8,)).eval()
    unet.standardise(torch.zeros(2, 3, 32, 32))
    with torch.no_grad():
        assert all(bool(parameter.isfinite().all()) for parameter in unet.parameters())
        assert bool(unet(torch.randn(1, 3, 32, 32)).isfinite().all())


class NormedEncoder(Encoder):
    """Half the size, by a convolution and a batch norm, as timm's networks have them."""

    channels, strides = (3, 4), (1, 2)
    mean = std = (1.0, 1.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.halve = nn.Conv2d(3, 4, 2, stride=2)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x, self.norm(self.halve(x))]


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_encoder_counts_no_statistics_in_training(frozen: bool) -> None:
    encoder = NormedEncoder().requires_grad_(requires_grad=not frozen)
    unet = EncoderUNet(encoder, classes=2, decoder_widths=(4,), block_depth=1, kernel=3, dropout=0.5).train()
    unet(5 + torch.randn(2, 3, 8, 8))
    assert (encoder.norm.num_batches_tracked == 0) == frozen
    assert torch.equal(encoder.norm.running_var, torch.ones(4)) == frozen
    assert unet.dropout.training
    assert not any(module.training for module in unet.eval().modules())
