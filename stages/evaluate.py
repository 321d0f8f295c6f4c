"""Assemble the cascade and score it on val: python -m stages.evaluate --params params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stages import run_stage

if TYPE_CHECKING:
    from bodycascade.params import Params


def main(params: Params, root: Path) -> None:
    """Assemble the cascade and score it on val."""
    from bodycascade.evaluate import evaluate  # noqa: PLC0415 - see run_stage

    evaluate(params, root)


if __name__ == "__main__":
    run_stage(main)
