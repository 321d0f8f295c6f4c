"""A project folder as the stages before `visualize` leave it."""

from __future__ import annotations

import json
from pathlib import Path

from bodycascade.evaluate import evaluate
from bodycascade.hierarchy import Tree
from bodycascade.params import Params
from tests.evaluate.project import make_project


def make_reported(root: Path, tree: Tree) -> Params:
    """Everything that `visualize` reads, under `root`: an evaluated project, with made-up records of training."""
    params = make_project(root, tree, images=8)
    evaluate(params, root, tree)
    plots, reports = root / params.profile.plots, root / params.profile.reports
    for spec in tree.experts:
        columns = ["epoch", "step", "loss", "selection_loss", "selection_mIoU", *(f"iou_{c}" for c in spec.children)]
        # The last child has no score in the first epoch: such cells are empty or nan.
        rows = [
            [str(epoch), str(epoch * 10), str(2 / epoch), str(2.5 / epoch), str(epoch / 5)]
            + [str(epoch / 4) if epoch > 1 else "nan" for _ in spec.children]
            for epoch in (1, 2, 3)
        ]
        (plots / f"{spec.name}.csv").write_text("\n".join(",".join(row) for row in [columns, *rows]) + "\n")
        summary = {
            "averaged_epochs": [1, 2],
            "best_epoch": 2,
            "selection_mIoU": 0.4,
            "images_per_second": 12.3,
            "seconds": 75.0,
        }
        (reports / f"{spec.name}.json").write_text(json.dumps(summary))
    lines = ["class,level,pixels,fraction,images,presence", f"{tree.leaves[0].name},0,700,0.7,8,1.0"]
    lines += [f"{name},{level},100,0.1,4,0.5" for level, names in enumerate(tree.levels) for name in names]
    (plots / "frequencies.csv").write_text("\n".join(lines) + "\n")
    return params
