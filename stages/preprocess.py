"""Check the data and pack it for training: python -m stages.preprocess --params params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stages import run_stage

if TYPE_CHECKING:
    from bodycascade.params import Params


def main(params: Params, root: Path) -> None:
    """Check the data and pack it for training."""
    from bodycascade.preprocess import preprocess  # noqa: PLC0415 - see run_stage

    preprocess(params, root)


if __name__ == "__main__":
    run_stage(main)
