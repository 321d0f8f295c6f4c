"""Pictures to run over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.painted import save_painted


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six painted pictures in photos and photos/sub."""
    for seed in range(6):
        save_painted(tmp_path / "photos" / ("sub" if seed % 2 else "") / f"{seed}.png", seed=seed)
    return tmp_path / "photos"
