from __future__ import annotations

from tests.single_thread import single_thread

__all__ = ["single_thread"]
