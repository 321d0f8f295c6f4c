"""Results as files, and the way a benchmark ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.machine import machine_line
from bodycascade.errors import BodyCascadeError, describe_os_error
from bodycascade.files import write_json, write_text
from bodycascade.train.stopping import Stopped

RESULTS = Path(__file__).parent / "results"


def write_results(folder: Path, name: str, data: dict[str, Any], text: str) -> None:
    """Write `data` to NAME.json and `text`, below a line about the machine, to NAME.md, each whole or not at all.

    `data` has the key "machine", as `machine_facts` gives it.
    """
    write_json(folder / f"{name}.json", data)
    write_text(folder / f"{name}.md", f"{machine_line(data['machine'])}\n\n{text}")
    print(f"written to {folder}: {name}.md, {name}.json", file=sys.stderr)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others, figures, to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def score_text(value: float | None) -> str:
    """A score from 0 to 1 with three decimals; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def with_interval(figures: Mapping[str, Any], level: str) -> str:
    """The score of a level ("mIoU0", ...) with its interval from `figures["bootstrap"]`, where there is one."""
    low, high = figures["bootstrap"].get(level, (None, None))
    interval = "" if low is None else f" [{score_text(low)}, {score_text(high)}]"
    return f"{score_text(figures[level])}{interval}"


def run_benchmark(main: Callable[[], object]) -> NoReturn:
    """Run `main` and leave the process: an error meant for the user is one line and exit code 1."""
    try:
        main()
    except BodyCascadeError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(describe_os_error(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except Stopped as stopped:
        # Not its own words: a benchmark keeps no checkpoint.
        print("stopped; what was not finished is lost", file=sys.stderr)
        sys.exit(stopped.exit_code)
    sys.exit(0)
