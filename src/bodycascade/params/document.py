"""From a file to the nodes of a YAML document, with the line of each."""

from __future__ import annotations

from pathlib import Path

import yaml

from bodycascade.errors import ParamsError


def compose(path: Path) -> yaml.Node:
    """The root node of the YAML file `path`; nothing in it is constructed or executed.

    Raises `ParamsError` where it cannot be read or is no YAML.
    """
    text = _read_text(path)
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and "\t" in line[: len(line) - len(line.lstrip())]:
            raise ParamsError(f"{path}:{number}: expected spaces at the start of the line, found a tab")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "no reason given"
        if r"'\t'" in problem:
            problem = "a tab; write spaces"
        raise ParamsError(f"{path}:{mark.line + 1 if mark else 1}: expected YAML, found {problem}") from None
    except yaml.reader.ReaderError as error:
        number = text[: error.position].count("\n") + 1
        raise ParamsError(f"{path}:{number}: expected YAML, found the control character {error.character:#x}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParamsError(f"{path}:1: expected YAML, found an error: {type(error).__name__}") from None
    if node is None:
        raise ParamsError(f"{path}:1: expected the sections profile, base and so on, found an empty file")
    return node


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file, expected a params.yaml; name it with --params") from None
    except UnicodeDecodeError:
        raise ParamsError(f"{path}:1: expected UTF-8 text, found other bytes; save the file as UTF-8") from None
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror}), expected a params.yaml") from None
