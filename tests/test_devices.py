"""Where the arithmetic runs; machines with other GPUs than this one's are played by replacing torch's answers."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import pytest
import torch

from bodycascade.devices import MOST_AT_ONCE, autocast, choose_device, over_cores, remember_kernels, runs_bfloat16
from bodycascade.errors import BodyCascadeError
from tests.threads import computing_in

CPU = torch.device("cpu")


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU whose driver is there, but that this build of torch has no kernels for."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nCompile with ...")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", fail)


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def cpu_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)


def test_cpu_is_taken_when_asked_for() -> None:
    assert choose_device("cpu") == (CPU, "asked for")


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        ("no_kernel", "a test kernel failed there (CUDA error: no kernel image is available for execution"),
        ("no_driver", "no usable CUDA device was found"),
        ("cpu_build", "this torch is built without CUDA"),
    ],
)
def test_auto_falls_back_to_the_cpu_and_says_why(machine: str, why: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(machine)
    device, reason = choose_device("auto")
    assert device == CPU
    assert reason.startswith(why)
    assert "\n" not in reason


@pytest.mark.parametrize("machine", ["no_kernel", "no_driver", "cpu_build"])
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_cuda_by_name_ends_with_one_line_where_it_does_not_run(
    machine: str, name: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(machine)
    with pytest.raises(BodyCascadeError, match=f"^device {name} cannot be used: .*; choose device: auto or cpu$"):
        choose_device(name)


def test_kernel_that_gives_a_wrong_result_is_not_trusted(monkeypatch: pytest.MonkeyPatch, no_driver: None) -> None:
    ones = torch.ones
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", lambda *size, device: 2 * ones(*size))
    assert choose_device("auto") == (CPU, "a test kernel gave a wrong result")


def test_torchs_own_device_is_taken() -> None:
    assert choose_device(CPU) == (CPU, "asked for")
    assert choose_device(torch.device("cpu", 0)) == (CPU, "asked for")


@pytest.mark.parametrize("wanted", [None, 0, torch.device("meta")])
def test_what_is_no_device_of_this_project_is_one_line(wanted: object) -> None:
    with pytest.raises(BodyCascadeError, match=f"^device: expected auto, cpu, cuda or cuda:N, found '{wanted}'$"):
        choose_device(wanted)  # type: ignore[arg-type]


def test_unknown_device_and_precision_are_one_line() -> None:
    with pytest.raises(BodyCascadeError, match=r"^device: expected auto, cpu, cuda or cuda:N, found 'tpu'$"):
        choose_device("tpu")
    with pytest.raises(BodyCascadeError, match=r"^precision: expected auto, float32 or bfloat16, found 'half'$"):
        autocast(CPU, "half")


def result_type(precision: str) -> torch.dtype:
    one = torch.ones(2, 2)
    with autocast(CPU, precision):
        return (one @ one).dtype


@pytest.mark.parametrize(("precision", "expected"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_networks_run_in_the_precision_asked_for(precision: str, expected: torch.dtype) -> None:
    assert result_type(precision) == expected
    assert result_type("float32") == torch.float32


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
    ],
)
def test_auto_takes_bfloat16_where_the_cpu_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert runs_bfloat16(CPU) == (expected == torch.bfloat16)
    assert result_type("auto") == expected


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_auto_takes_a_gpu_that_runs_a_kernel() -> None:
    device, reason = choose_device("auto")
    assert device.type == "cuda"
    assert reason.endswith("runs a test kernel")


def test_memory_for_kernels_is_widened_unless_somebody_chose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    remember_kernels()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "8192"
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "7")
    remember_kernels()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "7"


def test_items_are_worked_on_by_a_share_of_the_threads_each_at_the_same_time() -> None:
    together = threading.Barrier(2)

    def work(item: int) -> tuple[int, int]:
        together.wait(timeout=30)
        return item, torch.get_num_threads()

    with computing_in(4):
        assert over_cores(work, range(2)) == [(0, 2), (1, 2)]
        assert torch.get_num_threads() == 4
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 4


def test_results_have_the_order_of_the_items() -> None:
    first_is_last = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert first_is_last.wait(timeout=30)
        elif item == 9:
            first_is_last.set()
        return item * item

    with computing_in(3):
        assert over_cores(work, range(10)) == [item * item for item in range(10)]


def test_many_threads_do_not_make_many_items_wait_for_pythons_lock() -> None:
    with computing_in(2 * MOST_AT_ONCE):
        shares = over_cores(lambda _: (threading.get_ident(), torch.get_num_threads()), range(40))
    assert len({thread for thread, _ in shares}) <= MOST_AT_ONCE
    assert {threads for _, threads in shares} == {2}


@pytest.mark.parametrize(("threads", "items"), [(1, 5), (4, 1), (4, 0)])
def test_one_item_or_one_thread_is_worked_on_right_here(threads: int, items: int) -> None:
    with computing_in(threads):
        found = over_cores(lambda item: (item, threading.get_ident(), torch.get_num_threads()), range(items))
    assert found == [(item, threading.get_ident(), threads) for item in range(items)]


def test_after_an_error_no_other_item_is_begun() -> None:
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 0:
            raise BodyCascadeError("item 0")
        time.sleep(0.02)

    with computing_in(2), pytest.raises(BodyCascadeError, match="item 0"):
        over_cores(work, range(1000))
    assert len(begun) < 500
