"""The charts of the report, each as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bodycascade.hierarchy import ExpertSpec, Tree
from bodycascade.metric import level_keys
from bodycascade.progress import counted
from bodycascade.visualize.html import percent
from bodycascade.visualize.svg import (
    ACCENTS,
    INK,
    LINE,
    MUTED,
    SURFACE,
    TEXT_SIZE,
    Chart,
    Key,
    css,
    new_chart,
    to_svg,
)

Columns = Mapping[str, Sequence[float]]
"""A table by column; NaN where a cell is empty."""


def loss_chart(spec: ExpertSpec, history: Columns, *, best_epoch: int) -> Chart:
    """Loss of the training and of the selection images by epoch."""
    figure, axes = new_chart(2.7)
    lines = (("training", "loss", MUTED), ("selection set", "selection_loss", ACCENTS[2]))
    for _, column, colour in lines:
        _line(axes, history["epoch"], history.get(column, ()), colour)
    _mark_epoch(axes, history, best_epoch)
    keys = tuple(Key(name, css(colour)) for name, _, colour in lines)
    return Chart("Loss", to_svg(figure, f"loss {spec.name}"), keys)


def iou_chart(spec: ExpertSpec, history: Columns, tree: Tree, *, best_epoch: int) -> Chart:
    """IoU of each child on the selection set by epoch, and their mean."""
    figure, axes = new_chart(2.7)
    keys = []
    for child in spec.children:
        column = f"iou_{child}"
        if column in history:
            _line(axes, history["epoch"], history[column], class_colour(tree, child))
            keys.append(Key(child, css(class_colour(tree, child))))
    _line(axes, history["epoch"], history.get("selection_mIoU", ()), INK, width=2.4)
    axes.set_ylim(0, 1)
    _mark_epoch(axes, history, best_epoch)
    return Chart("IoU on the selection set", to_svg(figure, f"iou {spec.name}"), (*keys, Key("mean", css(INK))))


def confusion_chart(names: Sequence[str], matrix: Sequence[Sequence[int]], *, title: str) -> Chart:
    """Where the pixels of each true class went: rows sum to 100 %."""
    count = len(names)
    figure, axes = new_chart(2.2 + 0.34 * count)
    for row, cells in enumerate(matrix):
        total = sum(cells)
        for column, cell in enumerate(cells):
            share = cell / total if total else 0.0
            axes.add_patch(Rectangle((column, row), 0.96, 0.94, facecolor=ACCENTS[2], alpha=0.06 + 0.94 * share**0.7))
            text = "" if not total else "·" if share < 0.005 else f"{share:.0%}".rstrip("%")
            axes.text(
                column + 0.48, row + 0.5, text, ha="center", va="center", fontsize=TEXT_SIZE, color=_over(share)
            )  # fmt: skip
    axes.set(xlim=(0, count), ylim=(count, 0), xticks=np.arange(count) + 0.48, yticks=np.arange(count) + 0.48)
    axes.set_xticklabels(names, rotation=0 if count <= 3 else 38, ha="center" if count <= 3 else "left")
    axes.set_yticklabels(names)
    axes.xaxis.tick_top()
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    return Chart(title, to_svg(figure, title))


def frequency_charts(rows: Sequence[Mapping[str, Any]], tree: Tree) -> tuple[Chart, Chart]:
    """Share of pixels and of images for each class of each level; `rows` has class, fraction and presence (0..1)."""
    found = {str(row["class"]): row for row in rows}
    names = [name for name in tree.class_names if name in found]
    charts = []
    for title, column in (("Share of all pixels", "fraction"), ("Share of images that show it", "presence")):
        shares = [float(found[name][column]) for name in names]
        figure, axes = new_chart(0.5 + 0.3 * len(names))
        _bars(axes, names, shares, [class_colour(tree, name) for name in names], [percent(share) for share in shares])
        charts.append(Chart(title, to_svg(figure, title)))
    return charts[0], charts[1]


def group_chart(title: str, groups: Mapping[str, Mapping[str, Any]], tree: Tree) -> Chart:
    """mIoU of each level for groups of images; a group without images keeps its place, empty."""
    levels = level_keys(tree)
    figure, axes = new_chart(2.9)
    width = 0.8 / len(levels)
    for place, level in enumerate(levels):
        for position, figures in enumerate(groups.values()):
            if level in figures:
                left, value = position - 0.4 + place * width, float(figures[level])
                axes.bar(left, value, width * 0.92, align="edge", color=_shade(place))
                axes.text(
                    left + width * 0.46, value + 0.015, _short(value), ha="center", fontsize=TEXT_SIZE - 1, color=INK
                )  # fmt: skip
    axes.set(ylim=(0, 1.08), xlim=(-0.5, len(groups) - 0.5), xticks=range(len(groups)))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xticklabels([f"{name}\n{counted(int(figures['images']), 'image')}" for name, figures in groups.items()])
    keys = tuple(Key(level, css(_shade(place))) for place, level in enumerate(levels))
    return Chart(title, to_svg(figure, title), keys)


def ladder_chart(cumulative: Mapping[str, Mapping[str, float]], tree: Tree) -> Chart:
    """A waterfall at the finest level: the score as it is, then what each expert loses, up to 1."""
    level = level_keys(tree)[-1]
    values = [float(figures[level]) for figures in cumulative.values()]
    figure, axes = new_chart(0.8 + 0.36 * len(values))
    axes.barh(0, values[0], 0.66, color=ACCENTS[2])
    axes.text(values[0] / 2, 0, _short(values[0]), ha="center", va="center", fontsize=TEXT_SIZE, color=SURFACE)
    for row, (before, after) in enumerate(pairwise(values), start=1):
        colour = class_colour(tree, _splits(tree, row - 1))
        axes.barh(row, after - before, 0.66, left=before, color=colour)
        axes.plot([before, before], [row - 1, row], color=MUTED, linewidth=0.8)
        inside = min(before, after) > 0.2
        at, align = (min(before, after) - 0.012, "right") if inside else (max(before, after) + 0.012, "left")
        axes.text(at, row, _signed(after - before), ha=align, va="center", fontsize=TEXT_SIZE, color=INK)
    labels = ["as it is", *(spec.name for spec in tree.experts)]
    _rows(axes, labels)
    axes.set_xlim(0, 1.02)
    return Chart(f"What each expert loses, of {level}", to_svg(figure, "ladder"))


def single_chart(oracle: Mapping[str, Mapping[str, Mapping[str, float]]], tree: Tree) -> Chart:
    """The gain at the finest level where one expert alone is replaced by the truth."""
    level = level_keys(tree)[-1]
    before = float(oracle["cumulative"]["none"][level])
    gains = {name: float(figures[level]) - before for name, figures in oracle["single"].items()}
    figure, axes = new_chart(0.8 + 0.36 * len(gains))
    colours = [class_colour(tree, _splits(tree, place)) for place in range(len(gains))]
    _bars(axes, list(gains), list(gains.values()), colours, [_signed(gain) for gain in gains.values()])
    return Chart(f"Gain of {level}, one expert at a time", to_svg(figure, "single"))


def class_colour(tree: Tree, name: str) -> str:
    """The colour of a class as hex; the background, black in the masks, is shown in the page's muted gray."""
    if name == tree.leaves[0].name:
        return MUTED
    return "#{:02x}{:02x}{:02x}".format(*tree.node(name).colour)


