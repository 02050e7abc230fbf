"""What it costs to run a command under vestige and under its peers: time and CPU beside the bare command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import peers
import spread
import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from measure import Contender, Spent
    from peers import Peer
    from spread import Spread
    from workloads import Workloads

BARE = "bare"
_PYTHON = "`python -c pass`"
_SUMMARY = "vestige, summary printed"
_UNTRACED = "vestige --trace off"
_START = "start of "


@dataclass(frozen=True)
class Series:
    """What was measured of one contender, round by round, and the bare command's figures of the same rounds."""

    spent: Sequence[Spent]
    base: Sequence[Spent]

    @property
    def wall(self) -> Spread:
        """Times in seconds."""
        return spread.of(spent.wall for spent in self.spent)

    @property
    def cpu(self) -> Spread:
        """CPU in seconds."""
        return spread.of(spent.cpu for spent in self.spent)

    @property
    def wall_ratio(self) -> Spread:
        """Time beside the base's."""
        return spread.of_ratios((spent.wall for spent in self.spent), (spent.wall for spent in self.base))

    @property
    def cpu_ratio(self) -> Spread:
        """CPU beside the base's."""
        return spread.of_ratios((spent.cpu for spent in self.spent), (spent.cpu for spent in self.base))


def start(work: Workloads) -> table.Section:
    """Measure the shortest command there is."""
    command = work.true()
    contenders = {BARE: as_it_is(command), _PYTHON: as_it_is(work.python())} | _all_peers(work, command)
    contenders[_SUMMARY] = vestige(["--summary", "line"], command)
    spent = work.compare(contenders, rounds=30)
    columns = (
        "`true` under",
        "time",
        "slowest",
        f"{table.TIMES} `python -c pass`",
        "CPU",
        f"{table.TIMES} `python -c pass`",
    )
    rows = tuple(_start_row(name, spent) for name in spent)
    return table.Section("Start", _start_text(spent), (table.Table(columns, rows),), _start_budgets(spent))


def _start_text(spent: Mapping[str, Sequence[Spent]]) -> str:
    seen = spent[peers.VESTIGE.name]
    cpu, wall = (
        spread.of(values).median for values in zip(*((one.late_cpu, one.late_wall) for one in seen), strict=True)
    )
    return (
        f"`true`, {len(seen)} rounds. `vestige run` returns when the command has ended; the record is made final "
        f"afterwards by a process of its own at nice 10, which costs another {table.seconds(cpu)} of CPU, is done "
        f"{table.seconds(wall)} later and takes {table.size(max(one.late_memory for one in seen))}. "
        "With a summary, as on a terminal, that happens before it returns."
    )


def _start_budgets(spent: Mapping[str, Sequence[Spent]]) -> tuple[table.Budget, ...]:
    seen = spent[peers.VESTIGE.name]
    budgets = [table.at_most("`true`: time beside `python -c pass`", 2.5, Series(seen, spent[_PYTHON]).wall_ratio)]
    if peers.DUCT.name in spent:
        part = Series(seen, spent[peers.DUCT.name]).wall_ratio
        budgets.append(table.at_most("`true`: time beside `duct true`", 1 / 15, part))
    return tuple(budgets)


def short_processes(work: Workloads) -> table.Section:
    """Measure many short processes one after the other."""
    number = work.number(2000)
    spent = work.compare(_with_peers(work, work.short_processes(number)), rounds=11)
    ratio = _series(spent, peers.VESTIGE.name).wall_ratio
    return table.Section(
        "Short processes",
        f"{number:,} processes one after the other, each executes a C program that does nothing, "
        f"{len(spent[BARE])} rounds. vestige and strace see every one of them, the others sample or wait.",
        (beside_bare(f"{number:,} short processes", spent),),
        (table.at_most(f"{number:,} short processes, traced: time beside bare", 1.25, ratio),),
    )


