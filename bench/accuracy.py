"""What vestige and its peers say about programs that know better: the truth is what the program says of itself."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import measure
import peers
import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from peers import Peer, Told
    from workloads import Workloads

_MEGABYTE = 1_000_000
_TOLERANCE = 0.01  # of a figure
_WIDEST = 0.1  # bounds that hold the truth may be this far apart, as a part of it
_SLACK = {"memory": 0.3 * _MEGABYTE, "cpu": 0.001, "processes": 0.0}
_WRITTEN: dict[str, Callable[[float], str]] = {
    "memory": table.size,
    "cpu": table.seconds,
    "processes": lambda value: f"{value:,.0f}",
}
_SHOWN = {"memory": "peak memory", "cpu": "CPU", "processes": "processes"}


@dataclass(frozen=True)
class Victim:
    """A program whose figures are easy to get wrong.

    `steps` are those of `tests/victims/actor.c`; `figures` what is asked for; `together` how many of its processes are
    at their peak at the same moment; `options` are vestige's.
    """

    title: str
    steps: tuple[str, ...]
    figures: tuple[str, ...]
    processes: int
    together: int = 1
    options: tuple[str, ...] = ()
    tolerance: float = _TOLERANCE


@dataclass(frozen=True)
class Answer:
    """What a program said in one round, and what was true in it."""

    told: Told
    truth: Told


@dataclass(frozen=True)
class Seen:
    """All answers to the question for one figure of one victim, by program."""

    victim: Victim
    figure: str
    answers: dict[str, list[Answer]]


def victims(nothing: str) -> tuple[Victim, ...]:
    """Return the victims; `nothing` is the program that does nothing."""
    memory, cpu, both = ("memory",), ("cpu",), ("memory", "cpu")
    idle = "sleep:1500"
    return (
        Victim("500 MB held for 50 ms", ("inturn:1", "touch:500", "sleep:50"), both, 2),
        Victim("500 MB held for 5 ms", ("inturn:1", "touch:500", "sleep:5"), memory, 2),
        Victim("300 MB for 20 ms between idle phases", (idle, "touch:300", "sleep:20", "free", idle), memory, 1),
        Victim("4 children share 400 MB, copy on write", ("inturn:1", "touch:400", "children:4", idle), both, 6),
        Victim("300 MB in two processes, one after the other", ("inturn:2", "touch:300", "sleep:600"), memory, 3),
        Victim("300 MB in two processes at once", ("children:2", "touch:300", idle), memory, 3, together=2),
        Victim(
            "a daemon (setsid, two forks) of 200 MB",
            ("daemon", "touch:200", "spin:1000", "free"),
            ("memory", "cpu", "processes"),
            3,
            options=("--wait",),
        ),
        Victim("2,000 short processes", ("inturn:2000", f"exec:{nothing}"), ("cpu", "processes"), 2001, tolerance=0.02),
        Victim("400 processes that burn 5 ms each", ("inturn:400", "spin:5"), cpu, 401),
        Victim("SIGKILL at a peak of 300 MB", ("inturn:1", "touch:300", "sleep:300", "kill:9"), both, 2),
    )


def accuracy(work: Workloads) -> table.Section:
    """Ask everyone about every victim."""
    seen = [one for victim in _chosen(work) for one in _asked(work, victim)]
    names = list(seen[0].answers)
    held = [within(one) for one in seen]
    return table.Section(
        "Accuracy",
        "Each program says of itself what it touched and burnt. An answer is the median of "
        f"{work.rounds(3)} rounds, with its largest error; `{table.NONE}`: no answer. con-duct and psrecord give no "
        "CPU time: their percentages, added up over time, are taken for it. The last column has what vestige states "
        "as bounds of the tree's peak.",
        (table.Table(("", "truth", *names, "vestige's bounds"), tuple(_row(one, names) for one in seen)),),
        (
            table.Budget(
                "accuracy: figures within 1 % (2,000 processes: 2 %), or between bounds no wider than 10 %",
                f"{len(held)} of {len(held)}",
                f"{sum(held)} of {len(held)}",
                all(held),
            ),
        ),
    )


def within(seen: Seen) -> bool:
    """Say whether all of vestige's answers keep the promise: near the truth, or between bounds close together."""
    return all(_keeps(answer, seen) for answer in seen.answers[peers.VESTIGE.name])


