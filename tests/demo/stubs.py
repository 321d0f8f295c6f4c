"""A segmenter whose answer is known, requests as the page makes them, and their answers taken apart."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message

from bodycascade.demo.samples import Samples
from bodycascade.demo.site import make_site
from bodycascade.hierarchy import PASCAL_PART, Tree
from bodycascade.imaging import ImageLike, read_image
from bodycascade.segmentation import Segmentation

ADDRESS = "http://127.0.0.1:8321"
HOSTS = ("127.0.0.1:8321", "localhost:8321")

HEAD = (0.1, 0.05, 0.15, 0.05, 0.5, 0.1, 0.05)
NOTHING = (0.9, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0)
"""Probabilities of the seven leaf labels in the left half of every picture, a head (4), and in the right half."""


class HalfHead:
    """Calls the left half of any picture a head. While `free` is not set, it waits; `begun` is set meanwhile."""

    tree: Tree = PASCAL_PART

    def __init__(self) -> None:
        self.calls = 0
        self.begun, self.free = threading.Event(), threading.Event()
        self.free.set()
        self.error: Exception | None = None

    def __call__(self, image: ImageLike) -> Segmentation:
        self.calls += 1
        self.begun.set()
        assert self.free.wait(30)
        if self.error is not None:
            raise self.error
        picture = read_image(image)
        parts = np.zeros(picture.shape[:2], np.uint8)
        parts[:, : parts.shape[1] // 2] = 4
        certain = np.where(parts == 4, np.float32(HEAD)[:, None, None], np.float32(NOTHING)[:, None, None])
        return Segmentation(PASCAL_PART, parts, image=picture, probs=lambda: certain)


@dataclass(frozen=True)
class Shown:
    """An answer of /segment: its line of JSON, the picture, labels (h, w) and probabilities (levels, h, w)."""

    head: dict[str, Any]
    picture: Image.Image
    labels: npt.NDArray[np.uint8]
    probabilities: npt.NDArray[np.uint8]


def open_site(segmenter: HalfHead, *, waiting: int = 4, seconds: float = 30) -> TestClient:
    """A client of the site; to be used in a `with`. It sends what the page's own requests would."""
    samples: Callable[[], Samples] = lambda: Samples((9,), side=48)  # noqa: E731
    site = make_site(segmenter, hosts=HOSTS, waiting=waiting, seconds=seconds, samples=samples)
    return TestClient(site, base_url=ADDRESS, headers={"Origin": ADDRESS}, raise_server_exceptions=False)


async def status_of_post(site: ASGIApp, receive: Callable[[], Awaitable[Message]]) -> int:
    """The status of the answer to a POST to /segment whose messages come from `receive`, as a server would have it."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", HOSTS[0].encode()), (b"origin", ADDRESS.encode())]
    scope = {"type": "http", "method": "POST", "path": "/segment", "query_string": b"", "headers": headers}
    await site(scope, receive, send)
    return int(sent[0]["status"])


def encoded(width: int, height: int, kind: str = "PNG", **options: Any) -> bytes:
    """A grey picture as a file of `kind`."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 150)).save(file, kind, **options)
    return file.getvalue()


def unpacked(answer: bytes) -> Shown:
    """What the page reads from an answer of /segment."""
    line, _, rest = answer.partition(b"\n")
    head = json.loads(line)
    height, width = head["shown"]
    planes = np.frombuffer(rest[head["jpeg"] :], np.uint8).reshape(-1, height, width)
    return Shown(head, Image.open(io.BytesIO(rest[: head["jpeg"]])), planes[0], planes[1:])
