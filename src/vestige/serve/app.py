"""The application: which address leads to which page, and what lives as long as the server does."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.routing import Route

from vestige.pages import environment
from vestige.serve import pages
from vestige.serve.gate import Gate, refused
from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from vestige.serve.served import Served

_OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "static")
_PAGES = os.path.join(os.path.dirname(os.path.abspath(environment.__file__)), "static")
_AT_ONCE = 4  # pages made at a time; further requests wait
_STATIC = {
    "style.css": ("text/css", _PAGES),
    "page.js": ("text/javascript", _PAGES),
    "serve.css": ("text/css", _OWN),
    "serve.js": ("text/javascript", _OWN),
}


def build(served: Served) -> Starlette:
    """Return the application."""
    app = Starlette(
        routes=[*pages.ROUTES, *(Route(f"/{name}", _static) for name in _STATIC)],
        middleware=[Middleware(Gate, names=served.names, key=served.key)],
        exception_handlers={HTTPException: _of_framework},
        lifespan=_life,
    )
    app.router.redirect_slashes = False  # an address is right or it is not
    app.state.served = served
    return app


def _static(request: Request) -> Response:
    name = request.url.path.removeprefix("/")
    kind, folder = _STATIC[name]
    return FileResponse(os.path.join(folder, name), media_type=kind)


async def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
    return refused(request.scope, Refusal(error.status_code, "nothing", "there is nothing at this address"))


@contextlib.asynccontextmanager
async def _life(_: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _AT_ONCE
    yield
