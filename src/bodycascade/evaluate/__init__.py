"""Scores of the assembled cascade on val."""

from bodycascade.evaluate.stage import assemble, evaluate

__all__ = ["assemble", "evaluate"]
