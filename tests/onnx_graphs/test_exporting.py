"""A folder of graphs is written whole and checked, or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from bodycascade import CascadeSegmenter
from bodycascade.errors import BundleError
from bodycascade.expert import Expert
from bodycascade.files import sha256_of
from bodycascade.hierarchy import Node, Tree
from bodycascade.onnx_graphs import cache, cached_folder, export_folder, exporting, load_segmenter
from tests.toy_experts import cascade, random_image, settings

EXPERTS = ["person", "body", "upper_body", "lower_body"]


def files(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in folder.iterdir()}


def test_a_folder_holds_every_graph_and_what_the_checks_found(exported: Path, bundle: Path) -> None:
    assert set(files(exported)) == {"cascade.json", "cascade.onnx", *(f"{name}.onnx" for name in EXPERTS)}
    data = json.loads((exported / "cascade.json").read_text())
    assert data["bundle"] == sha256_of(bundle / "manifest.json")
    assert set(data["checks"]) == {"cascade.onnx", *(f"{name}.onnx" for name in EXPERTS)}
    assert all(check["difference"] <= 1e-4 and check["pixels"] > 1000 for check in data["checks"].values())
    assert not list(exported.parent.glob(".*"))


@pytest.mark.parametrize("which", ["body", "cascade"])
def test_a_graph_that_differs_keeps_no_file(
    which: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    if which == "cascade":
        # The expert itself is let through, so that only the whole shows it.
        monkeypatch.setattr(exporting, "check_expert", lambda *_, **__: exporting.Agreement(0.0, 0, 1))
    monkeypatch.setattr(exporting, "expert_model", _other_bias(exporting.expert_model, spoil="body"))
    with pytest.raises(
        BundleError, match=rf"{which}.* differs from torch: probabilities to .*; no file is kept"
    ) as caught:
        export_folder(tmp_path / "out", bundle=bundle)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.rglob("*")) == [tmp_path / "out"]


def _other_bias(real: Any, *, spoil: str) -> Any:
    """`expert_model`, which for one expert leaves another bias in the graph than torch has."""

    def model(expert: Expert) -> Any:
        if expert.spec.name != spoil:
            return real(expert)
        with torch.no_grad():
            expert.unet.head.bias[0] += 0.01  # type: ignore[union-attr,operator]
            made = real(expert)
            expert.unet.head.bias[0] -= 0.01  # type: ignore[union-attr,operator]
        return made

    return model


def test_pictures_that_are_given_are_checked_too(bundle: Path, tmp_path: Path) -> None:
    plain = export_folder(tmp_path / "one", bundle=bundle)
    more = export_folder(tmp_path / "two", bundle=bundle, pictures=[random_image(30, 50)])
    assert more[-1].agreement.pixels == plain[-1].agreement.pixels + 30 * 50
    assert files(tmp_path / "one").keys() == files(tmp_path / "two").keys()


def test_an_older_export_is_replaced_and_anything_else_is_not(bundle: Path, tmp_path: Path) -> None:
    export_folder(tmp_path / "onnx", bundle=bundle)
    (tmp_path / "onnx" / "body.onnx").write_bytes(b"")
    export_folder(tmp_path / "onnx", bundle=bundle)
    assert (tmp_path / "onnx" / "body.onnx").stat().st_size > 1000
    for name in ("notes.txt", "body_int8.onnx"):
        (tmp_path / "onnx" / name).write_text("mine")
        with pytest.raises(BundleError, match=rf"holds {name}, so it is no export; choose another folder"):
            export_folder(tmp_path / "onnx", bundle=bundle)
        assert (tmp_path / "onnx" / name).read_text() == "mine"
        (tmp_path / "onnx" / name).unlink()
    assert "cascade.json" in files(tmp_path / "onnx")


def test_the_cache_is_filled_once_and_mended(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[str] = []
    folder = cached_folder(bundle, on_graph=lambda one: made.append(one.name))
    assert folder.parent == tmp_path / "bodycascade"
    assert len(made) == 5
    assert cached_folder(bundle, on_graph=lambda one: made.append(one.name)) == folder
    assert len(made) == 5
    killed = folder.with_name(f".{folder.name}.999999999.0123abcd.part")
    killed.mkdir()
    (folder / "body.onnx").write_bytes(b"damaged")
    assert cached_folder(bundle, on_graph=lambda one: made.append(one.name)) == folder
    assert len(made) == 10
    assert not killed.exists()


def test_what_is_exported_to_the_cache_lies_where_the_next_run_looks_for_leftovers(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen: list[list[str]] = []
    folder = cached_folder(
        bundle, on_graph=lambda _: seen.append([path.name for path in (tmp_path / "bodycascade").iterdir()])
    )
    assert len(seen) == 5
    for names in seen:
        (name,) = names
        assert re.fullmatch(rf"\.{re.escape(folder.name)}\.{os.getpid()}\.[0-9a-f]{{8}}\.part", name)


def test_without_a_home_folder_the_cache_says_what_to_do(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> NoReturn:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(BundleError, match="no home folder to keep the graphs in; set XDG_CACHE_HOME"):
        cached_folder(bundle)


def test_the_cache_is_filled_by_two_runs_at_once(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made_meanwhile: list[int] = []

    def other_run(one: exporting.Exported) -> None:
        if one.name == "cascade.onnx":
            made_meanwhile.append(cached_folder(bundle).stat().st_ino)

    folder = cached_folder(bundle, on_graph=other_run)
    assert [folder.stat().st_ino] == made_meanwhile
    assert load_segmenter(folder).tree.num_labels == 7
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["__version__", "GRAPHS_VERSION", "OPSET"])
def test_another_version_has_a_cache_of_its_own(
    name: str, bundle: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        cache, "write_graphs", lambda folder, **_: shutil.copytree(exported, folder, dirs_exist_ok=True)
    )
    before = cached_folder(bundle)
    assert cached_folder(bundle) == before
    monkeypatch.setattr(cache, name, "another", raising=False)
    assert cached_folder(bundle) != before


def test_an_export_leaves_the_umask_alone_and_follows_it(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usual").mkdir()
    masks: list[int] = []
    monkeypatch.setattr(os, "umask", masks.append)
    export_folder(tmp_path / "onnx", bundle=bundle)
    assert masks == []
    assert (tmp_path / "onnx").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_cascade_on_a_trunk_is_exported(tmp_path: Path) -> None:
    tree = Tree(
        Node(
            "person",
            (0, 0, 0),
            expert="person",
            children=(Node("nothing", (0, 0, 0), label=0), Node("body", (255, 0, 0), label=1)),
        )
    )
    plain = settings("person", side=64)
    torch.manual_seed(0)
    expert = Expert(tree, replace(plain, encoder="movenet_thunder", widths=(4,), stem_stride=1))
    cascade([expert]).save(tmp_path / "bundle")
    fused = CascadeSegmenter.load(tmp_path / "bundle", "cpu", precision="float32")
    export_folder(tmp_path / "onnx", bundle=tmp_path / "bundle")
    image = random_image(40, 60)
    np.testing.assert_allclose(load_segmenter(tmp_path / "onnx")(image).probs, fused(image).probs, atol=1e-4)
