"""The errors that are meant for the user; a training that was asked to stop ends with `train.stopping.Stopped` instead.

BodyCascadeError            every message says what was found, what was expected, what to do
|- ImageError               a picture that cannot be read or has an unusable shape or dtype
|- OutputError              a file or folder that cannot be written, or must not be replaced
|- BusyError                work that another process is at
|- VideoError               a video or camera that cannot be read, or a video that cannot be written
|- TreeError                a class tree that contradicts itself, or a node that it does not have
|- BundleError              a bundle or expert file that is damaged, foreign or too new
|- ParamsError              params.yaml: unknown key, wrong type, out of range
|- DataError                a data set or pack with missing, bad or contradictory files
|- TrainingError            a training that cannot start or go on
|- RequestError             something asked of the demo's page that cannot be answered
`- MissingExtraError        an optional dependency that is not installed
"""

from __future__ import annotations

import errno


class BodyCascadeError(Exception):
    """Root of all errors raised on purpose; its text is one line meant for the user."""


class ImageError(BodyCascadeError):
    """A picture cannot be read, or its shape or dtype cannot be used."""


class OutputError(BodyCascadeError):
    """A file or folder cannot be written as asked, or would replace what must stay."""


class BusyError(BodyCascadeError):
    """Another process is at the same work in the same place."""


class VideoError(BodyCascadeError):
    """A video or a camera cannot be read, or a video cannot be written or shown."""


class TreeError(BodyCascadeError):
    """A class tree contradicts itself, or lacks the node that was asked for."""


class BundleError(BodyCascadeError):
    """A bundle or expert file is damaged, foreign or too new."""


class ParamsError(BodyCascadeError):
    """params.yaml holds something that it must not."""


class DataError(BodyCascadeError):
    """A data set or a pack has missing, bad or contradictory files."""


class TrainingError(BodyCascadeError):
    """A training cannot start, or cannot go on."""


class RequestError(BodyCascadeError):
    """Something asked of the demo's page cannot be answered; `status` is the HTTP status (RFC 9110) that says so."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class MissingExtraError(BodyCascadeError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; install it with: pip install 'bodycascade[{extra}]'")


def first_line(error: BaseException) -> str:
    """The first line of what an exception says, or the name of its class where it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that there is not enough memory: Python's, torch's of a GPU, or torch's of the CPU."""
    if isinstance(error, MemoryError) or is_out_of_gpu_memory(error):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def is_out_of_gpu_memory(error: BaseException) -> bool:
    """Whether `error` is torch's OutOfMemoryError, told by its name: torch takes seconds to import."""
    return type(error).__name__ == "OutOfMemoryError"


def describe_os_error(error: OSError) -> str:
    """One line for an `OSError` that ends a command or a stage: which file, what is wrong."""
    where = error.filename or "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}: the disk is full ({error.strerror}); make room and run again, finished files are whole"
    return f"{where}: {error.strerror or error}"
