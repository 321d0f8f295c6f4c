from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bodycascade.errors import DataError
from bodycascade.evaluate.predictions import read_label_map, write_label_map
from bodycascade.hierarchy import PASCAL_PART


def test_a_label_map_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 7, (31, 17), dtype=np.uint8)
    write_label_map(tmp_path / "one.png", labels, PASCAL_PART)
    assert (read_label_map(tmp_path / "one.png") == labels).all()


def test_a_missing_or_damaged_label_map_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    with pytest.raises(DataError, match=r"one\.png: no predicted label map; run the evaluate stage first"):
        read_label_map(path)
    write_label_map(path, np.ones((40, 40), np.uint8), PASCAL_PART)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=r"one\.png: not a readable label map"):
        read_label_map(path)
