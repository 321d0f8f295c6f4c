"""The visualize stage: what the stages before it wrote becomes one report."""

from __future__ import annotations

from pathlib import Path

from bodycascade.errors import DataError
from bodycascade.evaluate.predictions import read_label_map
from bodycascade.evaluate.split import ValSplit
from bodycascade.files import remove_asides, write_text
from bodycascade.folders import only_one
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.metric import level_keys
from bodycascade.params import Params
from bodycascade.preprocess import read_val_manifest
from bodycascade.progress import track
from bodycascade.visualize.board import write_board
from bodycascade.visualize.inputs import Inputs, read_inputs
from bodycascade.visualize.page import page
from bodycascade.visualize.panels import Panel, make_panel
from bodycascade.visualize.picks import pick, shown


def visualize(params: Params, root: Path, tree: Tree = PASCAL_PART) -> Path:
    """Path of the report: one HTML file that needs nothing else; its panels are written as TensorBoard images too.

    Raises `DataError` naming the first input under `root` that is missing or unusable, and for a flat profile, whose
    single network has none of the experts that the report compares; `BusyError` where another visualize is at work.
    """
    profile = params.profile
    if profile.trained_tree(tree) != tree:
        raise DataError(
            f"{profile.params}: expected a profile with the tree cascade, found {profile.tree}, which has no report; "
            f"its figures are in {profile.reports / 'metrics.json'}"
        )
    manifest = read_val_manifest(root / profile.data)
    manifest.require_tree(tree)
    manifest.require_settings(params.preprocess)
    inputs = read_inputs(params, root, tree)
    panels = _panels(inputs, ValSplit(manifest, root), root / profile.predictions)
    with only_one(root / profile.work / "visualize.lock", "visualize of this profile"):
        remove_asides(root / profile.reports)
        write_board(root / profile.metrics / "cascade", panels)
    report = root / profile.reports / "report.html"
    write_text(report, page(inputs, panels))
    print(f"visualize: {report} ({report.stat().st_size / 1e6:.1f} MB)", flush=True)
    return report


def _panels(inputs: Inputs, split: ValSplit, predictions: Path) -> dict[str, list[Panel]]:
    rows = {row.id: row for row in inputs.rows}
    if set(rows) != set(split.ids):
        raise DataError(
            f"per_image.csv has {len(rows)} images, val.json {len(split.ids)}, not the same ones; "
            "run the evaluate stage again"
        )
    finest = level_keys(inputs.tree)[-1]
    picks = pick(
        {name: row.scores[finest] for name, row in rows.items()},
        count=inputs.params.visualize.panels,
        seed=inputs.params.base.seed,
    )
    wanted = shown(picks)
    made = {}
    for name in track(wanted, "visualize: panels", total=len(wanted)):
        example, predicted = split.read(name), read_label_map(predictions / f"{name}.png")
        if predicted.shape != example.labels.shape or int(predicted.max()) >= inputs.tree.num_labels:
            raise DataError(f"{predictions / name}.png: does not fit its image; run the evaluate stage again")
        made[name] = make_panel(
            example.image,
            example.labels,
            predicted,
            row=rows[name],
            tree=inputs.tree,
            side=inputs.params.visualize.panel_side,
        )
    return {group: [made[name] for name in names] for group, names in picks.items()}
