"""Run folders written by hand, line by line, as a recorder would write them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from vestige.record import place, start, tinyjson

ID = "01980d2a-7c00-7abc-8def-0123456789ab"
BEGAN = 1_760_000_000_000_000_000  # 2025-10-09T08:53:20Z
BOOTED = 5_000_000_000  # ns before `begin`
TICKS = 100
MS = 1_000_000
S = 1_000_000_000
MB = 1_000_000
RECORDER = 900
COMMAND = 1000


@dataclass
class Events:
    """An `events.jsonl` in the making; every call writes one event. Times are ns since `begin`."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    seq: int = 0

    def add(self, event: str, t: int, /, **keys: Any) -> Events:
        self.seq += 1
        given = {name: value for name, value in keys.items() if value is not None}
        self.lines.append({"seq": self.seq, "t": t, "event": event, **given})
        return self

    def begin(self, **keys: Any) -> Events:
        default = {
            "format": 1,
            "vestige": "0.1.0",
            "id": ID,
            "argv": ["make", "all"],
            "cwd": "/home/somebody/work",
            "realtime_ns": BEGAN,
            "monotonic_ns": 77 * S,
            "boottime_ns": BOOTED,
            "clock_ticks": TICKS,
            "page_size": 4096,
            "observer": "recorder",
            "streams": {
                "stdout": {"kind": "pipe", "captured": True},
                "stderr": {"kind": "terminal", "captured": False},
            },
            "merged": False,
        }
        return self.add("begin", 0, **{**default, **keys})

    def opening(self, **keys: Any) -> Events:
        """Begin, trace and start a traced run whose command is forked after one millisecond."""
        self.begin(**keys)
        self.add("trace", MS // 2, state="on", wait_killable=True, sync_wake_up=True, no_new_privs=False)
        return self.add("start", MS, pid=COMMAND, via="notify")

    def exec(
        self, t: int, pid: int, argv: list[str], *, ppid: int = COMMAND, start: int | None = None, **keys: Any
    ) -> Events:
        begun = ticks(t) if start is None else start
        default = {"tid": pid, "ppid": ppid, "path": f"/usr/bin/{argv[0]}", "argv": argv, "argc": len(argv)}
        return self.add("exec", t, pid=pid, start=begun, **{**default, **keys})

    def exit(self, t: int, pid: int, *, ppid: int = COMMAND, status: int = 0, **figures: Any) -> Events:
        default = {"cpu_ns": 5 * MS, "hwm": 4 * MB, "rss": 3 * MB, "read_chars": 1000, "write_chars": 100}
        default |= {"read_bytes": 4096, "write_bytes": 0, "wait_ns": MS, "threads": 1}
        return self.add("exit", t, pid=pid, ppid=ppid, status=status, **{**default, **figures})

    def reap(self, t: int, pid: int, *, status: int = 0, **usage: Any) -> Events:
        return self.add("reap", t, pid=pid, status=status, **{**rusage(), **usage})

    def sample(self, t: int, rss: int, **keys: Any) -> Events:
        default = {"since": t, "count": 1, "processes": 1, "threads": 1, "cpu_ns": t // 2, "rss": [rss, rss, rss]}
        return self.add("sample", t, **{**default, **keys})

    def end(self, t: int, **keys: Any) -> Events:
        default = {
            "status": 0,
            **rusage(),
            "streams": {"stdout": {"bytes": 1234, "captured": True}},
            "pss_skipped": 0,
            "dropped": 0,
            "lost": 0,
            "cost": {"user_us": 900, "system_us": 1100, "maxrss": 1500_000, "guard_maxrss": 900_000},
            "pressure": {"cpu": 1500, "memory": 0, "io": 20},
            "cgroup": {"path": "/", "version": 2, "own": False},
            "oom_kills": 0,
        }
        return self.add("end", t, **{**default, **keys})

    def text(self) -> bytes:
        return b"".join(json.dumps(line).encode() + b"\n" for line in self.lines)

    def write(self, folder: str | os.PathLike[str]) -> str:
        path = os.path.join(folder, "events.jsonl")
        with open(path, "wb") as file:
            file.write(self.text())
        return path


def rusage() -> dict[str, int]:
    return {
        "user_us": 6000,
        "system_us": 2000,
        "maxrss": 3_800_000,
        "minor_faults": 300,
        "major_faults": 1,
        "blocks_in": 8,
        "blocks_out": 0,
        "voluntary_switches": 7,
        "involuntary_switches": 2,
    }


def ticks(t: int) -> int:
    """Return when a process began that is first seen at `t` as the kernel says it: ticks since boot, rounded down."""
    return (BOOTED + t) * TICKS // S


def simple() -> Events:
    """A command alone: `make all`, half a second."""
    events = Events().opening()
    events.exec(2 * MS, COMMAND, ["make", "all"], ppid=RECORDER)
    events.sample(5 * MS, 3 * MB, top={"pid": COMMAND, "rss": 3 * MB})
    events.exit(500 * MS, COMMAND, ppid=RECORDER)
    events.reap(501 * MS, COMMAND)
    return events.end(501 * MS)


def folder(
    parent: str | os.PathLike[str], events: Events | None = None, *, run_id: str = ID, now: int = BEGAN, **keys: Any
) -> str:
    """Make a run folder with its first record and, if given, its events."""
    path = os.path.join(parent, place.run_folder_name(run_id, now))
    os.makedirs(path)
    given: dict[str, Any] = {"argv": ["make", "all"], "cwd": "/home/somebody/work", "version": "0.1.0", "environ": {}}
    record = start.start_record(run_id=run_id, now_ns=now, **{**given, **keys})
    place.write_atomically(os.path.join(path, "record.json"), tinyjson.dumps(record))
    if events is not None:
        events.write(path)
    return path


def age(path: str, seconds: float = 3600) -> None:
    """Make a folder and its files look old."""
    for name in [*(os.path.join(path, name) for name in os.listdir(path)), path]:
        moment = os.stat(name).st_mtime - seconds
        os.utime(name, (moment, moment))
