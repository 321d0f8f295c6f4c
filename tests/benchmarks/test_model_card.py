"""The model card: figures as evaluate wrote them, and files as they lie there."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.model_card import parse, run
from bodycascade.errors import DataError
from bodycascade.expert import Expert
from bodycascade.files import sha256_of, write_json
from bodycascade.hierarchy import PASCAL_PART
from bodycascade.params import Params
from tests.toy_experts import cascade, tiny_experts

CLASSES = ("body", "upper_body", "lower_body", "low_hand", "up_hand", "torso", "head", "low_leg", "up_leg")

FIGURES: dict[str, Any] = {
    "images": 321,
    "mIoU0": 0.8764,
    "mIoU1": 0.7123,
    "mIoU2": 0.5432,
    **{name: 0.9 - place / 100 for place, name in enumerate(CLASSES)},
    "bootstrap": {"mIoU0": [0.8611, 0.8899], "mIoU2": [0.5222, 0.5666]},
    "by_size": {
        "0%-2%": {"images": 11, "mIoU0": 0.2345, "mIoU1": 0.1234, "mIoU2": None},
        "2%-100%": {"images": 310, "mIoU0": 0.9012, "mIoU1": 0.8012, "mIoU2": 0.7012},
    },
}

Card = Callable[..., str]


@pytest.fixture
def card(tmp_path: Path, bundle: Path, make_params: Callable[..., Params]) -> Card:
    """`card(changes of the params)`: the card of a tiny bundle, written by the command."""

    def make(changes: dict[str, Any] | None = None) -> str:
        profile = make_params(changes).profile
        write_json(tmp_path / profile.reports / "metrics.json", FIGURES)
        ids = {"train": ["a"] * 1234, "selection": ["b"] * 56, "val": ["c"] * 321}
        write_json(tmp_path / profile.data / "manifest.json", {"ids": ids})
        shutil.copytree(bundle, tmp_path / profile.models / "cascade", dirs_exist_ok=True)
        run(parse([str(tmp_path / "params.yaml"), str(bundle), str(tmp_path / "CARD.md")]))
        return (tmp_path / "CARD.md").read_text()

    return make


def test_the_card_holds_the_figures(card: Card) -> None:
    text = card()
    assert "1,234 photographs" in text
    assert "chosen on 56\nothers, scored on the 321 val photographs" in text
    for line in (
        "| mIoU0 | 0.876 [0.861, 0.890] |",
        "| mIoU1 | 0.712 |",
        "| mIoU2 | 0.543 [0.522, 0.567] |",
        f"| IoU | {' | '.join(CLASSES)} |",
        "|  | 0.900 | 0.890 | 0.880 | 0.870 | 0.860 | 0.850 | 0.840 | 0.830 | 0.820 |",
        "| 0%-2% | 11 | 0.234 | 0.123 | - |",
        "| 2%-100% | 310 | 0.901 | 0.801 | 0.701 |",
    ):
        assert f"{line}\n" in text
    assert "{" not in text


def test_the_card_names_the_files_and_not_where_they_lie(card: Card, bundle: Path, tmp_path: Path) -> None:
    text = card()
    for path in bundle.iterdir():
        assert f"| {path.name} | {path.stat().st_size:,} | `{sha256_of(path)}` |" in text
    assert "`tiny`" in text
    assert "`params.yaml`" in text
    assert str(tmp_path) not in text


def test_the_card_says_where_each_trunk_comes_from(card: Card, bundle: Path) -> None:
    experts = tiny_experts(PASCAL_PART)
    trunk = {"encoder": "bodypix_mobilenet_v1_075", "widths": (4,), "stem_stride": 1, "input_pool": 1}
    experts[0] = Expert(PASCAL_PART, dataclasses.replace(experts[0].settings, **trunk))
    cascade(experts).save(bundle)
    text = card()
    assert "- `person`: BodyPix 2.0 with MobileNetV1 0.75 (Google, Apache-2.0)" in text
    assert "- `body`, `upper_body`, `lower_body`: random weights.\n" in text


def test_scores_of_other_weights_make_no_card(card: Card, bundle: Path, tmp_path: Path) -> None:
    before = card()
    changed = bundle / "person.safetensors"
    changed.write_bytes((bundle / "body.safetensors").read_bytes())
    with pytest.raises(
        DataError, match=r"person\.safetensors is not that of .*/cascade, which the scores are of; copy"
    ):
        run(parse([str(tmp_path / "params.yaml"), str(bundle), str(tmp_path / "CARD.md")]))
    assert (tmp_path / "CARD.md").read_text() == before


@pytest.mark.parametrize("missing", ["reports", "data", "models"])
def test_without_an_evaluation_there_is_no_card(
    missing: str, tmp_path: Path, bundle: Path, make_params: Callable[..., Params]
) -> None:
    profile = make_params().profile
    for kind, name, data in (("reports", "metrics.json", FIGURES), ("data", "manifest.json", {"ids": {}})):
        if kind != missing:
            write_json(tmp_path / getattr(profile, kind) / name, data)
    if missing != "models":
        shutil.copytree(bundle, tmp_path / profile.models / "cascade")
    with pytest.raises(DataError, match=r"no such file; run the stages of the profile tiny first") as caught:
        run(parse([str(tmp_path / "params.yaml"), str(bundle), str(tmp_path / "CARD.md")]))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "CARD.md").exists()
