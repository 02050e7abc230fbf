"""How long the page of a very long run takes to be made and to be opened, and how large it is."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import measure
import spread
import table
from installation import CHECKOUT

if TYPE_CHECKING:
    from spread import Spread
    from workloads import Workloads

_POINTS, _PROCESSES, _FILES = 2_000, 10_000, 5_000
_LARGEST = 5.0  # MB
_OPENED = 2.0  # s
_MEGABYTE = 1e6
_QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def pages(work: Workloads) -> table.Section:
    """Measure `vestige report` of three days, 10,000 processes and 5,000 files, and Chromium showing what it wrote."""
    numbers = (_POINTS, work.number(_PROCESSES), work.number(_FILES))
    with measure.scene(work.made.room) as where:
        store, page = os.path.join(where.folder, "long"), os.path.join(where.folder, "long.html")
        script = os.path.join(CHECKOUT, "bench", "long_run.py")
        measure.run([[work.made.python, script, store, *map(str, numbers)]], where)
        call = ["vestige", "report", "--store", store, "-o", page, "last"]
        made = [measure.run([call], where) for _ in range(work.rounds(5))]
        length = os.path.getsize(page) / _MEGABYTE
        opened = _opened(work, where, page)
    walls = spread.of(spent.wall for spent in made)
    rows = [("made", table.seconds(walls.median), table.seconds(walls.high))]
    if opened is not None:
        rows.append(("opened and drawn in Chromium", table.seconds(opened.median), table.seconds(opened.high)))
    return table.Section(
        "Pages",
        f"`vestige report` of a run of three days: {numbers[0]:,} points, {numbers[1]:,} processes, {numbers[2]:,} "
        f"files. The page has {length:.1f} MB. Opening it is what a headless Chromium needs to draw it, beyond what it "
        "needs for an empty page.",
        (table.Table(("a long run's page", "time", "slowest"), tuple(rows)),),
        (
            table.at_most("page of a run of three days", _LARGEST, length, unit=" MB"),
            *_budget(opened),
        ),
    )


def _budget(opened: Spread | None) -> list[table.Budget]:
    return [] if opened is None else [table.at_most("opening that page in Chromium", _OPENED, opened, unit="s")]


def _opened(work: Workloads, where: measure.Scene, page: str) -> Spread | None:
    """Return how much longer Chromium takes to draw the page than an empty one, None where there is no Chromium."""
    browser = shutil.which("chromium")
    if browser is None:
        return None
    longer = []
    for _ in range(work.rounds(5)):
        empty, full = (
            measure.run([[browser, *_QUIET, f"--screenshot={where.folder}/shot.png", address]], where).wall
            for address in ("about:blank", f"file://{page}")
        )
        longer.append(max(full - empty, 0.0))
    return spread.of(longer)