def _keeps(answer: Answer, seen: Seen) -> bool:
    said, true = getattr(answer.told, seen.figure), getattr(answer.truth, seen.figure)
    if said is None:
        return False
    if abs(said - true) <= max(_allowed(seen) * true, _SLACK[seen.figure]):
        return True
    low, high = answer.told.low, answer.told.high
    return seen.figure == "memory" and None not in (low, high) and low <= true <= high <= low + _WIDEST * true


def _allowed(seen: Seen) -> float:
    return 0.0 if seen.figure == "processes" else seen.victim.tolerance


def _chosen(work: Workloads) -> Sequence[Victim]:
    known = victims(work.made.victim("nothing"))
    return (known[0], known[7]) if work.quick else known


def _asked(work: Workloads, victim: Victim) -> Iterator[Seen]:
    asked = [peer for peer in peers.ALL if work.made.has(peer)]
    answers: dict[str, list[Answer]] = {peer.name: [] for peer in asked}
    for _ in range(work.rounds(3)):
        for peer in asked:
            answers[peer.name].append(_answer(work, victim, peer))
    for figure in victim.figures:
        yield Seen(victim, figure, answers)


def _answer(work: Workloads, victim: Victim, peer: Peer) -> Answer:
    with measure.scene(work.made.room) as where:
        report = os.path.join(where.folder, "truth")
        stage = dataclasses.replace(where, environment={**where.environment, "VICTIM_REPORT": report})
        words = peer.words([work.made.victim("actor"), *victim.steps], where.folder)
        if peer is peers.VESTIGE:
            words[2:2] = victim.options
        measure.run([words], stage)
        return Answer(peer.told(where.folder), _truth(report, victim))


def _truth(report: str, victim: Victim) -> Told:
    """Return what the victim's processes said; the last one to end is the one that waited for all others."""
    with open(report, encoding="ascii") as lines:
        parts = [json.loads(line) for line in lines]
    peaks = sorted((part["base"] + part["peak"] for part in parts), reverse=True)
    cpu = (parts[-1]["cpu_us"] + parts[-1]["children_cpu_us"]) / 1e6
    return peers.Told(sum(peaks[: victim.together]), cpu, victim.processes)


def _row(seen: Seen, names: Sequence[str]) -> tuple[str, ...]:
    written = _WRITTEN[seen.figure]
    first = seen.answers[names[0]]
    truth = statistics.median(getattr(answer.truth, seen.figure) for answer in first)
    answers = (_cell(seen.answers[name], seen.figure) for name in names)
    bounds = _bounds(first[0].told) if seen.figure == "memory" else ""
    return f"{seen.victim.title}: {_SHOWN[seen.figure]}", written(truth), *answers, bounds


def _cell(answers: Sequence[Answer], figure: str) -> str:
    pairs = [(getattr(answer.told, figure), getattr(answer.truth, figure)) for answer in answers]
    said = [value for value, _ in pairs if value is not None]
    if not said:
        return table.NONE
    errors = [(value or 0) / true - 1 for value, true in pairs]
    return f"{_WRITTEN[figure](statistics.median(said))} ({_signed(max(errors, key=abs))})"


def _signed(error: float) -> str:
    shown = round(error * 100, 1) + 0.0  # no -0.0
    return f"{shown:+.1f} %" if abs(error) < 1 else f"{shown:+.0f} %"


def _bounds(told: Told) -> str:
    if told.low is None:
        return table.NONE
    return f"{table.size(told.low)} to {table.NONE if told.high is None else table.size(told.high)}"
