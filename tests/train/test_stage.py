"""The stage for one expert: its files, its inputs, one process at a time, and the whole way for another tree."""

from __future__ import annotations

import csv
import dataclasses
import fcntl
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bodycascade import CascadeSegmenter
from bodycascade.errors import BodyCascadeError, BundleError, BusyError, DataError, TrainingError
from bodycascade.evaluate import evaluate
from bodycascade.expert_file import load_expert, read_extra, save_expert
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.params import Params
from bodycascade.preprocess import preprocess
from bodycascade.progress import Progress
from bodycascade.train import train
from bodycascade.train.stopping import Stopped
from bodycascade.visualize import visualize
from tests.processes import printed
from tests.toy_experts import FOUR_LEGS, tiny_expert
from tests.train.animals import animal_params, draw_animal, write_animals
from tests.train.children import checkpoints

Output = pytest.CaptureFixture[str]


def run(root: Path, expert: str = "animal", params: Params | None = None) -> Path:
    """Train and return the file of weights."""
    train(params or animal_params(), expert, root, FOUR_LEGS)
    return root / "results/models/animals" / f"{expert}.safetensors"


def events(root: Path, expert: str = "animal") -> EventAccumulator:
    found = EventAccumulator(str(root / "results/metrics/animals" / expert))
    found.Reload()
    return found


def read_history(root: Path, expert: str = "animal") -> list[dict[str, str]]:
    with (root / "results/plots/animals" / f"{expert}.csv").open() as file:
        return list(csv.DictReader(file))


def test_another_tree_trains_assembles_and_scores_a_cascade(project: Path) -> None:
    params = animal_params(epochs=8, parent_mask="mixed", panels=2)
    for spec in FOUR_LEGS.experts:
        run(project, spec.name, params)
    models = sorted((project / "results/models/animals").iterdir())
    assert [path.name for path in models] == ["animal.safetensors", "beast.safetensors", "legs.safetensors"]
    experts = [load_expert(path, FOUR_LEGS) for path in models]
    segmenter = CascadeSegmenter(experts, routing="hard", device="cpu", precision="float32")
    segmenter.save(project / "cascade")
    loaded = CascadeSegmenter.load(project / "cascade", device="cpu")
    pairs = [draw_animal(seed, height=36, width=40) for seed in range(100, 106)]
    scores = loaded.score(pairs)
    assert loaded.tree == FOUR_LEGS
    assert scores["mIoU0"] > 0.7
    assert scores["mIoU2"] > 0.2
    assert set(np.unique(loaded(pairs[0][0]).parts)) <= set(range(FOUR_LEGS.num_labels))
    assert not checkpoints(project)


def test_files_of_a_training(project: Path, capsys: Output) -> None:
    path = run(project, params=animal_params(epochs=3, panels=1))
    rows = read_history(project)
    assert list(rows[0])[:6] == [
        "epoch",
        "step",
        "seconds",
        "images_per_second",
        "data_wait_fraction",
        "learning_rate",
    ]
    assert [row["epoch"] for row in rows] == ["1.0", "2.0", "3.0"]
    assert {"loss", "cross_entropy", "dice", "selection_loss", "selection_mIoU", "iou_beast"} <= set(rows[0])
    summary = json.loads((project / "results/reports/animals/animal.json").read_text())
    best = max(rows, key=lambda row: float(row["selection_mIoU"]))
    assert summary["best_epoch"] == float(best["epoch"])
    assert summary["averaged_epochs"] == [summary["best_epoch"]]
    assert summary["selection_mIoU"] == pytest.approx(float(best["selection_mIoU"]), abs=1e-5)
    assert summary["selection_mIoU"] == summary["iou_beast"]
    assert read_extra(path) == {key: summary[key] for key in ("best_epoch", "selection_mIoU")}
    said = capsys.readouterr().out
    assert "animal: on cpu (asked for), 1 threads" in said
    assert said.count("epoch 1/3  loss ") == 1
    found = events(project)
    assert [event.step for event in found.Scalars("loss")] == [int(float(row["step"])) for row in rows]
    assert [event.step for event in found.Images("samples")] == [int(float(row["step"])) for row in rows]
    assert not list((project / ".work/animals/animal").glob("*/"))


def test_same_inputs_give_the_same_bytes(project: Path) -> None:
    first = run(project).read_bytes()
    assert run(project).read_bytes() == first
    other = dataclasses.replace(animal_params(), base=dataclasses.replace(animal_params().base, seed=4))
    assert run(project, params=other).read_bytes() != first


