"""What runs on a GPU keeps its tensors there, and gives what the CPU gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bodycascade import CascadeSegmenter
from bodycascade.expert import Expert
from bodycascade.regions import Zoom
from tests.pretended_gpu import pretended_gpu
from tests.toy_experts import FixedExpert, random_image, random_logits


def test_a_pretended_gpu_keeps_devices_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended_gpu(monkeypatch):
        there, here = torch.ones(3, device="cuda"), torch.ones(3)
        assert (there + there).device.type == "cuda"
        assert float((there + 1).sum()) == 6
        assert (there.cpu() + here).tolist() == [2, 2, 2]
        assert here.to("cuda").device == there.device
        for mixed in (lambda: there + here, lambda: here[there > 0], lambda: torch.stack([there, here])):
            with pytest.raises(RuntimeError, match="on the same device"):
                mixed()
        for read in (there.numpy, lambda: np.asarray(there)):
            with pytest.raises(TypeError, match=r"Use Tensor\.cpu\(\)"):
                read()


def someone_in_the_middle() -> list[Expert]:
    """Experts of which the first finds a small body in the middle, and the others divide it at random."""
    experts = random_logits(1)
    root = experts[0]
    assert isinstance(root, FixedExpert)
    root.logits = torch.full((2, 5, 7), 6.0)
    root.logits[1] = -6.0
    root.logits[:, 1:4, 2:5] *= -1
    return experts


@pytest.mark.parametrize("zoom", [None, Zoom(threshold=0.5, margin=0.1, whole=0.9, again_below=0.0, again_above=1.0)])
@pytest.mark.parametrize(("routing", "fast"), [("hard", False), ("soft", False), ("soft", True)])
def test_a_cascade_gives_there_what_it_gives_here(
    monkeypatch: pytest.MonkeyPatch, routing: str, fast: bool, zoom: Zoom | None
) -> None:
    images = [random_image(50, 70), random_image(64, 40, seed=1)]
    settings = {"routing": routing, "fast": fast, "zoom": zoom, "precision": "float32"}
    here = CascadeSegmenter(someone_in_the_middle(), device="cpu", **settings)
    with pretended_gpu(monkeypatch):
        there = CascadeSegmenter(someone_in_the_middle(), device="cuda", **settings)
        assert there.device.type == "cuda"
        for image, mine in zip(images, there.batch(images), strict=True):
            theirs = here(image)
            assert 0.01 < theirs.share("body") < 0.5
            np.testing.assert_array_equal(mine.parts, theirs.parts)
            np.testing.assert_allclose(mine.probs, theirs.probs, atol=1e-5)
            np.testing.assert_array_equal(there(image, level=0).mask("body"), here(image, level=0).mask("body"))
            for truth in ({"person"}, {"body", "upper_body"}):
                one, other = (segmenter.with_truth(image, theirs.parts, truth).parts for segmenter in (there, here))
                np.testing.assert_array_equal(one, other)
