"""Small pieces of HTML that all sections are built from.

Titles, names and meanings are text, and escaped here; sentences (`say`), parts and table cells are HTML already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from bodycascade.hierarchy import Tree
from bodycascade.visualize.svg import Chart, Key, css


def section(anchor: str, title: str, say: str, *parts: str) -> str:
    """A section with a heading, a sentence or two (HTML) and its content."""
    return f'<section id="{anchor}"><h2>{escape(title)}</h2><p class="say">{say}</p>{"".join(parts)}</section>\n'


def card(*parts: str, kind: str = "") -> str:
    """A framed box."""
    return f'<div class="card {kind}">{"".join(parts)}</div>'


def grid(parts: Iterable[str]) -> str:
    """Boxes side by side where the screen is wide enough, else below each other."""
    return f'<div class="grid">{"".join(parts)}</div>'


def chart_card(chart: Chart) -> str:
    """A chart with its title and legend."""
    return card(f"<h4>{escape(chart.title)}</h4>", keys(chart.keys), chart.svg, kind="chart")


def keys(entries: Sequence[Key], meanings: Sequence[str] = (), *, title: str = "") -> str:
    """A legend: a swatch and a name each, with a few words on the meaning where given, after a title."""
    if not entries:
        return ""
    said = [f" <small>{escape(text)}</small>" for text in meanings] or [""] * len(entries)
    items = [
        f"<li>{swatch(entry.colour)}<span>{escape(entry.name)}{text}</span></li>"
        for entry, text in zip(entries, said, strict=True)
    ]
    head = [f'<li class="title">{escape(title)}</li>'] if title else []
    return f'<ul class="keys">{"".join(head + items)}</ul>'


def swatch(colour: str) -> str:
    """A small square in a colour given as CSS."""
    return f'<i class="swatch" style="background:{css(colour)}"></i>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are HTML, the first of each row is its heading."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def score(value: float | None) -> str:
    """A score from 0 to 1 with three decimals; a dash where there is none."""
    return "\N{EN DASH}" if value is None else f"{value:.3f}"


def percent(value: float) -> str:
    """A share as percent, one decimal below ten."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%" if value < 0.0995 else f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def ink_on(tree: Tree, name: str) -> str:
    """Black or white, whichever is read better on the colour of a class (ITU-R BT.601 luma)."""
    red, green, blue = tree.node(name).colour
    return "#101315" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"
