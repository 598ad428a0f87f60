"""What stands between the socket and the endpoints: who may come in, how much they may bring, how long it may take."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posable.studio.http_errors import HttpError, body_of, headers_of
from posable.studio.service_metrics import ServiceMetrics
from posable.studio.settings import Limits, Settings

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_API = "/v1/"
_OPEN_PATHS = ("/v1/health",)
_READS = ("GET", "HEAD", "OPTIONS")


async def send_error(error: HttpError, scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse(body_of(error), error.status, headers_of(error))(scope, receive, send)


class RequestMetrics:
    """Counts requests and their time; adds the headers that keep pages of other sites out of ours."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def recorded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                # The page's files may be kept, but are asked for again: they change with the package.
                headers["Cache-Control"] = "no-store" if scope["path"].startswith(_API) else "no-cache"
            await send(message)

        started = time.perf_counter()
        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, recorded)
        finally:
            self._metrics.in_flight.dec()
            # The route's pattern, not the path: an endless number of paths may be asked for.
            endpoint = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(endpoint, _known_method(scope["method"]), str(status)).inc()
            self._metrics.request_seconds.labels(endpoint).observe(time.perf_counter() - started)


class AccessControl:
    """Refuses wrong Host names (DNS rebinding), writes from pages of other sites, and wrong API keys."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            error = self._error_of(scope, Headers(scope=scope))
            if error is not None:
                await send_error(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _error_of(self, scope: Scope, headers: Headers) -> HttpError | None:
        host = headers.get("host", "")
        if self._settings.hosts is not None and _name_of(host) not in self._settings.hosts:
            return HttpError(403, "host", f"this service is not called '{host}'; use its own address.")
        origin = headers.get("origin")
        if origin is not None and scope["method"] not in _READS and _authority(origin) != host.lower():
            return HttpError(403, "origin", "this service takes nothing from pages of other sites; use its own page.")
        key, path = self._settings.api_key, scope["path"]
        if key is not None and path.startswith(_API) and path not in _OPEN_PATHS and not _has_key(headers, key):
            return HttpError(401, "api_key", "the API key is missing or wrong; send it as 'Authorization: Bearer KEY'.")
        return None


class BodyReader:
    """Takes the whole body into memory, within limits; gives up when the client leaves or time is up."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reserved = self._reserved_bytes(Headers(scope=scope))
        self._held_bytes += reserved
        try:
            if self._held_bytes > self._limits.bodies_bytes and self._held_bytes > reserved:
                raise HttpError(429, "busy", "too much is being sent at once; try again in a moment.", retry_after=2)
            body = await self._body(Headers(scope=scope), receive)
            if body is not None:
                await self._respond(scope, receive, send, body)
        except HttpError as error:
            await send_error(error, scope, receive, send)
        finally:
            self._held_bytes -= reserved

    def _reserved_bytes(self, headers: Headers) -> int:
        """What the body may come to: its announced length, or the most that is allowed when it comes in chunks."""
        length = _announced_length(headers)
        if length is None:
            return self._limits.body_bytes if "transfer-encoding" in headers else 0
        return min(length, self._limits.body_bytes)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None when the client left before it was there. Raises HttpError."""
        too_large = HttpError(
            413, "too_large", f"the request has more than {self._limits.body_bytes / 1e6:g} MB, the limit; send less."
        )
        if (_announced_length(headers) or 0) > self._limits.body_bytes:
            raise too_large
        parts: list[bytes] = []
        length = 0
        deadline = time.monotonic() + self._limits.seconds
        while True:
            try:
                message = await asyncio.wait_for(receive(), deadline - time.monotonic())
            except asyncio.TimeoutError:
                raise HttpError(408, "too_slow", "the request did not arrive in time; try again.") from None
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            if length > self._limits.body_bytes:
                raise too_large
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        begun = asyncio.Event()
        left = asyncio.Event()

        async def watched_send(message: Message) -> None:
            begun.set()
            await send(message)

        response = asyncio.ensure_future(self._app(scope, _replayed(body, left), watched_send))
        watcher = asyncio.ensure_future(_departure(receive, left))
        try:
            await asyncio.wait({response, watcher}, timeout=self._limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            # A response that has begun is finished: a second status could not be sent any more.
            if response.done() or (begun.is_set() and not left.is_set()):
                await response
            elif not left.is_set():
                raise HttpError(503, "too_slow", "the response took too long; try again later.", retry_after=10)
        finally:
            for task in (response, watcher):
                task.cancel()
            await asyncio.gather(response, watcher, return_exceptions=True)


async def _departure(receive: Receive, left: asyncio.Event) -> None:
    """Waits until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    left.set()


def _replayed(body: bytes, left: asyncio.Event) -> Callable[[], Awaitable[Message]]:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    return receive


def _announced_length(headers: Headers) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _has_key(headers: Headers, key: str) -> bool:
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    return hmac.compare_digest(given.encode("utf-8", "replace"), key.encode("ascii"))


def _name_of(host: str) -> str:
    """The Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _known_method(method: str) -> str:
    return method if method in (*_READS, "POST", "PUT", "DELETE", "PATCH") else "other"
