"""What every encoder is: a trunk, pretrained or not, that turns an image into feature maps from fine to coarse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from bodycascade.errors import BundleError

Colour = tuple[float, float, float]


class Encoder(nn.Module):
    """Feature maps of an image: (N, 3, H, W) float to a list of (N, channels[i], H / strides[i], W / strides[i]).

    `strides` rise from fine to coarse, each a multiple of the one before. `mean` and `std` (RGB, on the scale 0 to 255)
    are the normalisation that the weights were trained with: the input is (image - mean) / std.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    mean: Colour
    std: Colour

    def forward(self, x: Tensor) -> list[Tensor]:
        raise NotImplementedError


def maps_by_stride(x: Tensor, layers: Iterable[nn.Module], strides: Iterable[int]) -> list[Tensor]:
    """`x` (N, C, H, W) sent through `layers`: what it was before each that has a stride above 1, and at the end."""
    maps = []
    for layer, stride in zip(layers, strides, strict=True):
        if stride > 1:
            maps.append(x)
        x = layer(x)
    return [*maps, x]


def check_state(state: Mapping[str, Tensor], encoder: Encoder, source: str) -> None:
    """Raise `BundleError` unless `state` has exactly the tensors of `encoder`, each of its shape."""
    wanted = {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}
    for name in sorted(wanted.keys() | state.keys()):
        found = tuple(state[name].shape) if name in state else None
        if found != wanted.get(name):
            raise BundleError(
                f"{source} does not fit the encoder: {name} is {_shape(found)}, expected {_shape(wanted.get(name))}; "
                f"give the file that was made for it"
            )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "not there" if shape is None else " x ".join(map(str, shape)) or "a number"
