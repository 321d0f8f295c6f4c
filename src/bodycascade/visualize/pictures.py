"""The section of the report that shows images, their truth, what was predicted and where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bodycascade.hierarchy import Tree
from bodycascade.metric import level_keys
from bodycascade.visualize.charts import class_colour
from bodycascade.visualize.html import keys, percent, score, section
from bodycascade.visualize.mistakes import COLOURS, kinds_of_mistake, thing_name
from bodycascade.visualize.panels import Panel, jpeg_uri
from bodycascade.visualize.svg import Key

TITLES = {"best": "Best", "worst": "Worst", "random": "Drawn at random"}


def pictures(panels: Mapping[str, Sequence[Panel]], tree: Tree) -> str:
    """All panels by group, under one legend; empty where none was asked for."""
    shown = [(TITLES[group], found) for group, found in panels.items() if found]
    if not shown:
        return ""
    finest = level_keys(tree)[-1]
    say = (
        f"Best and worst are by {finest} of the picture alone; the random ones are drawn by the seed and show what to "
        "expect. Part colours lie over a gray copy of the image, so that the clothes do not tint them."
    )
    groups = [
        f"<h3>{title}</h3>{''.join(_figure(panel, thing_name(tree)) for panel in found)}" for title, found in shown
    ]
    return section("pictures", "Pictures", say, f'<div class="legend">{legend(tree)}</div>', *groups)


def legend(tree: Tree) -> str:
    """Two rows: the colours of the parts, and those of the mistakes with what they mean."""
    parts = [Key(name, class_colour(tree, name)) for name in tree.levels[-1]]
    kinds = kinds_of_mistake(tree)
    mistakes = [Key(kind.name, "#{:02x}{:02x}{:02x}".format(*COLOURS[kind.id])) for kind in kinds]
    return keys(parts, title="Parts") + keys(mistakes, [kind.meaning for kind in kinds], title="Errors")


def _figure(panel: Panel, thing: str) -> str:
    height, width = panel.image.shape[:2]
    views = "".join(
        f'<div><img src="{jpeg_uri(view)}" width="{width}" height="{height}" '
        f'alt="{name} of {escape(panel.row.id)}"><span>{name}</span></div>'
        for name, view in panel.views
    )
    return (
        f'<figure class="card panel"><figcaption>{_caption(panel, thing)}</figcaption>'
        f'<div class="views">{views}</div></figure>'
    )


def _caption(panel: Panel, thing: str) -> str:
    row = panel.row
    gray = "" if row.kind == "colour" else f'<span class="tag">{escape(row.kind.replace("_", " "))}</span>'
    scores = "".join(f"<span>{name} <b>{score(value)}</b></span>" for name, value in row.scores.items())
    return (
        f'<span class="id">{escape(row.id)}</span>{scores}<span>{escape(thing)} {percent(row.body_share)}</span>'
        f"<span>wrong {percent(panel.wrong)}</span>{gray}"
    )
