"""The pipeline's stages: thin scripts that read params.yaml and call the package."""

from __future__ import annotations

import argparse
import ctypes
import inspect
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bodycascade.errors import BodyCascadeError, describe_os_error, is_out_of_gpu_memory, is_out_of_memory

# malloc.h of glibc: one arena for all threads (M_ARENA_MAX), no separate mappings (M_MMAP_MAX), no returning of the
# heap's end (M_TRIM_THRESHOLD), growth in large steps (M_TOP_PAD).
_MALLOC_OPTIONS = {-8: 1, -4: 0, -1: 2**31 - 1, -2: 2**28}

_NO_MEMORY = "there is not enough memory; free some, or lower train.EXPERT.batch_size or preprocess.long_side"
_NO_GPU_MEMORY = "the GPU has not enough free memory; free some, lower train.EXPERT.batch_size, or base.device: cpu"


def run_stage(main: Callable[..., object], argv: Sequence[str] | None = None) -> NoReturn:
    """Run `main(params, root, ...)` for the command line and leave the process with its exit code.

    `main` is given `params`, the folder that profile.root leads to from the params file as `root`, and one word of the
    command line for each further argument that it has without a default. Errors meant for the user are one line on
    standard error and exit code 1; Ctrl-C is 130, SIGTERM 143, an error with an `exit_code` of its own has that.
    """
    _end_with_dvc()
    signal.signal(signal.SIGTERM, _terminate)
    given, words = _parse(main, argv)
    try:
        # Here and not above, as in the stages' own `main`: torch takes seconds to import, in which a stage would not
        # yet end with a killed dvc.
        from bodycascade.params import load_params  # noqa: PLC0415

        params = load_params(given.params)
        root = params.profile.root_from(given.params)
        main(params=params, root=root, **{word: getattr(given, word) for word in words})
    except OSError as error:
        _leave(describe_os_error(error), 1)
    except KeyboardInterrupt:
        _leave("stopped", 128 + signal.SIGINT)
    except Exception as error:
        if is_out_of_memory(error):
            _leave(_NO_GPU_MEMORY if is_out_of_gpu_memory(error) else _NO_MEMORY, 1)
        code = _exit_code(error)
        if code is None:
            raise
        _leave(str(error), code)
    sys.exit(0)


def keep_freed_memory() -> None:
    """Let this process reuse the memory that it frees, where glibc is its C library; elsewhere nothing happens.

    A training step allocates and frees the same large arrays over and over. By default glibc gives them back to the
    system at once, and every page is fetched, cleared, again: a quarter of a step on two cores.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        for option, value in _MALLOC_OPTIONS.items():
            library.mallopt(option, value)


def _parse(main: Callable[..., object], argv: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """The command line, and the words of it that `main` wants."""
    words = [
        name
        for name, parameter in inspect.signature(main).parameters.items()
        if name not in ("params", "root") and parameter.default is inspect.Parameter.empty
    ]
    parser = argparse.ArgumentParser(description=(inspect.getdoc(main) or "").partition("\n")[0])
    for word in words:
        parser.add_argument(word)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="parameter file (%(default)s)")
    return parser.parse_args(argv), words


def _exit_code(error: Exception) -> int | None:
    """The code to leave with for an error meant for the user; None for any other."""
    if isinstance(error, BodyCascadeError):
        return 1
    code = getattr(error, "exit_code", None)
    return code if isinstance(code, int) else None


def _end_with_dvc() -> None:
    """Ask the kernel (Linux) to end this process with its parent where that is dvc, which names the stage it runs.

    A killed dvc would leave the stage at work, with its locks, in the way of the next run.
    """
    if "DVC_STAGE" in os.environ and sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
        parent = os.getppid()
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the request was made
            os.kill(os.getpid(), signal.SIGKILL)


def _terminate(number: int, _frame: FrameType | None) -> None:
    # An exit by exception, so that what lies half made aside is cleared away.
    _leave("stopped", 128 + number)


def _leave(line: str, code: int) -> NoReturn:
    print(line, file=sys.stderr, flush=True)
    sys.exit(code)
