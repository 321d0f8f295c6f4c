"""Train a cascade on one's own class tree, here on rendered people: python examples/own_class_tree.py FOLDER

It shows the way, in under a minute. So few and small pictures teach the body, but not yet the head.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from bodycascade.data.rendering import render_dataset
from bodycascade.evaluate.stage import evaluate
from bodycascade.hierarchy import Node, Tree
from bodycascade.params import Profile, load_params
from bodycascade.preprocess import preprocess
from bodycascade.train.stage import train

BODY = Node("body", (72, 149, 239), children=(Node("head", (255, 209, 102), label=1), Node("rest", (42, 157, 143), 2)))
TREE = Tree(Node("picture", (0, 0, 0), expert="person", children=(Node("background", (0, 0, 0), label=0), BODY)))
OURS = np.array([0, 2, 2, 2, 1, 2, 2], np.uint8)  # the label in TREE for each of Pascal-Part's


def main(root: Path) -> None:
    """Data laid out as JPEGImages/ID.jpg, gt_masks/ID.npy (labels), classes.txt, lists of ids; then all stages."""
    render_dataset(root / "data", train=32, val=8, side=96, grayscale_fraction=0.0, seed=1)
    for file in (root / "data" / "gt_masks").iterdir():
        np.save(file, OURS[np.load(file)])
    (root / "data" / "classes.txt").write_text("\n".join(f"{leaf.label}: {leaf.name}" for leaf in TREE.leaves))
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    profile = Profile("own", ".", "params.yaml", source="data", tree="cascade")
    small = replace(params.train["person"], input_side=96, crop_side=64, widths=(16, 24, 32), epochs=6, panels=0)
    packing = replace(params.preprocess, source="folder")
    params = replace(params, profile=profile, preprocess=packing, train={e.name: small for e in TREE.experts})
    preprocess(params, root, TREE)
    for expert in TREE.experts:
        train(params, expert.name, root, TREE)
    evaluate(params, root, TREE)  # CascadeSegmenter.load(root / "results/models/own/cascade") has it now


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
