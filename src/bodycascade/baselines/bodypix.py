"""BodyPix 2.0 (Google, Apache-2.0) as a segmenter: MobileNetV1 at width 0.75 with stride 16 and two 1 x 1 heads.

The weights are Google's published files for TensorFlow.js. What is done before and after the network is that of
segmentPersonParts() in @tensorflow-models/body-pix 2.2; the 24 parts that it tells apart are put together to six.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from bodycascade.devices import autocast, choose_device, choose_precision
from bodycascade.encoders import import_weights
from bodycascade.encoders.bodypix import MODEL_FILE, trunk_tensors
from bodycascade.encoders.mobilenet import MobileNetTrunk
from bodycascade.encoders.registry import BODYPIX
from bodycascade.encoders.tfjs import StoredTensor, read_tfjs
from bodycascade.errors import BodyCascadeError, BundleError
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.imaging import ImageLike, read_image
from bodycascade.segmentation import Segmentation
from bodycascade.strips import strips

STRIDE = 16
PARTS = (
    # (how many of BodyPix's parts in its order, the leaf they are)
    (2, "head"),  # the two halves of the face
    (4, "up_hand"),  # upper arms, front and back
    (6, "low_hand"),  # lower arms, front and back, and hands
    (2, "torso"),  # front and back
    (4, "up_leg"),  # front and back
    (6, "low_leg"),  # lower legs, front and back, and feet
)
STRIP_PIXELS = 1 << 16
"""Parts are decided in strips of about so many pixels: 24 maps of a whole photograph would fit into no cache."""

_LEAVES = tuple(label for count, name in PARTS for label in PASCAL_PART.labels(name) * count)
"""The label of each of the 24 parts."""

_HEADS = {
    "segments": "MobilenetV1/segment_2",
    "parts": "MobilenetV1/part_heatmap_2",
}


class BodyPixNetwork(nn.Module):
    """Logits of person and parts: (N, 3, H, W) float from -1 to 1 to (N, 1, h, w) and (N, 24, h, w), h = ceil(H / 16).

    BodyPix's other heads, which tell people apart and find their joints, are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = MobileNetTrunk()
        self.segments = nn.Conv2d(self.trunk.channels[-1], 1, 1)
        self.parts = nn.Conv2d(self.trunk.channels[-1], len(_LEAVES), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        last = self.trunk(x)[-1]
        return self.segments(last), self.parts(last)


def network_state(tensors: Mapping[str, StoredTensor]) -> dict[str, Tensor]:
    """The float32 state of `BodyPixNetwork` from the published `tensors`; `BundleError` where one is missing."""
    state = {f"trunk.{name}": tensor.values() for name, tensor in trunk_tensors(tensors).items()}
    for head, origin in _HEADS.items():
        for key, original in (("weight", f"{origin}/weights"), ("bias", f"{origin}/Conv2D_bias")):
            if original not in tensors:
                raise BundleError(f"{original} is missing; expected BodyPix with MobileNetV1, for TensorFlow.js")
            values = tensors[original].values()
            # TensorFlow keeps (1, 1, in, out)
            state[f"{head}.{key}"] = values.permute(3, 2, 0, 1).contiguous() if key == "weight" else values
    return state


class BodyPixSegmenter:
    """BodyPix behind the seam that the cascade stands behind too; its tree is `PASCAL_PART`.

    It keeps no state: threads may share it. Its 24 part maps are no distribution over six parts, so the labels of its
    segmentations count as certain: `probs` is 0 or 1.
    """

    tree = PASCAL_PART

    def __init__(
        self,
        folder: str | Path,
        *,
        side: int = 513,
        threshold: float = 0.5,
        precision: str = "float32",
        device: str = "auto",
    ) -> None:
        """`folder` holds model-stride16.json and its shard as published, told by their sha256.

        `side`: what the long side is resized to inside, in pixels. `threshold`: a pixel is a person's where the
        probability of that is above it. `precision`: auto, float32 or bfloat16; `device`: auto, cpu, cuda, cuda:N.
        Raises `BundleError` where a file is missing or altered, `BodyCascadeError` for a bad device or setting.
        """
        if side < 1 or not 0 <= threshold <= 1:
            raise BodyCascadeError(f"expected a side above 0 and a threshold from 0 to 1; found {side} and {threshold}")
        self.side, self.threshold = side, threshold
        self.device, self.device_reason = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        network = BodyPixNetwork()
        import_weights(BODYPIX, Path(folder))  # compares the checksums of both files
        network.load_state_dict(network_state(read_tfjs(Path(folder) / MODEL_FILE)))
        self._leaves = torch.tensor(_LEAVES, dtype=torch.uint8, device=self.device)
        self.network = network.eval().requires_grad_(False).to(self.device)

    @torch.inference_mode()
    def __call__(self, image: ImageLike) -> Segmentation:
        """The segmentation of `image` at its own size; raises `ImageError` where it is no usable picture."""
        picture = read_image(image)
        frame = Frame.around(*picture.shape[:2], side=self.side)
        segments, parts = self.logits(frame.network_input(picture, self.device))
        person = frame.probabilities(segments)
        leaves = frame.probabilities(parts)
        labels = np.empty(picture.shape[:2], np.uint8)
        for strip in strips(0, len(picture), width=picture.shape[1], pixels=STRIP_PIXELS):
            leaf = self._leaves[frame.at_image(leaves, strip)[0].argmax(0)]
            labels[strip] = (leaf * (frame.at_image(person, strip)[0, 0] > self.threshold)).cpu().numpy()
        return Segmentation(self.tree, labels, image=picture)

    @torch.inference_mode()
    def logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the network says of its input: float32 logits of person and parts, see `BodyPixNetwork`."""
        with autocast(self.device, self.precision):
            segments, parts = self.network(x)
        return segments.float(), parts.float()

    def __repr__(self) -> str:
        return f"<BodyPixSegmenter: {self.side} px, person above {self.threshold}, {self.precision} on {self.device}>"


@dataclass(frozen=True)
class Frame:
    """Where an image of (`height`, `width`) lies inside the network's input of `shape` (H, W).

    The image gets `top` zero rows above and below and `left` zero columns at both sides, so that it has the input's
    aspect, and is then resized to `shape`.
    """

    height: int
    width: int
    shape: tuple[int, int]
    top: int
    left: int

    @classmethod
    def around(cls, height: int, width: int, *, side: int) -> Frame:
        """The frame of an image whose long side becomes `side` pixels, both sides a multiple of the stride and one."""
        factor = side / max(height, width)
        shape = (_valid(height * factor), _valid(width * factor))
        aspect = shape[1] / shape[0]
        if width / height < aspect:
            return cls(height, width, shape, 0, round(0.5 * (aspect * height - width)))
        return cls(height, width, shape, round(0.5 * (width / aspect - height)), 0)

    def network_input(self, picture: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
        """(1, 3, H, W) float32 from -1 to 1 for `picture` (height, width, 3) uint8 RGB."""
        x = torch.tensor(picture, device=device).permute(2, 0, 1)[None].float()
        x = functional.pad(x, (self.left, self.left, self.top, self.top))
        rows, columns = (
            torch.arange(inside, device=device) * (outside / inside)
            for inside, outside in zip(self.shape, self._padded(), strict=True)
        )
        resized: Tensor = _resample(x, rows, columns) / 127.5 - 1
        return resized

    def probabilities(self, logits: Tensor) -> Tensor:
        """(1, C, H, W) float32 from 0 to 1, at the input's size, for `logits` (1, C, h, w)."""
        return functional.interpolate(logits, self.shape, mode="bilinear", align_corners=True).sigmoid()

    def at_image(self, maps: Tensor, rows: slice) -> Tensor:
        """(1, C, rows, width): some rows of `maps` (1, C, H, W) where the image's own pixels lie in them."""
        (high, wide), (height, width) = self._padded(), self.shape
        ys = torch.arange(self.height, device=maps.device)[rows] + self.top
        xs = torch.arange(self.width, device=maps.device) + self.left
        # A picture of a single row or column has no distance to divide by.
        return _resample(maps, ys / max(high - 1, 1) * (height - 1), xs / max(wide - 1, 1) * (width - 1))

    def _padded(self) -> tuple[int, int]:
        return self.height + 2 * self.top, self.width + 2 * self.left


def _valid(side: float) -> int:
    """The side itself where it is a multiple of the stride and one, else such a number near it."""
    return int(side) if (side - 1) % STRIDE == 0 else int(side // STRIDE) * STRIDE + 1


def _resample(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(N, C, h, w) float32: bilinear samples of `x` (N, C, H, W) at fractional `rows` (h,) and `columns` (w,)."""
    return _along(_along(x, rows, 2), columns, 3)


def _along(x: Tensor, places: Tensor, axis: int) -> Tensor:
    last = x.shape[axis] - 1
    places = places.float().clamp(0, last)
    before = places.floor().long()
    weight = (places - before).view([-1 if i == axis else 1 for i in range(4)])
    return torch.lerp(x.index_select(axis, before), x.index_select(axis, (before + 1).clamp(max=last)), weight)
