"""Results of earlier runs are no pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from bodycascade.errors import ImageError
from bodycascade.outputs import Asked
from bodycascade.picture_run import find_sources
from tests.painted import save_painted
from tests.picture_run.runs import run


def test_a_run_in_place_takes_its_own_outputs_for_no_pictures(photos: Path) -> None:
    overlays = Asked(2, overlay=True)
    assert run([photos], photos, asked=overlays).made == 6
    outcome = run([photos], photos, asked=overlays)
    assert (outcome.made, outcome.kept) == (0, 6)


@pytest.mark.parametrize("expanded", [False, True], ids=["pattern", "names"])
def test_a_pattern_in_place_can_be_asked_again(photos: Path, expanded: bool) -> None:
    def named() -> list[Path | str]:
        return sorted(photos.glob("*.*")) if expanded else [f"{photos}/*.*"]

    masks = Asked(0, masks=True)
    made = run(named(), photos, asked=masks).made
    assert made > 1
    outcome = run(named(), photos, asked=masks)
    assert (outcome.made, outcome.kept) == (0, made)


def test_the_outputs_alone_are_no_pictures(photos: Path, tmp_path: Path) -> None:
    run([photos], tmp_path / "out")
    results = [str(tmp_path / "out" / name) for name in ("4.png", "2.png")]
    with pytest.raises(ImageError, match=r"4\.png: written by an earlier run into .*out; name other pictures, or copy"):
        find_sources(results)
    told: list[str] = []
    assert [one.name for one in find_sources([*results, str(photos / "0.png")], tell=told.append)] == ["0.png"]
    into = (tmp_path / "out").resolve()
    assert told == [f"{results[0]}: written by an earlier run into {into}, and 1 more like it: left out"]


def test_outputs_of_an_earlier_run_below_the_pictures_are_no_pictures(photos: Path, tmp_path: Path) -> None:
    assert run([photos], photos / "masks").made == 6
    outcome = run([photos], tmp_path / "out")
    assert (outcome.made, outcome.kept) == (6, 0)


@pytest.mark.parametrize("word", ["sub", "**/*", "*.png"])
def test_results_are_no_pictures_wherever_another_run_looks(
    photos: Path, tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_painted(photos / "sub" / "deep.png", seed=3)
    before = len(find_sources([str(photos / word)]))
    run([photos], photos, asked=Asked(2, overlay=True, cutouts=("head",)))
    run([photos / "sub"], photos / "sub" / "masks", asked=Asked(0, masks=True))
    assert run([str(photos / word)], tmp_path / "out").made == before
    monkeypatch.chdir(photos)
    assert run([word], tmp_path / "from here").made == before