def _splits(tree: Tree, place: int) -> str:
    # The root has no colour of its own: its expert finds the first class that is not background.
    node = tree.experts[place].node
    return tree.levels[0][0] if node == tree.root.name else node


def _line(axes: Axes, x: Sequence[float], y: Sequence[float], colour: str, *, width: float = 1.8) -> None:
    if len(y):
        marker = "o" if len(y) == 1 else None
        axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="round", marker=marker)


def _mark_epoch(axes: Axes, history: Columns, epoch: int) -> None:
    axes.axvline(epoch, color=MUTED, linewidth=0.9, dashes=(2, 3))
    axes.set_xlim(0, max(1, *history["epoch"]) * 1.02)
    axes.set_xlabel("epoch", fontsize=TEXT_SIZE, color=MUTED)
    axes.locator_params(axis="x", nbins=6, integer=True)


def _bars(
    axes: Axes, names: Sequence[str], values: Sequence[float], colours: Sequence[str], texts: Sequence[str]
) -> None:
    axes.barh(range(len(names)), values, 0.66, color=colours)
    longest = max((abs(value) for value in values), default=1.0) or 1.0
    for row, (value, text) in enumerate(zip(values, texts, strict=True)):
        axes.text(max(value, 0) + longest * 0.02, row, text, va="center", fontsize=TEXT_SIZE, color=INK)
    _rows(axes, names)
    axes.set_xlim(min(0.0, *values) if values else 0, longest * 1.22)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)))
    axes.set_yticklabels(names, color=INK)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x", color=LINE, linewidth=0.7)


def _shade(place: int) -> str:
    return ACCENTS[place % len(ACCENTS)]


def _over(share: float) -> str:
    return SURFACE if share > 0.45 else INK


def _short(value: float) -> str:
    return "1" if value >= 0.995 else f"{value:.2f}".lstrip("0")


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{abs(value):.3f}".replace("0.", ".", 1).replace("-", "\N{MINUS SIGN}")
