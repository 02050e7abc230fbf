"""How long questions to very many runs take: through the index, in SQL; and lineage over many lists of files."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import many_runs
import measure
import peers
import spread
import table

if TYPE_CHECKING:
    from spread import Spread
    from workloads import Workloads

_WHERE = "`vestige ls --where`"
_QUERY = "`vestige query`"
_CALLS = {
    "`vestige ls`": ["ls"],
    _WHERE: ["ls", "--where", "peak_memory > 2GB and command ~ 'kedro'", "--last", "50"],
    "`vestige ls --where … --sort wall`": ["ls", "--where", "peak_memory > 2GB", "--sort", "wall", "--last", "50"],
    "`vestige ls --tag paper --failed`": ["ls", "--tag", "paper", "--failed", "--last", "50"],
    _QUERY: ["query", "SELECT command, wall FROM runs ORDER BY wall DESC LIMIT 5"],
    "`vestige query`, all columns": ["query", "SELECT * FROM runs ORDER BY wall DESC LIMIT 5"],
    "`vestige stats`": ["stats"],
    "`vestige suggest`": ["suggest"],
}
_LINEAGE = {
    "`vestige why`": ["why", "/data/out/40.csv", "--depth", "20"],
    "`vestige used-by`": ["used-by", "/data/out/40.csv", "--depth", "1"],
}
_LIMIT_WHERE = 1.0  # s
_LIMIT_QUERY = 2.0  # s
_FILES = 250  # of a run, three of them inputs and outputs
_PATIENCE = 20.0  # s: what takes longer than that in all is not repeated again


def searching(work: Workloads) -> table.Section:
    """Measure questions to a store with very many runs."""
    number, listed = work.number(100_000), work.number(5_000)
    with measure.scene(work.made.room) as where:
        measure.run([peers.VESTIGE.words(["true"], where.folder)], where)
        template = peers.vestige_record(where.folder)
        store, files = (os.path.join(where.folder, name) for name in ("many", "files"))
        many_runs.make(store, number, template, now=time.time())
        many_runs.make(files, listed, template, now=time.time(), files=_FILES)
        time.sleep(3)  # what is fresh is not remembered
        first = _once(where, ["vestige", "ls", "--store", store, "--all", "--sort", "wall"])
        warm = {name: _warm(work, where, [words[0], "--store", store, *words[1:]]) for name, words in _CALLS.items()}
        size = os.path.getsize(os.path.join(store, "index", "runs.columns"))
        lineage = {
            name: _lineage(work, where, [words[0], "--store", files, *words[1:]]) for name, words in _LINEAGE.items()
        }
    rows = tuple((name, table.seconds(seen.median), table.seconds(seen.high)) for name, seen in warm.items())
    more = tuple((name, *map(table.seconds, seen)) for name, seen in lineage.items())
    return table.Section(
        "History",
        f"A store of {number:,} runs of eight commands, each with the `record.json` of a real run. The first question "
        f"reads every record, {table.seconds(first)}, and leaves an index of {table.size(size)}; later ones look "
        f"whether each record is still the same file. Below that, {listed:,} runs with {_FILES} files each.",
        (
            table.Table((f"{number:,} runs", "time", "slowest"), rows),
            table.Table((f"{listed:,} lists of files", "without an index", "with it"), more),
        ),
        (
            table.at_most(f"{_WHERE} over {number:,} runs, warm", _LIMIT_WHERE, warm[_WHERE], unit="s"),
            table.at_most(f"{_QUERY} over {number:,} runs, warm", _LIMIT_QUERY, warm[_QUERY], unit="s"),
        ),
    )


def _once(where: measure.Scene, words: list[str]) -> float:
    return measure.run([words], where).wall


def _warm(work: Workloads, where: measure.Scene, words: list[str]) -> Spread:
    """Return the times of some calls after a first one that does not count."""
    _once(where, ["vestige", *words])
    walls: list[float] = []
    while len(walls) < work.rounds(5) and sum(walls) < _PATIENCE:
        walls.append(_once(where, ["vestige", *words]))
    return spread.of(walls)


def _lineage(work: Workloads, where: measure.Scene, words: list[str]) -> tuple[float, float]:
    """Return the time of a first call, with the files read before, and of later ones."""
    store = words[2]
    _once(where, ["vestige", *words])
    shutil.rmtree(os.path.join(store, "index"), ignore_errors=True)
    return _once(where, ["vestige", *words]), _warm(work, where, words).median
