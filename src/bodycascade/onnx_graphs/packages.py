"""The packages of the extra `onnx`; importing this without them raises the line that tells how to install them."""

from __future__ import annotations

from bodycascade.errors import MissingExtraError

try:
    import onnx
    import onnxruntime
except ModuleNotFoundError as error:
    raise MissingExtraError(error.name or "onnx", "onnx") from None

__all__ = ["OPSET", "onnx", "onnxruntime", "open_session"]

OPSET = 18
"""Version of ONNX's operators in all graphs: the first whose Resize takes the axes that it acts on."""

IR_VERSION = 8
"""Version of the file format that belongs to `OPSET`; older runtimes refuse a newer one."""


def open_session(graph: bytes | str, *, threads: int) -> onnxruntime.InferenceSession:
    """A session of onnxruntime, on the CPU, for the file `graph` (its path, or its bytes); `threads` for arithmetic."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
