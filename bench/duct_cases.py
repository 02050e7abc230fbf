"""`vestige duct` beside con-duct: figures that are known better, what both cost, and what output costs them."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import measure
import peers
import spread
import table
from workloads import GIGABYTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from measure import Contender, Spent
    from peers import Peer
    from workloads import Workloads

    Figures = Mapping[str, float | None]
    Round = tuple[Figures, Figures]  # what was said, what is true

_BOTH = (peers.DUCT, peers.VESTIGE_DUCT)
_WRONG = 0.1  # of the truth
_MEGABYTE = 1_000_000
_IDLE_MS = 9000
_SLOW = 300 * _MEGABYTE
_SLOW_READER = "import sys, time\nwhile sys.stdin.buffer.read(1 << 20): time.sleep(0.01)"
_SHARED = """
import json, os, time
held = bytearray(200_000_000)
held[::4096] = bytes([1]) * len(held[::4096])
pids = [os.getpid()]
for _ in range(10):
    pid = os.fork()
    if not pid:
        time.sleep(3)
        os._exit(0)
    pids.append(pid)
time.sleep(1.5)
lines = [line for pid in pids for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith("Pss:")]
with open(os.environ["VICTIM_REPORT"], "w") as file:
    print(json.dumps({"pss": 1024 * sum(int(line.split()[1]) for line in lines)}), file=file)
for _ in pids[1:]:
    os.wait()
