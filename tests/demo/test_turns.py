"""One job at a time, a few waiting, none for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from bodycascade.demo.turns import Turns
from bodycascade.errors import RequestError


@pytest.fixture
def free() -> Iterator[threading.Event]:
    """An event for jobs to wait for; set at the end, that no thread stays behind."""
    event = threading.Event()
    yield event
    event.set()


async def worked(turns: Turns, job: object) -> object:
    async with turns.place():
        return await turns.run(job)  # type: ignore[arg-type]


def test_jobs_run_one_after_another() -> None:
    now, most = 0, 0

    def job() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        threading.Event().wait(0.01)
        now -= 1

    async def run() -> None:
        turns = Turns(waiting=4, seconds=30)
        await asyncio.gather(*(worked(turns, job) for _ in range(5)))
        turns.close()

    asyncio.run(run())
    assert most == 1


def test_when_all_places_are_taken_the_next_is_refused_and_later_welcome(free: threading.Event) -> None:
    async def run() -> None:
        turns = Turns(waiting=1, seconds=30)
        taken = [asyncio.create_task(worked(turns, free.wait)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(RequestError, match="try again in a few seconds") as caught:
            await worked(turns, list)
        assert caught.value.status == 503
        free.set()
        await asyncio.gather(*taken)
        assert await worked(turns, list) == []
        turns.close()

    asyncio.run(run())


async def free_again(turns: Turns) -> object:
    """What a job gives once the thread is free; on a busy machine that may take longer than a turn."""
    for _ in range(200):
        with suppress(RequestError):
            return await worked(turns, lambda: 3)
    raise AssertionError("the thread never came free")


def test_what_waits_too_long_is_given_up_in_words_and_never_starts(free: threading.Event) -> None:
    started = threading.Event()

    async def run() -> None:
        turns = Turns(waiting=1, seconds=0.05)
        results = await asyncio.gather(worked(turns, free.wait), worked(turns, started.set), return_exceptions=True)
        for error in results:
            assert isinstance(error, RequestError)
            assert error.status == 504
            assert str(error).startswith("the picture took longer than 0.05 seconds")
        free.set()
        assert await free_again(turns) == 3
        turns.close()

    asyncio.run(run())
    assert not started.is_set()
