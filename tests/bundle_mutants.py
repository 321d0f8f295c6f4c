"""Ways to damage a bundle, each a function of its folder and a source of chance.

Those that say "signed" put every sha256 right again, as someone with bad intentions would, so that the checks behind
the checksums are met.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Dice = np.random.Generator
Mutator = Callable[[Path, Dice], None]

EXPERTS = ("person", "body", "upper_body", "lower_body")

ZOOM = {"threshold": 0.3, "margin": 0.2, "whole": 0.5, "again_below": 0.1, "again_above": 0.4}
ZOOMS = (None, ZOOM)
BAD_ZOOMS = (False, 0.5, "near", [], {}, [ZOOM], ZOOM | {"whole": 2}, ZOOM | {"more": 1}, ZOOM | {"margin": None})


class Executed:
    """Unpickling this writes the file `trace`."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.trace, "executed"))


def sign(folder: Path, manifest: dict[str, Any]) -> None:
    """Write `manifest` with all checksums right."""
    for entry in manifest["experts"] if isinstance(manifest.get("experts"), list) else ():
        file = folder / f"{entry.get('name')}.safetensors"
        if file.is_file():
            entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.pop("sha256", None)
    digest = hashlib.sha256(json.dumps(manifest, indent=1).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**manifest, "sha256": digest}, indent=1) + "\n")


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest as plain data."""
    return json.loads((folder / "manifest.json").read_text())


def one_of(dice: Dice, values: Sequence[Any]) -> Any:
    """One of `values` as it is."""
    return values[int(dice.integers(0, len(values)))]


def any_file(folder: Path, dice: Dice) -> Path:
    """One of the five files."""
    return sorted(folder.iterdir())[int(dice.integers(0, 5))]


def any_expert(folder: Path, dice: Dice) -> Path:
    """One of the experts' files."""
    return folder / f"{EXPERTS[int(dice.integers(0, 4))]}.safetensors"


def removed(folder: Path, dice: Dice) -> None:
    any_file(folder, dice).unlink()


def truncated(folder: Path, dice: Dice) -> None:
    file = any_file(folder, dice)
    data = file.read_bytes()
    file.write_bytes(data[: int(dice.integers(0, len(data)))])


def lengthened(folder: Path, dice: Dice) -> None:
    file = any_file(folder, dice)
    file.write_bytes(file.read_bytes() + dice.bytes(int(dice.integers(1, 50))))


def flipped(folder: Path, dice: Dice) -> None:
    file = any_file(folder, dice)
    data = bytearray(file.read_bytes())
    for _ in range(int(dice.integers(1, 4))):
        data[int(dice.integers(0, len(data)))] ^= int(dice.integers(1, 256))
    if bytes(data) == file.read_bytes():
        data[0] ^= 1
    file.write_bytes(data)


def renamed(folder: Path, dice: Dice) -> None:
    file = any_file(folder, dice)
    file.rename(folder / f"{file.stem}2{file.suffix}")


def swapped(folder: Path, dice: Dice) -> None:
    one, other = (folder / f"{EXPERTS[i]}.safetensors" for i in dice.choice(4, 2, replace=False))
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def swapped_and_signed(folder: Path, dice: Dice) -> None:
    swapped(folder, dice)
    sign(folder, manifest_of(folder))


def joined_by_another_file(folder: Path, dice: Dice) -> None:
    name = str(dice.choice(["extra.safetensors", "weights.pt", "model.pkl", ".hidden", "manifest.json.bak"]))
    (folder / name).write_bytes(pickle.dumps(Executed(folder.parent / "trace")))


def replaced_by_a_folder(folder: Path, dice: Dice) -> None:
    file = any_file(folder, dice)
    file.unlink()
    file.mkdir()


def replaced_by_a_dead_link(folder: Path, dice: Dice) -> None:
    file = any_file(folder, dice)
    file.unlink()
    file.symlink_to(folder / "nowhere")


def pickle_in_disguise(folder: Path, dice: Dice) -> None:
    file = any_file(folder, dice)
    file.write_bytes(pickle.dumps(Executed(folder.parent / "trace"), protocol=int(dice.integers(0, 6))))


