"""Check the data and pack it for training: python -m stages.preprocess --params params.yaml."""

from __future__ import annotations

from bodycascade.preprocess import preprocess
from stages import run_stage

if __name__ == "__main__":
    run_stage(preprocess)
