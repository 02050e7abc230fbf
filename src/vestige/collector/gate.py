"""What every request passes: is it meant for us, not from elsewhere, not too many; and every answer's headers."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from vestige.collector import envelope
from vestige.collector.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping
    from typing import Any

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from vestige.collector.limits import Rate

_LOG = logging.getLogger(__name__)
_READING = ("GET", "HEAD", "OPTIONS")
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_RAW_HEADERS = tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in HEADERS.items())
_CLOSE = ((b"connection", b"close"),)


class Gate:
    """Refuses requests to foreign names, from other sites' pages, and too many of them; has the last word on faults."""

    def __init__(self, app: ASGIApp, *, names: Collection[str], rate: Rate) -> None:
        self._app = app
        self._names = _LOCAL_NAMES.union(names)
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            self._admit(scope)
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            return  # nobody waits for an answer
        except Refusal as refusal:
            await envelope.refused(refusal)(scope, receive, answer)
        except (
            Exception
        ) as error:  # the outermost edge: what went wrong is told by its kind only, requests stay private
            _LOG.error("a request failed: %s at %s", type(error).__name__, _where(error))
            if answer.begun:
                raise
            await envelope.of_status(500)(scope, receive, answer)

    def _admit(self, scope: MutableMapping[str, Any]) -> None:
        """Raise Refusal if a request may not pass."""
        headers = Headers(scope=scope)
        if _name(headers.get("host", "")) not in self._names:
            raise Refusal(421, "host", "this server has another name")  # a page elsewhere whose name was bent to us
        if scope["method"] in _READING:
            return
        origin = headers.get("origin")
        if origin is not None and _name(origin.partition("://")[2]) not in self._names:
            raise Refusal(403, "origin", "requests of other sites' pages are not taken")
        client = scope.get("client")
        if not self._rate.allows(client[0] if client else ""):
            wait = {"Retry-After": str(self._rate.seconds_left())}
            raise Refusal(429, "too-many", "too many requests in this hour", headers=wait)


class _Answer:
    """`send`, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            ended = message["status"] >= HTTPStatus.BAD_REQUEST  # the rest of what is refused is not waited for
            message["headers"] = [*message.get("headers", ()), *_RAW_HEADERS, *(_CLOSE if ended else ())]
        await self._send(message)


def _name(host: str) -> str:
    """Return the name in a Host header or an origin, without the port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
