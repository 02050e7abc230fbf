"""What the server works with, and how those who answer requests come by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.collector import limits
from vestige.collector.reports import today
from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping

    from starlette.requests import Request

    from vestige.collector.reports import Writer
    from vestige.collector.store import Store
    from vestige.telemetry.schema import Schema


@dataclass(frozen=True, slots=True)
class Collector:
    """What the server works with: requests find it as `request.app.state.collector`."""

    store: Store
    schemas: Mapping[str, Schema]  # by id, as in `vestige/1`; in the order of the first page
    documents: Mapping[str, object]  # the same as they stand in their files
    names: Collection[str] = ()  # by which the server is called, besides the local ones
    rate: limits.Rate = field(default_factory=lambda: limits.Rate(limits.REQUESTS_AN_HOUR))
    today: Callable[[], dt.date] = today


def collector_of(request: Request) -> Collector:
    """Return what the server works with."""
    found: Collector = request.app.state.collector
    return found


def writer_of(request: Request) -> Writer:
    """Return the one who writes."""
    found: Writer = request.app.state.writer
    return found


def require_json(request: Request) -> None:
    """Raise Refusal unless the body is plain JSON: nothing is ever unpacked, so that nothing can grow."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "encoding", "a body must not be compressed")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "type", "a body must be application/json")
