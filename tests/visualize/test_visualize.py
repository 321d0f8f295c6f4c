from __future__ import annotations

import base64
import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bodycascade.errors import DataError
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.params import Params
from bodycascade.visualize import visualize
from tests.evaluate.project import ANIMAL
from tests.visualize.reported import make_reported

VOID = {"meta", "img", "br", "link", "input"}


class Structure(HTMLParser):
    """Tags that are open and not closed, all ids, and all addresses that the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("src", "href", "srcset", "data", "action"):
                self.addresses.append(str(value))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


@pytest.fixture(scope="module", params=[PASCAL_PART, ANIMAL], ids=["pascal", "animal"])
def reported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params, Tree]:
    root, tree = tmp_path_factory.mktemp("reported"), request.param
    params = make_reported(root, tree)
    assert visualize(params, root, tree) == root / "results/reports/tiny/report.html"
    return root, params, tree


@pytest.fixture(scope="module")
def animal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    root = tmp_path_factory.mktemp("animal")
    return root, make_reported(root, ANIMAL)


@pytest.fixture
def project(animal: tuple[Path, Params], tmp_path: Path) -> tuple[Path, Params]:
    """A copy to spoil, without a report so far."""
    shutil.copytree(animal[0], tmp_path / "project")
    return tmp_path / "project", animal[1]


def read_report(root: Path) -> str:
    return (root / "results/reports/tiny/report.html").read_text(encoding="utf-8")


def test_the_report_asks_for_nothing_outside_itself(reported: tuple[Path, Params, Tree]) -> None:
    text = read_report(reported[0])
    structure = Structure()
    structure.feed(text)
    assert structure.open == []
    assert all(address.startswith(("data:image/", "#")) for address in structure.addresses)
    for forbidden in ("http:", "https:", "<script", "@import", "javascript:", "url(//"):
        assert forbidden not in text


def test_every_reference_inside_the_report_has_its_target(reported: tuple[Path, Params, Tree]) -> None:
    text = read_report(reported[0])
    structure = Structure()
    structure.feed(text)
    inside = {address[1:] for address in structure.addresses if address.startswith("#")}
    inside |= set(re.findall(r"url\(#([^)]+)\)", text))
    assert inside <= set(structure.ids)
    assert len(set(structure.ids)) == len(structure.ids)


def test_the_report_names_every_class_and_expert_with_its_scores(reported: tuple[Path, Params, Tree]) -> None:
    root, _, tree = reported
    text = read_report(root)
    metrics = json.loads((root / "results/reports/tiny/metrics.json").read_text())
    for level, names in enumerate(tree.levels):
        assert f'<p class="value">{metrics[f"mIoU{level}"]:.3f}</p>' in text
        for name in names:
            if name in metrics["classes"]:
                assert f"<span>{name}</span><b>{metrics['classes'][name]['iou']:.3f}</b>" in text
    assert all(f"<h3>{spec.name}</h3>" in text for spec in tree.experts)


def test_each_panel_has_four_views_of_one_size(reported: tuple[Path, Params, Tree]) -> None:
    figures = re.findall(r"<figure.*?</figure>", read_report(reported[0]), re.DOTALL)
    assert len(figures) == 6
    for figure in figures:
        uris = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', figure)
        sizes = {Image.open(io.BytesIO(base64.b64decode(uri))).size for uri in uris}
        assert len(uris) == 4
        assert len(sizes) == 1
        assert max(sizes.pop()) <= 64


def test_the_same_input_gives_the_same_report(reported: tuple[Path, Params, Tree]) -> None:
    root, params, tree = reported
    before = read_report(root)
    visualize(params, root, tree)
    assert read_report(root) == before


def test_panels_stand_in_the_events_once(reported: tuple[Path, Params, Tree]) -> None:
    folder = reported[0] / "results/metrics/tiny/cascade"
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    tags = events.Tags()["images"]
    assert sorted(tag.rsplit("/", 1)[1] for tag in tags) == ["best", "random", "worst"]
    assert all([event.step for event in events.Images(tag)] == [0, 1] for tag in tags)
    assert [path.name for path in folder.parent.iterdir()] == ["cascade"]


def test_another_seed_draws_other_random_pictures_and_the_same_best(reported: tuple[Path, Params, Tree]) -> None:
    root, params, tree = reported

    def ids(seed: int) -> list[str]:
        visualize(replace(params, base=replace(params.base, seed=seed)), root, tree)
        return re.findall(r'<span class="id">(\w+)</span>', read_report(root))

    drawn = [ids(seed) for seed in range(3)]
    assert len({tuple(names[:4]) for names in drawn}) == 1
    assert len({tuple(names[4:]) for names in drawn}) > 1


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("results/reports/tiny/metrics.json", "evaluate"),
        ("results/plots/tiny/per_image.csv", "evaluate"),
        ("results/plots/tiny/frequencies.csv", "preprocess"),
        ("results/plots/tiny/legs.csv", "train"),
        ("results/reports/tiny/scene.json", "train"),
        ("results/data/tiny/val.json", "preprocess"),
    ],
)
def test_a_missing_or_spoilt_input_is_one_line_naming_file_and_stage(
    project: tuple[Path, Params], file: str, stage: str
) -> None:
    root, params = project
    path = root / file
    path.write_text("nonsense")
    with pytest.raises(DataError, match=rf"{path.name}.*run") as spoilt:
        visualize(params, root, ANIMAL)
    path.unlink()
    with pytest.raises(DataError, match=rf"{path.name}: no such file; .*{stage}") as missing:
        visualize(params, root, ANIMAL)
    assert all("\n" not in str(error.value) for error in (spoilt, missing))
    assert not (root / "results/reports/tiny/report.html").exists()


@pytest.mark.parametrize(
    ("added", "words"),
    [(b"<<<<<<< HEAD\n", "more or fewer cells than columns"), (b"\xff\xfe\n", "not UTF-8 text")],
)
def test_a_table_with_a_line_that_is_no_row_is_one_line(project: tuple[Path, Params], added: bytes, words: str) -> None:
    root, params = project
    path = root / "results/plots/tiny/per_image.csv"
    path.write_bytes(path.read_bytes() + added)
    with pytest.raises(DataError, match=rf"per_image\.csv: .*{words}; run the evaluate stage again"):
        visualize(params, root, ANIMAL)


def test_missing_predictions_and_rows_of_other_images_are_refused(project: tuple[Path, Params]) -> None:
    root, params = project
    table = root / "results/plots/tiny/per_image.csv"
    before = table.read_text()
    table.write_text(before.replace("2008_000003", "2009_000003"))
    with pytest.raises(DataError, match=r"per_image\.csv has 8 images, val\.json 8, not the same ones"):
        visualize(params, root, ANIMAL)
    table.write_text(before)
    for prediction in (root / "results/predictions/tiny").iterdir():
        prediction.unlink()
    with pytest.raises(DataError, match="no predicted label map; run the evaluate stage first"):
        visualize(params, root, ANIMAL)


def test_data_that_were_prepared_by_other_settings_are_refused(project: tuple[Path, Params]) -> None:
    root, params = project
    other = replace(params, preprocess=replace(params.preprocess, selection_fraction=0.37))
    with pytest.raises(DataError, match="preprocess"):
        visualize(other, root, ANIMAL)


def test_no_panels_and_no_intervals_can_be_asked_for(project: tuple[Path, Params]) -> None:
    root, params = project
    metrics = root / "results/reports/tiny/metrics.json"
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"bootstrap": {}}))
    quiet = replace(
        params,
        visualize=replace(params.visualize, panels=0),
        evaluate=replace(params.evaluate, bootstrap_samples=0),
    )
    visualize(quiet, root, ANIMAL)
    text = read_report(root)
    assert "<figure" not in text
    assert 'href="#pictures"' not in text
    assert "bootstrap intervals" not in text


def test_text_from_files_cannot_break_the_page(project: tuple[Path, Params]) -> None:
    root, params = project
    metrics = root / "results/reports/tiny/metrics.json"
    data = json.loads(metrics.read_text()) | {"device": "<b>cpu & co</b><script>"}
    metrics.write_text(json.dumps(data))
    visualize(params, root, ANIMAL)
    text = read_report(root)
    assert "&lt;b&gt;cpu &amp; co&lt;/b&gt;" in text
    assert "<script" not in text
