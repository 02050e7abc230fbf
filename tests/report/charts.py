"""Runs and logs of con-duct to draw: one of each kind, by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vestige.record.model import Completeness, Exit, Figure, Machine, Point, Process, Record

if TYPE_CHECKING:
    from pathlib import Path

NOT_READ = Figure(None, "B", "unavailable", reason="it was gone")
GIB = 1 << 30
MACHINE = Machine("laptop", "Linux", "6.1.0", "x86_64", 8, 2, None, 16 * GIB, 700_000_000)


def exact(value: float, unit: str = "B") -> Figure:
    return Figure(value, unit, "exact")


def process(pid: int, *argv: str, start: float, end: float | None, **keys: Any) -> Process:
    given: dict[str, Any] = {
        "parent": None, "argv": argv or None, "argv_truncated": False, "name": argv[0] if argv else "python3",
        "start_method": "exact", "exit_code": 0, "signal": None, "cpu": exact(0.01, "s"), "memory_peak": exact(2e6),
        "run_queue_wait": NOT_READ, "survived": end is None,
    }  # fmt: skip
    moved = dict.fromkeys(("read_bytes", "written_bytes", "read_chars", "written_chars"), NOT_READ)
    return Process(pid=pid, start=start, end=end, **{**given, **moved, **keys})


def point(  # noqa: PLR0913 - a row of a table
    end: float, cpu: float, rss: int, *, pss: int | None = None, samples: int = 1, start: float | None = None
) -> Point:
    begun = end if start is None else start
    moved = int(end * 1e6)
    return Point(
        begun, end, samples, 1, 1, cpu, rss // 2 if samples > 1 else rss, rss, rss, pss, 0, 0, moved, moved // 4
    )


def record(**keys: Any) -> Record:
    given: dict[str, Any] = {
        "id": "0190a1b2-c3d4-7e5f-8a9b-0c1d7f3a91c2", "argv": ("python", "train.py"), "cwd": "/home/me",
        "status": "ended", "started": "2026-07-01T12:00:00.000000Z", "ended": "2026-07-01T12:00:10.000000Z",
        "exit": Exit(code=0), "vestige": "0.1.0", "machine": MACHINE, "environment": {},
        "completeness": Completeness("recorder", "on"),
        "resources": {
            "wall": exact(10.0, "s"), "cpu": exact(12.0, "s"), "cores_used": exact(1.2, "1"),
            "cores_allowed": exact(2, "1"), "memory_peak": Figure(612e6, "B", "sampled", lower=598e6, upper=640e6),
            "read_chars": exact(10_000_000), "written_chars": exact(2_500_000),
            "oom_kills": Figure(1, "1", "exact", reason="of the whole machine"),
        },
    }  # fmt: skip
    return Record(**{**given, **keys})


POINTS = (
    point(0.005, 0.004, 9_000_000, pss=9_000_000),
    point(1.0, 1.0, 200_000_000, pss=200_000_000),
    point(4.0, 3.0, 500_000_000, pss=400_000_000, samples=20, start=1.1),
    point(6.0, 7.0, 700_000_000, pss=None, samples=10, start=4.1),
    point(8.0, 11.0, 650_000_000, pss=590_000_000),
    point(9.9, 11.9, 10_000_000, pss=10_000_000),
)
PROCESSES = (
    process(100, "python", "train.py", start=0, end=10, cpu=exact(9.0, "s"), memory_peak=exact(580_300_000)),
    process(101, "/usr/bin/sh", "-c", "uname -a", start=1.25, end=1.26, exit_code=3),
    process(102, start=2, end=8, cpu=Figure(2.5, "s", "bound", lower=2.5), exit_code=None, signal="SIGKILL",
            memory_peak=Figure(3e8, "B", "bound", lower=3e8)),
    process(103, "sleep", "60", start=3, end=None, exit_code=None, cpu=NOT_READ),
)  # fmt: skip
RUN = record()
SWARM = (
    process(1, "make", start=0, end=10),
    process(2, "cc1", "big.c", start=1, end=6, cpu=exact(6.0, "s"), memory_peak=exact(9e7), name="cc1"),
    *(process(100 + n, "cc1", f"{n}.c", start=n / 5, end=n / 5 + 0.1, name="cc1") for n in range(40)),
    *(process(200 + n, "as", f"{n}.s", start=n / 5 + 0.1, end=n / 5 + 0.15, name="as") for n in range(40)),
    process(300, "ld", start=9, end=9.5, name="ld"),
    *(process(400 + n, f"tool{n}", start=9, end=9.5, name=f"tool{n}") for n in range(4)),
)

INFO: dict[str, Any] = {
    "command": "sh -c ./burn & ./burn", "system": {"cpu_total": 2, "memory_total": 8_000_000_000, "hostname": "node"},
    "env": {"SLURM_JOB_ID": "42"}, "gpu": None, "duct_version": "0.23.0", "schema_version": "0.2.3",
    "execution_summary": {
        "exit_code": 0, "wall_clock_time": 4.0, "peak_rss": 300_000_000, "average_pcpu": 75.0, "num_samples": 4,
        "start_time": 1_767_225_600.0, "end_time": 1_767_225_604.0, "working_directory": "/home/me",
    },
    "output_paths": {"usage": "run_usage.jsonl", "prefix": "run_"}, "working_directory": "/home/me", "message": "",
}  # fmt: skip


def stamp(second: float) -> str:
    return f"2026-01-01T00:00:{second:09.6f}+00:00"


def sampled(second: int, *processes: tuple[int, float, int]) -> dict[str, Any]:
    """Return a line of usage.jsonl: pid, per cent, bytes of each process."""
    found = {
        str(pid): {
            "pcpu": share,
            "rss": rss,
            "etime": f"00:{second:02}",
            "timestamp": stamp(second),
            "cmd": f"/bin/burn {pid}",
        }
        for pid, share, rss in processes
    }
    totals = {"rss": sum(rss for _, _, rss in processes), "pcpu": sum(share for _, share, _ in processes)}
    return {
        "timestamp": stamp(second),
        "num_samples": 1,
        "processes": found,
        "totals": totals,
        "averages": {"rss": totals["rss"]},
    }


USAGE = (
    sampled(0, (1, 0.0, 2_000_000), (2, 50.0, 10_000_000)),
    sampled(1, (1, 0.0, 2_000_000), (2, 100.0, 200_000_000), (3, 20.0, 90_000_000)),
    sampled(2, (1, 0.0, 2_000_000), (2, 100.0, 250_000_000), (3, 50.0, 48_000_000)),
    sampled(4, (1, 0.0, 2_000_000), (3, 40.0, 48_000_000)),
)


def write_log(folder: Path, info: Any = INFO, usage: Any = USAGE, prefix: str = "run_") -> str:
    """Write a log and return the path of its info.json."""
    (folder / f"{prefix}info.json").write_text(info if isinstance(info, str) else json.dumps(info))
    text = usage if isinstance(usage, str) else "".join(json.dumps(line) + "\n" for line in usage)
    (folder / f"{prefix}usage.jsonl").write_text(text)
    return str(folder / f"{prefix}info.json")
