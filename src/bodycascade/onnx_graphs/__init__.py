"""The cascade and its experts as ONNX graphs, and segmenters whose experts are run by onnxruntime.

    export_folder(folder, bundle=...)    one graph per expert and one for the whole cascade, checked against torch
    load_segmenter(folder)               a CascadeSegmenter whose experts are those graphs

Needs the extra `onnx`. Only the experts' networks change hands: preparation, routing and zoom stay this package's own.
"""

from __future__ import annotations

from bodycascade.onnx_graphs.cache import cached_folder
from bodycascade.onnx_graphs.exporting import Exported, export_folder
from bodycascade.onnx_graphs.folder import DESCRIPTION, read_folder
from bodycascade.onnx_graphs.running import load_segmenter

__all__ = ["DESCRIPTION", "Exported", "cached_folder", "export_folder", "load_segmenter", "read_folder"]
