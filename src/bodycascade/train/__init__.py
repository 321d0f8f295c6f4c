"""Training: one expert from a pack, resumable, with its history and events."""

from bodycascade.train.stage import train

__all__ = ["train"]