def pickle_in_disguise_signed(folder: Path, dice: Dice) -> None:
    manifest = manifest_of(folder)
    any_expert(folder, dice).write_bytes(pickle.dumps(Executed(folder.parent / "trace")))
    sign(folder, manifest)


def other_text_for_a_manifest(folder: Path, dice: Dice) -> None:
    texts = (
        *("", "null", "[]", "3", '"manifest"', "{", "[" * 100_000, "{" * 5000, "NaN", "9" * 5000, "\ufeff{}"),
        *('{"format_version": 1}', '{"format_version": 1e400}', '{"format_version": 1, "format_version": 1}'),
    )
    text = texts[int(dice.integers(0, len(texts)))]
    (folder / "manifest.json").write_text(text, encoding=str(dice.choice(["utf-8", "utf-16"])))


def manifest_unsigned(folder: Path, dice: Dice) -> None:
    manifest = manifest_of(folder)
    manifest["settings"]["routing"] = "soft"
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=int(dice.integers(0, 4))))


def manifest_signed(folder: Path, dice: Dice) -> None:
    manifest = manifest_of(folder)
    edits: list[Callable[[dict[str, Any]], object]] = [
        lambda m: m.update(format_version=one_of(dice, (2, 0, "1", True, None))),
        lambda m: m.pop("tree"),
        lambda m: m.pop("normalisation"),
        lambda m: m.update(more=1),
        lambda m: m.update(settings=one_of(dice, ([], {}, {"routing": "hard"}, {"zoom": one_of(dice, ZOOMS)}))),
        lambda m: m.update(settings={"routing": "diagonal", "zoom": one_of(dice, ZOOMS)}),
        lambda m: m.update(settings={"routing": "hard", "zoom": one_of(dice, ZOOMS), "code": "print()"}),
        lambda m: m.update(settings={"routing": ["hard"], "zoom": one_of(dice, ZOOMS)}),
        lambda m: m["settings"].update(zoom=one_of(dice, BAD_ZOOMS)),
        lambda m: m.update(experts={}),
        lambda m: m.update(experts=m["experts"][::-1]),
        lambda m: m.update(experts=m["experts"][:3]),
        lambda m: m.update(experts=[*m["experts"], m["experts"][0]]),
        lambda m: m["experts"][0].pop("settings"),
        lambda m: m["experts"][1].update(file=one_of(dice, ("person.safetensors", "../body.safetensors"))),
        lambda m: m["experts"][1].update(file=one_of(dice, ("/etc/passwd", ["body.safetensors"]))),
        lambda m: m["experts"][2].update(name="../upper_body"),
        lambda m: m["experts"][2].update(name=None),
        lambda m: m["experts"][3]["settings"].update(input_side=31),
        lambda m: m["experts"][3]["settings"].update(mask_threshold=0.4),
        lambda m: m["normalisation"]["person"].update(mean=[0, 0, 0]),
        lambda m: m["normalisation"].pop("body"),
        lambda m: m["tree"]["children"][1].update(name="figure"),
        lambda m: m["tree"]["children"][1].update(colour=[1, 2, 3]),
        lambda m: m["tree"]["children"][0].update(label=9),
        lambda m: m["tree"].update(children=[]),
        lambda m: m.update(tree="people"),
    ]
    edits[int(dice.integers(0, len(edits)))](manifest)
    sign(folder, manifest)


