"""One network for all classes at once: what a cascade is usually compared with."""

from __future__ import annotations

import torch
from torch.nn import functional

from bodycascade.devices import autocast
from bodycascade.encoders import EncoderUNet, make_encoder
from bodycascade.hierarchy import Tree
from bodycascade.imaging import ImageLike, read_image
from bodycascade.resizing import resize_to_tensor
from bodycascade.segmentation import Segmentation

RESNET34 = "timm:resnet34"
DECODER_WIDTHS = (256, 128, 64, 32)
"""Channels of the decoder as UNets on ResNet34 usually have them, from the coarsest on."""

CPU = torch.device("cpu")


class PlainUNetSegmenter:
    """A UNet on `encoder` with random weights that decides between all leaves of `tree`; for speed, not for scores.

    The long side of an image is resized to `side` pixels. `precision`: float32 or bfloat16, on the CPU. Raises
    `MissingExtraError` where the encoder is timm's and timm is not installed.
    """

    def __init__(self, tree: Tree, *, encoder: str = RESNET34, side: int, precision: str) -> None:
        self.tree = tree
        self.side, self.precision = side, precision
        trunk = make_encoder(encoder)
        widths = DECODER_WIDTHS[: len(trunk.strides) - 1]
        network = EncoderUNet(
            trunk, classes=tree.num_labels, decoder_widths=widths, block_depth=2, kernel=3, dropout=0.0
        )
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = torch.tensor(trunk.mean).view(3, 1, 1)
        self._std = torch.tensor(trunk.std).view(3, 1, 1)

    def input_shape(self, height: int, width: int) -> tuple[int, int]:
        """(h, w) that an image of (height, width) is resized to: multiples of the network's stride."""
        stride, scale = self.network.stride, self.side / max(height, width)
        return max(1, round(height * scale / stride)) * stride, max(1, round(width * scale / stride)) * stride

    @torch.inference_mode()
    def __call__(self, image: ImageLike) -> Segmentation:
        """The segmentation of `image` at its own size."""
        picture = read_image(image)
        height, width = picture.shape[:2]
        small = resize_to_tensor(picture, self.input_shape(height, width))
        x = ((small - self._mean) / self._std)[None].contiguous(memory_format=torch.channels_last)
        with autocast(CPU, self.precision):
            logits = self.network(x)
        whole = functional.interpolate(logits.float(), size=(height, width), mode="bilinear", align_corners=False)
        return Segmentation(self.tree, whole[0].argmax(0).to(torch.uint8).numpy(), image=picture)
