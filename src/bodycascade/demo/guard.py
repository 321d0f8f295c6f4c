"""What keeps other pages in the same browser away, and this page from asking anyone else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content Security Policy Level 3: nothing is loaded from, sent to or framed by anyone else."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Answers only requests to one of `hosts` (name:port), and POST only from a page of that very host.

    The Host header is checked since any web page can let its own name point to this computer (DNS rebinding), Origin
    since any web page can post here. Every answer gets HEADERS.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI 3 has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing here speaks WebSocket

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._app if self._welcome(scope) else _REFUSED
        try:
            await app(scope, receive, send_with_headers)
        except asyncio.CancelledError:  # the server ends, and has been patient
            if not started:
                await _ENDED(scope, receive, send_with_headers)

    def _welcome(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return False
        return scope["method"] in ("GET", "HEAD") or origins == [f"http://{hosts[0]}"]


_REFUSED = JSONResponse({"error": "only the page of this program itself is answered; open the address it printed"}, 403)
_ENDED = JSONResponse({"error": "the program behind this page was ended"}, 503)
