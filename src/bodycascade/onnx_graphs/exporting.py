"""From a bundle to a folder of checked ONNX graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

from bodycascade.bundle import MANIFEST
from bodycascade.cascade import RELEASED, CascadeSegmenter
from bodycascade.drawing import Picture
from bodycascade.expert_file import FORMAT_VERSION
from bodycascade.files import replace_file, sha256_of, write_json
from bodycascade.folders import replace_kind
from bodycascade.onnx_graphs.cascade_graph import cascade_model
from bodycascade.onnx_graphs.checking import Agreement, check_cascade, check_expert, sample_pictures
from bodycascade.onnx_graphs.expert_graph import expert_model
from bodycascade.onnx_graphs.folder import CASCADE_GRAPH, DESCRIPTION, KIND

PACKAGES = ("bodycascade", "torch", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Exported:
    """A graph file that was kept, and how well it agreed with torch."""

    name: str
    agreement: Agreement


def export_folder(
    folder: Path,
    *,
    bundle: Path | None = None,
    pictures: Sequence[Picture] = (),
    on_graph: Callable[[Exported], None] | None = None,
) -> list[Exported]:
    """Write the graphs of `bundle` (None: the released one) to `folder`, whole or not at all.

    Each is checked on rendered pictures and on `pictures`, (H, W, 3) uint8 RGB of any sizes, before its file is kept;
    they are gone through once for each graph. `on_graph` is told of each. Raises `BundleError` where a graph and torch
    differ, the bundle is none, or `folder` holds anything but an export.
    """
    with replace_kind(folder, KIND) as aside:
        return write_graphs(aside, bundle=bundle, pictures=pictures, on_graph=on_graph)


def write_graphs(
    folder: Path,
    *,
    bundle: Path | None = None,
    pictures: Sequence[Picture] = (),
    on_graph: Callable[[Exported], None] | None = None,
) -> list[Exported]:
    """As `export_folder`, into the `folder`, which is there and empty, and may be left half filled by an error."""
    path = RELEASED if bundle is None else bundle
    loaded = CascadeSegmenter.load(path, "cpu", precision="float32")
    # The graph of the whole cascade cannot search for people, so that is off on both sides of its check.
    segmenter = CascadeSegmenter(loaded.experts, routing=loaded.routing, zoom=None, device="cpu", precision="float32")
    samples = sample_pictures()
    models: dict[str, Any] = {}
    done: list[Exported] = []

    def shown() -> Iterator[Picture]:
        return chain(samples, pictures)

    def keep(name: str, model: Any, check: Callable[[bytes], Agreement]) -> None:
        data = model.SerializeToString()
        exported = Exported(name, check(data))
        with replace_file(folder / name) as file:
            file.write_bytes(data)
        done.append(exported)
        if on_graph is not None:
            on_graph(exported)

    for expert in segmenter.experts:
        models[expert.spec.name] = model = expert_model(expert)
        keep(f"{expert.spec.name}.onnx", model, partial(check_expert, expert=expert, pictures=shown()))
    whole = cascade_model(segmenter.experts, models, routing=segmenter.routing)
    keep(CASCADE_GRAPH, whole, partial(check_cascade, segmenter=segmenter, pictures=shown()))
    write_json(folder / DESCRIPTION, _description(folder, loaded, sha256_of(path / MANIFEST), done))
    return done


def _description(folder: Path, segmenter: CascadeSegmenter, bundle: str, done: list[Exported]) -> dict[str, Any]:
    experts = []
    for expert in segmenter.experts:
        file = folder / f"{expert.spec.name}.onnx"
        experts.append({"file": file.name, "sha256": sha256_of(file), "settings": expert.settings.to_json()})
    return {
        "format_version": FORMAT_VERSION,
        "tree": segmenter.tree.to_json(),
        "settings": segmenter.settings.to_json(),
        "experts": experts,
        "cascade": {"file": CASCADE_GRAPH, "sha256": sha256_of(folder / CASCADE_GRAPH)},
        "bundle": bundle,
        "checks": {one.name: vars(one.agreement) for one in done},
        "made_with": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
