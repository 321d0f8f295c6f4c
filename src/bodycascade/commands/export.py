"""`bodycascade export`: a cascade in formats that other programs run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bodycascade.onnx_graphs import Exported
    from bodycascade.picture_run import Source


@click.group(short_help="Write the cascade as ONNX graphs.")
def command() -> None:
    """Write a cascade in formats that other programs run."""


@command.command("onnx", short_help="A graph for each expert, and one for the cascade.")
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


class _Read(Sequence["npt.NDArray[np.uint8]"]):
    """The pictures of `sources`, read anew whenever they are asked for: all at once may be too many."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, place: Any) -> Any:
        return self._sources[place].read()


def tell(exported: Exported) -> None:
    """Say on standard error what was checked."""
    click.echo(f"{exported.name}: agrees with torch ({exported.agreement.summary()})", err=True)
