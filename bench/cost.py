"""What the recorder itself takes: memory and room on disk for large runs, CPU for long ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import measure
import peers
import spread
import table
from overhead import BARE, as_it_is, under
from workloads import GIGABYTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from measure import Spent
    from workloads import Workloads

_MEGABYTE = 1e6
_LIMIT_MB = 10
_LIMIT_CORE = 1.0
_CAT = ["cat"]


@dataclass(frozen=True)
class Taken:
    """What one run took: the recorder's memory and CPU, the run folder's size without the copies of the output."""

    spent: Spent
    memory: float  # bytes
    cpu: float  # s
    recorded: int  # bytes


def memory(work: Workloads) -> table.Section:
    """Measure the recorder's memory over runs that are large in one way each."""
    runs = {what: _taken(work, stages) for what, stages in _large(work).items()}
    largest = max(taken.memory for taken in runs.values()) / _MEGABYTE
    columns = ("run", "recorder's memory", "recorder's CPU", "record on disk", "finalising: CPU", "memory")
    return table.Section(
        "Large runs",
        "Memory is the resident peak of the larger of recorder and guard. The record is everything in the run folder "
        "but the copies of stdout and stderr. Finalising is what is done once afterwards, by a process of its own.",
        (table.Table(columns, tuple(_row(what, taken) for what, taken in runs.items())),),
        (table.at_most("the recorder's memory, the largest of these runs", _LIMIT_MB, largest, unit="MB"),),
    )


def sampling(work: Workloads) -> table.Section:
    """Measure what watching fifty processes costs."""
    seconds = 5 if work.quick else 20
    command = work.fifty_processes(seconds)
    watchers = [peer for peer in (peers.VESTIGE, peers.DUCT, peers.PSRECORD) if work.made.has(peer)]
    contenders = {BARE: as_it_is(command)} | {peer.name: under(peer, command) for peer in watchers}
    own: list[float] = []

    def look(name: str, folder: str) -> None:
        if name == peers.VESTIGE.name:
            resources = peers.vestige_record(folder)["resources"]
            own.append(resources["recorder_cpu"]["value"] / resources["wall"]["value"])

    spent = work.compare(contenders, rounds=3, look=look)
    share = spread.of(100 * part for part in own)
    return table.Section(
        "Sampling",
        f"50 processes for {seconds} s that sleep, touch 1 MB and give it back, twice a second; "
        f"{len(own)} rounds. vestige itself puts its recorder's CPU at {table.significant(share.median)} % of one "
        "core; the table has what all of a program's processes took beyond the bare command's, its start included.",
        (table.Table(("50 processes under", "CPU beyond bare", "of one core"), tuple(_beyond(spent))),),
        (table.at_most("sampling 50 processes: share of one core", _LIMIT_CORE, share, unit="%"),),
    )


def _large(work: Workloads) -> dict[str, list[list[str]]]:
    """Return the runs in words, and what runs under vestige with what follows it in the pipe."""
    number, many, length = work.number(2000), work.number(10_000), work.number(GIGABYTE)
    runs = {
        "`true`": [work.true()],
        f"{number:,} short processes": [work.short_processes(number)],
        f"{many:,} short processes": [work.short_processes(many)],
        f"{work.number(5000):,} processes at once": [work.at_once(work.number(5000))],
        f"{table.size(length)} of output, captured": [work.noise(length), _CAT],
    }
    return runs if work.quick else runs | {"100,000 forks": [work.forks(100_000)]}


def _taken(work: Workloads, stages: Sequence[list[str]]) -> Taken:
    with measure.scene(work.made.room) as where:
        spent = measure.run([peers.VESTIGE.words(stages[0], where.folder), *stages[1:]], where)
        resources = peers.vestige_record(where.folder)["resources"]
        recorded = _size(peers.run_folder(where.folder))
    return Taken(spent, resources["recorder_memory"]["value"], resources["recorder_cpu"]["value"], recorded)


def _size(folder: str) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.name not in ("stdout", "stderr"))


def _row(what: str, taken: Taken) -> tuple[str, ...]:
    late = table.seconds(taken.spent.late_cpu), table.size(taken.spent.late_memory)
    return what, table.size(taken.memory), table.seconds(taken.cpu), table.size(taken.recorded), *late


def _beyond(spent: Mapping[str, Sequence[Spent]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, series in spent.items():
        beyond = spread.of(one.cpu - base.cpu for one, base in zip(series, spent[BARE], strict=True))
        share = spread.of((one.cpu - base.cpu) / one.wall for one, base in zip(series, spent[BARE], strict=True))
        if name != BARE:
            rows.append((name, table.seconds(beyond.median), table.percent(share.median)))
    return rows
