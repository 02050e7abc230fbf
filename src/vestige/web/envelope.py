"""The one form of every answer that is not a page or a file: JSON, and every refusal as `{"error": {...}}`."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping


class Json(Response):
    """JSON in ASCII: what others have sent may be quoted in it, and not all of that is Unicode."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the bytes of the answer."""
        return json.dumps(content, allow_nan=False).encode("ascii")


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request is answered with an error."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def refused(refusal: Refusal) -> Json:
    """Return the answer to a refused request."""
    return Json(_error(refusal.code, refusal.message), refusal.status, headers=refusal.headers)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Json:
    """Return the answer for a status that the web framework itself has found, as 404 and 405."""
    phrase = HTTPStatus(status).phrase.lower()
    return Json(_error(phrase.replace(" ", "-"), phrase), status, headers=dict(headers or {}))


def raw(status: int, code: str, message: str) -> bytes:
    """Return the same as bytes of HTTP/1.1, for requests that no framework has understood."""
    body = json.dumps(_error(code, message)).encode("ascii")
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode("ascii") + body


def _error(code: str, message: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "message": message}}
