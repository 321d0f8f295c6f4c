from __future__ import annotations

import pytest

from bodycascade.cascade import CascadeSegmenter
from bodycascade.hierarchy import PASCAL_PART
from tests.single_thread import single_thread
from tests.toy_experts import cascade, colour_readers

__all__ = ["single_thread"]


@pytest.fixture
def segmenter() -> CascadeSegmenter:
    """A cascade that reads the rendered figure's parts by their colours."""
    return cascade(colour_readers(PASCAL_PART))
