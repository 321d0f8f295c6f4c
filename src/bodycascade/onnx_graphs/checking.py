"""Whether a graph says what torch says, in float32, before its file is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bodycascade.cascade import CascadeSegmenter
from bodycascade.data.rendering import render
from bodycascade.drawing import Picture
from bodycascade.errors import BundleError
from bodycascade.expert import Expert
from bodycascade.onnx_graphs import cascade_graph, expert_graph
from bodycascade.onnx_graphs.packages import open_session
from bodycascade.resizing import resize_to_tensor

Compared = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]

LARGEST_DIFFERENCE = 1e-4
"""What a probability may differ by."""

MOST_DISAGREEMENT = 1e-5
"""The share of all pixels whose likeliest class may be another one."""

SAMPLES = ((1, 320), (2, 233), (3, 97))
"""(seed, long side) of the rendered pictures that every graph is checked on."""


@dataclass(frozen=True)
class Agreement:
    """How far two computations were apart: the largest difference of a probability, and pixels that disagreed."""

    difference: float
    disagreeing: int
    pixels: int

    @property
    def sufficient(self) -> bool:
        """Whether that is within the bounds."""
        return self.difference <= LARGEST_DIFFERENCE and self.disagreeing <= MOST_DISAGREEMENT * self.pixels

    def summary(self) -> str:
        """The figures in a few words."""
        return f"probabilities to {self.difference:.1e}, {self.disagreeing} of {self.pixels} pixels of another class"


def sample_pictures() -> list[Picture]:
    """Rendered pictures (H, W, 3) uint8 RGB with people, of several sizes."""
    return [render(seed, side)[0] for seed, side in SAMPLES]


def check_expert(graph: bytes, expert: Expert, pictures: Iterable[Picture]) -> Agreement:
    """How far the expert's `graph` is from `expert` on `pictures`; raises `BundleError` where that is too far."""
    return _checked(f"the graph of the expert {expert.spec.name!r}", _expert_answers(graph, expert, pictures))


def check_cascade(graph: bytes, segmenter: CascadeSegmenter, pictures: Iterable[Picture]) -> Agreement:
    """How far the cascade's `graph` is from `segmenter`, zoom off; raises `BundleError` where that is too far."""
    return _checked("the graph of the cascade", _cascade_answers(graph, segmenter, pictures))


def _checked(what: str, answers: Iterator[Compared]) -> Agreement:
    largest, disagreeing, pixels = 0.0, 0, 0
    for ours, theirs, other in answers:
        apart = float(np.abs(ours - theirs).max())
        largest = max(largest, apart if np.isfinite(apart) else np.inf)
        disagreeing, pixels = disagreeing + int(other.sum()), pixels + other.size
    found = Agreement(largest, disagreeing, pixels)
    if not found.sufficient:
        raise BundleError(
            f"{what} differs from torch: {found.summary()}; expected at most {LARGEST_DIFFERENCE:.0e} and a share of "
            f"{MOST_DISAGREEMENT:.0e}; no file is kept, try other versions of torch and onnxruntime"
        )
    return found


def _expert_answers(graph: bytes, expert: Expert, pictures: Iterable[Picture]) -> Iterator[Compared]:
    session = open_session(graph, threads=torch.get_num_threads())
    for picture in pictures:
        height, width = expert.input_shape(*picture.shape[:2])
        # A node whose probability rises from left to right: every strength of a mask occurs.
        ramp = torch.linspace(0, 1, width).expand(1, height, width)
        parent = None if expert.spec.parent is None else expert.mask(ramp)
        with torch.inference_mode():
            prepared = expert.prepare(resize_to_tensor(picture, (height, width))[None], parent)
            ours = expert(prepared).softmax(dim=1).numpy()
        (logits,) = session.run([expert_graph.OUTPUT], {expert_graph.INPUT: np.ascontiguousarray(prepared.numpy())})
        theirs = torch.from_numpy(logits).softmax(dim=1).numpy()
        yield ours, theirs, ours.argmax(axis=1) != theirs.argmax(axis=1)


def _cascade_answers(graph: bytes, segmenter: CascadeSegmenter, pictures: Iterable[Picture]) -> Iterator[Compared]:
    session = open_session(graph, threads=torch.get_num_threads())
    for picture in pictures:
        ours = segmenter(picture)
        labels, probabilities = session.run(
            [cascade_graph.LABELS, cascade_graph.PROBABILITIES], {cascade_graph.INPUT: picture[None]}
        )
        yield ours.probs, probabilities[0], ours.parts != labels[0]
