"""`bodycascade export`: a cascade in formats that other programs run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bodycascade.onnx_graphs import Exported
    from bodycascade.picture_run import Source


@click.group(short_help="Write the cascade as ONNX graphs.")
def command() -> None:
    """Write a cascade in formats that other programs run."""


@command.command("onnx")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The folder to make or to replace.")
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Folder of another cascade than the one of this package."
)
@click.option(
    "--pictures", multiple=True, metavar="SOURCE", help="Picture, folder or pattern to check on too. Repeatable."
)
def export_onnx(*, out: Path, bundle: Path | None, pictures: Sequence[str]) -> None:
    """Write one ONNX graph per expert and one for the whole cascade, cascade.onnx.

    cascade.onnx takes pictures, uint8 (batch, height, width, 3) RGB of any size, and gives labels, uint8 (batch,
    height, width), and probabilities, float32 (batch, labels, height, width). Every expert in it looks at the full
    frame: the zoom into small people is not in the graph, `--backend onnx` does it outside.

    Each graph is checked against torch in float32 on rendered pictures, and on those given, before its file is kept:
    probabilities to 1e-4, at most a hundred thousandth of the pixels of another class.

    \b
      bodycascade export onnx -o onnx
      bodycascade export onnx -o onnx --pictures photos
      bodycascade segment photos -o out --backend onnx --onnx onnx
    """
    from bodycascade.onnx_graphs import export_folder  # noqa: PLC0415 - --help is quick without
    from bodycascade.picture_run import find_sources  # noqa: PLC0415

    export_folder(out, bundle=bundle, pictures=_Read(find_sources(pictures)), on_graph=tell)
    click.echo(f"{out}: written")


@dataclass(frozen=True)
class _Read:
    """The pictures of `sources`, read anew each time they are gone through: all at once may be too many."""

    sources: Sequence[Source]

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        return (source.read() for source in self.sources)


def tell(exported: Exported) -> None:
    """Say on standard error what was checked."""
    click.echo(f"{exported.name}: agrees with torch ({exported.agreement.told()})", err=True)
