"""What every request passes: is it meant for us, not from elsewhere, not too many; and every answer's headers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from vestige.web import envelope
from vestige.web.answers import HEADERS, LOCAL_NAMES, Answer, name_in, place_of
from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping
    from typing import Any

    from starlette.types import ASGIApp, Receive, Scope, Send

    from vestige.collector.limits import Rate

_LOG = logging.getLogger(__name__)
_READING = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Refuses requests to foreign names, from other sites' pages, and too many of them; has the last word on faults."""

    def __init__(self, app: ASGIApp, *, names: Collection[str], rate: Rate) -> None:
        self._app = app
        self._names = LOCAL_NAMES.union(names)
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer(send, HEADERS)
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
            _LOG.error("a request failed: %s at %s", type(error).__name__, place_of(error))
            if answer.begun:
                raise
            await envelope.of_status(500)(scope, receive, answer)

    def _admit(self, scope: MutableMapping[str, Any]) -> None:
        """Raise Refusal if a request may not pass."""
        headers = Headers(scope=scope)
        if name_in(headers.get("host", "")) not in self._names:
            raise Refusal(421, "host", "this server has another name")  # a page elsewhere whose name was bent to us
        if scope["method"] in _READING:
            return
        origin = headers.get("origin")
        if origin is not None and name_in(origin.partition("://")[2]) not in self._names:
            raise Refusal(403, "origin", "requests of other sites' pages are not taken")
        client = scope.get("client")
        if not self._rate.allows(client[0] if client else ""):
            wait = {"Retry-After": str(self._rate.seconds_left())}
            raise Refusal(429, "too-many", "too many requests in this hour", headers=wait)