"""


def _percent(value: float) -> str:
    return table.percent(value / 100)


def _number(value: float) -> str:
    return f"{value:,.0f}"


_WRITTEN: dict[str, tuple[str, Callable[[float], str]]] = {
    "memory": ("peak memory", table.size),
    "cpu": ("CPU", table.seconds),
    "busiest": ("peak CPU", _percent),
    "processes": ("processes", _number),
    "reports": ("reports", _number),
    "answers": ("runs with figures", _number),
}


@dataclass(frozen=True)
class Case:
    """A command whose figures are easy to get wrong, and those that are asked for.

    `known` are figures that need no measuring; the others are told by the command itself, or by GNU time where
    `by_time`. `options` are con-duct's; `nested`: each program stands around another call of itself; `times`: how
    often it is run for one answer.
    """

    title: str
    command: Sequence[str]
    figures: tuple[str, ...]
    known: Figures = field(default_factory=dict)
    options: tuple[str, ...] = ()
    nested: bool = False
    by_time: bool = False
    times: int = 1


def cases(work: Workloads) -> tuple[Case, ...]:
    """Return the cases; most of them play parts of `tests/victims/actor.c`."""

    def actor(*steps: str) -> list[str]:
        return [work.made.victim("actor"), *steps]

    def shell(script: str, *steps: str) -> list[str]:
        return ["sh", "-c", script.format(shlex.join(actor("inturn:1", *steps)))]

    memory, cpu, both = ("memory",), ("cpu",), ("memory", "cpu")
    rates = {"0.01": 1000, "0.1": 100, "1": 10}
    return (
        Case("500 MB for 50 ms", actor("inturn:1", "touch:500", "spin:50"), both),
        Case("`ls`", ["ls"], memory, by_time=True),
        Case("15 programs of 5 ms, one by one", actor("touch:5", "spin:5"), ("answers",), {"answers": 15.0}, times=15),
        Case("500 MB for 0.2 s in 3.5 s", actor("sleep:300", "touch:500", "sleep:200", "free", "sleep:3000"), memory),
        Case("10 forks of a process of 200 MB", [work.made.python, "-c", _SHARED], memory),
        Case("a child in its own session", shell("setsid -w {}", "touch:400", "spin:3000"), both),
        Case("a nested one", actor("inturn:1", "touch:400", "spin:3000"), both, nested=True),
        Case("two forks, in the background", shell("( ({} &) ); sleep 8", "touch:300", "spin:2000"), both),
        Case("the command ends before its child", shell("({} &); sleep 0.2", "touch:300", "spin:2000"), both),
        Case("200 short children", actor("inturn:200", "touch:20", "spin:20"), ("cpu", "processes"),
             {"processes": 201.0}),
        Case("1 s of computing, 9 s idle", actor("inturn:1", "spin:1000", "sleep:9000"), cpu),
        Case("9 s idle, 2 s of computing", actor("inturn:1", f"sleep:{_IDLE_MS}", "spin:2000"), ("cpu", "busiest")),
        *(Case(f"`--s-i {rate} --r-i {rate} sleep 10`", ["sleep", "10"], ("reports",), {"reports": float(number)},
               options=("--s-i", rate, "--r-i", rate)) for rate, number in rates.items()),
    )  # fmt: skip


def duct(work: Workloads) -> table.Section:
    """Ask both about every case, and measure what they cost."""
    seen = [(case, _asked(work, case)) for case in (cases(work)[:2] if work.quick else cases(work))]
    rows = [_row(case, figure, answers) for case, answers in seen for figure in case.figures]
    wrong = [sum(row[2 + index].startswith("**") for row in rows) for index in range(len(_BOTH))]
    rounds = work.rounds(3)
    return table.Section(
        "vestige duct beside con-duct",
        f"Both with the same options, at con-duct's sample interval of 1 s, in turn, {rounds} rounds. The truth is "
        "what the command says of itself, for forks the sum of PSS, for `ls` what GNU time says. An answer is the "
        "median, with the least and the largest error; what is wrong by more than 10 %, or not known, is bold: "
        f"{wrong[0]} of {len(rows)} figures of con-duct's, {wrong[1]} of vestige's. con-duct gives no CPU time: of "
        "both the average share is taken, over the time. Both measure until the command ends: what it leaves behind is "
        "measured up to then. In the tables of cost, memory is the resident peak of the program's largest process.",
        (table.Table(("", "truth", *(peer.name for peer in _BOTH)), tuple(rows)), _start(work), *_output(work)),
    )


def _asked(work: Workloads, case: Case) -> dict[str, list[Round]]:
    answers: dict[str, list[Round]] = {peer.name: [] for peer in _BOTH}
    for _ in range(work.rounds(3)):
        for peer in _BOTH:
            answers[peer.name].append(_answer(work, case, peer))
    return answers


def _answer(work: Workloads, case: Case, peer: Peer) -> Round:
    known = [_once(work, case, peer) for _ in range(case.times)]
    said, truth = known[-1]
    answers = sum(one["memory"] is not None for one, _ in known)
    return {**said, "answers": answers}, {**truth, **case.known}


def _once(work: Workloads, case: Case, peer: Peer) -> Round:
    with measure.scene(work.made.room) as where:
        report = os.path.join(where.folder, "truth")
        stage = dataclasses.replace(where, environment={**where.environment, "VICTIM_REPORT": report})
        inner = os.path.join(where.folder, "inner")
        os.mkdir(inner)
        command = peer.words(case.command, inner) if case.nested else case.command
        measure.run([peer.words([*case.options, *command], where.folder)], stage)
        said = _said(where.folder)
        if case.by_time:
            measure.run([peers.TIME.words(case.command, where.folder)], where)
            return said, dataclasses.asdict(peers.TIME.told(where.folder))
        return said, _truth(report)


def _said(folder: str) -> Figures:
    """Return what a log says; its CPU is the average share over the time."""
    told = peers.DUCT.told(folder)
    with open(peers.report(folder) + "_info.json", encoding="utf-8") as file:
        busiest = json.load(file)["execution_summary"]["peak_pcpu"]
    with open(peers.report(folder) + "_usage.jsonl", encoding="utf-8") as lines:
        reports = sum(1 for _ in lines)
    return {"memory": told.memory, "cpu": told.cpu, "processes": told.processes, "busiest": busiest, "reports": reports}


def _truth(report: str) -> Figures:
    """Return what the command's processes said; the last one to end is the one that waited for the others."""
    parts = list(_lines(report))
    if not parts or "pss" in parts[0]:
        return {"memory": parts[0]["pss"]} if parts else {}
    memory = max(part["base"] + part["peak"] for part in parts)
    cpu = (parts[-1]["cpu_us"] + parts[-1]["children_cpu_us"]) / 1e6
    busy = (parts[0]["ended_ns"] - parts[0]["started_ns"]) / 1e9 - _IDLE_MS / 1000  # of those that idle first
    return {"memory": memory, "cpu": cpu, "busiest": 100 * parts[0]["cpu_us"] / 1e6 / busy if busy > 0 else None}


def _lines(report: str) -> Iterator[dict[str, Any]]:
    if os.path.exists(report):
        with open(report, encoding="ascii") as lines:
            yield from map(json.loads, lines)


