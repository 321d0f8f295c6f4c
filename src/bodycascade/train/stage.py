"""The train stage for one expert: from the packs and the experts before it to a file of weights and its record."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

import bodycascade
from bodycascade.devices import choose_device
from bodycascade.errors import TrainingError
from bodycascade.expert import Expert, ExpertSettings
from bodycascade.expert_file import load_expert, save_expert
from bodycascade.files import write_json
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params, TrainParams
from bodycascade.preprocess.manifest import read_manifest
from bodycascade.preprocess.pack import Pack
from bodycascade.progress import Progress
from bodycascade.train.augmentation import Augmenter
from bodycascade.train.batches import BatchLoader, Seed
from bodycascade.train.history import Events, Row, describe, write_history
from bodycascade.train.loss import class_weights
from bodycascade.train.panels import sample_panels
from bodycascade.train.parent_maps import ParentMaps, ancestors_of, write_parent_maps
from bodycascade.train.scoring import Score, SelectionScorer
from bodycascade.train.stopping import StopRequest
from bodycascade.train.trainer import Trainer
from bodycascade.train.workspace import die_with_parent, fingerprint, working_folder

CODE = ("unet.py", "expert.py", "hierarchy.py", "imaging.py", "train")
"""What of the package changes a training's result; a change drops an unfinished one, as DVC drops a finished one."""


@dataclass(frozen=True)
class _Paths:
    model: Path
    events: Path
    history: Path
    summary: Path


def train(params: Params, expert: str, root: Path, tree: Tree = PASCAL_PART) -> None:
    """Train `expert` as `params` say and write its files under `root`; goes on where a killed run stopped.

    Raises `DataError` or `TrainingError` where an input is missing or unusable, `Stopped` after a signal.
    """
    die_with_parent()
    stop = StopRequest()
    stop.install()
    profile, spec = params.profile, tree.expert(expert)
    paths = _Paths(
        model=root / profile.models / f"{expert}.safetensors",
        events=root / profile.metrics / expert,
        history=root / profile.plots / f"{expert}.csv",
        summary=root / profile.reports / f"{expert}.json",
    )
    say = _speaker(expert)
    device, why = choose_device(params.base.device)
    say(f"on {device} ({why}), {torch.get_num_threads()} threads")
    lineage, above = [], spec.parent
    while above is not None:
        lineage.append(above)
        above = tree.expert(above).parent
    models = {name: root / profile.models / f"{name}.safetensors" for name in lineage}
    for name, path in models.items():
        if not path.is_file():
            raise TrainingError(f"{path}: {expert} needs the expert {name!r} trained first; run: dvc repro")
    inputs = fingerprint(
        {"train": asdict(params.train[expert]), "seed": params.base.seed, "precision": params.base.precision},
        [root / profile.data / "manifest.json", *models.values(), *_code_files()],
    )
    with working_folder(root / profile.work / expert, inputs, say) as folder:
        run = _Run(params, expert, root, tree, paths, folder, device, stop, say)
        run.execute({name: load_expert(path, tree) for name, path in models.items()})
        shutil.rmtree(folder)


