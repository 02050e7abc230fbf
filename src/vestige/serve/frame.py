"""Pages as answers: templates of `vestige.pages`, which lead from one page to the next where a server gives them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, StreamingResponse

from vestige.pages import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.responses import Response

_PIECE = 1 << 16  # letters sent at a time


def page(template: str, status: int = 200, **values: object) -> Response:
    """Return a page that is made as a whole."""
    return HTMLResponse("".join(environment.render(template, assets="linked", **values)), status)


def long_page(parts: Iterable[str]) -> Response:
    """Return a page that is sent while it is made; what goes wrong before its first piece is raised here."""
    pieces = _pieces(parts)
    return StreamingResponse(chain([next(pieces)], pieces), media_type="text/html")


def _pieces(parts: Iterable[str]) -> Iterator[str]:
    """Yield a page in pieces that are worth a write each."""
    held: list[str] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length >= _PIECE:
            yield "".join(held)
            held, length = [], 0
    yield "".join(held)
