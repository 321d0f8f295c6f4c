"""The default params.yaml as text, with one thing changed, and what is said about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bodycascade.errors import ParamsError
from bodycascade.params import load_params
from tests.imports import ROOT

TEXT = re.sub(
    r"(?m)^  (person|body|upper_body|lower_body):\n(    .*\n)+",
    r"  \1: {}\n",
    (ROOT / "params.yaml").read_text(encoding="utf-8"),
)
"""The default, with the experts' own sections empty: a test lays over train.common what it wants to see."""


def line_of(key: str, text: str = TEXT) -> int:
    """Number, from 1, of the line on which the dotted key stands."""
    wanted, above = key.split("."), []
    for number, line in enumerate(text.splitlines(), start=1):
        found = re.match(r"( *)(\w+):", line)
        if found:
            above = [*above[: len(found[1]) // 2], found[2]]
            if above == wanted:
                return number
    raise AssertionError(f"{key} is not in the file")


def with_value(key: str, value: str) -> str:
    """The default's text with `value` at `key`."""
    lines = TEXT.splitlines()
    place = line_of(key) - 1
    lines[place] = lines[place][: lines[place].index(":") + 1] + " " + value
    return "\n".join(lines) + "\n"


def with_line_after(key: str, line: str) -> str:
    """The default's text with a further line below `key`."""
    lines = TEXT.splitlines()
    lines.insert(line_of(key), line)
    return "\n".join(lines) + "\n"


def without(key: str) -> str:
    """The default's text without the line of `key`."""
    lines = TEXT.splitlines()
    del lines[line_of(key) - 1]
    return "\n".join(lines) + "\n"


def error_of(tmp_path: Path, content: str | bytes) -> str:
    """What `load_params` says about a file with this content, its folder cut off; it has to be one line."""
    path = tmp_path / "params.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(path), "params.yaml")
