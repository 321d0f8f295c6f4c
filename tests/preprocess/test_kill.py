"""A killed preprocess leaves the old packs or none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bodycascade.preprocess import preprocess
from tests.conftest import MakeParams
from tests.preprocess.checksums import checksums
from tests.processes import environment

KILLED = """
import os, pathlib, random, signal, sys, time
from bodycascade.errors import DataError
from bodycascade.params import load_params
from bodycascade.preprocess import open_pack, preprocess, read_manifest

root = pathlib.Path(sys.argv[1])
params = load_params(root / "params.yaml")

def start():
    child = os.fork()
    if child == 0:
        sys.stdout = sys.stderr = open(os.devnull, "w")
        preprocess(params, root)
        os._exit(0)
    return child

began = time.monotonic()
os.waitpid(start(), 0)
whole = time.monotonic() - began
unfinished = 0
for place in range(12):
    fresh = place % 2 == 0
    if fresh:
        os.system(f"rm -rf {root}/results/data/tiny")
    child = start()
    time.sleep(whole * (place + 0.5) / 12)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        read_manifest(root / "results/data/tiny")
        for split in ("train", "selection"):
            open_pack(root / "results/data/tiny", split, verify=True)
    except DataError:
        unfinished += 1
        assert not (root / "results/data/tiny").exists()
print(unfinished)
"""


def test_killed_run_leaves_the_old_packs_or_none_and_the_next_run_makes_them_whole(
    tmp_path: Path, tiny_data: Path, make_params: MakeParams
) -> None:
    params = make_params()
    preprocess(params, tmp_path)
    whole = checksums(tmp_path / "results")
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr == ""
    assert int(done.stdout) > 0, "no kill came early enough to mean anything"
    preprocess(params, tmp_path)
    assert checksums(tmp_path / "results") == whole
