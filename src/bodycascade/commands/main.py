"""The entry point of `bodycascade`, and the table of its commands."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from bodycascade.errors import (
    BodyCascadeError,
    MissingExtraError,
    describe_os_error,
    is_out_of_gpu_memory,
    is_out_of_memory,
)

COMMANDS: dict[str, tuple[str, str]] = {
    "segment": ("bodycascade.commands.segment:segment", "Find people and their parts in pictures and folders."),
    "video": ("bodycascade.commands.video:command", "Find people in a video; blur or replace what is behind them."),
    "camera": ("bodycascade.commands.camera:command", "The same live, on the newest frame of a camera."),
    "demo": ("bodycascade.commands.demo:command", "Try it in the browser, on a page of this computer's own."),
    "export": ("bodycascade.commands.export:command", "Write the cascade as ONNX graphs for other programs."),
    "prepare": ("bodycascade.commands.prepare:command", "Bring other people's data sets into this one's layout."),
    "check": ("bodycascade.commands.check:check", "Read a data set once and list every bad file."),
    "doctor": ("bodycascade.commands.doctor:doctor", "Say what is installed, where it runs and how fast."),
}
"""Name: (module:command, help). A module is loaded when its command is called, so that --help is quick."""

_NO_MEMORY = "there is not enough memory; give smaller pictures, or, where there is --batch, fewer at once"
_NO_GPU_MEMORY = "the GPU has not enough free memory; free some, or use --device cpu"


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process.

    Exit codes: 0; 1 for an error, which is one line on standard error, and for a run with failures; 2 for a command
    line that is not understood; 130 after Ctrl-C, 143 after SIGTERM.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if sys.stderr is None:  # as where the caller closed it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the life of the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: names of files need not be text
    if not sys.warnoptions:
        # Decoders warn about slightly damaged files; what matters of that is an error.
        warnings.simplefilter("ignore")
    try:
        code = _run(argv)
        if sys.stdout is not None:  # as where the caller closed it
            sys.stdout.flush()
    except BrokenPipeError:
        # Who reads our output has enough of it. Python flushes once more at the end, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        code = _say(describe_os_error(error), 1)
    except BodyCascadeError as error:
        code = _say(str(error), 1)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        code = _say(_NO_GPU_MEMORY if is_out_of_gpu_memory(error) else _NO_MEMORY, 1)
    except KeyboardInterrupt:
        code = _say("stopped", 128 + signal.SIGINT)
    except _TerminatedError:
        code = _say("stopped", 128 + signal.SIGTERM)
    sys.exit(code)


def _run(argv: Sequence[str] | None) -> int:
    try:
        import click  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("click", "cli") from None
    from bodycascade.commands.lazy_group import LazyGroup  # noqa: PLC0415 - needs click

    group = LazyGroup(COMMANDS)
    try:
        result = group.main(None if argv is None else list(argv), prog_name="bodycascade", standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except click.UsageError as error:
        # The parser's own complaints, as of an option without its value, come without a context.
        path = error.ctx.command_path if error.ctx else group.path_of(sys.argv[1:] if argv is None else argv)
        return _say(f"{path}: {_one_line(error.format_message())} (try: {path} --help)", 2)
    except click.ClickException as error:
        return _say(_one_line(error.format_message()), 1)
    return result if isinstance(result, int) else 0


class _TerminatedError(BaseException):
    """SIGTERM came. No `Exception`, so that nothing on the way takes it for an error of its own."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # An exit by exception, so that what is half written is finished or cleared away.
    raise _TerminatedError


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _say(line: str, code: int) -> int:
    print(line, file=sys.stderr, flush=True)
    return code
