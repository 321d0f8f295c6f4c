"""What the report is made from: the files that the stages before it wrote."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bodycascade.errors import DataError
from bodycascade.hierarchy import Tree
from bodycascade.metric import level_keys
from bodycascade.params import Params
from bodycascade.visualize.panels import PanelRow

History = dict[str, list[float]]
"""A training's csv by column; NaN where a cell is empty."""


@dataclass(frozen=True)
class Inputs:
    """Everything but the pictures: `metrics` as in metrics.json, `rows` of per_image.csv, `frequencies` of
    frequencies.csv, `histories` and `summaries` by expert."""

    params: Params
    tree: Tree
    metrics: dict[str, Any]
    rows: tuple[PanelRow, ...]
    frequencies: list[dict[str, str]]
    histories: dict[str, History]
    summaries: dict[str, dict[str, Any]]


def read_inputs(params: Params, root: Path, tree: Tree) -> Inputs:
    """The files of the profile under `root`; raises `DataError` naming the first that is missing or unusable."""
    reports, plots = root / params.profile.reports, root / params.profile.plots
    names = [spec.name for spec in tree.experts]
    return Inputs(
        params=params,
        tree=tree,
        metrics=_read_json(reports / "metrics.json", "evaluate", ("images", "classes", "confusion", "bootstrap")),
        rows=tuple(_panel_row(row, tree) for row in _read_csv(plots / "per_image.csv", "evaluate", _columns(tree))),
        frequencies=_read_csv(
            plots / "frequencies.csv", "preprocess", ("class", "level", "fraction", "images", "presence")
        ),
        histories={name: _history(plots / f"{name}.csv") for name in names},
        summaries={
            name: _read_json(reports / f"{name}.json", "train", ("averaged_epochs", "best_epoch", "seconds"))
            for name in names
        },
    )


def _read_csv(path: Path, stage: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise _missing(path, stage) from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text; run the {stage} stage again") from None
    lacking = [column for column in columns if not rows or rows[0].get(column) is None]
    if lacking:
        raise DataError(f"{path}: expected rows with the columns {', '.join(lacking)}; run the {stage} stage again")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise DataError(f"{path}: row {number} has more or fewer cells than columns; run the {stage} stage again")
    return rows


def _read_json(path: Path, stage: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _missing(path, stage) from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); run the {stage} stage again") from None
    lacking = [key for key in keys if not isinstance(data, dict) or key not in data]
    if lacking:
        raise DataError(f"{path}: expected the keys {', '.join(lacking)}; run the {stage} stage again")
    return dict(data)


def _history(path: Path) -> History:
    rows = _read_csv(path, "train", ("epoch",))
    return {column: [_number(row[column]) for row in rows] for column in rows[0]}


def _panel_row(row: dict[str, str], tree: Tree) -> PanelRow:
    found = {level: _number(row[level]) for level in level_keys(tree)}
    scores = {level: None if math.isnan(score) else score for level, score in found.items()}
    return PanelRow(id=row["id"], kind=row["grayscale"], body_share=_number(row["body_share"]), scores=scores)


def _columns(tree: Tree) -> tuple[str, ...]:
    return ("id", "grayscale", "body_share", *level_keys(tree))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _missing(path: Path, stage: str) -> DataError:
    return DataError(f"{path}: no such file; the {stage} stage writes it, run: dvc repro")
