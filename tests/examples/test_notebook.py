"""The notebook is small and holds what its cells showed; they run as plain code and, a slow test, in a kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bodycascade.cascade import CascadeSegmenter
from bodycascade.hierarchy import PASCAL_PART
from tests.imports import ROOT
from tests.single_thread import single_thread
from tests.toy_experts import cascade, tiny_experts

__all__ = ["single_thread"]

NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


def code_cells() -> Iterator[dict[str, Any]]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return (cell for cell in cells if cell["cell_type"] == "code")


def kinds(cell: dict[str, Any]) -> set[str]:
    """What a cell showed: kinds of data, `text` for what was printed, `error`."""
    found: set[str] = set()
    for output in cell["outputs"]:
        found |= set(output["data"]) if "data" in output else {output["output_type"].replace("stream", "text")}
    return found


def words(cell: dict[str, Any]) -> str:
    """All text that a cell showed; pictures are text by accident only."""
    return "".join(
        "".join(output.get("text", [])) + "".join(output.get("data", {}).get("text/plain", []))
        for output in cell["outputs"]
    )


def test_it_is_small_and_was_run_from_the_first_cell_to_the_last() -> None:
    assert NOTEBOOK.stat().st_size < 600_000
    cells = list(code_cells())
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = [kinds(cell) for cell in cells]
    assert all(shown)
    assert not any("error" in one for one in shown)
    assert sum("image/png" in one for one in shown) >= 6
    assert not any("/tmp" in words(cell) for cell in cells), "a path of the machine that ran it"


def test_its_cells_run_as_plain_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CascadeSegmenter, "load", lambda *_: cascade(tiny_experts(PASCAL_PART)))
    names: dict[str, Any] = {}
    for place, cell in enumerate(code_cells(), start=1):
        exec(compile("".join(cell["source"]), f"notebook.ipynb, cell {place}", "exec"), names)
    assert len(names["results"]) == 3
    assert len(names["shown"]) >= 4


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_it_runs_in_a_kernel_and_shows_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient", reason="pip install 'bodycascade[notebook]'")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client.NotebookClient(notebook, timeout=300).execute()
    again = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    for before, after in zip(code_cells(), again, strict=True):
        assert kinds(after) >= kinds(before)
