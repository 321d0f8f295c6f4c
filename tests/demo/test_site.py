"""The site as the page, other pages and odd clients meet it."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import Message

from bodycascade.demo.site import make_site
from bodycascade.demo.uploads import MOST_BYTES, unless_gone
from bodycascade.errors import RequestError
from tests.demo.stubs import HOSTS, HalfHead, encoded, open_site, status_of_post, unpacked
from tests.imports import PACKAGE

PAGE = sorted((PACKAGE / "demo" / "page").iterdir())


@pytest.fixture
def segmenter() -> Iterator[HalfHead]:
    made = HalfHead()
    yield made
    made.free.set()


@pytest.fixture
def client(segmenter: HalfHead) -> Iterator[TestClient]:
    with open_site(segmenter) as opened:
        yield opened


def test_every_file_of_the_page_is_served_with_its_type(client: TestClient) -> None:
    assert client.get("/").text == client.get("/page/index.html").text
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for file in PAGE:
        answer = client.get(f"/page/{file.name}")
        assert answer.content == file.read_bytes()
        assert answer.headers["content-type"].startswith(types[file.suffix[1:]])


def test_nothing_but_the_page_is_served(client: TestClient) -> None:
    for path in ("/page/../site.py", "/page/%2e%2e%2fsite.py", "/page/site.py", "/etc/passwd", "/page/"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "there is nothing here"})
    assert client.get("/segment").status_code == 405


@pytest.mark.parametrize("file", PAGE, ids=lambda file: file.name)
def test_no_file_of_the_page_names_another_host_or_breaks_the_policy(file: object) -> None:
    text = file.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")  # type: ignore[attr-defined]
    assert not re.search(r"https?:|//[a-z]+\.|@import|\bstyle=|\bon[a-z]+=\"|eval\(", text)


def test_the_page_speaks_of_no_particular_tree(client: TestClient) -> None:
    page = re.sub(r"(?s)<template.*</template>|</?(head|body)\b", "", client.get("/").text)
    assert re.findall(r"(?i)\b(people|person|body|half|halves|head|torso|arms?|legs?|four)\b", page) == []


def test_every_answer_is_guarded_and_kept_by_nobody(client: TestClient) -> None:
    for answer in (
        client.get("/"),
        client.get("/gone"),
        client.post("/segment", content=b"x"),
        client.get("/about.json"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "connect-src 'self';" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example:8321", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8321.evil.example", ""])
def test_another_host_name_is_refused(host: str, client: TestClient) -> None:
    for answer in (client.get("/", headers={"Host": host}), client.get("/about.json", headers={"Host": host})):
        assert answer.status_code == 403
        assert "only the page of this program" in answer.json()["error"]
    assert client.get("/", headers={"Host": "localhost:8321"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8321", ""]
)
def test_a_post_from_another_page_is_refused_before_its_picture_is_read(
    origin: str, client: TestClient, segmenter: HalfHead
) -> None:
    for path in ("/segment", "/download/mask"):
        assert client.post(path, content=encoded(6, 4), headers={"Origin": origin}).status_code == 403
    assert segmenter.calls == 0


def test_a_post_without_origin_is_refused(segmenter: HalfHead) -> None:
    with open_site(segmenter) as client:
        del client.headers["Origin"]
        assert client.post("/segment", content=encoded(6, 4)).status_code == 403


def test_a_picture_is_answered_compressed(client: TestClient) -> None:
    answer = client.post("/segment", content=encoded(200, 100))
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    shown = unpacked(answer.content)
    assert shown.labels.shape == (100, 200)
    assert shown.probabilities.shape == (3, 100, 200)


def test_files_are_downloaded(client: TestClient) -> None:
    data = encoded(6, 4)
    for path, kind in (("mask?level=1", "PNG"), ("overlay?level=2", "JPEG"), ("cutout?node=head", "PNG")):
        answer = client.post(f"/download/{path}", content=data)
        assert answer.status_code == 200
        assert Image.open(io.BytesIO(answer.content)).format == kind
    answer = client.post("/download/cutout?node=tail", content=data)
    assert (answer.status_code, answer.json()["error"][:25]) == (400, "no class is called 'tail'")


def test_samples_and_what_the_page_has_to_know(client: TestClient) -> None:
    about = client.get("/about.json").json()
    assert (about["samples"], about["most_bytes"], about["whole"]) == (1, 20_000_000, "body")
    assert [level["title"] for level in about["levels"]] == ["body", "halves", "parts"]
    sample = client.get("/samples/0.jpg")
    assert max(Image.open(io.BytesIO(sample.content)).size) == 48
    assert client.get("/samples/1.jpg").status_code == 404


@pytest.mark.parametrize(("size", "status"), [(0, 400), (MOST_BYTES, 415), (MOST_BYTES + 1, 413)])
def test_size_of_an_upload(size: int, status: int, client: TestClient) -> None:
    answer = client.post("/segment", content=bytes(size))
    assert answer.status_code == status
    pieces = (bytes(min(1 << 20, size - at)) for at in range(0, size, 1 << 20))  # without a Content-Length
    assert client.post("/segment", content=pieces).status_code == status


def test_what_is_too_large_is_read_to_its_end_lest_the_answer_be_lost(segmenter: HalfHead) -> None:
    piece: Message = {"type": "http.request", "body": bytes(1 << 20), "more_body": True}
    messages = [piece] * (MOST_BYTES // (1 << 20) + 9) + [{"type": "http.request", "body": b"", "more_body": False}]
    site = make_site(segmenter, hosts=HOSTS)
    assert asyncio.run(status_of_post(site, partial(broken_off, messages))) == 413
    assert messages == []


def test_errors_are_one_plain_line(client: TestClient) -> None:
    answer = client.post("/segment", content=b"no picture")
    assert answer.status_code == 415
    assert answer.json()["error"].startswith("this file is no picture that can be read here")


def test_busy_is_said_in_words(segmenter: HalfHead) -> None:
    segmenter.free.clear()
    with open_site(segmenter, waiting=0) as client:
        codes: list[int] = []
        first = threading.Thread(
            target=lambda: codes.append(client.post("/segment", content=encoded(6, 4)).status_code)
        )
        first.start()
        assert segmenter.begun.wait(30)
        answer = client.post("/segment", content=encoded(6, 4))
        segmenter.free.set()
        first.join()
        assert (answer.status_code, codes) == (503, [200])
        assert answer.json() == {"error": "other pictures are being worked on; try again in a few seconds"}
        assert client.post("/segment", content=encoded(6, 4)).status_code == 200


def test_a_picture_that_takes_too_long_is_given_up_in_words(segmenter: HalfHead) -> None:
    segmenter.free.clear()
    with open_site(segmenter, seconds=0.05) as client:
        answer = client.post("/segment", content=encoded(6, 4))
        segmenter.free.set()
        assert answer.status_code == 504
        assert "took longer than 0.05 seconds" in answer.json()["error"]


def test_work_is_given_up_when_the_browser_hangs_up() -> None:
    class HungUp:
        async def receive(self) -> dict[str, str]:
            return {"type": "http.disconnect"}

    async def run() -> None:
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with pytest.raises(RequestError, match="no longer waits"):
            await unless_gone(HungUp(), never)  # type: ignore[arg-type]
        assert never.cancelled()

    asyncio.run(run())


async def broken_off(messages: list[Message]) -> Message:
    """The next of `messages`, which are the start of a body at first, and nothing but hanging up then."""
    return messages.pop(0) if messages else {"type": "http.disconnect"}


def start_of_body() -> list[Message]:
    return [{"type": "http.request", "body": encoded(6, 4)[:40], "more_body": True}]


def test_an_upload_that_is_broken_off_is_no_bug(segmenter: HalfHead, caplog: pytest.LogCaptureFixture) -> None:
    site = make_site(segmenter, hosts=HOSTS)
    assert asyncio.run(status_of_post(site, partial(broken_off, start_of_body()))) == 400
    assert segmenter.calls == 0
    assert caplog.messages == []


def test_an_upload_that_is_broken_off_while_others_are_worked_on_is_no_bug(
    segmenter: HalfHead, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> tuple[int, int]:
        site = make_site(segmenter, hosts=HOSTS, waiting=0)
        begun, free = asyncio.Event(), asyncio.Event()

        async def slow() -> Message:
            begun.set()
            await free.wait()
            return {"type": "http.disconnect"}

        first = asyncio.create_task(status_of_post(site, slow))
        await begun.wait()
        second = await status_of_post(site, partial(broken_off, start_of_body()))
        free.set()
        return await first, second

    assert asyncio.run(run()) == (400, 503)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("error", "told"), [(MemoryError(), (507, "not enough memory")), (ZeroDivisionError(), (500, "the terminal"))]
)
def test_a_failure_within_is_told_and_the_next_picture_works(
    error: Exception, told: tuple[int, str], client: TestClient, segmenter: HalfHead, caplog: pytest.LogCaptureFixture
) -> None:
    segmenter.error = error
    with caplog.at_level(logging.CRITICAL):
        answer = client.post("/segment", content=encoded(6, 4))
    assert answer.status_code == told[0]
    assert told[1] in answer.json()["error"]
    segmenter.error = None
    assert client.post("/segment", content=encoded(6, 4)).status_code == 200