def _row(case: Case, figure: str, answers: Mapping[str, Sequence[Round]]) -> tuple[str, ...]:
    shown, written = _WRITTEN[figure]
    truth = statistics.median(truth[figure] or 0 for rounds in answers.values() for _, truth in rounds)
    cells = (_cell([(said[figure], truth[figure] or 0) for said, truth in answers[peer.name]], written)
             for peer in _BOTH)  # fmt: skip
    return f"{case.title}: {shown}", written(truth), *cells


def _cell(pairs: Sequence[tuple[float | None, float]], written: Callable[[float], str]) -> str:
    known = [(said, true) for said, true in pairs if said is not None]
    if not known:
        return "**not known**"
    errors = sorted(100 * ((said or 0) / true - 1) for said, true in pairs)
    text = f"{written(statistics.median(said for said, _ in known))} ({errors[0]:+.0f} to {errors[-1]:+.0f} %)"
    return f"**{text}**" if abs(statistics.median(errors)) > 100 * _WRONG else text


@dataclass(frozen=True)
class Taken:
    """What one contender took, round by round; `memory` is the largest resident peak of its processes, in bytes."""

    spent: Sequence[Spent]
    memory: Sequence[float]


def _taken(work: Workloads, contenders: Mapping[str, Contender], rounds: int) -> dict[str, Taken]:
    """Measure contenders in turn; GNU time watches the first stage of each."""
    memory: dict[str, list[float]] = {name: [] for name in contenders}

    def watched(contender: Contender) -> Contender:
        def stages(folder: str) -> list[list[str]]:
            first, *following = contender(folder)
            return [["time", "-o", "memory", "-f", "%M", *first], *following]

        return stages

    def look(name: str, folder: str) -> None:
        with open(os.path.join(folder, "memory"), encoding="ascii") as file:
            memory[name].append(1024 * float(file.read()))

    spent = work.compare({name: watched(one) for name, one in contenders.items()}, rounds=rounds, look=look)
    return {name: Taken(spent[name], memory[name]) for name in contenders}


def _under(peer: Peer, command: Sequence[str], *following: list[str]) -> Contender:
    return lambda folder: [peer.words(command, folder), *following]


def _start(work: Workloads) -> table.Table:
    taken = _taken(work, {peer.name: _under(peer, work.true()) for peer in (*_BOTH, peers.VESTIGE)}, rounds=15)
    columns = ("`true` under", "time", "CPU", "CPU beside con-duct", "CPU afterwards", "memory")
    return table.Table(columns, tuple(_start_row(name, taken) for name in taken))


def _start_row(name: str, taken: Mapping[str, Taken]) -> tuple[str, ...]:
    spent = taken[name].spent
    beside = spread.of_ratios((one.cpu for one in spent), (one.cpu for one in taken[peers.DUCT.name].spent))
    late = spread.of(one.late_cpu for one in spent).median
    wall, cpu = (spread.of(values).median for values in zip(*((one.wall, one.cpu) for one in spent), strict=True))
    shown = (table.seconds(wall), table.seconds(cpu), table.ratio(beside), table.seconds(late))
    return name, *shown, table.size(statistics.median(taken[name].memory))


def _output(work: Workloads) -> Iterator[table.Table]:
    fast, slow = work.number(GIGABYTE), work.number(_SLOW)
    readers = {
        f"{table.size(fast)} of output, captured, into `cat`": (fast, ["cat"]),
        f"{table.size(slow)} into a reader of 100 MB/s": (slow, [work.made.python, "-S", "-c", _SLOW_READER]),
    }
    for title, (length, reader) in readers.items():
        taken = _taken(work, {peer.name: _under(peer, work.noise(length), reader) for peer in _BOTH}, rounds=7)
        yield table.Table((title, "per second", "time", "CPU", "memory"),
                          tuple(_output_row(name, taken[name], length) for name in taken))  # fmt: skip


def _output_row(name: str, taken: Taken, length: int) -> tuple[str, ...]:
    wall, cpu = (spread.of(values) for values in zip(*((one.wall, one.cpu) for one in taken.spent), strict=True))
    memory = table.size(max(taken.memory))
    return name, table.size(length / wall.median), table.seconds(wall.median), table.seconds(cpu.median), memory
