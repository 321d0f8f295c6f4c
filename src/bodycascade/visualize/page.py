"""The report as one HTML page that needs nothing else: no script, no request, no file beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bodycascade.progress import duration
from bodycascade.visualize.inputs import Inputs
from bodycascade.visualize.panels import Panel
from bodycascade.visualize.pictures import pictures
from bodycascade.visualize.provenance import data, settings, training
from bodycascade.visualize.scores import classes, confusions, experts, groups, headline, what_was_scored
from bodycascade.visualize.style import STYLE

CONTENTS = (
    ("pictures", "Pictures"),
    ("classes", "Classes"),
    ("experts", "Experts"),
    ("confusion", "Confusions"),
    ("groups", "Kinds of image"),
    ("data", "Data"),
    ("training", "Training"),
    ("settings", "Settings and times"),
)


def page(inputs: Inputs, panels: Mapping[str, Sequence[Panel]]) -> str:
    """The HTML text of the report."""
    body = "".join(
        (
            headline(inputs),
            pictures(panels, inputs.tree),
            classes(inputs),
            experts(inputs),
            confusions(inputs),
            groups(inputs),
            data(inputs),
            training(inputs),
            settings(inputs),
        )
    )
    links = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title in CONTENTS if f'id="{anchor}"' in body)
    name = escape(inputs.params.profile.name)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>bodycascade: {name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header class="top"><p class="eyebrow">bodycascade report</p><h1>{name}</h1>'
        f'<p class="lead">{what_was_scored(inputs)}</p><nav aria-label="Contents">{links}</nav></header>\n'
        f"<main>{body}</main>\n<footer>{_footer(inputs)}</footer>\n</body>\n</html>\n"
    )


def _footer(inputs: Inputs) -> str:
    seconds = sum(float(summary["seconds"]) for summary in inputs.summaries.values())
    return (
        f"{len(inputs.tree.experts)} experts, trained in {duration(seconds)} altogether; "
        f"{escape(inputs.params.evaluate.routing)} routing. Made by the visualize stage from the files under results/."
    )
