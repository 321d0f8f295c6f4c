"""The report of a profile, for people."""

from bodycascade.visualize.stage import visualize

__all__ = ["visualize"]
