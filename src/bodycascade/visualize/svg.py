"""Charts as inline SVG that follow the page: its fonts, and its colours in light and dark mode."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Stand-ins: no chart uses these exact colours otherwise, so each can be exchanged for the page's own in the SVG text.
INK, MUTED, LINE, SURFACE = "#0a0b0c", "#0a0b0d", "#0a0b0e", "#0a0b0f"
ACCENTS = ("#0a0c01", "#0a0c02", "#0a0c03")
"""Light to strong: one shade per level of the tree, coarse to fine; deeper trees begin again."""

_PAGE_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    SURFACE: "var(--surface)",
    ACCENTS[0]: "var(--accent-1)",
    ACCENTS[1]: "var(--accent-2)",
    ACCENTS[2]: "var(--accent-3)",
}


TEXT_SIZE = 11
"""In units of the view box; a chart of `WIDTH` units is shown about one to one, on a phone too."""
WIDTH = 5.0
"""Inches of 72 units each: 360 units."""


@dataclass(frozen=True)
class Key:
    """One entry of a chart's legend: a name and its colour as CSS."""

    name: str
    colour: str


@dataclass(frozen=True)
class Chart:
    """One chart for a page: `svg`, its `title` and its legend."""

    title: str
    svg: str
    keys: tuple[Key, ...] = ()


def new_chart(height: float) -> tuple[Figure, Axes]:
    """An empty figure `WIDTH` inches wide and `height` inches high, with quiet axes."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot(facecolor="none")
    _quiet(axes)
    return figure, axes


def _quiet(axes: Axes) -> None:
    # Thin lines, no box, muted tick labels.
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(colors=MUTED, length=0, labelsize=TEXT_SIZE)
    axes.grid(visible=True, axis="y", color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)


def to_svg(figure: Figure, name: str) -> str:
    """The figure as SVG text for a page; `name` labels it and keeps its ids apart from those of other charts."""
    buffer = io.StringIO()
    # Text stays text: it takes the page's font and can be selected.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _for_page(buffer.getvalue(), name)


def css(colour: str) -> str:
    """The page's CSS for a stand-in colour; any other colour unchanged."""
    return _PAGE_COLOURS.get(colour, colour)


def _shorter(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _for_page(text: str, name: str) -> str:
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"\sxmlns(:\w+)?=\"[^\"]*\"", "", text).replace("xlink:href", "href")
    # The background patch would hide the page's own.
    text = re.sub(r"<g id=\"patch_1\">.*?</g>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"\b(?:width|height)=\"[\d.]+pt\"", "", text, count=2)
    # Names of groups repeat from chart to chart, which a page must not have; nothing refers to them.
    text = re.sub(r"<g id=\"[^\"]*\"", "<g", text)
    text = re.sub(r" transform=\"rotate\(-0 [^)]*\)\"", "", text)
    # Within tags only: what stands between them is the text of axes.
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"\d+\.\d{3,}", _shorter, tag[0]), text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", text)
    for stand_in, colour in _PAGE_COLOURS.items():
        text = text.replace(stand_in, colour)
    return re.sub(r"\n\s*", "\n", text).replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1).strip()
