"""Whom a run talked to, tried to, or listened for, as a table and in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import duration, number
from vestige.report.tables import Column
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vestige.record.model import Connection, Process

COLUMNS = (
    Column("first", right=True),
    Column("what"),
    Column("how"),
    Column("outcome"),
    Column("times", right=True),
    Column("whom"),
    Column("by"),
)
_INTERNET = ("inet", "inet6")
_NAMED = 3  # processes


def rows(connections: Iterable[Connection], processes: Sequence[Process] = ()) -> list[list[str]]:
    """Return the cells of each connection for `COLUMNS`: those of the internet first, then those within the machine."""
    ordered = sorted(connections, key=lambda connection: connection.family not in _INTERNET)
    return [_row(connection, processes) for connection in ordered]


def whom(connection: Connection) -> str:
    """Return the other side, or what was listened on: `example.org:443 (93.184.215.14)`."""
    if connection.family not in _INTERNET:
        return safe(connection.address or "unnamed")
    port = "" if connection.port is None else f":{connection.port}"
    if connection.host:
        address = f" ({safe(connection.address)})" if connection.address else ""
        return f"{safe(connection.host)}{port}{address}"
    address = safe(connection.address or "unknown address")
    return f"[{address}]{port}" if ":" in address and port else address + port


def _row(connection: Connection, processes: Sequence[Process]) -> list[str]:
    protocol = connection.protocol or "?"
    return [
        "–" if connection.first is None else duration(max(connection.first, 0)),  # noqa: RUF001 - a dash on purpose
        "called" if connection.direction == "out" else "listened",
        safe(protocol if connection.family in _INTERNET else f"{connection.family} {protocol}"),
        connection.outcome,
        number(connection.count),
        whom(connection),
        _by(connection, processes),
    ]


def _by(connection: Connection, processes: Sequence[Process]) -> str:
    """Name the processes, as far as a foreign list of them tells."""
    lines = [line for line in connection.processes if 0 <= line < len(processes)]
    names = [f"{safe(processes[line].name or '?')} ({processes[line].pid})" for line in lines[:_NAMED]]
    more = len(connection.processes) - len(names)
    return ", ".join(names) + (f" and {more} more" if more and names else "")
