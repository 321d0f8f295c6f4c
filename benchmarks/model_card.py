"""The model card of a bundle, from what evaluate wrote: python -m benchmarks.model_card PARAMS BUNDLE OUT.md"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.output import markdown_table, run_benchmark, score_text, with_interval
from bodycascade.bundle import load_bundle
from bodycascade.errors import DataError
from bodycascade.expert import Expert
from bodycascade.files import sha256_of, write_text
from bodycascade.metric import level_keys
from bodycascade.params import Params, load_params

TEXT = """\
# Model card: the released cascade

Finds people in photographs and divides them into six parts, by four experts that follow a class tree. Made by the
profile `{profile}` of this repository: `{params}` holds the recipe, docs/experiments.md says where the
training of these weights differed. `CascadeSegmenter.load()` loads it.

`low_hand` is the lower arm with the hand, `up_hand` the upper arm, `low_leg` the lower leg with the foot, `up_leg` the
thigh; the head goes with its hair, the torso with the neck. The names are the data set's. Left and right are not told
apart. It is meant for photographs: to cut people or parts out, to blur what is around them, to measure how much
of a picture each part covers, and for research. It cannot count people.

## Data

Trained on {train} photographs of Pascal-Part (VOC 2010, annotated with person parts), epochs chosen on {selection}
others, scored on the {images} val photographs below. Earlier versions were scored on these too; no epoch and no
parameter was chosen by those scores. The photographs are Flickr's, under the terms of PASCAL VOC; none is part of this
package.

The trunks of the experts started from:

{start}

## Scores

One confusion matrix over all pixels of all val images, each at its own size; background never counts; no flip, and
no averaging over sizes of the picture (the second look at people, `zoom`, is part of the method). In brackets 95 %
bootstrap intervals over images.

{levels}
{classes}
{sizes}
## Limits

- People under 2 % of a picture are often missed; limbs are confused more than heads; see the tables.
- Skirts, long dresses and aprons belong to no part in most of the data's label maps, so the cascade leaves them out: a
  cut-out or a blurred background has a hole there.
- Animals, upholstery and clothes that nobody wears are at times taken for people.
- It tells parts, not persons: two people side by side are one body. Hands and arms have no left and right.
- A quarter of the training photographs shows no lower body; unusual views (from above, lying) are rare in them.
- Who was photographed until 2010 and shown on Flickr decides who is in the data. It was not examined how well the
  cascade does on people of different skin, age, sex or build. It must not be used to judge or identify persons.

## Files

{files}
Licence: Apache-2.0, as this package. The trunks' weights were changed by training; their sources are named above.
"""

COCO = "COCO, whose pictures are Flickr's as Pascal's are, so that an overlap cannot be ruled out"
STARTS = {
    "bodypix_mobilenet_v1_075": "BodyPix 2.0 with MobileNetV1 0.75 (Google, Apache-2.0), trained on people; its "
    "pictures are not public in full, so that an overlap with Pascal's cannot be ruled out",
    "movenet_thunder": "MoveNet Thunder (Google, Apache-2.0), a finder of human joints, trained on Google's own Active "
    "data set, which is not public, and on " + COCO,
    "nanodet_g": "NanoDet-g (RangiLyu, Apache-2.0), a finder of 80 kinds of object, trained on " + COCO,
    "nanodet_g_stride16": "the first three of NanoDet-g's four stages, trained as the whole",
    "none": "random weights",
}


def card(params: Params, root: Path, bundle: Path) -> str:
    """The card as Markdown; raises `DataError` where evaluate has not run, or has scored another bundle."""
    report = root / params.profile.reports / "metrics.json"
    manifest = root / params.profile.data / "manifest.json"
    scored = root / params.profile.models / "cascade"
    for path in (report, manifest, scored):
        if not path.exists():
            raise DataError(f"{path}: no such file; run the stages of the profile {params.profile.name} first")
    _require_same(bundle, scored)
    figures, ids = json.loads(report.read_text("utf-8")), json.loads(manifest.read_text("utf-8"))["ids"]
    loaded = load_bundle(bundle)
    tree = loaded.tree
    levels = level_keys(tree)
    classes = [name for name in tree.class_names if name in figures]
    bands = [
        [band, str(row["images"]), *(score_text(row.get(level)) for level in levels)]
        for band, row in figures["by_size"].items()
    ]
    files = [[path.name, f"{path.stat().st_size:,}", f"`{sha256_of(path)}`"] for path in sorted(bundle.iterdir())]
    return TEXT.format(
        profile=params.profile.name,
        params=params.profile.params,
        train=f"{len(ids['train']):,}",
        selection=len(ids["selection"]),
        images=figures["images"],
        start=_starts(loaded.experts),
        levels=markdown_table(["", "score"], [[level, with_interval(figures, level)] for level in levels]),
        classes=markdown_table(["IoU", *classes], [["", *(score_text(figures[name]) for name in classes)]]),
        sizes=markdown_table(["people's share of the picture", "images", *levels], bands),
        files=markdown_table(["file", "bytes", "sha256"], files),
    )


def _require_same(bundle: Path, scored: Path) -> None:
    files, theirs = ({path.name: sha256_of(path) for path in folder.iterdir()} for folder in (bundle, scored))
    different = sorted(name for name in {*files, *theirs} if files.get(name) != theirs.get(name))
    if different:
        said = f"{different[0]} is not that of {scored}, which the scores are of"
        raise DataError(f"{bundle}: {said}; copy that folder here first")


def _starts(experts: Sequence[Expert]) -> str:
    """A line for each trunk: what it is, and which experts stand on it."""
    users: dict[str, list[str]] = {}
    for expert in experts:
        for trunk in expert.settings.encoder.split("+"):
            users.setdefault(trunk, []).append(f"`{expert.spec.name}`")
    return "\n".join(
        f"- {', '.join(names)}: {STARTS.get(trunk, f'{trunk}, trained on ImageNet')}." for trunk, names in users.items()
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the card."""
    params = load_params(arguments.params)
    root = params.profile.root_from(arguments.params)
    write_text(arguments.out, card(params, root, arguments.bundle))
    print(arguments.out)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_card", description="The card of a bundle.")
    parser.add_argument("params", type=Path, metavar="PARAMS", help="params.yaml of the profile")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder of the bundle")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_benchmark(lambda: run(parse()))
