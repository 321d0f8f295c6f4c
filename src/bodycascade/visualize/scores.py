"""The sections of the report that tell how good the cascade is."""

from __future__ import annotations

from html import escape
from typing import Any

from bodycascade.metric import level_keys
from bodycascade.progress import counted
from bodycascade.visualize.charts import (
    class_colour,
    confusion_chart,
    group_chart,
    ladder_chart,
    single_chart,
)
from bodycascade.visualize.html import (
    card,
    chart_card,
    grid,
    ink_on,
    score,
    section,
    swatch,
    table,
)
from bodycascade.visualize.inputs import Inputs
from bodycascade.visualize.mistakes import thing_name


def headline(inputs: Inputs) -> str:
    """The mean IoU of each level with its interval, and the tree with the IoU of each class."""
    cards = [_headline_card(inputs, level) for level in range(len(inputs.tree.levels))]
    measured = f'<p class="measured">{how_measured(inputs)}</p>'
    tree = f"<h3>IoU of each class</h3>{card(_tree(inputs), kind='tree')}"
    return f'<div class="headline">{"".join(cards)}</div>{measured}{tree}'


def what_was_scored(inputs: Inputs) -> str:
    """How many images, by how many experts."""
    images = counted(inputs.metrics["images"], "val image")
    return f"{images}, segmented by {len(inputs.tree.experts)} experts, {inputs.params.evaluate.routing} routing"


def how_measured(inputs: Inputs) -> str:
    """One sentence about the metric, as HTML."""
    samples = inputs.params.evaluate.bootstrap_samples
    ranges = f"; the ranges are 95&nbsp;% bootstrap intervals over images ({samples:,} samples)" if samples else ""
    absent = inputs.metrics.get("absent_classes") or []
    left_out = f", here {escape(', '.join(absent))}," if absent else ""
    return (
        "<b>How measured:</b> one confusion matrix over all pixels of all val images at native size gives each class "
        "its intersection over union (IoU) and each level the mean over its classes, where the background never counts "
        f"and a class that neither truth nor prediction holds{left_out} is left out{ranges}."
    )


def classes(inputs: Inputs) -> str:
    """IoU, precision and recall of every class."""
    rows = [_class_row(inputs, inputs.tree.level_of(name), name) for name in inputs.tree.class_names]
    head = ("class", "level", "IoU", "95&nbsp;% interval", "precision", "recall")
    say = "Precision: of the pixels called so, the share that is. Recall: of the pixels that are, the share found."
    return section("classes", "Class by class", say, card(table(head, rows)))


def experts(inputs: Inputs) -> str:
    """The oracle ladder: what each expert loses."""
    oracle = inputs.metrics.get("oracle")
    if not oracle:
        return ""
    say = (
        "The truth is put in the place of one expert after another, down the tree. The step at an expert is what the "
        "cascade loses there, once everything above it is right; with all experts replaced the score is 1."
    )
    charts = (ladder_chart(oracle["cumulative"], inputs.tree), single_chart(oracle, inputs.tree))
    levels = level_keys(inputs.tree)
    rows = [
        (_ladder_name(name), *(score(figures[level]) for level in levels))
        for name, figures in oracle["cumulative"].items()
    ] + [
        (f"{escape(name)} alone", *(score(figures[level]) for level in levels))
        for name, figures in list(oracle["single"].items())[1:]
    ]
    details = f"<details><summary>All figures</summary>{card(table(('true decisions', *levels), rows))}</details>"
    return section("experts", "Which expert loses what", say, grid(chart_card(chart) for chart in charts), details)


def confusions(inputs: Inputs) -> str:
    """One row-normalised matrix per level."""
    charts = [
        confusion_chart(found["names"], found["matrix"], title=f"Level {level}")
        for level, found in enumerate(inputs.metrics["confusion"].values())
    ]
    say = (
        "Each row shows where the pixels of one true class went, in percent; the diagonal is the recall. A dot stands "
        "for less than half a percent."
    )
    *coarse, finest = [chart_card(chart) for chart in charts]
    shown = f'<div class="aside"><div>{"".join(coarse)}</div>{finest}</div>' if coarse else finest
    return section("confusion", "What is taken for what", say, shown)


def groups(inputs: Inputs) -> str:
    """Scores by the size of the people, and of colour and grayscale images apart."""
    by_size = {_band(name): figures for name, figures in inputs.metrics["by_size"].items()}
    coloured = {name: inputs.metrics[name] for name in ("colour", "grayscale")}
    charts = (
        group_chart(f"By the share of the image that is {thing_name(inputs.tree)}", by_size, inputs.tree),
        group_chart("Colour and grayscale", coloured, inputs.tree),
    )
    say = "The same metric over some of the images only. Near-gray and tinted images count as grayscale."
    return section("groups", "By kind of image", say, grid(chart_card(chart) for chart in charts))


def _headline_card(inputs: Inputs, level: int) -> str:
    names, value = inputs.tree.levels[level], float(inputs.metrics[f"mIoU{level}"])
    what = ", ".join(names) if len(names) <= 3 else f"{len(names)} parts"
    bounds = inputs.metrics["bootstrap"].get(f"mIoU{level}")
    return card(
        f'<p class="name"><b>mIoU{level}</b> &middot; {escape(what)}</p><p class="value">{score(value)}</p>',
        _interval(value, bounds),
    )


def _interval(value: float, bounds: list[float] | None) -> str:
    low, high = bounds or (value, value)
    bar = (
        f'<div class="interval"><i style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
        f'<b style="left:{100 * value:.1f}%"></b></div>'
    )
    return bar + (f"<p>{score(low)} to {score(high)}</p>" if bounds else "<p>no interval drawn</p>")


def _tree(inputs: Inputs) -> str:
    rows = []
    for names in inputs.tree.levels:
        cells = "".join(_tree_cell(inputs, name) for name in names)
        rows.append(f'<div class="row">{cells}</div>')
    return "".join(rows)


def _tree_cell(inputs: Inputs, name: str) -> str:
    figures = inputs.metrics["classes"].get(name)
    style = (
        f"flex:{len(inputs.tree.labels(name))} 1 0;background:{class_colour(inputs.tree, name)};"
        f"color:{ink_on(inputs.tree, name)}"
    )
    value = score(figures["iou"]) if figures else "absent"
    return f'<div class="cell" style="{style}"><span>{escape(name)}</span><b>{value}</b></div>'


def _class_row(inputs: Inputs, level: int, name: str) -> tuple[str, ...]:
    colour = class_colour(inputs.tree, name)
    figures: dict[str, Any] = inputs.metrics["classes"].get(name, {})
    bounds = inputs.metrics["bootstrap"].get(name)
    iou = figures.get("iou")
    fill = "" if iou is None else f'<i style="width:{100 * iou:.1f}%;background:{colour}"></i>'
    meter = f'<span class="meter">{fill}</span>'
    return (
        f"{swatch(colour)}&ensp;{escape(name)}",
        str(level),
        f"{meter}{score(iou)}",
        f"{score(bounds[0])} to {score(bounds[1])}" if bounds else score(None),
        score(figures.get("precision")),
        score(figures.get("recall")),
    )


def _ladder_name(name: str) -> str:
    return "none" if name == "none" else escape(name.replace("+", " + "))


def _band(name: str) -> str:
    low, high = name.replace("%", "").split("-")
    return f"{low}\N{EN DASH}{high} %"
