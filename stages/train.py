"""Train one expert: python -m stages.train EXPERT --params params.yaml."""

from __future__ import annotations

from bodycascade.train import train
from stages import run_stage

if __name__ == "__main__":
    run_stage(train)
