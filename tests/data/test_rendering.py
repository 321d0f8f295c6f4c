"""Rendered people: the same bytes every time, laid out as distributed, with labels that say what is drawn."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodycascade.data.rendering import render, render_dataset
from bodycascade.data.rendering.canvas import Canvas, Tube
from bodycascade.data.rendering.light import Light
from bodycascade.data.rendering.material import Material
from bodycascade.errors import DataError, TreeError
from bodycascade.hierarchy import PASCAL_PART, Node, Tree
from tests.imports import ROOT

SIDE = 96
TRAIN, VAL = 28, 12


RENDER_FOR_LONG = """
import pathlib, sys
from bodycascade.data.rendering import render_dataset

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    render_dataset(folder, train=100_000, val=1, side=32, grayscale_fraction=0, seed=1, workers=2)
"""


def write(folder: Path, *, seed: int = 5, workers: int | None = 1, train: int = TRAIN, val: int = VAL) -> Path:
    render_dataset(folder, train=train, val=val, side=SIDE, grayscale_fraction=0.25, seed=seed, workers=workers)
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def images(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted((folder / "JPEGImages").iterdir())]


def masks(folder: Path) -> list[np.ndarray]:
    return [np.load(path, allow_pickle=False) for path in sorted((folder / "gt_masks").iterdir())]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("rendered") / "layout")


def test_the_same_seed_gives_the_same_picture_and_another_seed_another() -> None:
    image, labels = render(3, SIDE)
    again, labels_again = render(3, SIDE)
    assert np.array_equal(image, again)
    assert np.array_equal(labels, labels_again)
    other, _ = render(4, SIDE)
    assert image.shape != other.shape or not np.array_equal(image, other)


def test_bytes_on_disk_do_not_depend_on_the_number_of_workers(rendered: Path, tmp_path: Path) -> None:
    assert digests(rendered) == digests(write(tmp_path / "two", workers=2))


def test_another_seed_gives_other_files(rendered: Path, tmp_path: Path) -> None:
    other = digests(write(tmp_path / "other", seed=6, train=3, val=0))
    assert other["JPEGImages/rendered_00001.jpg"] != digests(rendered)["JPEGImages/rendered_00001.jpg"]


def test_text_files_are_as_distributed(rendered: Path) -> None:
    train = "\r\n".join(f"rendered_{number:05d}" for number in range(1, TRAIN + 1))
    assert (rendered / "train_id.txt").read_bytes() == train.encode()
    assert (rendered / "val_id.txt").read_bytes().startswith(f"rendered_{TRAIN + 1:05d}\r\n".encode())
    assert (rendered / "classes.txt").read_bytes() == (
        b"0: bg\r\n1: low_hand\r\n2: torso\r\n3: low_leg\r\n4: head\r\n5: up_leg\r\n6: up_hand"
    )
    assert {path.name for path in rendered.iterdir()} == {
        "JPEGImages",
        "gt_masks",
        "classes.txt",
        "train_id.txt",
        "val_id.txt",
    }


def test_every_picture_has_a_mask_of_its_size_with_known_labels_and_a_person(rendered: Path) -> None:
    pairs = list(zip(images(rendered), masks(rendered), strict=True))
    assert len(pairs) == TRAIN + VAL
    for image, mask in pairs:
        assert image.dtype == mask.dtype == np.uint8
        assert image.shape == (*mask.shape, 3)
        assert max(mask.shape) == SIDE
        assert (mask > 0).sum() > 0
        assert mask.max() < PASCAL_PART.num_labels


def test_every_class_occurs_and_the_background_is_most_of_the_set(rendered: Path) -> None:
    shares = np.mean([np.bincount(mask.ravel(), minlength=7) / mask.size for mask in masks(rendered)], axis=0)
    assert (shares > 0.004).all()
    assert 0.65 < shares[0] < 0.9


def test_sizes_of_people_vary_and_pictures_have_several_shapes(rendered: Path) -> None:
    body = [(mask > 0).mean() for mask in masks(rendered)]
    assert min(body) < 0.05
    assert max(body) > 0.4
    assert {np.sign(mask.shape[0] - mask.shape[1]) for mask in masks(rendered)} >= {-1, 1}


def test_the_asked_share_of_each_split_is_exactly_gray(rendered: Path) -> None:
    gray = [bool((image == image[:, :, :1]).all()) for image in images(rendered)]
    assert sum(gray[:TRAIN]) == 7
    assert sum(gray[TRAIN:]) == 3


def test_labels_lie_where_the_solid_was_painted() -> None:
    flat = Light((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    canvas = Canvas(np.zeros((40, 60, 3), np.float32), flat, np.random.default_rng(0))
    canvas.begin(10.0)
    red = Material((1.0, 0.0, 0.0), mottle=0.0)
    canvas.tube(Tube((20.0, 20.0), (40.0, 20.0), ((0.0, 6.0, 6.0), (1.0, 6.0, 6.0)), red, label=4, caps=(0.0, 0.0)))
    colour, labels = canvas.finish(2)
    expected = np.zeros((20, 30), np.uint8)
    expected[7:13, 10:20] = 4
    assert np.array_equal(labels, expected)
    assert np.array_equal(colour[:, :, 0] > 0.5, expected == 4)


def test_what_is_painted_in_front_takes_the_label_away() -> None:
    flat = Light((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    canvas = Canvas(np.zeros((40, 40, 3), np.float32), flat, np.random.default_rng(0))
    for label, radius, material in ((2, 6.0, Material((1.0, 0.0, 0.0))), (0, 8.0, Material((0.0, 1.0, 0.0)))):
        canvas.begin(10.0)
        canvas.tube(Tube((20.0, 12.0), (20.0, 30.0), ((0.0, radius, radius), (1.0, radius, radius)), material, label))
        assert canvas.labels.any() == (label == 2)


def test_parts_of_a_person_stand_out_from_what_surrounds_them() -> None:
    # If mask and picture were out of step, the step in brightness would lie elsewhere than the mask's edge.
    at_edge, beside = [], []
    for seed in range(12):
        image, labels = render(seed, 192)
        luma = image.astype(np.float64).mean(axis=2)
        edge = (labels[:, 1:] > 0) != (labels[:, :-1] > 0)
        step = np.abs(np.diff(luma, axis=1))
        at_edge += step[edge].tolist()
        beside += step[:, 6:][edge[:, :-6]].tolist()
    assert np.mean(at_edge) > 2 * np.mean(beside)


def test_heads_are_above_torsos_and_feet_below_in_most_pictures() -> None:
    right = 0
    for seed in range(20):
        _, labels = render(seed, SIDE)
        rows = {label: np.nonzero(labels == label)[0].mean() for label in (4, 2, 3) if (labels == label).any()}
        right += rows.get(4, -1) < rows.get(2, 1e3) < rows.get(3, 1e3 + 1)
    assert right >= 17


def test_labels_follow_the_names_of_another_tree() -> None:
    names = [leaf.name for leaf in PASCAL_PART.leaves]
    flat = Tree(
        Node(
            "picture",
            (0, 0, 0),
            children=tuple(
                Node(name, (label, 0, 0), label=label) for label, name in enumerate([names[0], *reversed(names[1:])])
            ),
        )
    )
    _, labels = render(1, SIDE)
    _, turned = render(1, SIDE, tree=flat)
    assert np.array_equal(turned, np.where(labels == 0, 0, 7 - labels))


def test_a_tree_with_other_parts_is_refused_in_one_line(tmp_path: Path) -> None:
    tree = Tree(
        Node("picture", (0, 0, 0), children=(Node("background", (0, 0, 0), label=0), Node("tail", (9, 9, 9), label=1)))
    )
    with pytest.raises(TreeError, match=r"^rendered people have the parts .*; the tree has: tail$"):
        render_dataset(tmp_path / "x", train=1, val=1, side=SIDE, grayscale_fraction=0.0, seed=1, tree=tree)
    assert not list(tmp_path.iterdir())


def test_an_earlier_rendering_is_replaced_and_nothing_else_ever(tmp_path: Path) -> None:
    folder = write(tmp_path / "layout", train=4, val=1)
    write(folder, train=2, val=1)
    assert len(masks(folder)) == 3
    photograph = folder / "JPEGImages" / "2008_000132.jpg"
    photograph.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holds 2008_000132\.jpg, which is no rendered picture"):
        write(folder, train=2, val=1)
    assert photograph.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["layout"]  # noqa: PTH208 - names, hidden ones too


def test_a_failed_rendering_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "layout").write_text("a file where the folder should go")
    with pytest.raises(DataError, match="is a file; a folder was expected"):
        write(tmp_path / "layout", train=1, val=0)
    assert [path.name for path in tmp_path.iterdir()] == ["layout"]


def children_of(process: int) -> set[int]:
    return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def is_alive(process: int) -> bool:
    """Not gone, and not just waiting for somebody to take note of its end."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path(f"/proc/self/task/{os.getpid()}/children").exists(), reason="needs Linux's /proc")
def test_workers_of_a_killed_rendering_end_too(tmp_path: Path) -> None:
    main = subprocess.Popen([sys.executable, "-c", RENDER_FOR_LONG, str(tmp_path / "rendered")], cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".rendered*/JPEGImages/*")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers = children_of(main.pid)
    finally:
        main.kill()
        main.wait()
    assert len(workers) >= 2
    while any(is_alive(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
