"""What a segmentation is written as: files that other programs understand."""

from __future__ import annotations

from bodycascade.outputs.asked import Asked, FileOutput, level_number

__all__ = ["Asked", "FileOutput", "level_number"]
