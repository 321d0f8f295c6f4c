"""Train one expert: python -m stages.train EXPERT --params params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stages import keep_freed_memory, run_stage

if TYPE_CHECKING:
    from bodycascade.params import Params


def main(params: Params, expert: str, root: Path) -> None:
    """Train one expert."""
    from bodycascade.train import train  # noqa: PLC0415 - see run_stage

    train(params, expert, root)


if __name__ == "__main__":
    keep_freed_memory()
    run_stage(main)
