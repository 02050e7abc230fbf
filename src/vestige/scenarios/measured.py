"""What the kernel says beside what the tools say, and what time each adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import duration, size
from vestige.scenarios import spread
from vestige.scenarios.cases import BASE, CASES
from vestige.scenarios.table import NOTHING, Cell, Section, Table, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.scenarios.evidence import Evidence
    from vestige.scenarios.found import Found

_RESETTING = frozenset(case.name for case in CASES if case.plugin)  # set the kernel's peak back


def accuracy(of: Found) -> Section:
    """Return the peaks and the CPU time that tools tell, beside those of the kernel."""
    rows = [_accurate(case, of) for case in of.cases if of.said[case.name].peak is not None]
    text = (
        "The referee is the kernel: wait4(2) gives the largest resident peak of any process and the CPU time of all. "
        "For con-duct it judges the same go, for vestige `kedro run` alone: its Kedro plugin sets the kernel's own "
        "peak back at every node, so as to have one for each. The kernel's CPU time is always that of the same go, "
        "with what the tool used itself."
    )
    columns = ("", "peak, by the tool", "by the kernel", "share", "CPU, by the tool", "by the kernel, tool included")
    return Section("Are the figures right?", text, (Table(columns, tuple(rows)),))


def _accurate(case: Evidence, of: Found) -> tuple[Cell, ...]:
    said, last = of.said[case.name], case.rounds[-1]
    judge = of.base if of.base and case.name in _RESETTING else case
    truth = spread.of(one.largest for one in (judge.rounds if judge is not case else [last]))
    peak, source = said.peak or 0.0, said.memory.file if said.memory else ""
    cpu = Cell(duration(said.cpu_seconds), source) if said.cpu_seconds is not None else quoted(said.cpu)
    return (
        Cell(case.title),
        Cell(size(peak), source),
        Cell(_spread(truth, size), judge.file),
        Cell(f"{peak / truth.median:.0%}" if truth.median else NOTHING),
        cpu,
        Cell(duration(last.cpu), case.file),
    )


def time(of: Found) -> Section:
    """Return how long each scenario took, and how much of that was added."""
    rows = [_timed(case, of.base) for case in of.cases]
    text = (
        "Every scenario once in every round; the median, and the smallest and largest. What is added is taken within a "
        "round. A difference smaller than its own spread is no difference. "
        "The proxy refused kedro-telemetry at once; an answer from afar takes longer. For DataLad the project is a "
        "dataset with git-annex, made before the time is taken; else it is a plain Git repository."
    )
    return Section("What time does it add?", text, (Table(("", "time", "added to `kedro run` alone"), tuple(rows)),))


def _timed(case: Evidence, base: Evidence | None) -> tuple[Cell, ...]:
    took = Cell(_spread(spread.of(one.wall for one in case.rounds), duration), case.file)
    if base is None or case.name == BASE:
        return (Cell(case.title), took, Cell(NOTHING))
    pairs = zip(case.rounds, base.rounds, strict=False)
    return (Cell(case.title), took, Cell(_signed(spread.of(one.wall - alone.wall for one, alone in pairs))))


def _spread(found_one: spread.Spread, words: Callable[[float], str]) -> str:
    median, low, high = words(found_one.median), words(found_one.low), words(found_one.high)
    return median if low == high else f"{median} ({low} to {high})"


def _signed(added: spread.Spread) -> str:
    median, low, high = (
        f"{'+' if value >= 0 else '−'}{abs(value):.2f}"  # noqa: RUF001 - a minus sign on purpose
        for value in (added.median, added.low, added.high)
    )
    return f"{median} s" if low == high else f"{median} s ({low} to {high} s)"
