"""Which modules a source file of this repository imports, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "bodycascade"


def package_files() -> list[Path]:
    """Every Python file of bodycascade."""
    return sorted(PACKAGE.rglob("*.py"))


def module_name(file: Path) -> str:
    """The dotted name of a file of bodycascade or of stages."""
    base = ROOT / "src" if file.is_relative_to(ROOT / "src") else ROOT
    parts = file.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_file(name: str) -> Path | None:
    """The file of a module of bodycascade or stages; None for a name that is no such module."""
    base = (ROOT / "src" if name.partition(".")[0] == "bodycascade" else ROOT) / name.replace(".", "/")
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if file.is_file():
            return file
    return None


def imported_names(file: Path) -> set[str]:
    """Dotted names that `file` imports anywhere, in functions too; `from a import b` gives a.b where that is a module.

    Only absolute imports are understood; a relative one raises `ValueError`.
    """
    return set(_names(ast.parse(file.read_text(encoding="utf-8")), file))


def _names(tree: ast.Module, file: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{file}:{node.lineno}: expected an absolute import")
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if module_file(full) else node.module
