"""The memory of an output folder outlives any kill."""

from __future__ import annotations

from pathlib import Path

from bodycascade.picture_run.journal import NAME, Entry, Journal


def filled(folder: Path) -> Path:
    with Journal(folder) as journal:
        journal.claim("/a.jpg", "a", ["a.png"])
        done = Entry(mark="m:1", made={"a.png": ("labels", 9)}, name="a.jpg", size=(2, 3), records={"shares": {}})
        journal.finish("/a.jpg", done)
        journal.claim("/b.jpg", "b", ["b.png"])
    return folder / NAME


def test_it_remembers_what_was_claimed_and_finished(tmp_path: Path) -> None:
    filled(tmp_path)
    entries = Journal(tmp_path).entries
    first = entries["/a.jpg"]
    assert (first.mark, first.made, first.size, first.records) == (
        "m:1",
        {"a.png": ("labels", 9)},
        (2, 3),
        {"shares": {}},
    )
    assert (entries["/b.jpg"].mark, entries["/b.jpg"].files) == ("", {"b.png"})
    assert Journal(tmp_path).owners() == {"a.png": "/a.jpg", "b.png": "/b.jpg"}


def test_a_line_cut_anywhere_loses_itself_only(tmp_path: Path) -> None:
    path = filled(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with Journal(tmp_path) as journal:
            journal.claim("/c.jpg", "c", ["c.png"])
        entries = Journal(tmp_path).entries
        assert entries["/c.jpg"].files == {"c.png"}
        assert set(entries) <= {"/a.jpg", "/b.jpg", "/c.jpg"}


def test_outputs_add_up_until_the_settings_change(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for mark, file in (("m:1", "a.png"), ("m:1", "a.overlay.jpg"), ("m:2", "a.probs.npz")):
            journal.finish("/a.jpg", Entry(mark=mark, made={file: ("some", 9)}, name="a.jpg"))
            if file == "a.overlay.jpg":
                assert set(journal.entries["/a.jpg"].made) == {"a.png", "a.overlay.jpg"}
    assert set(Journal(tmp_path).entries["/a.jpg"].made) == {"a.probs.npz"}
