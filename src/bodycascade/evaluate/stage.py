"""The evaluate stage: the experts become one bundle, the bundle is scored on val."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bodycascade.cascade import CascadeSegmenter
from bodycascade.errors import DataError
from bodycascade.evaluate.oracle import oracle
from bodycascade.evaluate.predictions import write_label_map
from bodycascade.evaluate.regrouped import RegroupedSegmenter
from bodycascade.evaluate.split import ValSplit
from bodycascade.evaluate.summary import summary
from bodycascade.evaluate.tables import write_confusion, write_per_image
from bodycascade.evaluate.tally import Tally, tally
from bodycascade.expert import ExpertSettings
from bodycascade.expert_file import load_expert
from bodycascade.files import remove_asides, write_json
from bodycascade.folders import only_one, replace_folder
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params
from bodycascade.preprocess import read_val_manifest
from bodycascade.progress import track
from bodycascade.segmenter import Segmenter


def evaluate(params: Params, root: Path, tree: Tree = PASCAL_PART) -> dict[str, Any]:
    """The figures of metrics.json, having assembled the bundle and scored it on val at native size.

    `tree` holds the classes that are scored; a flat profile's one network has its levels merged from its labels. Under
    `root` it writes the bundle, the predicted label maps, metrics.json, per_image.csv and confusion.csv. What is scored
    is the bundle as read back from disk, so the figures are those of what others load. Raises `DataError` or
    `BundleError` where an input is missing, damaged, of another tree or trained with other settings, `BusyError` where
    another evaluate is at work, `BodyCascadeError` for a device that cannot be used.
    """
    with only_one(root / params.profile.work / "evaluate.lock", "evaluate of this profile"):
        for folder in (params.profile.reports, params.profile.plots):
            remove_asides(root / folder)
        return _evaluate(params, root, tree)


def _evaluate(params: Params, root: Path, tree: Tree) -> dict[str, Any]:
    profile = params.profile
    trained = profile.trained_tree(tree)
    manifest = read_val_manifest(root / profile.data)
    manifest.require_tree(trained)
    manifest.require_settings(params.preprocess)
    split = ValSplit(manifest, root)
    segmenter = assemble(params, root, trained)
    print(f"evaluate: {len(split.ids)} images, {segmenter!r} ({segmenter.device_reason})", flush=True)
    scored = segmenter if trained == tree else RegroupedSegmenter(segmenter, tree)
    counted = _predict(scored, split, root / profile.predictions)
    figures = summary(counted, bootstrap_samples=params.evaluate.bootstrap_samples, seed=params.base.seed)
    if len(trained.experts) > 1:  # one network has no other whose mistakes it could inherit
        examples = track(split.examples(), "evaluate: true decisions", total=len(split.ids))
        figures["oracle"] = oracle(segmenter, examples, plain=counted.matrix())
    figures |= _speed(counted, segmenter)
    write_per_image(root / profile.plots / "per_image.csv", counted)
    write_confusion(root / profile.plots / "confusion.csv", counted.matrix(), tree)
    write_json(root / profile.reports / "metrics.json", figures)
    levels = ", ".join(f"mIoU{level} {figures[f'mIoU{level}']:.4f}" for level in range(len(tree.levels)))
    print(f"evaluate: {levels}; {figures['images_per_second']} images/s", flush=True)
    return figures


def assemble(params: Params, root: Path, tree: Tree) -> CascadeSegmenter:
    """The segmenter of the profile's bundle, made from its trained experts, saved, and read back.

    Raises `DataError` where one is not trained yet, `BundleError` where one was trained with other settings: DVC trains
    such an expert anew first, but this stage can be called by hand.
    """
    models, base = root / params.profile.models, params.base
    paths = [models / f"{spec.name}.safetensors" for spec in tree.experts]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: no such file; train the expert {path.stem!r} first, or run: dvc repro")
    experts = [load_expert(path, tree, ExpertSettings.of(path.stem, params.train[path.stem])) for path in paths]
    made = CascadeSegmenter(
        experts,
        routing=params.evaluate.routing,
        zoom=params.zoom.settings,
        device=base.device,
        precision=base.precision,
    )
    made.save(models / "cascade", half=params.evaluate.half)
    return CascadeSegmenter.load(models / "cascade", device=base.device, precision=base.precision)


def _predict(segmenter: Segmenter, split: ValSplit, folder: Path) -> Tally:
    # The first call pays for what a process does once (kernels chosen, memory reserved); it is not the cascade's speed.
    segmenter(split.read(split.ids[0]).image)
    with replace_folder(folder) as aside:
        examples = track(split.examples(), "evaluate: predictions", total=len(split.ids))
        return tally(
            segmenter,
            examples,
            keep=lambda name, labels: write_label_map(aside / f"{name}.png", labels, segmenter.tree),
        )


def _speed(counted: Tally, segmenter: CascadeSegmenter) -> dict[str, Any]:
    images = len(counted.ids)
    return {
        "images_per_second": round(images / counted.predict_seconds, 2),
        "images_per_second_whole": round(images / counted.seconds, 2),
        "device": f"{segmenter.device}, {segmenter.precision}",
    }
