"""What lies in a folder, for comparisons."""

from __future__ import annotations

from pathlib import Path

from bodycascade.files import sha256_of


def checksums(folder: Path) -> dict[str, str]:
    """Checksum of every file below `folder`, by its path."""
    return {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
