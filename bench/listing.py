"""How long `vestige ls` takes over many runs."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import measure
import peers
import spread
import table

if TYPE_CHECKING:
    from spread import Spread
    from workloads import Workloads

_NEWEST = "`vestige ls`"
_LIMIT = 0.5  # s
_EVERY = 60  # s between two of the made-up runs
_PATIENCE = 20.0  # s: what takes longer than that in all is not repeated again


def listing(work: Workloads) -> table.Section:
    """Measure listings of a store with very many runs."""
    number = work.number(100_000)
    calls: dict[str, list[str]] = {
        _NEWEST: [],
        "`vestige ls --since 1d --all`": ["--since", "1d", "--all"],
        "`vestige ls --all`": ["--all"],
    }
    with measure.scene(work.made.room) as where:
        store = _made_up(where, number)
        times = {name: _warm(work, where, store, options) for name, options in calls.items()}
    rows = tuple((name, table.seconds(seen.median), table.seconds(seen.high)) for name, seen in times.items())
    return table.Section(
        "Listing",
        f"A store of {number:,} runs, one a minute, each with the `record.json` of a real run; the second call and "
        "later ones are counted.",
        (table.Table((f"{number:,} runs", "time", "slowest"), rows),),
        (table.at_most(f"{_NEWEST} over {number:,} runs, warm", _LIMIT, times[_NEWEST], unit="s"),),
    )


def _warm(work: Workloads, where: measure.Scene, store: str, options: list[str]) -> Spread:
    """Return the times of some calls after a first one that does not count."""
    words = ["vestige", "ls", "--store", store, *options]
    measure.run([words], where)
    walls: list[float] = []
    while len(walls) < work.rounds(5) and sum(walls) < _PATIENCE:
        walls.append(measure.run([words], where).wall)
    return spread.of(walls)


def _made_up(where: measure.Scene, number: int) -> str:
    """Make a store of runs like one that is really made, and return its path."""
    measure.run([peers.VESTIGE.words(["true"], where.folder)], where)
    record = peers.vestige_record(where.folder)
    store = os.path.join(where.folder, "many")
    now = time.time()
    for index in range(number):
        _write(store, record, index, now - index * _EVERY)
    return store


def _write(store: str, record: dict[str, Any], index: int, moment: float) -> None:
    """Write a run of that moment whose id is made of its number."""
    milliseconds = int(moment * 1000)
    digits = f"{milliseconds:012x}7000{0x8000:04x}{index:012x}"
    run_id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    started = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + ".000000Z"
    name = time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime(moment)) + run_id[-8:]
    folder = os.path.join(store, "runs", name)
    os.makedirs(folder)
    with open(os.path.join(folder, "record.json"), "w", encoding="utf-8") as file:
        json.dump({**record, "id": run_id, "started": started, "ended": started}, file)