def compiling(work: Workloads) -> table.Section:
    """Measure the compiling of a C project."""
    spent = work.compare(_with_peers(work, work.compiling()), rounds=9)
    ratio = _series(spent, peers.VESTIGE.name).wall_ratio
    return table.Section(
        "Compiling",
        f"The recorder's own C files, `make -j2`, `-O2`, {len(spent[BARE])} rounds.",
        (beside_bare("compiling", spent),),
        (table.at_most("compiling a C project, traced: time beside bare", 1.25, ratio),),
    )


def computing(work: Workloads) -> table.Section:
    """Measure one process that only computes: what start-up costs is measured too, and taken off."""
    command, nothing = work.computing(), work.true()
    contenders = _with_peers(work, command)
    contenders[_UNTRACED] = vestige(["--trace", "off"], command)
    starts = {_START + BARE: as_it_is(nothing), _START + peers.VESTIGE.name: under(peers.VESTIGE, nothing)}
    spent = work.compare(contenders | starts, rounds=15)
    started = {name: spent.pop(name) for name in starts}
    extra = [
        vestige.cpu - bare.cpu
        for vestige, bare in zip(started[_START + peers.VESTIGE.name], started[_START + BARE], strict=True)
    ]
    steady = spread.of_ratios(
        (one.cpu - more for one, more in zip(spent[peers.VESTIGE.name], extra, strict=True)),
        (one.cpu for one in spent[BARE]),
    )
    return table.Section(
        "Computing",
        f"A fixed amount of computing in one process, {len(spent[BARE])} rounds. The table includes each program's "
        f"start; without vestige's own ({table.seconds(spread.of(extra).median)} of CPU, measured on `true` in the "
        f"same rounds) the CPU is {table.ratio(steady)}.",
        (beside_bare("computing", spent),),
        (table.at_most("CPU-bound work: CPU beside bare, start-up taken off", 1.01, steady),),
    )


def _with_peers(work: Workloads, command: list[str]) -> dict[str, Contender]:
    return {BARE: as_it_is(command)} | _all_peers(work, command)


def _all_peers(work: Workloads, command: list[str]) -> dict[str, Contender]:
    return {peer.name: under(peer, command) for peer in peers.ALL if work.made.has(peer)}


def as_it_is(*stages: list[str]) -> Contender:
    """Return the pipeline itself."""
    return lambda _: list(stages)


def under(peer: Peer, command: list[str], *following: list[str]) -> Contender:
    """Return a peer put before a command, its output piped into what follows."""
    return lambda folder: [peer.words(command, folder), *following]


def vestige(options: Sequence[str], command: list[str], *following: list[str]) -> Contender:
    """Return vestige with options of `run`, its output piped into what follows."""
    words = [*options, *command]
    return lambda folder: [["vestige", "run", "--store", peers.store(folder), *words], *following]


def _series(spent: Mapping[str, Sequence[Spent]], name: str) -> Series:
    return Series(spent[name], spent[BARE])


def _start_row(name: str, spent: Mapping[str, Sequence[Spent]]) -> tuple[str, ...]:
    series = Series(spent[name], spent[_PYTHON])
    wall, cpu = table.seconds(series.wall.median), table.seconds(series.cpu.median)
    slowest = table.seconds(max(one.wall for one in series.spent))
    return name, wall, slowest, table.ratio(series.wall_ratio), cpu, table.ratio(series.cpu_ratio)


def beside_bare(what: str, spent: Mapping[str, Sequence[Spent]]) -> table.Table:
    """Return the table of time and CPU, each beside the bare command's."""
    rows = tuple(_row(name, _series(spent, name)) for name in spent)
    return table.Table((f"{what} under", "time", f"{table.TIMES} bare", "CPU", f"{table.TIMES} bare"), rows)


def _row(name: str, series: Series) -> tuple[str, ...]:
    wall, cpu = table.seconds(series.wall.median), table.seconds(series.cpu.median)
    if name == BARE:
        return name, wall, "1", cpu, "1"
    return name, wall, table.ratio(series.wall_ratio), cpu, table.ratio(series.cpu_ratio)