class _Run:
    def __init__(
        self,
        params: Params,
        expert: str,
        root: Path,
        tree: Tree,
        paths: _Paths,
        folder: Path,
        device: torch.device,
        stop: StopRequest,
        say: Callable[[str], None],
    ) -> None:
        self._params, self._train, self._tree, self._paths = params, params.train[expert], tree, paths
        self._data, self._folder, self._device, self._stop, self._say = (
            root / params.profile.data,
            folder,
            device,
            stop,
            say,
        )
        self._spec = tree.expert(expert)
        self._seed = Seed(params.base.seed, expert)

    def execute(self, before: dict[str, Expert]) -> None:
        """Everything from the packs to the files, `before` being the experts above."""
        train_pack, selection_pack = Pack.open(self._data / "train"), Pack.open(self._data / "selection")
        train_parents = self._parent_maps("train", train_pack, before)
        selection_parents = self._parent_maps("selection", selection_pack, before)
        torch.manual_seed(self._seed.derive())
        expert = Expert(self._tree, expert_settings(self._spec.name, self._train))
        if self._train.start == "parent" and self._spec.parent is not None:
            _start_from(expert, before[self._spec.parent])
        loader = BatchLoader(
            train_pack,
            train_parents,
            tree=self._tree,
            spec=self._spec,
            train=self._train,
            seed=self._seed,
            make_augmenter=self._augmenter,
        )
        if not loader.images_per_epoch:
            raise TrainingError(f"{self._spec.name}: no training image holds {self._spec.node}; nothing to learn from")
        scorer = SelectionScorer(selection_pack, expert, selection_parents, device=self._device)
        trainer = Trainer(
            expert,
            loader,
            scorer,
            train=self._train,
            weights=self._class_weights(),
            seed=self._seed,
            device=self._device,
            precision=self._params.base.precision,
            folder=self._folder,
            stop=self._stop,
            say=self._say,
        )
        self._run(trainer, loader, selection_pack, selection_parents)

    def _run(self, trainer: Trainer, loader: BatchLoader, pack: Pack, parents: ParentMaps | None) -> None:
        resumed = trainer.resume()
        done = len(trainer.rows)
        self._say(
            f"{loader.images_per_epoch} images, {self._train.epochs} epochs of {loader.steps_per_epoch} steps"
            + (f"; resumed in epoch {done + 1}" if resumed else "")
        )
        events = Events(self._paths.events, trainer.rows)
        started, start_epoch = time.monotonic(), done
        steps = self._train.epochs * loader.steps_per_epoch
        with Progress(f"train {self._spec.name}", total=steps) as progress:

            def after_epoch(row: Row, score: Score, average: Expert) -> None:
                events.add(row)
                epoch = int(row["epoch"])
                if self._train.panels and (epoch & (epoch - 1) == 0 or epoch == self._train.epochs):
                    events.add_panels(int(row["step"]), sample_panels(average, pack, parents, count=self._train.panels))
                write_history(self._paths.history, trainer.rows)
                left = (time.monotonic() - started) / (epoch - start_epoch) * (self._train.epochs - epoch)
                progress.say(describe(row, epochs=self._train.epochs, seconds_left=left, scores=score.ious))

            trainer.run(after_epoch, progress.at)
        events.close()
        self._finish(trainer)

    def _finish(self, trainer: Trainer) -> None:
        best = max(trainer.rows, key=lambda row: row["selection_mIoU"])
        trainer.average.load_state_dict(trainer.best_weights)
        write_history(self._paths.history, trainer.rows)
        summary = {
            "best_epoch": int(best["epoch"]),
            "selection_mIoU": best["selection_mIoU"],
            **{key: value for key, value in best.items() if key.startswith("iou_") and value == value},
            "images_per_second": round(sum(r["images_per_second"] for r in trainer.rows) / len(trainer.rows), 2),
            "data_wait_fraction": round(sum(r["data_wait_fraction"] for r in trainer.rows) / len(trainer.rows), 5),
            "seconds": round(sum(row["seconds"] for row in trainer.rows), 1),
            "skipped_steps": int(trainer.rows[-1]["skipped_steps"]),
            "device": str(self._device),
        }
        write_json(self._paths.summary, summary)
        extra = {"best_epoch": summary["best_epoch"], "selection_mIoU": summary["selection_mIoU"]}
        save_expert(self._paths.model, trainer.average, extra)
        self._say(f"best epoch {best['epoch']:.0f}, selection mIoU {best['selection_mIoU']:.4f}: {self._paths.model}")

    def _parent_maps(self, split: str, pack: Pack, before: dict[str, Expert]) -> ParentMaps | None:
        if self._spec.parent is None or self._train.parent_mask == "truth":
            return None
        path = self._folder / f"parents-{split}.npy"
        ancestors = ancestors_of(self._spec.name, self._tree, before)
        for step in ancestors:
            step.expert.to(self._device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        with Progress(f"{self._spec.name}: parent masks of {split}", total=len(pack)) as progress:
            write_parent_maps(
                path, pack, ancestors, device=self._device, precision=self._params.base.precision, report=progress.at
            )
        return ParentMaps(path, pack, mask_threshold=self._train.mask_threshold)

    def _class_weights(self) -> list[float]:
        frequencies = read_manifest(self._data).frequencies["experts"][self._spec.name]
        fractions = [float(frequencies[child]["fraction"]) for child in self._spec.children]
        for child, fraction in zip(self._spec.children, fractions, strict=True):
            if not fraction:
                self._say(f"{child} never occurs in the training images: its weight is 0")
        return class_weights(fractions, power=self._train.class_weight_power)

    def _augmenter(self) -> Augmenter:
        inside = set(self._tree.labels(self._spec.node))
        return Augmenter(
            self._train.augment,
            input_side=self._train.input_side,
            crop_side=self._train.crop_side,
            outside=tuple(label for label in range(self._tree.num_labels) if label not in inside),
        )


def expert_settings(expert: str, train: TrainParams) -> ExpertSettings:
    """The settings that an expert trained with these params carries."""
    return ExpertSettings(
        expert=expert,
        input_side=train.input_side,
        widths=tuple(train.widths),
        block_depth=train.block_depth,
        kernel=train.kernel,
        stem_stride=train.stem_stride,
        input_pool=train.input_pool,
        dropout=train.dropout,
        mask_threshold=train.mask_threshold,
    )


def _start_from(expert: Expert, parent: Expert) -> None:
    """Copy the parent's weights, its head excepted: what finds a body is a start for what divides it."""
    own, given = expert.unet.state_dict(), parent.unet.state_dict()
    shared = {key: value for key, value in given.items() if not key.startswith("head.")}
    for key, value in shared.items():
        if key not in own or own[key].shape != value.shape:
            raise TrainingError(
                f"{expert.spec.name} cannot start from {parent.spec.name}: {key} differs in shape; give both the same "
                f"widths, block_depth, kernel and stem_stride, or set train.{expert.spec.name}.start to scratch"
            )
    expert.unet.load_state_dict(own | shared)


def _code_files() -> list[Path]:
    package = Path(bodycascade.__file__).parent
    return sorted(file for part in CODE for file in ((package / part).rglob("*.py") if "." not in part else [package / part]))


def _speaker(expert: str) -> Callable[[str], None]:
    def say(line: str) -> None:
        print(f"{expert}: {line}", flush=True)

    return say
