"""Experts whose networks onnxruntime runs; all else, from the preparation to the routing, is this package's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import BundleError, first_line
from bodycascade.expert import Expert
from bodycascade.expert_file import NoDraws
from bodycascade.onnx_graphs.expert_graph import INPUT, OUTPUT
from bodycascade.onnx_graphs.folder import read_folder
from bodycascade.onnx_graphs.packages import open_session


class SessionNetwork(nn.Module):
    """A network whose logits onnxruntime computes; it takes the place of `Expert.unet` and has no weights of its own.

    Threads may share it, and copies do. It has as many threads as torch has at the time. Raises `BundleError` where
    `path` is no graph that onnxruntime runs.
    """

    def __init__(self, path: Path, *, stride: int) -> None:
        super().__init__()
        self.stride, self._path = stride, path
        try:
            self._session = open_session(str(path), threads=torch.get_num_threads())
        except Exception as error:  # of classes of its C extension, one for each of its error codes
            raise BundleError(f"{path}: onnxruntime cannot run it ({first_line(error)}); export it again") from error
        self.register_state_dict_pre_hook(_refuse)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, children, h, w) float32 for prepared input (N, 3, h, w) float32."""
        given = np.ascontiguousarray(x.detach().cpu().numpy())
        try:
            (logits,) = self._session.run([OUTPUT], {INPUT: given})
        except Exception as error:
            raise BundleError(f"{self._path}: onnxruntime failed at {given.shape} ({first_line(error)})") from error
        return torch.from_numpy(logits).to(x.device)

    def __deepcopy__(self, _memo: dict[int, Any]) -> SessionNetwork:
        return self  # a session never changes, and cannot be copied


def load_segmenter(folder: Path, *, fast: bool | float = False) -> CascadeSegmenter:
    """The cascade that was exported to `folder`, its experts run by onnxruntime in float32, its zoom as in the bundle.

    `fast` as in `CascadeSegmenter.load`. It can do all that a `CascadeSegmenter` can but `save`. Raises `BundleError`
    where `folder` is not exactly what `export_folder` wrote.
    """
    found = read_folder(folder)
    experts = []
    for settings, path in found.experts:
        with torch.device("meta"), NoDraws():  # a network without memory: onnxruntime's takes its place
            expert = Expert(found.tree, settings)
        expert.register_module("unet", SessionNetwork(path, stride=expert.stride))
        experts.append(expert)
    return CascadeSegmenter(
        experts,
        routing=found.settings.routing,
        zoom=found.settings.zoom,
        device="cpu",
        precision="float32",
        fast=fast,
    )


def _refuse(*_: object) -> NoReturn:
    raise BundleError("a cascade run by onnxruntime has no weights to save; save the bundle that it was exported from")
