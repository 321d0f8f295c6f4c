"""Listening on this computer's own address, until Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from bodycascade.demo.site import make_site
from bodycascade.errors import BodyCascadeError
from bodycascade.segmenter import Segmenter

ADDRESS = "127.0.0.1"
"""The loopback interface: no other computer reaches it."""

PATIENCE_SECONDS = 2
"""Requests under way at the end are given so long."""


def listen(port: int) -> socket.socket:
    """A socket that listens at `port` of the loopback interface, 0 for any free one.

    Raises `BodyCascadeError` where the port cannot be had.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((ADDRESS, port))
        found.listen()
    except OSError as error:
        found.close()
        reason = "in use" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise BodyCascadeError(
            f"port {port}: {reason}; choose another with --port, or --port 0 for any free one"
        ) from None
    return found


def address_of(listening: socket.socket) -> str:
    """The page's address, to open in a browser."""
    return f"http://{ADDRESS}:{listening.getsockname()[1]}/"


def serve(segmenter: Segmenter, listening: socket.socket, *, on_start: Callable[[], None]) -> None:
    """Serve the page on a socket that `listen` made, until Ctrl-C or SIGTERM, which are raised again at the end.

    `on_start` is called when requests are about to be answered.
    """
    port = listening.getsockname()[1]
    names = (ADDRESS, "localhost")
    hosts = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())
    config = uvicorn.Config(
        make_site(segmenter, hosts=hosts, on_start=on_start),
        log_config=None,
        log_level="critical",  # failures are told by the site itself
        access_log=False,
        server_header=False,
        lifespan="on",
        limit_concurrency=64,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=PATIENCE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listening])


def open_browser(address: str) -> None:
    """Open `address` in the browser, aside; nothing happens where there is no screen."""
    screen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen:  # without one a browser for terminals would take over this one
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
