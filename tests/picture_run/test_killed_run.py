"""`kill -9` at any moment of a run: nothing torn counts as made, and the next run makes only what is missing.

BODYCASCADE_KILLS=25 for the full number.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.painted import save_painted
from tests.processes import printed

KILLS = int(os.environ.get("BODYCASCADE_KILLS", "6"))

HOST = """
import json, os, random, signal, sys, time
from pathlib import Path
from bodycascade.picture_run.journal import Journal
from tests.painted import read_colours
from tests.picture_run.runs import ALL, files_below, labels_in, run

photos, out, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
total = len(list(photos.iterdir()))


def slow(images):
    time.sleep(0.02 * len(images))
    return read_colours(images)


def state():
    return {name: (out / name).stat().st_mtime_ns for name in files_below(out) if not name.endswith(".part")}


def finished():
    return [entry for entry in Journal(out).entries.values() if entry.made]


dice = random.Random(0)
for number in range(kills):
    seconds = dice.uniform(0.01, 0.02 * total / kills * 3)
    child = os.fork()
    if child == 0:
        run([photos], out, asked=ALL, segment=slow, batch=2)
        os._exit(0)
    while not finished():  # the first is not killed before it has made something
        time.sleep(0.01)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for name in state():
        if name.endswith(".png"):
            labels_in(out / name)
    if len(finished()) >= total // 2:  # something has to be left for the last run
        break
before = state()
whole = {entry.stem for entry in finished()}
outcome = run([photos], out, asked=ALL, segment=slow)
kept = [name for name in before if name.partition(".")[0] in whole and state()[name] == before[name]]
print(json.dumps({
    "made": outcome.made, "kept": outcome.kept, "whole": len(whole), "untouched": len(kept),
    "torn": [str(path) for path in out.rglob("*.part")],
}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills children that it forks")
def test_a_killed_run_goes_on_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, out, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    for seed in range(40):
        save_painted(photos / f"{seed:02d}.png", seed=seed)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def host(folder: Path, kills: int) -> dict[str, object]:
        found: dict[str, object] = json.loads(printed(HOST, photos, folder, kills).splitlines()[-1])
        return found

    found = host(out, KILLS)
    assert 0 < int(str(found["whole"])) < 40, "no kill came between the first picture and the last"
    assert found["kept"] == found["whole"]
    assert found["made"] == 40 - int(str(found["whole"]))
    assert int(str(found["untouched"])) == 13 * int(str(found["whole"]))
    assert found["torn"] == []
    assert host(whole, 0)["made"] == 40
    for path in whole.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes(), path.name