def _parts(data: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """(safetensors header, our JSON in it, the numbers) of an expert file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["bodycascade"]), data[8 + length :]


def _whole(header: dict[str, Any], ours: object, numbers: bytes) -> bytes:
    if ours is not None:
        header["__metadata__"]["bodycascade"] = ours if isinstance(ours, str) else json.dumps(ours)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def expert_header_signed(folder: Path, dice: Dice) -> None:
    file = any_expert(folder, dice)
    header, ours, numbers = _parts(file.read_bytes())
    edits: list[Callable[[dict[str, Any]], object]] = [
        lambda o: o.update(format_version=one_of(dice, (2, "x"))),
        lambda o: o.pop("extra"),
        lambda o: o.update(extra=3),
        lambda o: o.update(more={}),
        lambda o: o["tree"]["children"][1].update(name="figure"),
        lambda o: o.update(tree=None),
        lambda o: o["settings"].update(widths=one_of(dice, ([4, 8], [4096] * 8, [10**9]))),
        lambda o: o["settings"].update(block_depth=2),
        lambda o: o["settings"].update(block_depth=10**9),
        lambda o: o["settings"].update(kernel=4),
        lambda o: o["settings"].update(input_side=0),
        lambda o: o["settings"].update(input_side=64),
        lambda o: o["settings"].update(std=[0, 1, 1]),
        lambda o: o["settings"].update(mean=[float("nan"), 1, 1]),
        lambda o: o["settings"].update(mask_threshold=float("inf")),
        lambda o: o["settings"].update(expert="head"),
        lambda o: o["settings"].update(expert="../person"),
        lambda o: o["settings"].pop("dropout"),
        lambda o: o.update(settings=[]),
    ]
    edits[int(dice.integers(0, len(edits)))](ours)
    file.write_bytes(_whole(header, ours, numbers))
    sign(folder, manifest_of(folder))


def expert_form_signed(folder: Path, dice: Dice) -> None:
    file = any_expert(folder, dice)
    data = file.read_bytes()
    header, _, numbers = _parts(data)
    name = sorted(key for key in header if key != "__metadata__")[int(dice.integers(0, 3))]
    forms: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: data[:7],
        lambda: (2**62).to_bytes(8, "little") + data[8:],
        lambda: (len(data)).to_bytes(8, "little") + data[8:],
        lambda: (5).to_bytes(8, "little") + b"[1,2]" + numbers,
        lambda: (100_000).to_bytes(8, "little") + b"[" * 100_000,
        lambda: _whole({key: value for key, value in header.items() if key != "__metadata__"}, None, numbers),
        lambda: _whole(header, "[" * 100_000, numbers),
        lambda: _whole(header, "not json", numbers),
        lambda: _whole(header, "[]", numbers),
        lambda: _whole(header, None, numbers[:-4]),
        lambda: _whole(header, None, numbers + b"\0\0\0\0"),
        lambda: _whole(header | {"more": header[name]}, None, numbers),
        lambda: _whole({key: value for key, value in header.items() if key != name}, None, numbers),
        lambda: _whole(header | {name: header[name] | {"dtype": "I32"}}, None, numbers),
        lambda: _whole(header | {name: header[name] | {"dtype": "U9"}}, None, numbers),
        lambda: _whole(header | {name: header[name] | {"shape": [1, *header[name]["shape"]]}}, None, numbers),
        lambda: _whole(header | {name: header[name] | {"data_offsets": [0, 10**12]}}, None, numbers),
    ]
    file.write_bytes(forms[int(dice.integers(0, len(forms)))]())
    sign(folder, manifest_of(folder))


def not_a_number_signed(folder: Path, dice: Dice) -> None:
    file = any_expert(folder, dice)
    header, _, numbers = _parts(file.read_bytes())
    weights = bytearray(numbers)
    bad = float(dice.choice([float("nan"), float("inf"), -float("inf")]))
    struct.pack_into("<f", weights, 4 * int(dice.integers(0, len(weights) // 4)), bad)
    file.write_bytes(_whole(header, None, bytes(weights)))
    sign(folder, manifest_of(folder))


def emptied(folder: Path, _: Dice) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


MUTATORS: tuple[Mutator, ...] = (
    removed,
    truncated,
    lengthened,
    flipped,
    renamed,
    swapped,
    swapped_and_signed,
    joined_by_another_file,
    replaced_by_a_folder,
    replaced_by_a_dead_link,
    pickle_in_disguise,
    pickle_in_disguise_signed,
    other_text_for_a_manifest,
    manifest_unsigned,
    manifest_signed,
    manifest_signed,
    expert_header_signed,
    expert_form_signed,
    not_a_number_signed,
    emptied,
)
"""Chosen from evenly; the kind with the most edits stands twice."""
