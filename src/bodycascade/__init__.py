"""Human part segmentation by a cascade of small networks, one for each node of a class tree.

from bodycascade import CascadeSegmenter

segmenter = CascadeSegmenter.load("results/models/embedded/cascade")
segmentation = segmenter("photo.jpg")
segmentation.mask("head")
"""

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
