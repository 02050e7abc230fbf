"""Many runs of one kind in words: what they take, and what to ask a scheduler for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from vestige.history import advice
from vestige.history.summaries import MEASURES
from vestige.quantity import amount, counted, number
from vestige.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.history.advice import Advice, Request
    from vestige.history.summaries import Measure, Summary

COLUMNS = (
    Column("runs", right=True),
    Column("failed", right=True),
    Column("took", right=True),
    Column("middle half", spare=6),
    Column("p90", right=True, spare=3),
    Column("cpu", right=True),
    Column("memory", right=True),
    Column("p90", right=True, spare=4),
    Column("I/O", right=True, spare=5),
    Column("trend", spare=1),
    Column("took, newest", spare=2),
    Column("command"),
)
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "–"  # noqa: RUF001 - a dash on purpose
_UNITS = {"--mem": "B", "--time": "s", "--cpus-per-task": "1"}
_NAMES = {"wall": "time", "cpu": "CPU", "peak_memory": "memory", "io_bytes": "I/O"}


def row(found: Summary) -> list[str]:
    """Return the cells of a kind of runs for `COLUMNS`."""
    wall, cpu, memory, moved = map(found.measures.get, MEASURES)
    return [
        number(found.count),
        number(found.failed) if found.failed else "",
        _value(wall, "median"),
        _NONE if wall is None else f"{amount(wall.lower, 's')} to {amount(wall.upper, 's')}",
        _value(wall, "p90"),
        _value(cpu, "median"),
        _value(memory, "median"),
        _value(memory, "p90"),
        _value(moved, "median"),
        trends(found),
        "" if wall is None else sparkline(wall.newest),
        found.template,
    ]


def trends(found: Summary) -> str:
    """Return what goes up or down beyond its noise: `time +18 %, memory -7 %`."""
    said = ((_NAMES[name], measure.trend) for name, measure in found.measures.items())
    return ", ".join(f"{name} {change * 100:+.0f} %" for name, change in said if change is not None)


def sparkline(values: Sequence[float]) -> str:
    """Return a series as a row of bars, from 0 to its largest value."""
    most = max(values, default=0) or 1
    return "".join(_BARS[min(int(max(value, 0) / most * len(_BARS)), len(_BARS) - 1)] for value in values)


def summary_json(found: Summary) -> dict[str, Any]:
    """Return a kind of runs for programs."""
    return dataclasses.asdict(found)


def advice_lines(found: Advice) -> Iterator[str]:
    """Yield what to ask for, each with its evidence."""
    failed = f", {number(found.failed)} failed" if found.failed else ""
    killed = f", {number(found.out_of_memory)} of them out of memory" if found.out_of_memory else ""
    runs = counted(found.runs, "run")
    yield f"{found.template}: {runs} since {found.since[:10]}{failed}{killed}"
    for request in found.requests:
        yield f"  {request.option:<22} {_seen(request)}"
        yield from (f"  {'':<22} {reason}" for reason in request.why)


def advice_json(found: Advice) -> dict[str, Any]:
    """Return the same for programs."""
    return dataclasses.asdict(found)


def _seen(request: Request) -> str:
    unit = _UNITS[request.option.partition("=")[0]]
    if not request.runs:
        return "a guess: no run ended well"
    share = "p90" if unit == "1" else "p99"
    seen = f"{share} {amount(request.p99, unit)}, largest {amount(request.largest, unit)}"
    return f"{advice.basis(request)}; {seen}"


def _value(measure: Measure | None, name: str) -> str:
    return _NONE if measure is None else amount(getattr(measure, name), measure.unit)
