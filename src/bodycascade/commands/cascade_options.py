"""Which cascade a command runs, and by what: the options that all commands with a cascade share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bodycascade.commands.option_group import option_group
from bodycascade.errors import BodyCascadeError

if TYPE_CHECKING:
    from bodycascade.cascade import CascadeSegmenter
    from bodycascade.hierarchy import Tree


@dataclass(frozen=True)
class CascadeChoice:
    """The options. `bundle`: None for the released cascade; `graphs`: None for those in the user's cache; `fast_share`:
    None where none is named."""

    bundle: Path | None
    device: str
    backend: str
    graphs: Path | None
    fast: bool
    fast_share: float | None

    def load(self) -> CascadeSegmenter:
        """The segmenter. Raises `BodyCascadeError` for what cannot be had together, or not at all."""
        self._check()
        if self.backend == "onnx":
            from bodycascade.onnx_graphs import load_segmenter  # noqa: PLC0415 - loads torch

            return load_segmenter(self._graph_folder, fast=self._fast)
        import torch  # noqa: PLC0415 - takes seconds, --help should not

        from bodycascade.cascade import CascadeSegmenter  # noqa: PLC0415 - loads torch

        segmenter = CascadeSegmenter.load(self.bundle, self.device, fast=self._fast)
        if self.device == "auto" and segmenter.device.type == "cpu" and torch.cuda.is_available():
            print(f"on the CPU, though there is a GPU: {segmenter.device_reason}", file=sys.stderr, flush=True)
        return segmenter

    def tree(self) -> Tree:
        """The class tree, known before the networks are: mistakes in other options need not wait for these.

        Raises what `load` raises for options that do not go together, and for a folder that is no cascade's.
        """
        self._check()
        if self.graphs is None:
            from bodycascade.bundle import read_tree  # noqa: PLC0415 - loads torch
            from bodycascade.cascade import RELEASED  # noqa: PLC0415

            return read_tree(self.bundle or RELEASED)
        from bodycascade.onnx_graphs import read_folder  # noqa: PLC0415 - an extra

        return read_folder(self.graphs).tree

    def identity(self) -> str:
        """What tells the results of this choice from those of any other; raises as `load` does."""
        from bodycascade import __version__  # noqa: PLC0415
        from bodycascade.bundle import MANIFEST  # noqa: PLC0415 - loads torch
        from bodycascade.cascade import FAST_SHARE, RELEASED  # noqa: PLC0415
        from bodycascade.files import sha256_of  # noqa: PLC0415

        description = (self.bundle or RELEASED) / MANIFEST
        if self.backend == "onnx":
            from bodycascade.onnx_graphs import DESCRIPTION  # noqa: PLC0415 - an extra

            description = self._graph_folder / DESCRIPTION
        share = FAST_SHARE if self._fast is True else self._fast
        fast = f" fast {share}" if share else ""
        return f"{__version__} {sha256_of(description)}{fast}"

    def _check(self) -> None:
        """Raises `BodyCascadeError` for options that do not go together."""
        if self.backend != "onnx":
            if self.graphs is not None:
                raise BodyCascadeError("--onnx names graphs for onnxruntime; add --backend onnx")
            return
        if self.device not in ("auto", "cpu"):
            raise BodyCascadeError(
                f"--backend onnx runs on the CPU; leave out --device {self.device}, or --backend onnx"
            )
        if self.bundle is not None and self.graphs is not None:
            raise BodyCascadeError("--bundle and --onnx both name a cascade; give one of them")

    @property
    def _fast(self) -> bool | float:
        """As `CascadeSegmenter.load` takes it."""
        return self.fast if self.fast_share is None else self.fast_share

    @cached_property
    def _graph_folder(self) -> Path:
        """The folder of the ONNX graphs; those in the user's cache are made where they are missing."""
        if self.graphs is not None:
            return self.graphs
        from bodycascade.commands.export import tell  # noqa: PLC0415
        from bodycascade.onnx_graphs import cached_folder  # noqa: PLC0415 - loads torch

        return cached_folder(self.bundle, on_graph=tell)


cascade_options = option_group(
    CascadeChoice,
    "cascade",
    [
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
        click.option("--fast", is_flag=True, help="Smaller inputs, and the root looks once: faster, less exact."),
        click.option(
            "--fast-share",
            type=click.FloatRange(0.3, 1),
            metavar="SHARE",
            help="The same with inputs at this share of their side, 0.3 to 1, instead of 0.8.",
        ),
        click.option(
            "--bundle", type=click.Path(path_type=Path), help="Folder of another cascade than the one of this package."
        ),
        click.option(
            "--backend",
            type=click.Choice(["torch", "onnx"]),
            default="torch",
            show_default=True,
            help="What runs the networks: torch, or onnxruntime on the CPU.",
        ),
        click.option(
            "--onnx",
            "graphs",
            type=click.Path(path_type=Path),
            metavar="FOLDER",
            help="With --backend onnx: a folder of `export onnx`. Without, graphs are made once, in the user's cache.",
        ),
    ],
)
"""Adds the options to a command, whose function gets them as `cascade`, a `CascadeChoice`."""
