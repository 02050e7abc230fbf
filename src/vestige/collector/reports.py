"""What arrives: a body becomes a checked report, and the reports of one moment become one transaction."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from vestige.collector import limits
from vestige.collector.store import ACCEPTED_WEEKS, accepted, week_before
from vestige.errors import TelemetryError
from vestige.telemetry import payload
from vestige.telemetry.weeks import week_of
from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vestige.collector.store import Accepted, Store
    from vestige.telemetry.schema import Schema

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_GATHER = 0.005  # s from the first report of a transaction to its beginning: senders that come together share one
_AHEAD = timedelta(days=1)  # a clock may be wrong, or tomorrow's already


def today() -> date:
    """Return the day, in UTC."""
    return datetime.now(tz=timezone.utc).date()


def checked(body: bytes, schemas: Mapping[str, Schema], day: date) -> Accepted:
    """Return the report in a body. Raises Refusal: it is no report, of no known schema, or too old."""
    try:
        document = payload.decode(body)
        report = payload.check(document, _schema_of(document, schemas))
    except TelemetryError as error:
        raise Refusal(400, "refused", str(error)) from error
    first = week_before(week_of(day), ACCEPTED_WEEKS)
    if not first <= report.week <= week_of(day + _AHEAD):
        raise Refusal(400, "week", f"reports are taken from {first} to this week")
    return accepted(report)


def _schema_of(document: object, schemas: Mapping[str, Schema]) -> Schema:
    name = document.get("schema") if isinstance(document, dict) else None
    found = schemas.get(name) if isinstance(name, str) else None
    if found is None:
        raise Refusal(400, "schema", f"the schema must be one of {', '.join(schemas)}")
    return found


@dataclass(slots=True)
class _Waiting:
    report: Accepted
    kept: asyncio.Future[None]


class Writer:
    """The only one who writes: whatever came while one transaction was made is the next one.

    So there is one fsync for many reports, and who is told that a report was accepted knows that it is on the disk.
    """

    def __init__(self, store: Store, day: Callable[[], date] = today) -> None:
        self._store = store
        self._day = day
        self._waiting: list[_Waiting] = []
        self._due = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def add(self, report: Accepted) -> None:
        """Return when the report is kept. Raises Refusal where the database can't take it."""
        if len(self._waiting) >= limits.WAITING:
            raise _busy("too many reports are waiting")
        waiting = _Waiting(report, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._due.set()
        await waiting.kept

    async def delete(self, report: str, token: bytes) -> bool:
        """Delete a report; say whether the token was right. Raises Refusal where the database can't do it."""
        try:
            return await self._in_thread(lambda: self._store.delete(report, token))
        except SQLAlchemyError as error:
            raise _busy("the database does not answer") from error

    async def prune(self) -> None:
        """Remove what is old."""
        await self._in_thread(lambda: self._store.prune(self._day()))

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        while True:
            await self._due.wait()
            await asyncio.sleep(_GATHER)
            self._due.clear()
            batch, self._waiting = self._waiting, []
            await self._write(batch)

    def close(self) -> None:
        """Wait for the last transaction."""
        self._thread.shutdown()

    async def _write(self, batch: list[_Waiting]) -> None:
        reports = [waiting.report for waiting in batch]
        kept = True
        try:
            await self._in_thread(lambda: self._store.add(reports, self._day()))
        except Exception as error:  # noqa: BLE001 - a full disk, a database that restarts, or a fault: the next batch
            _LOG.error("reports could not be kept: %s", type(error).__name__)
            kept = False
        for waiting in batch:
            if waiting.kept.done():
                continue  # its sender has gone
            if kept:
                waiting.kept.set_result(None)
            else:
                waiting.kept.set_exception(_busy("the database does not answer"))

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _busy(why: str) -> Refusal:
    return Refusal(503, "busy", f"{why}; come again later", headers={"Retry-After": "60"})
