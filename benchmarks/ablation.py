"""One change at a time, by its score on the selection set:

python -m benchmarks.ablation PARAMS body --set train.body.epochs=2 --arm "hard:" --arm "soft: train.body.outside=.2"

Every arm trains the expert anew, as the train stage does, with its own changes laid over PARAMS; what stands above the
expert must be trained already. Nothing below results/ changes.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import machine_facts
from benchmarks.output import RESULTS, markdown_table, run_benchmark, write_results
from bodycascade.devices import choose_device
from bodycascade.errors import ParamsError, TrainingError
from bodycascade.expert_file import load_expert
from bodycascade.folders import folder_aside, remove_stale
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params, load_params
from bodycascade.params.document import compose
from bodycascade.progress import Progress
from bodycascade.train.job import Job
from bodycascade.train.setup import set_up_training
from bodycascade.train.stopping import StopRequest
from bodycascade.train.workspace import fingerprint

_TEXT, _SECTION = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map"


@dataclasses.dataclass(frozen=True)
class Arm:
    """One row of the table: its name, and what it changes, as (dotted key, value as YAML)."""

    name: str
    changes: tuple[tuple[str, str], ...]


def parse_arm(text: str) -> Arm:
    """`name: key=value key=value`; raises `ParamsError` for anything else."""
    name, colon, rest = text.partition(":")
    changes = tuple((key, value) for key, _, value in (word.partition("=") for word in rest.split()))
    if not colon or not name.strip() or not all(key and value for key, value in changes):
        raise ParamsError(f"arm {text!r}: expected NAME: KEY=VALUE ..., for example soft: train.body.mask_form=soft")
    return Arm(name.strip(), changes)


def changed(path: Path, changes: Sequence[tuple[str, str]], tree: Tree = PASCAL_PART) -> Params:
    """The parameters of `path` with `changes`; raises `ParamsError` where the outcome is not valid."""
    load_params(path, tree)  # it says what is wrong with the file itself
    document = compose(path)
    for key, value in changes:
        try:
            node = yaml.compose(value, Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            node = None
        if node is None:
            raise ParamsError(f"{key}: {value!r} is not YAML")
        if not _lay_over(document, key.split("."), node):
            raise ParamsError(f"{key}: {path} has no such section")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        # The nodes as they are written, lest 010 or 1e-3 become another value on the way.
        copy.write_text(yaml.serialize(document), encoding="utf-8")
        try:
            return load_params(copy, tree)
        except ParamsError as error:
            raise ParamsError(re.sub(rf"^{re.escape(str(copy))}:\d+", str(path), str(error))) from None


def _lay_over(place: yaml.Node, keys: Sequence[str], value: yaml.Node) -> bool:
    """Put `value` at the end of `keys` below `place`, new sections on the way; False where one is no section."""
    if not isinstance(place, yaml.MappingNode):
        return False
    first, *rest = keys
    below = {name.value: (name, node) for name, node in place.value}
    name, node = below.get(first, (yaml.ScalarNode(_TEXT, first), yaml.MappingNode(_SECTION, [])))
    if not rest:
        node = value
    elif not _lay_over(node, rest, value):
        return False
    place.value = [pair for pair in place.value if pair[0].value != first] + [(name, node)]
    return True


def require_effect(arm: Arm) -> None:
    """Raise `ParamsError` where `arm` changes what comes after the epochs, which is not measured here."""
    for key, _ in arm.changes:
        if "calibration" in key.split("."):
            raise ParamsError(
                f"arm {arm.name!r}: {key} acts after training, which ends an arm here; compare it by the train stage"
            )


def measure(params: Params, root: Path, expert: str, folder: Path, *, tree: Tree = PASCAL_PART) -> dict[str, Any]:
    """The last row of a training's history, with its minutes: what comes after the epochs, averaging of weights and
    calibration, is left out.

    `folder` is for working files; parent maps remain there, made once for all arms with one zoom. The experts above are
    taken as they are, since an arm may change their settings too. Raises what the train stage raises else, and
    `TrainingError` where no training image holds the expert's node.
    """
    tree = params.profile.trained_tree(tree)
    device, _ = choose_device(params.base.device)
    stop = StopRequest()
    job = Job(params, tree, tree.expert(expert), root, device, stop)
    manifest = job.manifest()
    models = job.models_above()
    above = {name: load_expert(path, tree) for name, path in models.items()}
    made_by = {"zoom": dataclasses.asdict(params.zoom), "of": expert, "precision": params.base.precision}
    maps = folder / fingerprint(made_by, [job.data / "manifest.json", *models.values()])
    maps.mkdir(exist_ok=True)
    with stop.listening(), tempfile.TemporaryDirectory(dir=folder) as work:
        training = set_up_training(job, manifest, above, folder=Path(work), maps=maps)
        trainer = training.trainer
        if not training.steps:
            raise TrainingError(f"{expert}: no training image holds {job.spec.node}, so there is nothing to compare")
        with Progress(expert, total=training.steps) as progress:
            trainer.run(lambda row, score, average: None, progress.at)
        # What has no figure, as the IoU of a class that the selection set lacks, is left out: JSON has no NaN.
        last = {key: value for key, value in trainer.rows[-1].items() if math.isfinite(value)}
        return last | {"minutes": sum(row["seconds"] for row in trainer.rows) / 60}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: each arm's score, classes and cost."""
    classes = list(dict.fromkeys(key for row in rows for key in row if key.startswith("iou_")))
    header = ["arm", "epochs", "selection mIoU", *(key.removeprefix("iou_") for key in classes), "minutes"]
    lines = [
        [
            row["arm"],
            f"{row['epoch']:.0f}",
            f"{row['selection_mIoU']:.4f}",
            *(f"{row[key]:.3f}" if key in row else "-" for key in classes),
            f"{row['minutes']:.1f}",
        ]
        for row in rows
    ]
    return markdown_table(header, lines)


def run(arguments: argparse.Namespace) -> None:
    """Train every arm; the table is written after each, so that an interrupted run keeps what it has."""
    arms = [parse_arm(text) for text in arguments.arm]
    shared = tuple((key, value) for key, _, value in (text.partition("=") for text in arguments.set))
    trained: list[dict[str, Any]] = []
    for arm in arms:
        require_effect(arm)
    planned = [(arm, changed(arguments.params, (*shared, *arm.changes))) for arm in arms]
    profile = planned[0][1].profile
    root = profile.root_from(arguments.params)
    remove_stale(root / profile.work / "ablation")
    with folder_aside(root / profile.work / "ablation") as folder:
        for arm, params in planned:
            row = measure(params, root, arguments.expert, folder)
            changes = dict((*shared, *arm.changes))
            trained.append({"arm": arm.name, "changes": changes} | row)
            facts = {"machine": machine_facts(), "expert": arguments.expert, "arms": trained}
            write_results(arguments.out, arguments.name or f"ablation_{arguments.expert}", facts, table(trained))
            print(table(trained[-1:]), flush=True)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description="One change at a time.")
    parser.add_argument("params", type=Path, metavar="PARAMS", help="params.yaml of the profile")
    parser.add_argument("expert", metavar="EXPERT", help="the expert to train")
    parser.add_argument("--arm", action="append", required=True, metavar='"NAME: KEY=VALUE ..."', help="repeatable")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of all arms; repeatable")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--name", help="of the two files there (ablation_EXPERT)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_benchmark(lambda: run(parse()))
