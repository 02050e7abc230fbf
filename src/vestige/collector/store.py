"""Keeps reports and their aggregates: both change in one transaction, or neither does."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from vestige.collector import database
from vestige.collector.aggregates import Cell, Place, counted
from vestige.collector.tables import CELLS, REPORTS, SEEN
from vestige.telemetry import payload
from vestige.telemetry.weeks import week_of, week_start

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vestige.telemetry.payload import Report

RAW_DAYS = 30  # that reports are kept as they came; after that only the aggregates are left
ACCEPTED_WEEKS = 13  # how far back a report may lie: a laptop may have been in a drawer
_ONE_RUN = 10_000  # rows that one statement removes, so that pruning never holds the database for long

_CELLS = sa.select(CELLS.c.week, CELLS.c.event, CELLS.c.field, CELLS.c.label, CELLS.c.reports, CELLS.c.total)
_TAKE_FROM_CELLS = (
    sa.update(CELLS)
    .where(*(CELLS.c[name] == sa.bindparam(f"in_{name}") for name in ("schema", "week", "event", "field", "label")))
    .values(reports=CELLS.c.reports - 1, total=CELLS.c.total - sa.bindparam("less"))
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checked report: what is stored of it, and in which cells it counts."""

    report: str
    deletion: str
    schema: str
    week: str
    body: str
    cells: Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was removed because of its age."""

    reports: int
    ids: int


def accepted(report: Report) -> Accepted:
    """Return a checked report as it is stored."""
    return Accepted(
        report=report.report,
        deletion=report.deletion,
        schema=report.schema,
        week=report.week,
        body=payload.encode(report).decode("ascii"),
        cells=counted(report),
    )


def week_before(week: str, number: int) -> str:
    """Return the week so many weeks before another."""
    return week_of(week_start(week) - timedelta(weeks=number))


class Store:
    """Reports, aggregates and ids in one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._note_ids = self._insert(SEEN).on_conflict_do_nothing().returning(SEEN.c.report)
        adding = self._insert(CELLS)
        sums = {name: CELLS.c[name] + adding.excluded[name] for name in ("reports", "total")}
        self._add_cells = adding.on_conflict_do_update(index_elements=list(CELLS.primary_key), set_=sums)

    @classmethod
    def open(cls, url: str) -> Store:
        """Return the store in a database, made if need be. Raises CollectorError."""
        return cls(database.connect(url))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def add(self, reports: Sequence[Accepted], today: dt.date) -> int:
        """Add all that were not added before, with their cells; return how many those are."""
        by_id = {report.report: report for report in reversed(reports)}  # of two with the same id the first one counts
        with self._writing() as connection:
            ids = [{"report": name, "week": by_id[name].week} for name in sorted(by_id)]  # sorted, as in `_added`
            new = [by_id[row.report] for row in connection.execute(self._note_ids, ids)]
            if new:
                connection.execute(sa.insert(REPORTS), [_row(report, today) for report in new])
                connection.execute(self._add_cells, _added(new))
        return len(new)

    def delete(self, report: str, token: bytes) -> bool:
        """Remove a report, from the aggregates too, if `token` is its deletion token; say whether it was the right one.

        A report that is not there (any more) can be deleted with any token: whether it was ever there is not told.
        """
        with self._writing() as connection:
            found = connection.execute(sa.select(REPORTS).where(REPORTS.c.report == report).with_for_update()).first()
            if found is None:
                return True
            if not hmac.compare_digest(hashlib.sha256(token).hexdigest(), found.deletion):
                return False
            connection.execute(sa.delete(REPORTS).where(REPORTS.c.report == report))
            connection.execute(_TAKE_FROM_CELLS, _taken(found))
            of_week = (CELLS.c.schema == found.schema) & (CELLS.c.week == found.week)
            connection.execute(sa.delete(CELLS).where(of_week & (CELLS.c.reports <= 0)))
            return True

    def prune(self, today: dt.date) -> Pruned:
        """Remove reports that are old enough, and ids of weeks from which no report is accepted any more."""
        last_day = today - timedelta(days=RAW_DAYS)
        first_week = week_before(week_of(today), ACCEPTED_WEEKS + 1)
        return Pruned(
            self._remove(REPORTS, REPORTS.c.received < last_day),
            self._remove(SEEN, SEEN.c.week < first_week),
        )

    def _remove(self, table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
        some = sa.select(table.c.report).where(condition).limit(_ONE_RUN)
        removed = 0
        while True:
            with self._writing() as connection:
                number = connection.execute(sa.delete(table).where(table.c.report.in_(some))).rowcount
            removed += number
            if not number:
                return removed

    def schemas(self) -> tuple[str, ...]:
        """Return the names of all schemas of which there are reports."""
        with self._engine.connect() as connection:
            return tuple(connection.scalars(sa.select(CELLS.c.schema).distinct().order_by(CELLS.c.schema)))

    def cells(self, schema: str, first: str, last: str, only: tuple[str, str] | None = None) -> list[Cell]:
        """Return the cells of a range of weeks, both ends included, in order; `only` those of one event and field."""
        wanted = (CELLS.c.schema == schema) & CELLS.c.week.between(first, last)
        if only is not None:
            wanted &= (CELLS.c.event == only[0]) & (CELLS.c.field == only[1])
        with self._engine.connect() as connection:
            return list(map(Cell._make, connection.execute(_CELLS.where(wanted).order_by(*CELLS.primary_key)).all()))

    def reports(self) -> Iterator[tuple[str, str, str, dt.date, str]]:
        """Yield id, schema, week, day of arrival and text of the reports that are still kept, for their operator."""
        names = ("report", "schema", "week", "received", "body")
        with self._engine.connect().execution_options(yield_per=1000) as connection:
            for row in connection.execute(sa.select(*(REPORTS.c[name] for name in names))):
                yield row.report, row.schema, row.week, row.received, row.body

    @property
    def url(self) -> str:
        """Where the database is, without the password."""
        return self._engine.url.render_as_string(hide_password=True)

    def answers(self) -> bool:
        """Say whether the database can be read."""
        try:
            with self._engine.connect() as connection:
                connection.execute(sa.select(1))
        except SQLAlchemyError:
            return False
        return True

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(**{database.WRITES: True}) as connection, connection.begin():
            yield connection


def _row(report: Accepted, today: dt.date) -> dict[str, object]:
    names = ("report", "deletion", "schema", "week", "body")
    return {name: getattr(report, name) for name in names} | {"received": today}


def _added(reports: Iterable[Accepted]) -> list[dict[str, object]]:
    """Return what all these reports add to cells, in the order of cells: so two writers never wait in a ring."""
    numbers: Counter[tuple[str, str, Place]] = Counter()
    totals: Counter[tuple[str, str, Place]] = Counter()
    for report in reports:
        for place, total in report.cells.items():
            numbers[report.schema, report.week, place] += 1
            totals[report.schema, report.week, place] += total
    return [
        {"schema": schema, "week": week, **place._asdict(), "reports": number, "total": totals[schema, week, place]}
        for (schema, week, place), number in sorted(numbers.items())
    ]


def _taken(found: sa.Row[Any]) -> list[dict[str, object]]:
    """Return what a stored report has added to cells, under the names of `_TAKE_FROM_CELLS`."""
    cells = counted(payload.kept(found.body))
    return [
        {"in_schema": found.schema, "in_week": found.week, "less": total}
        | {f"in_{name}": value for name, value in place._asdict().items()}
        for place, total in sorted(cells.items())
    ]
