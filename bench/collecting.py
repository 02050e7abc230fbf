"""How many reports a second the collector takes, and how long its pages take over very many."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import measure
import spread
import table
import web
from errors import BenchError
from installation import CHECKOUT, add

if TYPE_CHECKING:
    import contextlib

    from workloads import Workloads

_STORED = 1_000_000
_SENT = 20_000
_CONNECTIONS = 64
_REPORTS_A_SECOND = 2000
_PAGE_SECONDS = 0.2
_PAGES = {
    "first page": "/",
    "all charts, 13 weeks": "/vestige/1",
    "all charts, 52 weeks": "/vestige/1?weeks=52",
    "one field, 52 weeks": "/vestige/1/context/python?weeks=52",
    "everything as CSV": "/vestige/1/all.csv",
}
_SLOWEST = "all charts, 52 weeks"


def collecting(work: Workloads) -> table.Section:
    """Measure the server on this machine, its client beside it; then its pages over a million reports."""
    add(work.made, "collector")
    stored, sent = work.number(_STORED), work.number(_SENT)
    with measure.scene(work.made.room) as where:
        with _server(where, "empty") as server:
            rates = [_rate(where, server.port, sent) for _ in range(work.rounds(5))]
        filled = float(_reports(where, "fill", _database(where, "full"), str(stored)))
        with _server(where, "full") as server:
            pages = {name: server.page(path, work.rounds(9)) for name, path in _PAGES.items()}
    rate = spread.of(rates)
    rows = tuple((name, table.seconds(seen.median), table.seconds(seen.high)) for name, seen in pages.items())
    return table.Section(
        "The collector",
        f"`vestige collector serve` with an SQLite file; {sent:,} reports over {_CONNECTIONS} connections from a "
        f"client on the same machine, each answered once it is on the disk: {rate.median:,.0f} a second. Then pages "
        f"over {stored:,} reports of a year, put there in batches within {filled:.0f} s.",
        (table.Table((f"{stored:,} reports", "time", "slowest"), rows),),
        (
            table.at_least("reports taken into SQLite, client on the same machine", _REPORTS_A_SECOND, rate, unit="/s"),
            table.at_most(f"{_SLOWEST} over {stored:,} reports", _PAGE_SECONDS, pages[_SLOWEST], unit="s"),
        ),
    )


def _server(where: measure.Scene, name: str) -> contextlib.AbstractContextManager[web.Server]:
    words = ["vestige", "collector", "serve", "--port", "0", "--rate", "0", "--database", _database(where, name)]
    return web.running(words, where)


def _database(where: measure.Scene, name: str) -> str:
    return f"sqlite:///{where.folder}/{name}.sqlite"


def _rate(where: measure.Scene, port: int, number: int) -> float:
    """Return how many reports a second were taken. Raises BenchError if any was not."""
    seconds, accepted = _reports(where, "send", str(port), str(number), str(_CONNECTIONS)).split()
    if int(accepted) != number:
        raise BenchError(f"{accepted} of {number} reports were accepted")
    return number / float(seconds)


def _reports(where: measure.Scene, *words: str) -> str:
    python = os.path.join(where.environment["PATH"].split(os.pathsep)[0], "python")
    call = [python, os.path.join(CHECKOUT, "bench", "reports.py"), *words]
    done = subprocess.run(call, env=dict(where.environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"bench/reports.py ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout
