"""A segmenter and its results in other places: copied, pickled, in a forked process, under another default type."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from bodycascade import CascadeSegmenter
from bodycascade.data.rendering import render
from bodycascade.flip_averaging import FlipAveraged
from bodycascade.hierarchy import PASCAL_PART
from tests.processes import printed
from tests.toy_experts import cascade, tiny_experts

IMAGE = render(4, 160)[0]  # with somebody in it


@pytest.fixture
def float64_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_copy_of_the_released_segmenter_answers_as_it_does(
    again: Callable[[CascadeSegmenter], CascadeSegmenter], precision: str
) -> None:
    segmenter = CascadeSegmenter.load(device="cpu", precision=precision)
    result, repeated = segmenter(IMAGE), again(segmenter)(IMAGE)
    np.testing.assert_array_equal(repeated.probs, result.probs)
    np.testing.assert_array_equal(repeated.parts, result.parts)


@pytest.mark.parametrize("routing", ["hard", "soft"])
def test_results_can_be_sent_to_another_process(routing: str) -> None:
    segmenter = cascade(tiny_experts(PASCAL_PART), routing=routing)
    for result in (segmenter(IMAGE), FlipAveraged(PASCAL_PART, segmenter.batch, routing=routing)(IMAGE)):
        received = pickle.loads(pickle.dumps(result))
        np.testing.assert_array_equal(received.parts, result.parts)
        np.testing.assert_array_equal(received.probs, result.probs)
        np.testing.assert_array_equal(received.image, IMAGE)


def test_a_forked_process_segments_too(tmp_path: Path) -> None:
    # OpenMP's threads stay behind in a fork; whoever waits for them waits for ever.
    code = (
        "import os, signal, sys, numpy as np, torch\n"
        "from bodycascade import CascadeSegmenter\n"
        "torch.set_num_threads(2)\n"
        "segmenter = CascadeSegmenter.load(device='cpu')\n"
        "image = np.full((300, 400, 3), 90, np.uint8)\n"
        "image[:, :200] = 30\n"
        "expected = segmenter(image, level=0).mask('body')\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    signal.alarm(60)\n"
        "    os._exit(0 if np.array_equal(segmenter(image, level=0).mask('body'), expected) else 7)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    assert printed(code) == "0\n"


@pytest.mark.usefixtures("float64_by_default")
def test_torchs_default_type_makes_no_difference() -> None:
    segmenter = CascadeSegmenter.load(device="cpu", precision="float32")
    torch.set_default_dtype(torch.float32)
    expected = CascadeSegmenter.load(device="cpu", precision="float32")(IMAGE)
    torch.set_default_dtype(torch.float64)
    found = segmenter(IMAGE)
    np.testing.assert_array_equal(found.probs, expected.probs)
    assert found.probs.dtype == np.float32
