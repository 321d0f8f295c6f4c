"""Reading params.yaml: every value is checked against `schema.py`, and the first bad one is named with its line."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from yaml import MappingNode, Node

from bodycascade.errors import ParamsError
from bodycascade.hierarchy import Tree
from bodycascade.params.checks import contradictions
from bodycascade.params.document import compose
from bodycascade.params.schema import UPKEEP, Params, TrainParams
from bodycascade.params.values import describe, parse_list, parse_scalar

_COMMON, _UPKEEP = "common", "upkeep"


@dataclass(frozen=True)
class Entry:
    """A value of the file: its node, and the line (from 1) of its key."""

    node: Node
    line: int


Section = dict[str, Entry]


def read_params(path: Path, tree: Tree) -> Params:
    """What `bodycascade.params.load_params` promises."""
    reader = _Reader(path)
    names = _names(Params)
    sections = reader.section(Entry(compose(path), 1), "", names, names)
    hints = typing.get_type_hints(Params, include_extras=True)
    values = {name: reader.value(hints[name], sections[name], name) for name in names if name != "train"}
    trained = values["profile"].trained_tree(tree)
    experts = [spec.name for spec in trained.experts]
    train = reader.section(sections["train"], "train", *[[_UPKEEP, _COMMON, *experts]] * 2)
    shared = _shared(reader, train[_UPKEEP], train[_COMMON])
    reader.record(TrainParams, shared, "train.common")
    values["train"] = {name: _merge(reader, shared, train[name], f"train.{name}") for name in experts}
    params = Params(**values)
    for expert, keys, message in contradictions(params, trained):
        line, key = _find(sections, keys)
        whose = f" (for the expert {expert})" if expert and key.startswith(f"train.{_COMMON}.") else ""
        raise reader.fail(line, key, message + whose)
    return params


class _Reader:
    """Walks the document along the records of the schema; `path` is as the user gave it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, line: int, key: str, message: str) -> ParamsError:
        """The error about `key`, which stands on `line`."""
        return ParamsError(f"{self.path}:{line}: {key}: {message}" if key else f"{self.path}:{line}: {message}")

    def section(self, entry: Entry, key: str, allowed: list[str], required: list[str]) -> Section:
        """The entries of a mapping whose keys are all among `allowed` and hold all of `required`."""
        if not isinstance(entry.node, MappingNode):
            hint = "" if required else ", or {} for none"
            raise self.fail(entry.line, key, f"expected a section of keys{hint}, found {describe(entry.node)}")
        found: Section = {}
        for name_node, node in entry.node.value:
            line = name_node.start_mark.line + 1
            name = str(name_node.value) if isinstance(name_node.value, str) else describe(name_node)
            full = f"{key}.{name}" if key else name
            if name in found:
                raise self.fail(line, full, f"expected each key once, found it on line {found[name].line} already")
            if name not in allowed:
                raise self.fail(line, full, f"unknown key, expected {_nearest(name, allowed)}")
            found[name] = Entry(node, line)
        for name in required:
            if name not in found:
                missing = f"{key}.{name}" if key else name
                raise self.fail(entry.line, missing, "expected this key in the section that starts here, found none")
        return found

    def record(self, kind: type[Any], section: Section, key: str) -> Any:
        """A record of class `kind` from a complete section."""
        hints = typing.get_type_hints(kind, include_extras=True)
        return kind(**{name: self.value(hint, section[name], f"{key}.{name}") for name, hint in hints.items()})

    def value(self, hint: Any, entry: Entry, key: str) -> Any:
        """One value, or one record where the annotation says so."""
        if hasattr(hint, "__dataclass_fields__"):
            return self.record(hint, self.section(entry, key, _names(hint), _names(hint)), key)
        parse = parse_list if typing.get_origin(getattr(hint, "__origin__", hint)) is tuple else parse_scalar
        try:
            return parse(hint, entry.node)
        except ValueError as error:
            raise self.fail(entry.node.start_mark.line + 1, key, str(error)) from None


def _shared(reader: _Reader, upkeep: Entry, common: Entry) -> Section:
    """The entries of the two sections that all experts share: every field of `TrainParams`."""
    names = [name for name in _names(TrainParams) if name not in UPKEEP]
    kept = reader.section(upkeep, "train.upkeep", *[list(UPKEEP)] * 2)
    hints = typing.get_type_hints(TrainParams, include_extras=True)
    for name in UPKEEP:
        reader.value(hints[name], kept[name], f"train.upkeep.{name}")
    return kept | reader.section(common, "train.common", names, names)


def _merge(reader: _Reader, below: Section, entry: Entry, key: str) -> TrainParams:
    """What all share with `entry` laid over it; sections within, as `augment`, are laid over key by key."""
    own = reader.section(entry, key, [name for name in below if name not in UPKEEP], [])
    values = {}
    for name, hint in typing.get_type_hints(TrainParams, include_extras=True).items():
        if name in own and hasattr(hint, "__dataclass_fields__"):
            inner = _names(hint)
            under = reader.section(below[name], f"train.common.{name}", inner, inner)
            over = reader.section(own[name], f"{key}.{name}", inner, [])
            values[name] = reader.record(hint, under | over, f"{key}.{name}")
        else:
            values[name] = reader.value(hint, own.get(name, below[name]), f"{key}.{name}")
    return TrainParams(**values)


def _find(sections: Section, keys: Iterable[str]) -> tuple[int, str]:
    """Line and name of the first of the dotted `keys` that the file has."""
    for key in keys:
        first, *rest = key.split(".")
        entry: Entry | None = sections[first]
        for part in rest:
            pairs = entry.node.value if entry and isinstance(entry.node, MappingNode) else []
            below = {name.value: Entry(node, name.start_mark.line + 1) for name, node in pairs}
            entry = below.get(part)
        if entry:
            return entry.line, key
    raise KeyError(key)


def _names(kind: type[Any]) -> list[str]:
    return [field.name for field in fields(kind)]


def _nearest(name: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.6)
    return f"{close[0]}?" if close else "one of " + ", ".join(allowed)
