"""Writes a run folder as three days of work would leave it: for the bench of pages, and for their tests.

    python bench/long_run.py STORE POINTS PROCESSES FILES     prints the folder

It runs with the Python of the bench's own environment, where vestige is installed.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import TYPE_CHECKING

from vestige.record import codec, place
from vestige.record.model import Completeness, Exit, Figure, FileState, FileUse, Machine, Point, Process, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import FileClass

_BEGAN = 1_760_000_000_000_000_000  # ns since 1970
_SECOND = 1_000_000_000
_LONG = 3 * 86400.0  # s
_KINDS: tuple[FileClass, ...] = ("input", "output", "software", "config", "cache")
_NONE = Figure(None, "B", "unavailable", reason="made up")
_COMMANDS = 300
_LINES = 20_000
_LINE = b"a line of output, \x1b[32mgreen\x1b[0m in part\n"


def write(store: str, points: int, processes: int, files: int) -> str:
    """Write the folder and return its path."""
    chance = random.Random(1)  # noqa: S311 - no secrets
    run_id = place.new_id(_BEGAN)
    folder = os.path.join(store, "runs", place.run_folder_name(run_id, _BEGAN))
    os.makedirs(folder)
    for name, lines in (
        ("usage", map(codec.line, _points(points, chance))),
        ("processes", map(codec.line, _processes(processes, chance))),
        ("files", map(codec.line, _files(files, chance))),
        ("events", (json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in _events(points, processes))),
    ):
        with open(os.path.join(folder, f"{name}.jsonl"), "wb") as file:
            file.writelines(lines)
    with open(os.path.join(folder, "stdout"), "wb") as file:
        file.write(_LINE * _LINES)
    with open(os.path.join(folder, "record.json"), "wb") as file:
        file.write(codec.record_text(_record(run_id, processes)))
    return folder


def _record(run_id: str, processes: int) -> Record:
    return Record(
        id=run_id,
        argv=("make", "all"),
        cwd="/data",
        status="ended",
        started=place.utc_text(_BEGAN),
        ended=place.utc_text(_BEGAN + int(_LONG) * _SECOND),
        exit=Exit(code=0),
        vestige="0",
        machine=Machine("node", "Linux", "6.1", "x86_64", 8, 8, None, 64 << 30, 8 << 30),
        environment={},
        resources={
            "wall": Figure(_LONG, "s", "exact"),
            "cpu": Figure(_LONG * 1.3, "s", "exact"),
            "memory_peak": Figure(5_000_000_000, "B", "sampled", lower=4_000_000_000, upper=6_000_000_000),
        },
        processes=processes,
        completeness=Completeness("recorder", "on", files="complete"),
    )


def _points(number: int, chance: random.Random) -> Iterator[Point]:
    step = _LONG / number
    for place_ in range(number):
        end, rss = step * (place_ + 1), chance.randrange(1 << 30, 5 << 30)
        moved = int(end * 1e6)
        yield Point(end - step, end, 130, 8, 9, end * 1.3, rss // 2, rss, rss, rss - rss // 9, 0, 0, moved, moved // 3)


def _processes(number: int, chance: random.Random) -> Iterator[Process]:
    for place_ in range(number):
        start = _LONG * place_ / number
        cpu, peak = Figure(chance.uniform(1, 500), "s", "bound"), Figure(chance.randrange(1 << 30), "B", "exact")
        yield Process(
            10 + place_, 1, ("python", f"step{place_ % _COMMANDS}.py", f"--part={place_}"), False, "python", start,
            "exact", start + chance.uniform(10, 2000), 0, None, cpu, peak, _NONE, _NONE, _NONE, _NONE, _NONE,
        )  # fmt: skip


def _files(number: int, chance: random.Random) -> Iterator[FileUse]:
    for place_ in range(number):
        state = FileState("file", chance.randrange(1 << 28), 1, 1, 1, place_)
        digest = f"sha256:{chance.getrandbits(256):064x}"
        path = f"/data/parts/of/a/longer/path/{place_ % 97}/part-{place_:05}.parquet"
        yield FileUse(path, _KINDS[place_ % len(_KINDS)], (), state, state, digest, readers=(place_,))


def _events(points: int, processes: int) -> Iterator[dict[str, object]]:
    yield {"seq": 1, "t": _SECOND, "event": "start"}
    yield {"seq": 2, "t": _SECOND, "event": "output", "stream": "stdout", "offset": 0, "length": len(_LINE) * _LINES}
    for place_ in range(points):
        t = _SECOND + int(_LONG * place_ / points * _SECOND)
        top = {"pid": 10 + processes * place_ // points, "rss": 1 << 29}
        yield {"seq": 3 + place_, "t": t, "event": "sample", "rss": [1 << 30] * 3, "top": top}


def main(words: Sequence[str]) -> int:
    """Write one and print where it is."""
    print(write(words[0], *map(int, words[1:])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
