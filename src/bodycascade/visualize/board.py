"""The panels as TensorBoard images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bodycascade.errors import MissingExtraError
from bodycascade.folders import replace_folder
from bodycascade.visualize.panels import Panel, strip


def write_board(folder: Path, panels: Mapping[str, Sequence[Panel]]) -> None:
    """Write each group of panels as images `best`, `worst`, `random` to `folder`, replacing what it held.

    The caller holds a lock (see `replace_folder`).
    A group is one entry with a step per picture, so TensorBoard shows a slider and no long list.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - it takes a second to import
    except ImportError:
        raise MissingExtraError("tensorboard", "pipeline") from None
    with replace_folder(folder) as aside, SummaryWriter(str(aside)) as writer:
        for group, found in panels.items():
            for step, panel in enumerate(found):
                writer.add_image(f"image, truth, prediction, errors/{group}", strip(panel), step, dataformats="HWC")
