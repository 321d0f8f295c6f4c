from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bodycascade.errors import DataError
from bodycascade.evaluate.examples import read_ahead
from bodycascade.evaluate.predictions import read_label_map, write_label_map
from bodycascade.hierarchy import PASCAL_PART


def test_items_come_in_order_and_are_read_in_another_thread() -> None:
    threads = set()

    def read(item: int) -> int:
        threads.add(threading.current_thread())
        return item * item

    assert list(read_ahead(range(9), read)) == [item * item for item in range(9)]
    assert threading.main_thread() not in threads


def test_no_more_than_the_allowance_is_read_before_it_is_wanted() -> None:
    done: list[int] = []

    def read(item: int) -> int:
        done.append(item)
        return item

    reading = read_ahead(range(100), read, ahead=2)
    assert next(reading) == 0
    time.sleep(0.1)
    assert len(done) <= 3
    reading.close()
    assert len(done) <= 3


def test_the_next_item_is_read_while_the_caller_works() -> None:
    second = threading.Event()

    def read(item: int) -> int:
        if item == 1:
            second.set()
        return item

    reading = read_ahead(range(2), read)
    assert next(reading) == 0
    assert second.wait(timeout=5)
    reading.close()


def test_an_error_comes_in_the_place_of_its_item() -> None:
    def read(item: int) -> int:
        if item == 2:
            raise DataError("the third is bad")
        return item

    reading = read_ahead(range(5), read)
    assert [next(reading), next(reading)] == [0, 1]
    with pytest.raises(DataError, match="the third is bad"):
        next(reading)


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
