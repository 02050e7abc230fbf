"""A pipeline that ran, by hand: two workers, one node that failed, one that never ran, hostile names."""

from __future__ import annotations

from typing import Any

from vestige.pipelines.plan import Plan, PlannedDataset, PlannedNode
from vestige.record.model import Figure, Span, SpanError

ESCAPE = "\x1b]0;gone\x07"
END = 10.0
PIDS = (100, 101, 102)
LOST = SpanError("ValueError", f"could not convert {ESCAPE} to float")


def exact(value: float, unit: str) -> Figure:
    return Figure(value, unit, "exact")


def span(number: int, name: str, start: float, end: float | None, **keys: Any) -> Span:
    given: dict[str, Any] = {"process": 0, "thread": 1, "cpu": exact(0.5, "s")}
    return Span(f"{number:016x}", name, start, end, **{**given, **keys})


def node(number: int, name: str, start: float, end: float | None, **keys: Any) -> Span:
    given: dict[str, Any] = {"kind": "kedro.node", "parent": RUN.id, "memory_peak": exact(2e8, "B")}
    return span(number, name, start, end, **{**given, **keys})


def part(kind: str, number: int, name: str, around: Span, stretch: tuple[float, float], **said: Any) -> Span:
    inside: dict[str, Any] = {
        "kind": f"kedro.{kind}",
        "parent": around.id,
        "process": around.process,
        "thread": around.thread,
    }
    return span(number, name, *stretch, attributes={"node": around.name, **said}, **inside)


RUN = span(
    1, "__default__", 1.0, 9.5, kind="kedro.run", status="error", error=LOST,
    attributes={"runner": "ParallelRunner", "env": "local", "nodes": 5},
)  # fmt: skip
CLEAN = node(2, "clean", 1.5, 4.0, process=1)
WEATHER = node(3, "weather", 1.5, 2.5, process=2, cpu=Figure(0.9, "s", "bound", upper=0.9))
JOIN = node(4, "join", 4.0, 8.0, process=2, memory_peak=Figure(6e8, "B", "bound", upper=6e8))
CARRIERS = node(5, f"carriers{ESCAPE}", 6.0, 6.5, process=1)
REPORT = node(6, "report", 8.0, 9.4, process=1, status="error", error=LOST)
BUSY = node(7, "busy", 4.0, 6.0, process=1)
SPANS = (
    RUN,
    CLEAN,
    part("load", 20, "raw", CLEAN, (1.5, 2.0), rows=336_776, bytes=31_200_000),
    part("save", 21, "clean@csv", CLEAN, (3.5, 4.0), rows=300_000, bytes=3_520_000),
    WEATHER,
    part("load", 22, "raw_weather", WEATHER, (1.5, 1.6), rows="many", bytes=-1),
    part("save", 23, "weather", WEATHER, (2.4, 2.5), rows=1, bytes=0),
    BUSY,
    JOIN,
    part("load", 24, "clean@pandas", JOIN, (4.0, 4.2), rows=300_000, bytes=3_520_000),
    part("load", 25, "weather", JOIN, (4.1, 4.4), rows=1),
    part("save", 26, "joined", JOIN, (7.0, 8.0), rows=300_000),
    *(span(100 + fold, "fold", 4.5 + fold / 20, 4.54 + fold / 20, parent=JOIN.id, process=2) for fold in range(30)),
    CARRIERS,
    part("load", 27, "clean@csv", CARRIERS, (6.0, 6.1), rows=300_000),
    REPORT,
    part("load", 28, "joined", REPORT, (8.0, 9.0), rows=300_000),
)
PLAN = Plan(
    nodes=(
        PlannedNode("clean", inputs=("raw", "params:top"), outputs=("clean@csv",)),
        PlannedNode("weather", inputs=("raw_weather", "parameters"), outputs=("weather",)),
        PlannedNode("join", inputs=("clean@pandas", "weather"), outputs=("joined",)),
        PlannedNode(f"carriers{ESCAPE}", inputs=("clean@csv",), outputs=("by_carrier",)),
        PlannedNode("report", inputs=("joined", "by_carrier"), outputs=("report",)),
        PlannedNode("mail", inputs=("report",)),
    ),
    datasets={"weather": PlannedDataset(kept=False), "joined": PlannedDataset()},
)
PLANS = {RUN.id: PLAN}

OUTER = span(1, "train", 1.0, 8.0, attributes={"table": f"flights{ESCAPE}", "deep": {"a": 1}})
PLAIN = (
    span(0, "prepare", 0.2, 0.9),
    OUTER,
    *(span(10 + n, f"fold {n}", 1.0 + n / 2, 1.5 + n / 2, parent=OUTER.id, thread=n % 2) for n in range(12)),
    *(span(40 + n, "fit", 1.0 + n / 2, 1.4 + n / 2, parent=f"{10 + n:016x}", thread=n % 2) for n in range(12)),
    span(80, "save", 8.0, 8.5, status="error", error=SpanError("OSError", "no space\nleft")),
    span(81, "hang", 8.5, None, status="unfinished", cpu=Figure(None, "s", "unavailable", reason="no end")),
)
