"""What every request passes: is it to us, from our own pages, for reading, and by somebody who has the key."""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from vestige.errors import VestigeError
from vestige.serve import frame
from vestige.web import envelope
from vestige.web.answers import HEADERS, LOCAL_NAMES, Answer, name_in, place_of
from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from starlette.datastructures import Headers
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from vestige.serve.key import Key

_LOG = logging.getLogger(__name__)
_OURS = (None, "none", "same-origin")  # Sec-Fetch-Site: no browser of today, typed or from a bookmark, from our page
_OPEN = frozenset({"/style.css", "/page.js", "/serve.css", "/serve.js"})  # of the package: nobody's secret
_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Names:
    """By which names the server may be called: a page elsewhere could bend a name of its own to this machine."""

    host: str  # where it listens
    beyond: bool = False  # other machines may come: then by any address, which can't be bent, or by that name

    def __contains__(self, name: str) -> bool:
        """Say whether the name in a Host header is one of ours."""
        bare = name.strip("[]")
        if self.beyond and _is_address(bare):
            return True
        return name in LOCAL_NAMES or bare == self.host.lower()


class Gate:
    """Lets through what may pass, signs in, and has the last word on faults."""

    def __init__(self, app: ASGIApp, *, names: Names, key: Key) -> None:
        self._app = app
        self._names = names
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer(send, _HEADERS)
        try:
            inside = self._admit(scope)
            await (self._app if inside is None else inside)(scope, receive, answer)
        except ClientDisconnect:
            return  # nobody waits for an answer
        except Refusal as refusal:
            await refused(scope, refusal)(scope, receive, answer)
        except Exception as error:  # the outermost edge
            if answer.begun:  # the rest of a page: what is there of it can't be taken back
                _note(error)
                raise
            await refused(scope, _refusal(error))(scope, receive, answer)

    def _admit(self, scope: MutableMapping[str, Any]) -> Response | None:
        """Return the answer to one who signs in, None for whoever may pass. Raises Refusal."""
        request = Request(scope)
        if scope["method"] not in ("GET", "HEAD"):
            raise Refusal(405, "method", "nothing can be changed here", headers={"Allow": "GET, HEAD"})
        self._check_sender(request.headers)
        given = request.query_params.get("token")
        if scope["path"] == "/" and given is not None:
            if not self._key.is_token(given):
                raise Refusal(403, "token", "this address is of a server that has ended; open the one it prints now")
            answer = frame.page("signed_in.html")
            answer.headers["Set-Cookie"] = self._key.set_cookie()
            return answer
        if request.headers.get("sec-fetch-site") not in _OURS:
            raise Refusal(403, "site", "links of other pages lead nowhere here; open the address by itself")
        if scope["path"] not in _OPEN and not self._key.is_cookie(request.cookies.get(self._key.name, "")):
            raise Refusal(403, "key", "open the address that `vestige serve` has printed: it holds the key")
        return None

    def _check_sender(self, headers: Headers) -> None:
        """Raise Refusal for requests to another name, and those of scripts of other sites."""
        host = headers.get("host", "")
        if name_in(host) not in self._names:
            raise Refusal(421, "host", "this server has another name")
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host}".lower():
            raise Refusal(403, "origin", "requests of other sites' pages are not taken")


def _refusal(error: Exception) -> Refusal:
    """Return the answer to what went wrong: a record that can't be read as a rule; of a fault only its kind is told."""
    if isinstance(error, VestigeError):
        return Refusal(422, "record", str(error))
    _note(error)
    return Refusal(500, "fault", f"this page could not be made ({type(error).__name__})")


def _note(error: Exception) -> None:
    _LOG.error("a request failed: %s at %s", type(error).__name__, place_of(error))


def refused(scope: MutableMapping[str, Any], refusal: Refusal) -> Response:
    """Return the answer to a refused request: a page for people, the envelope for scripts."""
    if scope["path"].endswith(".json"):
        return envelope.refused(refusal)
    page = frame.page("refused.html", refusal.status, code=refusal.status, message=refusal.message)
    page.headers.update(refusal.headers)
    return page


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a server that listens there."""
    return host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
