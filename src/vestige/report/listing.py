"""Many runs: a table for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Any, cast

from vestige.quantity import marked
from vestige.record import codec
from vestige.record.model import Figure
from vestige.record.outcome import outcome
from vestige.record.place import short_id
from vestige.report.tables import Column
from vestige.text import from_os
from vestige.words import command, safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.history.row import Row
    from vestige.record.model import Method, Record
    from vestige.store.kept import KeptRun, Loaded

COLUMNS = (
    Column("run"),
    Column("started"),
    Column("took", right=True),
    Column("outcome"),
    Column("cpu", right=True, spare=2),
    Column("memory", right=True),
    Column("tags", spare=1),
    Column("command"),
)
_FIGURES = {  # column of the CSV: figure
    "wall_s": "wall",
    "cpu_s": "cpu",
    "memory_peak_bytes": "memory_peak",
    "processes": "processes",
    "read_chars_bytes": "read_chars",
    "written_chars_bytes": "written_chars",
}
CSV_COLUMNS = (
    "id",
    "started",
    "ended",
    "status",
    "exit_code",
    "signal",
    *(name for column in _FIGURES for name in (column, column + "_method")),
    "tags",
    "message",
    "command",
    "cwd",
    "folder",
    "log",
)


def row(entry: Loaded[KeptRun]) -> list[str]:
    """Return the cells of a run for `COLUMNS`."""
    record = entry.record
    figures = record.resources
    return [
        short_id(record.id),
        local(record.started),
        marked(figures.get("wall")),
        outcome(record).partition(":")[0],
        marked(figures.get("cpu")),
        marked(figures.get("memory_peak")),
        safe(" ".join(record.tags)),
        command(record.argv),
    ]


def glance(found: Row) -> list[str] | None:
    """Return the same cells from what an index knows; None where it knows too little of a figure's bounds."""
    figures = (
        (found.wall, "s", found.wall_method),
        (found.cpu, "s", found.cpu_method),
        (found.peak_memory, "B", found.peak_memory_method),
    )
    if any(method == "bound" for _, _, method in figures):
        return None
    wall, cpu, memory = (marked(_figure(*figure)) for figure in figures)
    tags = safe(" ".join(found.tags))
    return [short_id(found.id), local(found.started), wall, found.outcome, cpu, memory, tags, found.command]


def as_json(entry: Loaded[KeptRun]) -> dict[str, Any]:
    """Return what `record.json` says, and `folder`; of a log of con-duct that is None, and `log` its path."""
    run = entry.folder
    where = {"folder": run.path} if run.log is None else {"folder": None, "log": from_os(run.log)}
    return {**codec.record_to_json(entry.record), **where}


def as_csv(entries: Iterable[Loaded[KeptRun]]) -> str:
    """Return the runs as CSV with a header: numbers without units or marks, empty where not known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_csv_row(entry.record, entry.folder) for entry in entries)
    return text.getvalue()


def _csv_row(record: Record, run: KeptRun) -> list[object]:
    figures: list[object] = []
    for name in _FIGURES.values():
        figure = record.resources.get(name)
        figures += [None, "unavailable"] if figure is None else [figure.value, figure.method]
    ending = [record.status, record.exit.code, record.exit.signal]
    where = [run.path, None] if run.log is None else [None, run.log]
    words = [" ".join(record.tags), record.message, command(record.argv), record.cwd, *where]
    return [record.id, record.started, record.ended, *ending, *figures, *words]


def _figure(value: float | None, unit: str, method: str | None) -> Figure:
    return Figure(value, unit, cast("Method", method or "unavailable"))


def local(started: str) -> str:
    """Return a moment of the record in local time, to the second."""
    moment = dt.datetime.fromisoformat(started.replace("Z", "+00:00"))
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
