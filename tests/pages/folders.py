"""Run folders to make pages of: written through the codec, as a finaliser would leave them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from report import charts, pipeline

from vestige.record import codec, place
from vestige.record.model import (
    Completeness,
    Connection,
    Exit,
    Figure,
    FileCount,
    FileState,
    FileUse,
    Package,
    Slowest,
    SpanCounts,
    Stream,
)
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vestige.record.model import FileClass, Point, Process, Record, Span

BEGAN = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
HOSTILE = "<script>alert(1)</script><!--\u202egnp.exe\u2028\x1b[2J'\"&amp;"
BROKEN = '"\\377\\376.csv"'  # text of the record for two bytes that are no UTF-8


@dataclass(frozen=True)
class Made:
    """What a run folder is to hold."""

    record: Record
    points: Iterable[Point] = ()
    processes: Iterable[Process] = ()
    files: Iterable[FileUse] = ()
    spans: Iterable[Span] = ()
    stdout: bytes = b""
    stderr: bytes = b""
    looks: tuple[tuple[float, int, int, int], ...] = ()  # s, B of all, pid of the largest, B of it
    plan: dict[str, Any] = field(default_factory=dict)


def write(store: Path, made: Made, number: int = 0) -> RunFolder:
    """Write a run, a minute after the one with the number before."""
    began = BEGAN + 60 * SECOND * number
    run_id = place.new_id(began)
    folder = store / "runs" / place.run_folder_name(run_id, began)
    folder.mkdir(parents=True)
    record = dataclasses.replace(made.record, id=run_id, started=place.utc_text(began))
    (folder / "record.json").write_bytes(codec.record_text(record))
    for name, entries in (
        ("usage", made.points), ("processes", made.processes), ("files", made.files), ("spans", made.spans),
    ):  # fmt: skip
        with open(folder / f"{name}.jsonl", "wb") as file:
            file.writelines(map(codec.line, entries))
    (folder / "stdout").write_bytes(made.stdout)
    (folder / "stderr").write_bytes(made.stderr)
    with open(folder / "events.jsonl", "w", encoding="utf-8") as events:
        events.writelines(json.dumps(event, separators=(",", ":")) + "\n" for event in _events(made))
    return RunFolder(str(folder))


def _events(made: Made) -> Iterable[dict[str, Any]]:
    yield {"seq": 1, "t": SECOND, "event": "start"}
    seq = 1
    for stream in ("stdout", "stderr"):
        content: bytes = getattr(made, stream)
        if content:
            seq += 1
            said = {"stream": stream, "offset": 0, "length": len(content)}
            yield {"seq": seq, "t": seq * SECOND, "event": "output", **said}
    for time, whole, pid, rss in made.looks:
        seq += 1
        t = SECOND + int(time * SECOND)
        yield {"seq": seq, "t": t, "event": "sample", "rss": [whole] * 3, "top": {"pid": pid, "rss": rss}}


def used(kind: FileClass, path: str, size: int = 1000, **keys: Any) -> FileUse:
    state = FileState("file", size, 1, 1, 1, 1)
    given: dict[str, Any] = {
        "before": None if kind == "output" else state,
        "after": state,
        "hash": f"sha256:{size:064x}",
    }
    return FileUse(path, kind, **{**given, **keys})


FULL = Made(
    charts.record(
        message="with all that there is",
        tags=("paper",),
        exit=Exit(code=3),
        streams={"stdout": Stream("pipe", captured=True, length=20), "stderr": Stream("pipe", captured=True)},
        files={"input": FileCount(2, 31_200_000), "output": FileCount(1, 8_100_000), "software": FileCount(212, 1)},
        software=(Package("python", "numpy", "2.1.0", 31), Package("deb", "libc6", "2.36", 4)),
        network=(Connection("out", "inet", "tcp", "example.org", "93.184.215.14", 443, "refused", 2, (0,), 0.5),),
        completeness=Completeness("recorder", "on", files="complete"),
        spans=SpanCounts(14, slowest=Slowest("join", "kedro.node", 4.0, 5)),
        processes=4,
    ),
    points=charts.POINTS,
    processes=charts.PROCESSES,
    files=(
        used("input", "/home/me/data/raw.csv", 31_000_000, readers=(0,)),
        used("input", "/home/me/data/weather.csv", 200_000, readers=(0,)),
        used("output", "/home/me/out/model.pickle", 8_100_000, writers=(0, 1)),
        used("software", "/usr/lib/libc.so.6", 1_900_000, package="deb:libc6"),
    ),
    spans=pipeline.SPANS,
    stdout=b"epoch 1\repoch 2\r\nplain \x1b[1;31mred\x1b[0m \x1b[2J\n",
    stderr=b"Traceback\nValueError: no such column\n",
    looks=(
        (1.0, 200_000_000, 100, 150_000_000),
        (4.0, 500_000_000, 102, 260_000_000),
        (6.0, 700_000_000, 100, 500_000_000),
        (9.0, 300_000_000, 100, 300_000_000),
    ),
)
HOSTILE_RUN = Made(
    charts.record(
        argv=("sh", "-c", HOSTILE),
        message=HOSTILE,
        tags=(HOSTILE,),
        cwd=f"/{HOSTILE}",
        exit=Exit(code=127, reason=HOSTILE),
        environment={HOSTILE: HOSTILE},
        streams={"stderr": Stream("file", captured=False, path=HOSTILE, reason=HOSTILE)},
        files={"input": FileCount(2, 2)},
        software=(Package("python", HOSTILE, HOSTILE, 1, HOSTILE, source=HOSTILE),),
        network=(Connection("out", "inet", HOSTILE, HOSTILE, HOSTILE, 1, "refused"),),
        completeness=Completeness("recorder", "on", HOSTILE, notes=(HOSTILE,), files="complete"),
        spans=SpanCounts(2, slowest=Slowest(HOSTILE, "span", 1.0, 2)),
        resources={"wall": Figure(1.0, "s", "exact", reason=HOSTILE)},
    ),
    points=charts.POINTS,
    processes=(
        charts.process(1, HOSTILE, start=0, end=1),
        charts.process(2, start=0, end=1, name=HOSTILE, signal=HOSTILE),
    ),
    files=(used("input", f"/{HOSTILE}/{HOSTILE}"), used("output", BROKEN, package=HOSTILE, names=(HOSTILE,))),
    spans=(pipeline.span(1, HOSTILE, 0.0, 1.0, attributes={HOSTILE: HOSTILE}), pipeline.span(2, HOSTILE, 0.2, 0.8)),
    stdout=HOSTILE.encode("utf-8", "surrogatepass")
    + b"\x00\xff\xfe\n\x1b[31m"
    + HOSTILE.encode()
    + b"\x1b]0;gone\x07\n",
    stderr=HOSTILE.encode() + b"\n",
)
THOUSANDS = Made(
    charts.record(argv=("sh", "loop.sh"), processes=2001),
    points=charts.POINTS,
    processes=(
        charts.process(1, "sh", "loop.sh", start=0, end=10),
        *(charts.process(2 + n, "true", start=n / 250, end=n / 250 + (0.02 if n == 7 else 0.001)) for n in range(2000)),
    ),
)
