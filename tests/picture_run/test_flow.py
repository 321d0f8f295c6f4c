"""Reading, working and writing overlap; little is alive at a time; errors stay with their item."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Sequence

import pytest

from bodycascade.errors import ImageError
from bodycascade.picture_run.flow import Clock, Steps, overlapped


def steps(
    *,
    work_seconds: float = 0.0,
    write_seconds: float = 0.0,
    bad: Sequence[int] = (),
    alive: list[int] | None = None,
) -> Steps[int, int, int]:
    """Steps that take their time; `bad` items fail at reading (0 mod 3), working (1) or writing (2)."""
    lock = threading.Lock()
    count = [0]

    def change(by: int) -> None:
        with lock:
            count[0] += by
            if alive is not None:
                alive.append(count[0])

    def read(item: int) -> int:
        change(1)
        if item in bad and item % 3 == 0:
            change(-1)
            raise ImageError(f"{item} read")
        return item

    def work(items: Sequence[int]) -> list[int | Exception]:
        time.sleep(work_seconds * len(items))
        return [ImageError(f"{item} work") if item in bad and item % 3 == 1 else item for item in items]

    def write(item: int, result: int) -> None:
        time.sleep(write_seconds)
        change(-1)
        if item in bad and item % 3 == 2:
            raise ImageError(f"{item} write")

    return Steps(weigh=lambda _: 10, read=read, work=work, write=write, errors=(ImageError,))


def test_every_item_is_finished_once_and_errors_are_its_own() -> None:
    found = dict(overlapped(range(30), steps(bad=(3, 4, 5, 27)), batch=4, room=1000, clock=Clock()))
    assert set(found) == set(range(30))
    assert {item: str(error) for item, error in found.items() if error} == {
        3: "3 read",
        4: "4 work",
        5: "5 write",
        27: "27 read",
    }


@pytest.mark.parametrize("batch", [1, 4])
def test_while_the_worker_works_the_next_is_read_and_the_one_before_is_written(batch: int) -> None:
    count = 20
    was_read, began = ([threading.Event() for _ in range(count)] for _ in range(2))
    alone: list[int] = []

    def read(item: int) -> int:
        was_read[item].set()
        return item

    def work(items: Sequence[int]) -> Sequence[int | Exception]:
        for item in items:
            began[item].set()
        following = was_read[items[-1] + 1 : items[-1] + 2]
        alone.extend(items if not all(event.wait(30) for event in following) else [])
        return items

    def write(item: int, result: int) -> None:
        alone.extend([item] if not all(event.wait(30) for event in began[item + 1 : item + 2]) else [])

    both = Steps(weigh=lambda _: 10, read=read, work=work, write=write, errors=())
    assert len(list(overlapped(range(count), both, batch=batch, room=1000, clock=Clock()))) == count
    assert alone == []


def test_no_more_is_alive_than_there_is_room_for() -> None:
    alive: list[int] = []
    flow = overlapped(range(40), steps(write_seconds=0.005, alive=alive), batch=4, room=35, clock=Clock())
    assert len(list(flow)) == 40
    assert max(alive) <= 3


def test_an_item_larger_than_the_room_goes_alone() -> None:
    alive: list[int] = []
    assert len(list(overlapped(range(6), steps(alive=alive), batch=4, room=3, clock=Clock()))) == 6
    assert max(alive) == 1


def test_no_more_than_a_batch_is_worked_on_at_once() -> None:
    sizes = []
    plain = steps(work_seconds=0.002)

    def work(items: Sequence[int]) -> Sequence[int | Exception]:
        sizes.append(len(items))
        return plain.work(items)

    counted = Steps(weigh=plain.weigh, read=plain.read, work=work, write=plain.write, errors=plain.errors)
    assert len(list(overlapped(range(30), counted, batch=3, room=1000, clock=Clock()))) == 30
    assert max(sizes) <= 3
    assert sum(sizes) == 30


def test_another_error_ends_the_flow_and_all_threads() -> None:
    def write(item: int, result: int) -> None:
        raise OSError(28, "No space left on device")

    plain = steps()
    full = Steps(weigh=plain.weigh, read=plain.read, work=plain.work, write=write, errors=plain.errors)
    with pytest.raises(OSError, match="No space left"):
        list(overlapped(range(1000), full, batch=4, room=50, clock=Clock()))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("read", "write"))]


def test_closing_it_early_ends_all_threads() -> None:
    flow = overlapped(range(1000), steps(), batch=4, room=50, clock=Clock())
    next(flow)
    flow.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("read", "write"))]


def test_what_is_written_is_gone_when_the_next_is_read() -> None:
    class Large:
        pass

    made: list[weakref.ref[Large]] = []
    alive: list[int] = []

    def new() -> Large:
        large = Large()
        made.append(weakref.ref(large))
        return large

    def read(_: int) -> Large:
        time.sleep(0.05)  # the thread that wrote the one before is on its way out
        alive.append(sum(one() is not None for one in made))
        return new()

    one_by_one = Steps(
        weigh=lambda _: 10, read=read, work=lambda images: [new() for _ in images], write=lambda _, __: None, errors=()
    )
    list(overlapped(range(4), one_by_one, batch=1, room=10, clock=Clock()))
    assert alive == [0, 0, 0, 0]
