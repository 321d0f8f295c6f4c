"""Write the report of a profile: python -m stages.visualize --params params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stages import run_stage

if TYPE_CHECKING:
    from bodycascade.params import Params


def main(params: Params, root: Path) -> None:
    """Write the report of a profile."""
    from bodycascade.visualize import visualize  # noqa: PLC0415 - see run_stage

    visualize(params, root)


if __name__ == "__main__":
    run_stage(main)
