"""Images, and maps of probabilities, brought to another size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional


def resize_image(image: npt.NDArray[np.uint8], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8: `image` (H, W, 3) brought to `shape` (h, w), antialiased bilinear, as Pillow does it."""
    resized: npt.NDArray[np.uint8] = resize_to_tensor(image, shape).permute(1, 2, 0).contiguous().numpy()
    return resized


def resize_to_tensor(image: npt.NDArray[np.uint8], shape: tuple[int, int]) -> Tensor:
    """(3, h, w) uint8 tensor: what `resize_image` gives, channels first, ready for a network.

    Torch's integer kernel follows Pillow's to one grey level and takes a fifth of the time.
    """
    # A tensor over a read-only array is a warning in torch, and a negative stride an error; numpy calls a mirrored
    # array of one pixel's width contiguous as it is.
    array = np.ascontiguousarray(image)
    whole = array.flags.writeable and min(array.strides) > 0
    tensor = torch.from_numpy(array if whole else array.copy()).permute(2, 0, 1)  # (3, H, W)
    resized = functional.interpolate(tensor[None], size=shape, mode="bilinear", antialias=True)
    return resized[0]


def resize_map(probability: Tensor, shape: tuple[int, int]) -> Tensor:
    """(..., h, w) float32 at another grid: the map (..., H, W) resampled bilinearly, pixel areas aligned."""
    if tuple(probability.shape[-2:]) == shape:
        return probability
    flat = probability.reshape(1, -1, *probability.shape[-2:])
    resized = functional.interpolate(flat, size=shape, mode="bilinear", align_corners=False)
    return resized.reshape(*probability.shape[:-2], *shape)