def test_second_trainer_ends_at_once_and_leaves_the_first_alone(project: Path) -> None:
    work = project / ".work/animals/animal"
    (work / "0123456789abcdef").mkdir(parents=True)
    with (work / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another training of this expert is at work") as caught:
            run(project)
    assert "\n" not in str(caught.value)
    assert (work / "0123456789abcdef").is_dir()
    assert run(project).is_file()


def test_child_without_its_parent_is_one_line(project: Path) -> None:
    with pytest.raises(TrainingError, match=r"animal.safetensors: beast needs the expert 'animal' trained first"):
        run(project, "beast")


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; run the preprocess stage first"):
        run(tmp_path)


def test_data_of_another_tree_or_other_settings_are_refused(project: Path) -> None:
    with pytest.raises(DataError, match="another class tree"):
        train(animal_params(PASCAL_PART), "person", project)
    params = animal_params()
    other = dataclasses.replace(params, preprocess=dataclasses.replace(params.preprocess, long_side=64))
    with pytest.raises(DataError, match=r"preprocess\.long_side"):
        run(project, params=other)


def test_damaged_pack_is_refused(project: Path) -> None:
    path = project / "results/data/animals/train/images.bin"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        run(project)


def test_expert_of_another_tree_is_refused(project: Path) -> None:
    path = project / "results/models/animals/animal.safetensors"
    path.parent.mkdir(parents=True)
    save_expert(path, tiny_expert(PASCAL_PART, "person"), {})
    with pytest.raises(BodyCascadeError, match=r"animal.safetensors"):
        run(project, "beast")


def test_stop_is_heeded_while_the_training_is_still_set_up(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("bodycascade.train.setup.open_split", interrupted)
    with pytest.raises(Stopped):
        run(project)


def test_expert_above_that_was_trained_with_other_settings_is_refused(project: Path) -> None:
    run(project)
    other = animal_params(mask_form="soft")
    message = r"animal.safetensors: trained with mask_form hard, where soft is set now; train it again: dvc repro"
    with pytest.raises(BundleError, match=message):
        run(project, "beast", other)
    for name in ("beast", "legs"):
        run(project, name)
    with pytest.raises(BundleError, match=message):
        evaluate(other, project, FOUR_LEGS)


def test_class_that_never_occurs_is_said_and_has_no_weight(tmp_path: Path, capsys: Output) -> None:
    write_animals(tmp_path / "data/animals", without=("tail",))
    preprocess(animal_params(), tmp_path, FOUR_LEGS)
    run(tmp_path)
    capsys.readouterr()
    run(tmp_path, "beast")
    said = capsys.readouterr().out
    assert "beast: tail never occurs in the training images: its weight is 0" in said
    summary = json.loads((tmp_path / "results/reports/animals/beast.json").read_text())
    assert "iou_trunk" in summary


def test_expert_that_nothing_can_be_learnt_for_stays_as_it_starts_and_says_so(tmp_path: Path, capsys: Output) -> None:
    legs = ("fore_left", "fore_right", "hind_left", "hind_right")
    write_animals(tmp_path / "data/animals", without=legs)
    params = animal_params()
    preprocess(params, tmp_path, FOUR_LEGS)
    for spec in FOUR_LEGS.experts:
        run(tmp_path, spec.name, params)
    assert "legs: no training image holds legs: there is nothing to learn from; the expert stays as it starts" in (
        capsys.readouterr().out
    )
    assert [row["epoch"] for row in read_history(tmp_path, "legs")] == ["0.0"]
    assert json.loads((tmp_path / "results/reports/animals/legs.json").read_text())["averaged_epochs"] == [0]
    assert evaluate(params, tmp_path, FOUR_LEGS)["mIoU0"] > 0
    visualize(params, tmp_path, FOUR_LEGS)
    report = (tmp_path / "results/reports/animals/report.html").read_text(encoding="utf-8")
    assert '<th scope="row">legs</th><td>0</td><td>0</td>' in report


def test_child_may_start_from_its_parents_weights(project: Path) -> None:
    run(project)
    started = run(project, "beast", animal_params(start="parent", epochs=1, learning_rate=1e-9, ema_decay=0.0))
    parent = load_expert(project / "results/models/animals/animal.safetensors", FOUR_LEGS).state_dict()
    child = load_expert(started, FOUR_LEGS).state_dict()
    for name, weight in child.items():
        if not name.startswith("unet.head"):
            assert torch.allclose(weight, parent[name], atol=1e-6)


@pytest.mark.parametrize("widths", [(4, 6), (4, 10)])
def test_child_of_another_shape_cannot_start_from_its_parent(project: Path, widths: tuple[int, int]) -> None:
    run(project)
    message = r"beast cannot start from animal: \S+ is [0-9x ]+, the parent has [0-9x ]+; give both the same encoder"
    params = animal_params(start="parent")
    own = dataclasses.replace(params.train["beast"], widths=widths)
    with pytest.raises(TrainingError, match=message):
        run(project, "beast", dataclasses.replace(params, train={**params.train, "beast": own}))


def test_stop_while_parent_masks_are_made_ends_before_the_training(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    at = Progress.at

    def signalled(self: Progress, done: int) -> None:
        signal.raise_signal(signal.SIGTERM)
        at(self, done)

    monkeypatch.setattr(Progress, "at", signalled)
    with pytest.raises(Stopped):
        run(project, "beast", animal_params(parent_mask="predicted"))
    assert not checkpoints(project)


@pytest.mark.parametrize(
    ("module", "package"),
    [("albumentations", "albumentations"), ("cv2", "cv2"), ("torch.utils.tensorboard", "tensorboard")],
)
def test_missing_package_is_told_with_its_remedy(project: Path, module: str, package: str) -> None:
    code = (
        "import pathlib, sys\n"
        "from bodycascade.errors import MissingExtraError\n"
        "sys.modules[sys.argv[1]] = None\n"
        "try:\n"
        "    from bodycascade.train import train\n"
        "    from tests.toy_experts import FOUR_LEGS\n"
        "    from tests.train.animals import animal_params\n"
        "    train(animal_params(), 'animal', pathlib.Path(sys.argv[2]), FOUR_LEGS)\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    last = printed(code, module, project).splitlines()[-1]
    assert last == f"{package} is not installed; install it with: pip install 'bodycascade[pipeline]'"
