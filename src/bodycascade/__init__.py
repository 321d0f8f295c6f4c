"""Human part segmentation by a cascade of small networks, one for each inner node of a class tree.

from bodycascade import CascadeSegmenter

segmenter = CascadeSegmenter.load()
segmentation = segmenter("photo.jpg")
segmentation.mask("head")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bodycascade.cascade import CascadeSegmenter
    from bodycascade.errors import BodyCascadeError
    from bodycascade.hierarchy import PASCAL_PART, Node, Tree
    from bodycascade.segmentation import Segmentation
    from bodycascade.segmenter import Segmenter

__version__ = "0.1.0"

__all__ = [
    "PASCAL_PART",
    "BodyCascadeError",
    "CascadeSegmenter",
    "Node",
    "Segmentation",
    "Segmenter",
    "Tree",
    "__version__",
]

_HOMES = {
    "PASCAL_PART": "hierarchy",
    "BodyCascadeError": "errors",
    "CascadeSegmenter": "cascade",
    "Node": "hierarchy",
    "Segmentation": "segmentation",
    "Segmenter": "segmenter",
    "Tree": "hierarchy",
}


def __getattr__(name: str) -> object:
    # Loaded at first use (PEP 562): torch takes seconds to import, which `bodycascade --help` has no need of.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
