"""Single values of params.yaml: from a YAML node to a number, text, truth value or list, or a ValueError in words.

Values are read from their text, not by YAML 1.1's rules, under which `010` is eight, `1e-3` a text, `12:30` 750 and
`on` true; DVC reads the same file by YAML 1.2. What the two would read differently is refused, or means the same here.
"""

from __future__ import annotations

import re
import typing
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from bodycascade.params.schema import Length, OddOnly, Pattern, Range, ZeroOr

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = (_TAG + "str", _TAG + "null")
# What a plain scalar is resolved to; other tags are written out in the file, and ask for Python objects and the like.
_PLAIN_TAGS = {_TAG + name for name in ("str", "null", "bool", "int", "float", "timestamp", "merge", "value")}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def parse_scalar(hint: Any, node: Node) -> bool | int | float | str:
    """The value of a scalar node; raises ValueError with `expected ..., found ...`."""
    kind, notes = _unwrap(hint)
    standard = isinstance(node, ScalarNode) and node.tag in _PLAIN_TAGS
    value = _convert(kind, node) if isinstance(node, ScalarNode) and standard else None
    if value is None or not _allowed(value, kind, notes):
        quotes = " (text needs quotes here)" if kind is str and standard and node.tag not in _TEXT_TAGS else ""
        raise ValueError(f"expected {_wording(kind, notes)}, found {describe(node)}{quotes}")
    return value


def parse_list(hint: Any, node: Node) -> tuple[bool | int | float | str, ...]:
    """The values of a list node; raises ValueError with `expected ..., found ...`."""
    kind, notes = _unwrap(hint)
    length = next(note for note in notes if isinstance(note, Length))
    inner = typing.get_args(kind)[0]
    rest = tuple(note for note in notes if not isinstance(note, Length))
    wanted = f"a list of {length.low} to {length.high} entries, each {_wording(inner, rest)}"
    if not isinstance(node, SequenceNode):
        raise ValueError(f"expected {wanted}, found {describe(node)}")
    if not length.low <= len(node.value) <= length.high:
        raise ValueError(f"expected {wanted}, found {len(node.value)} entries")
    entry_hint = typing.Annotated[(inner, *rest)] if rest else inner
    return tuple(parse_scalar(entry_hint, entry) for entry in node.value)


def describe(node: Node) -> str:
    """What a node holds, in a few words for an error message."""
    if isinstance(node, MappingNode):
        return "a section" if node.value else "an empty section"
    if isinstance(node, SequenceNode):
        return "a list"
    if node.tag not in _PLAIN_TAGS:
        return f"the YAML tag {node.tag}"
    if node.tag == _TAG + "null":
        return "nothing"
    text = str(node.value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _unwrap(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    if typing.get_origin(hint) is typing.Annotated:
        kind, *notes = typing.get_args(hint)
        return kind, tuple(notes)
    return hint, ()


def _convert(kind: Any, node: ScalarNode) -> bool | int | float | str | None:
    text, plain = str(node.value), node.style is None
    if typing.get_origin(kind) is typing.Literal:
        return _convert(type(typing.get_args(kind)[0]), node)
    if kind is bool:
        return _TRUTH.get(text) if plain else None
    if kind is int:
        return int(text) if plain and len(text) < 20 and _WHOLE.fullmatch(text) else None
    if kind is float:
        if not plain or not _NUMBER.fullmatch(text) or not any(sign.isdigit() for sign in re.split("[eE]", text)[0]):
            return None
        return float(text)  # 1e400 is infinite, and above every range
    return text if node.tag == _TAG + "str" else None


def _allowed(value: bool | int | float | str, kind: Any, notes: tuple[Any, ...]) -> bool:
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if value == 0 and any(isinstance(note, ZeroOr) for note in notes):
        return True
    for note in notes:
        if isinstance(note, Range) and not _inside(float(value), note):
            return False
        if isinstance(note, OddOnly) and int(value) % 2 == 0:
            return False
        if isinstance(note, Pattern) and not re.fullmatch(note.expression, str(value)):
            return False
    return True


def _inside(value: float, bounds: Range) -> bool:
    low = value > bounds.low if bounds.above else value >= bounds.low
    high = value < bounds.high if bounds.below else value <= bounds.high
    return low and high


def _wording(kind: Any, notes: tuple[Any, ...]) -> str:
    if typing.get_origin(kind) is typing.Literal:
        *most, last = (str(choice) for choice in typing.get_args(kind))
        return f"{', '.join(most)} or {last}"
    text = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[kind]
    odd = any(isinstance(note, OddOnly) for note in notes)
    text = "an odd whole number" if odd else text
    for note in notes:
        if isinstance(note, Range):
            text += f" {'above' if note.above else 'from'} {note.low:.10g}"
            text += f" and below {note.high:.10g}" if note.below else f" to {note.high:.10g}"
        if isinstance(note, Pattern):
            text = note.wording
        if isinstance(note, ZeroOr):
            text += f", or 0 for {note.wording}"
    return text
