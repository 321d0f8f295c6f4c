"""Work on several cores comes back in order, and never piles up."""

from __future__ import annotations

import threading
import time

import pytest

from bodycascade.data.parallel import ordered_map


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert list(ordered_map(slow_first, range(50))) == [number * number for number in range(50)]


def test_few_results_wait_for_a_slow_taker() -> None:
    lock, started = threading.Lock(), [0]

    def count(number: int) -> int:
        with lock:
            started[0] += 1
        return number

    results = ordered_map(count, range(1000), threads=2)
    next(results)
    time.sleep(0.05)
    assert started[0] <= 5  # two for each thread, and the one that was taken
    results.close()


def test_error_comes_where_its_result_would_have_come() -> None:
    def fail_at_three(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    results = ordered_map(fail_at_three, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_one_thread_reads_in_order_beside_the_caller() -> None:
    seen = set()

    def read(item: int) -> int:
        seen.add(threading.current_thread())
        return item * item

    assert list(ordered_map(read, range(9), threads=1)) == [item * item for item in range(9)]
    assert threading.main_thread() not in seen


def test_one_thread_reads_no_more_than_three_before_they_are_wanted() -> None:
    done: list[int] = []

    def read(item: int) -> int:
        done.append(item)
        return item

    reading = ordered_map(read, range(100), threads=1)
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

    reading = ordered_map(read, range(2), threads=1)
    assert next(reading) == 0
    assert second.wait(timeout=5)
    reading.close()
