"""Reading params.yaml: every value is checked against `schema.py`, and the first bad one is named with its line."""

from __future__ import annotations

import difflib
import typing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodycascade.errors import MissingExtraError, ParamsError
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params.checks import check_together
from bodycascade.params.schema import Params, TrainParams
from bodycascade.params.values import describe, parse_list, parse_scalar

if TYPE_CHECKING:
    from yaml.nodes import Node

_COMMON = "common"


@dataclass(frozen=True)
class Entry:
    """A value of the file: its node, and the line (from 1) of its key."""

    node: Node
    line: int


Section = dict[str, Entry]


class _Reader:
    """Walks the composed document along the records of the schema; `path` is as the user gave it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, line: int, key: str, message: str) -> ParamsError:
        return ParamsError(f"{self.path}:{line}: {key}: {message}" if key else f"{self.path}:{line}: {message}")

    def section(self, entry: Entry, key: str, allowed: list[str], required: list[str]) -> Section:
        """The entries of a mapping whose keys are all among `allowed` and hold all of `required`."""
        if entry.node.id != "mapping":
            named = f"expected a section with {', '.join(allowed)}; found {describe(entry.node)}"
            raise self.fail(entry.line, key, named)
        found: Section = {}
        for name_node, node in entry.node.value:
            line = name_node.start_mark.line + 1
            name = str(name_node.value) if name_node.id == "scalar" else describe(name_node)
            full = f"{key}.{name}" if key else name
            if name in found:
                raise self.fail(line, full, f"expected each key once; it stands on line {found[name].line} already")
            if name not in allowed:
                raise self.fail(line, full, f"unknown key; expected {_nearest(name, allowed)}")
            found[name] = Entry(node, line)
        for name in required:
            if name not in found:
                raise self.fail(entry.line, f"{key}.{name}" if key else name, "the key is missing; expected it here")
        return found

    def record(self, kind: type[Any], section: Section, key: str) -> Any:
        """A record of class `kind` from a complete section."""
        hints = typing.get_type_hints(kind, include_extras=True)
        values = {name: self.value(hints[name], section[name], f"{key}.{name}") for name in hints}
        return kind(**values)

    def value(self, hint: Any, entry: Entry, key: str) -> Any:
        """One value, checked against its annotation."""
        if hasattr(hint, "__dataclass_fields__"):
            names = [field.name for field in fields(hint)]
            return self.record(hint, self.section(entry, key, names, names), key)
        parse = parse_list if _is_list(hint) else parse_scalar
        try:
            return parse(hint, entry.node)
        except ValueError as error:
            raise self.fail(entry.node.start_mark.line + 1, key, str(error)) from None


def load_params(path: Path, tree: Tree = PASCAL_PART) -> Params:
    """The parameters in the file `path`, complete and in range, with one `TrainParams` per expert of `tree`.

    Raises `ParamsError`, one line `file:line: key: expected ..., found ...`, for the first thing that is wrong: not
    YAML, tabs, a key that is unknown, missing or there twice, a wrong type, a value out of range, values that
    contradict each other. Raises `MissingExtraError` where pyyaml is not installed.
    """
    reader = _Reader(path)
    top = Entry(_compose(path), 1)
    names = [field.name for field in fields(Params)]
    sections = reader.section(top, "", names, names)
    hints = typing.get_type_hints(Params, include_extras=True)
    values = {name: reader.value(hints[name], sections[name], name) for name in names if name != "train"}
    values["train"] = _read_train(reader, sections["train"], tree)
    return check_together(Params(**values), lambda key, message: reader.fail(_line_of(top, key), key, message))


def _read_train(reader: _Reader, entry: Entry, tree: Tree) -> dict[str, TrainParams]:
    experts = [spec.name for spec in tree.experts]
    sections = reader.section(entry, "train", [_COMMON, *experts], [_COMMON, *experts])
    fields_ = [field.name for field in fields(TrainParams)]
    common = reader.section(sections[_COMMON], f"train.{_COMMON}", fields_, fields_)
    reader.record(TrainParams, common, f"train.{_COMMON}")
    return {name: _merge(reader, common, sections[name], f"train.{name}") for name in experts}


def _merge(reader: _Reader, common: Section, entry: Entry, key: str) -> TrainParams:
    """`common` with the section `entry` laid over it; `augment` is laid over key by key."""
    names = [field.name for field in fields(TrainParams)]
    own = reader.section(entry, key, names, [])
    hints = typing.get_type_hints(TrainParams, include_extras=True)
    values = {name: reader.value(hints[name], (own | common)[name], f"{key}.{name}") for name in names if name not in own}
    for name, override in own.items():
        if hasattr(hints[name], "__dataclass_fields__"):
            inner = [field.name for field in fields(hints[name])]
            below = reader.section(common[name], f"train.{_COMMON}.{name}", inner, inner)
            above = reader.section(override, f"{key}.{name}", inner, [])
            values[name] = reader.record(hints[name], below | above, f"{key}.{name}")
        else:
            values[name] = reader.value(hints[name], override, f"{key}.{name}")
    return TrainParams(**values)


def _compose(path: Path) -> Node:
    """The root node of a YAML file; raises `ParamsError` where it is none."""
    try:
        import yaml  # noqa: PLC0415 - belongs to an extra; packs are read without it
    except ImportError:
        raise MissingExtraError("pyyaml", "pipeline") from None
    text = _read_text(path)
    for number, line in enumerate(text.splitlines(), start=1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise ParamsError(f"{path}:{number}: expected spaces at the start of the line, found a tab")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line_number = mark.line + 1 if mark else 1
        raise ParamsError(f"{path}:{line_number}: expected YAML, found an error: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParamsError(f"{path}:1: expected YAML, found an error: {str(error).splitlines()[0]}") from None
    if node is None:
        raise ParamsError(f"{path}:1: the file is empty; expected the sections {', '.join(Params.__annotations__)}")
    return node


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; expected a params.yaml, give it with --params") from None
    except UnicodeDecodeError:
        raise ParamsError(f"{path}:1: expected UTF-8 text, found other bytes; save the file as UTF-8") from None
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read: {error.strerror}; expected a params.yaml") from None


def _line_of(entry: Entry, key: str) -> int:
    """The line of a dotted key; of the nearest section above it where the key itself is not in the file."""
    line, node = entry.line, entry.node
    for part in key.split("."):
        for name_node, below in node.value if node.id == "mapping" else ():
            if name_node.value == part:
                line, node = name_node.start_mark.line + 1, below
                break
    return line


def _is_list(hint: Any) -> bool:
    return typing.get_origin(getattr(hint, "__origin__", hint)) is tuple


def _nearest(name: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.6)
    return f"{close[0]!r}?" if close else "one of " + ", ".join(allowed)
