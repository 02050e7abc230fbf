"""The application: which path leads where, and what lives as long as the server does."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from vestige.collector import api, kedro, pages
from vestige.collector.gate import Gate
from vestige.collector.reports import Writer
from vestige.web import envelope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from vestige.collector.collector import Collector

_PRUNE_EVERY = 3600  # s


def build(collector: Collector) -> Starlette:
    """Return the application."""
    app = Starlette(
        routes=[*api.ROUTES, *kedro.ROUTES, *pages.ROUTES],
        middleware=[Middleware(Gate, names=collector.names, rate=collector.rate)],
        exception_handlers={HTTPException: _of_framework},
        lifespan=_life,
    )
    app.router.redirect_slashes = False  # a path is right or it is not
    app.state.collector = collector
    app.state.writer = Writer(collector.store, collector.today)
    return app


async def _of_framework(_: Request, error: Exception) -> Response:
    """Answer what the framework itself has found, a path or method that there is not."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
    return envelope.of_status(error.status_code, error.headers)


@contextlib.asynccontextmanager
async def _life(app: Starlette) -> AsyncIterator[None]:
    writer: Writer = app.state.writer
    tasks = [asyncio.create_task(writer.run()), asyncio.create_task(_prune(writer))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


async def _prune(writer: Writer) -> None:
    while True:
        with contextlib.suppress(SQLAlchemyError):  # the next hour's will do as well
            await writer.prune()
        await asyncio.sleep(_PRUNE_EVERY)
