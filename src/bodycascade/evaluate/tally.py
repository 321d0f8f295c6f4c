"""Predictions of a split counted against its truth, image by image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bodycascade.data.examples import Example
from bodycascade.errors import DataError
from bodycascade.hierarchy import Tree
from bodycascade.metric import confusion_matrix, size_band
from bodycascade.segmenter import Segmenter


@dataclass(frozen=True)
class Tally:
    """Everything that the figures of a split are made from; a few hundred bytes an image.

    One entry per image, in the order of scoring: `ids`, `kinds` (colour, gray, near_gray), `bands` (size of the
    people), `shares` (float64, body pixels / all pixels, 0..1), `matrices` (images, labels, labels) int64, rows truth.
    `predict_seconds` is the time inside the segmenter, `seconds` all of it: waiting for images, predicting, counting,
    saving.
    """

    tree: Tree
    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    bands: tuple[str, ...]
    shares: npt.NDArray[np.float64]
    matrices: npt.NDArray[np.int64]
    predict_seconds: float
    seconds: float

    def matrix(self, chosen: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.int64]:
        """(labels, labels) int64 summed over all images, or over those where `chosen` (images,) is true."""
        kept = self.matrices if chosen is None else self.matrices[chosen]
        total: npt.NDArray[np.int64] = kept.sum(axis=0, dtype=np.int64)
        return total


def tally(
    segmenter: Segmenter, examples: Iterable[Example], *, keep: Callable[[str, npt.NDArray[np.uint8]], None]
) -> Tally:
    """Segment every example once and count it; `keep` gets the id and the predicted labels (H, W) uint8.

    Raises `DataError` where there is no example, or a prediction has another size than its truth.
    """
    tree, started, predict_seconds = segmenter.tree, time.perf_counter(), 0.0
    ids, kinds, bands, shares, matrices = [], [], [], [], []
    for example in examples:
        before = time.perf_counter()
        predicted = segmenter(example.image).parts
        predict_seconds += time.perf_counter() - before
        if predicted.shape != example.labels.shape:
            raise DataError(f"{example.id}: the prediction is {predicted.shape}, its truth {example.labels.shape}")
        ids.append(example.id)
        kinds.append(example.kind)
        bands.append(size_band(example.labels))
        shares.append(float((example.labels > 0).mean()))
        matrices.append(confusion_matrix(example.labels, predicted, tree.num_labels))
        keep(example.id, predicted)
    if not ids:
        raise DataError("there is no image to score: the list of val ids is empty")
    seconds = time.perf_counter() - started
    return Tally(
        tree, tuple(ids), tuple(kinds), tuple(bands), np.array(shares), np.stack(matrices), predict_seconds, seconds
    )
