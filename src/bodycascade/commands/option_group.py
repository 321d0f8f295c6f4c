"""Options that several commands have in common, given to each as one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option_group(group: Any, name: str, options: Sequence[Decorator]) -> Decorator:
    """A decorator that adds `options` to a command's own, whose function gets them as `name`, one instance of `group`.

    `group` is a dataclass whose fields are called as the options are in Python.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(**given: Any) -> Any:
            together = group(**{field: given.pop(field) for field in group.__dataclass_fields__})
            return function(**given, **{name: together})

        made: Callable[..., Any] = command
        for option in reversed(options):
            made = option(made)
        return made

    return decorate
