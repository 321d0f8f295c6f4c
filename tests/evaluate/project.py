"""A project folder as the stages before `evaluate` leave it, tiny: random images, untrained experts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from bodycascade.expert import Expert, ExpertSettings
from bodycascade.expert_file import save_expert
from bodycascade.files import sha256_of
from bodycascade.hierarchy import Node, Tree
from bodycascade.params import Base, Evaluate, Params, Profile, Visualize, load_params
from bodycascade.preprocess import ValManifest
from bodycascade.preprocess.manifest import settings_by_key, write_manifest
from tests import toy_experts
from tests.imports import ROOT

ANIMAL = Tree(
    Node(
        "scene",
        (0, 0, 0),
        children=(
            Node("ground", (0, 0, 0), label=0),
            Node(
                "animal",
                (90, 160, 90),
                children=(
                    Node("tail", (200, 120, 40), label=3),
                    Node(
                        "legs",
                        (60, 90, 220),
                        children=(
                            Node("front_legs", (40, 200, 220), label=1),
                            Node("hind_legs", (140, 60, 220), label=2),
                        ),
                    ),
                ),
            ),
        ),
    )
)
"""Another tree: a leaf that ends early, three experts, four labels."""

SIZES = ((40, 56), (56, 40), (33, 47), (48, 48))


def label_map(shape: tuple[int, int], tree: Tree, rng: np.random.Generator, *, share: float) -> npt.NDArray[np.uint8]:
    """(H, W) uint8: background, and a block of about `share` of the image with random 4 x 4 patches of all parts."""
    height, width = shape
    coarse = rng.integers(1, tree.num_labels, ((height + 3) // 4, (width + 3) // 4))
    labels = np.kron(coarse, np.ones((4, 4), int))[:height, :width].astype(np.uint8)
    tall, wide = max(1, round(height * share**0.5)), max(1, round(width * share**0.5))
    kept = np.zeros(shape, bool)
    kept[:tall, :wide] = True
    return np.where(kept, labels, 0).astype(np.uint8)


def make_layout(folder: Path, tree: Tree, *, images: int) -> tuple[str, ...]:
    """A data set in the Pascal-Part layout, its people from tiny to large; the ids of its images."""
    rng = np.random.default_rng(7)
    (folder / "JPEGImages").mkdir(parents=True)
    (folder / "gt_masks").mkdir()
    names = tuple(f"2008_{place:06d}" for place in range(images))
    for place, name in enumerate(names):
        shape = SIZES[place % len(SIZES)]
        labels = label_map(shape, tree, rng, share=(0.01, 0.06, 0.2, 0.7)[place % 4])
        noise = rng.integers(0, 60, (*shape, 3))
        image = (tree.palette[labels] * 0.75 + noise).astype(np.uint8)
        Image.fromarray(image).save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
        np.save(folder / "gt_masks" / f"{name}.npy", labels)
    (folder / "classes.txt").write_text("\n".join(f"{leaf.label}: {leaf.name}" for leaf in tree.leaves))
    (folder / "val_id.txt").write_bytes("\r\n".join(names).encode())
    return names


def make_project(
    root: Path, tree: Tree, *, images: int = 8, half: bool = False, shape: Literal["cascade", "flat"] = "cascade"
) -> Params:
    """Everything that `evaluate` reads, under `root`; the last image counts as gray. `shape` is the profile's tree."""
    params = make_params(tree, half=half, shape=shape)
    trained = params.profile.trained_tree(tree)
    folder = root / params.profile.source
    names = make_layout(folder, tree, images=images)
    files = [file for name in names for file in (f"JPEGImages/{name}.jpg", f"gt_masks/{name}.npy")]
    manifest = ValManifest(
        tree=trained.to_json(),
        layout=params.profile.source,
        settings=settings_by_key(params.preprocess, val=True),
        ids=names,
        kinds=dict.fromkeys(names, "colour") | {names[-1]: "gray"},
        files={file: sha256_of(folder / file) for file in files},
    )
    write_manifest(root / params.profile.data, manifest)
    torch.manual_seed(5)
    for spec in trained.experts:
        settings = ExpertSettings.of(spec.name, params.train[spec.name])
        save_expert(root / params.profile.models / f"{spec.name}.safetensors", Expert(trained, settings), {})
    return params


def make_params(
    tree: Tree, *, half: bool = False, panels: int = 2, shape: Literal["cascade", "flat"] = "cascade"
) -> Params:
    """The default's parameters for the classes of `tree`, tiny; the project's data lie in `data/tiny`."""
    params = load_params(ROOT / "params.yaml")
    tiny = {
        key: value for key, value in vars(toy_experts.settings("any")).items() if key not in ("expert", "mean", "std")
    }
    train = replace(params.train["person"], crop_side=32, epochs=3, **tiny)
    profile = Profile("tiny", ".", "params.yaml", "data/tiny", shape)
    return replace(
        params,
        profile=profile,
        base=Base(0, "cpu", "float32"),
        preprocess=replace(params.preprocess, source="folder", long_side=0),
        train={spec.name: train for spec in profile.trained_tree(tree).experts},
        evaluate=Evaluate("hard", 50, half),
        visualize=Visualize(panels, 64),
    )
