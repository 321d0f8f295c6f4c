"""The requests that the page makes, and their answers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib import resources

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bodycascade import __version__
from bodycascade.demo.answers import Work, level_table, writer
from bodycascade.demo.guard import Guard
from bodycascade.demo.samples import Samples
from bodycascade.demo.turns import Turns
from bodycascade.demo.uploads import MOST_BYTES, MOST_PIXELS, drop_body, read_body, unless_gone
from bodycascade.errors import BodyCascadeError, RequestError, is_out_of_memory
from bodycascade.segmenter import Segmenter

MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

Job = Callable[[bytes], bytes]


def make_site(
    segmenter: Segmenter,
    *,
    hosts: Collection[str],
    waiting: int = 4,
    seconds: float = 60,
    samples: Callable[[], Samples] = Samples,
    on_start: Callable[[], None] = lambda: None,
) -> ASGIApp:
    """The page as an ASGI application for requests to `hosts` (name:port).

    `waiting` pictures may wait beside the one that is worked on, each `seconds` at most. `samples` makes the pictures
    to click when the site starts; `on_start` is called then.
    """
    site = _Site(segmenter, Turns(waiting=waiting, seconds=seconds), samples, on_start)
    app = Starlette(
        routes=[
            Route("/", site.file),
            Route("/page/{name}", site.file),
            Route("/about.json", site.about),
            Route("/samples/{place:int}.jpg", site.sample),
            Route("/segment", site.segment, methods=["POST"]),
            Route("/download/{kind}", site.download, methods=["POST"]),
        ],
        # Most of an answer compresses well, and the browser undoes it by itself.
        middleware=[Middleware(GZipMiddleware, minimum_size=1 << 12, compresslevel=1)],
        exception_handlers={BodyCascadeError: _told, HTTPException: _told_http, Exception: _told_bug},
        lifespan=site.lifespan,
    )
    return Guard(app, hosts=hosts)


class _Site:
    def __init__(
        self, segmenter: Segmenter, turns: Turns, samples: Callable[[], Samples], on_start: Callable[[], None]
    ) -> None:
        self._tree = segmenter.tree
        self._work = Work(segmenter)
        self._turns = turns
        self._make_samples, self._on_start = samples, on_start
        self._samples: Samples | None = None
        self._files = _page_files()

    def lifespan(self, _: Starlette) -> AbstractAsyncContextManager[None]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        self._samples = self._make_samples()
        try:
            self._on_start()
            yield
        finally:
            self._samples.close()
            self._turns.close()

    async def file(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in self._files:
            raise HTTPException(404)
        return Response(self._files[name], media_type=MEDIA_TYPES[name.rpartition(".")[2]])

    async def about(self, _: Request) -> Response:
        return JSONResponse(
            {
                "version": __version__,
                "levels": level_table(self._tree),
                "samples": len(self._samples) if self._samples else 0,
                "most_bytes": MOST_BYTES,
                "most_pixels": MOST_PIXELS,
                "whole": self._tree.thing,
            }
        )

    async def sample(self, request: Request) -> Response:
        if self._samples is None:
            raise HTTPException(404)
        return Response(await self._samples.jpeg(request.path_params["place"]), media_type="image/jpeg")

    async def segment(self, request: Request) -> Response:
        return Response(await self._worked(request, self._work.answer), media_type="application/octet-stream")

    async def download(self, request: Request) -> Response:
        query = request.query_params
        media_type, write = writer(
            self._tree, request.path_params["kind"], level=query.get("level", ""), node=query.get("node", "")
        )
        return Response(await self._worked(request, partial(self._work.file, write=write)), media_type=media_type)

    async def _worked(self, request: Request, job: Job) -> bytes:
        try:
            async with self._turns.place():
                data = await read_body(request)
                return await unless_gone(request, self._turns.run(partial(job, data)))
        except RequestError as error:
            if error.status == 503:
                await drop_body(request)
            raise
        except ClientDisconnect:
            raise RequestError(400, "the upload was broken off") from None  # nobody reads it, and it is no bug
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise RequestError(507, "there is not enough memory for this picture; try a smaller one") from None


def _page_files() -> dict[str, bytes]:
    folder = resources.files("bodycascade.demo") / "page"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in MEDIA_TYPES}


async def _told(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, getattr(error, "status", 400))


async def _told_http(_: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return JSONResponse({"error": "there is nothing here" if status == 404 else "this cannot be asked here"}, status)


async def _told_bug(request: Request, error: Exception) -> Response:
    logging.getLogger(__name__).error("a request to %s failed", request.url.path, exc_info=error)
    return JSONResponse({"error": "something went wrong; the terminal that runs the demo says more"}, 500)
