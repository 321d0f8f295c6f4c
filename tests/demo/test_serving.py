"""Listening, and the command from its start to Ctrl-C."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from bodycascade.demo.serving import address_of, listen, open_browser
from bodycascade.errors import BodyCascadeError
from bodycascade.hierarchy import PASCAL_PART
from tests.processes import environment
from tests.toy_experts import cascade, tiny_experts


def test_only_this_computer_is_listened_to() -> None:
    with listen(0) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        assert address_of(listening) == f"http://127.0.0.1:{port}/"


def test_a_taken_port_is_told_with_the_remedy() -> None:
    with listen(0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(BodyCascadeError, match=f"port {port}: in use; choose another with --port, or --port 0"):
            listen(port)


@pytest.mark.parametrize("screen", ["DISPLAY", "WAYLAND_DISPLAY", None])
def test_the_browser_opens_where_there_is_a_screen(screen: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr("webbrowser.open", opened.put)
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if screen:
        monkeypatch.setenv(screen, ":0")
    before = threading.active_count()
    open_browser("http://127.0.0.1:7860/")
    if screen:
        assert opened.get(timeout=10) == "http://127.0.0.1:7860/"
    else:
        assert threading.active_count() == before
        assert opened.empty()


def test_the_command_says_its_address_in_one_line_and_ends_cleanly_with_ctrl_c(tmp_path: Path) -> None:
    cascade(tiny_experts(PASCAL_PART)).save(tmp_path / "cascade")
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # some shells leave it ignored
    code += "from bodycascade.commands.main import main; main()"
    words = [sys.executable, "-c", code, "demo", "--port", "0", "--no-browser", "--device", "cpu"]
    with subprocess.Popen(
        [*words, "--bundle", str(tmp_path / "cascade")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            address, _, rest = line.partition("  ")
            assert rest == "(Ctrl-C ends)\n"
            with urllib.request.urlopen(f"{address}about.json", timeout=300) as answer:
                assert json.load(answer)["samples"] == 6
        finally:
            process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=300)
    assert (process.returncode, said, errors) == (0, "", "")
