"""The sections of the report that tell where the cascade comes from: data, training, settings, times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import Any

from bodycascade.progress import duration
from bodycascade.visualize.charts import frequency_charts, iou_chart, loss_chart
from bodycascade.visualize.html import card, chart_card, grid, percent, score, section, table
from bodycascade.visualize.inputs import Inputs


def data(inputs: Inputs) -> str:
    """How often each class occurs in the training images."""
    background = inputs.tree.leaves[0].name
    found = [float(row["fraction"]) for row in inputs.frequencies if row["class"] == background]
    rest = f" The background, {percent(found[0])} of the pixels, is left out." if found else ""
    say = f"Counted in the training images, without the selection set.{rest}"
    charts = frequency_charts(inputs.frequencies, inputs.tree)
    return section("data", "What the data holds", say, grid(chart_card(chart) for chart in charts))


def training(inputs: Inputs) -> str:
    """Learning curves of each expert."""
    parts = []
    for spec in inputs.tree.experts:
        history, summary = inputs.histories[spec.name], inputs.summaries[spec.name]
        best = int(summary["best_epoch"])
        charts = (
            loss_chart(spec, history, best_epoch=best),
            iou_chart(spec, history, inputs.tree, best_epoch=best),
        )
        parts.append(f"<h3>{escape(spec.name)}</h3>{grid(chart_card(chart) for chart in charts)}")
    say = (
        "The selection set is a slice of the training images that no expert learns from; it chooses the epoch, marked "
        "by the dotted line, whose weights are kept, alone or in a mean with those of other cycles. Each expert is "
        "scored there inside its own parent only."
    )
    return section("training", "How the experts learned", say, *parts)


def settings(inputs: Inputs) -> str:
    """Times, and every parameter of the run."""
    names = [spec.name for spec in inputs.tree.experts]
    say = (
        f"Prediction ran on {escape(str(inputs.metrics.get('device', 'an unnamed device')))} at "
        f"{_rate(inputs.metrics.get('images_per_second'))} images/s; with reading, scoring and saving "
        f"{_rate(inputs.metrics.get('images_per_second_whole'))}."
    )
    times = table(
        ("expert", "weights of epoch", "of", "selection mIoU", "images/s", "time"),
        [_time_row(inputs, name) for name in names],
    )
    train = {name: _flat(asdict(inputs.params.train[name])) for name in names}
    head = ("parameter", *(escape(name) for name in names))
    rows = [(escape(key), *_cells([train[name][key] for name in names])) for key in train[names[0]]]
    other = {key: value for key, value in asdict(inputs.params).items() if key not in ("train", "profile")}
    others = [(escape(key), escape(_text(value))) for key, value in _flat(other).items()]
    return section(
        "settings",
        "Settings and times",
        say,
        card(times),
        f"<details><summary>Training parameters</summary>{card(table(head, rows))}</details>",
        f"<details><summary>All other parameters</summary>{card(table(('parameter', 'value'), others))}</details>",
    )


def _time_row(inputs: Inputs, name: str) -> tuple[str, ...]:
    summary = inputs.summaries[name]
    return (
        escape(name),
        ", ".join(str(epoch) for epoch in summary["averaged_epochs"]),
        f"{max(inputs.histories[name]['epoch']):.0f}",
        score(summary.get("selection_mIoU")),
        _rate(summary.get("images_per_second")),
        duration(float(summary["seconds"])),
    )


def _cells(values: list[Any]) -> list[str]:
    # What all experts share is said once and quietly, so that the differences stand out.
    texts = [escape(_text(value)) for value in values]
    return [f"<b>{text}</b>" if len(set(texts)) > 1 else text for text in texts]


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return flat


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(entry) for entry in value)
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _rate(value: float | None) -> str:
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
