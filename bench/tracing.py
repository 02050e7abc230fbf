"""What it costs to see every file, beside the tracers that see files too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import peers
import spread
import table
from overhead import BARE, Series, as_it_is, beside_bare, under

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from measure import Contender, Spent
    from workloads import Workloads

_SLOW = (peers.REPROZIP.name, peers.STRACE_FILES.name)  # each call stops twice: measured on a part, or less often
_FEWER = 10


def tracing(work: Workloads) -> table.Section:
    """Measure three workloads full of files, and one without."""
    number, times = work.number(100_000), work.number(300)
    files = _compared(work, work.small_files(number), rounds=5)
    few = _all(work, work.small_files(number // _FEWER), rounds=3)
    git = _all(work, work.git(times), rounds=3)
    compiled = _all(work, work.compiling(), rounds=3)
    computed = _compared(work, work.computing(), rounds=5)
    memory = peers.VESTIGE.name
    tables = (
        beside_bare(f"{number:,} small files read by Python", files),
        beside_bare(f"{number // _FEWER:,} small files", few),
        beside_bare(f"git {times} times", git),
        beside_bare("compiling a C project", compiled),
        beside_bare("computing", computed),
    )
    beside_strace = spread.of_ratios(
        (one.cpu for one in files[memory]), (one.cpu for one in files[peers.STRACE_FILES_BPF.name])
    )
    return table.Section(
        "Tracing files",
        "Every file that is opened, made, renamed or removed is recorded: by vestige with the state it was in before, "
        "by strace as text, by ReproZip (`reprozip trace`) in its database. strace is told to trace the same calls as "
        f"vestige does. What stops at every call of the program is measured on a {_FEWER}th of the small files only.",
        tables,
        (
            table.at_most(
                f"{number:,} small files opened and read, traced: CPU beside bare", 2.5, _of(files).cpu_ratio
            ),
            table.at_most("the same: CPU beside `strace -f --seccomp-bpf`", 0.6, beside_strace),
            table.at_most("compiling a C project, files traced: time beside bare", 1.25, _of(compiled).wall_ratio),
        ),
    )


def _of(spent: Mapping[str, Sequence[Spent]]) -> Series:
    return Series(spent[peers.VESTIGE.name], spent[BARE])


def _contenders(work: Workloads, command: list[str]) -> dict[str, Contender]:
    return {BARE: as_it_is(command)} | {
        peer.name: under(peer, command) for peer in peers.OF_FILES if work.made.has(peer)
    }


def _all(work: Workloads, command: list[str], rounds: int) -> dict[str, list[Spent]]:
    return work.compare(_contenders(work, command), rounds=rounds)


def _compared(work: Workloads, command: list[str], rounds: int) -> dict[str, list[Spent]]:
    """Measure without those that would take minutes."""
    contenders = {name: one for name, one in _contenders(work, command).items() if name not in _SLOW}
    return work.compare(contenders, rounds=rounds)
