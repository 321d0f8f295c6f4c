"""Rendered people: pictures with exact part labels, for tests and for machines without photographs."""

from __future__ import annotations

from bodycascade.data.rendering.dataset import render_dataset
from bodycascade.data.rendering.picture import render

__all__ = ["render", "render_dataset"]
