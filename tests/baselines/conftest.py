"""These networks are tiny: threads would cost more than they bring."""

from tests.single_thread import single_thread

__all__ = ["single_thread"]
