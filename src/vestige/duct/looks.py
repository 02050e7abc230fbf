"""Looks at processes as `ps` has them: what con-duct keeps of each, read from /proc without a program."""

from __future__ import annotations

import datetime as dt
import os
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LONGEST_COMMAND = 1 << 16  # B
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Fields of /proc/PID/stat after the name, from 0: proc_pid_stat(5)
_STATE, _PARENT, _GROUP, _SESSION, _TERMINAL_GROUP = 0, 1, 2, 3, 5
_USER, _SYSTEM, _NICE, _THREADS, _START, _SIZE, _RESIDENT = 11, 12, 16, 17, 19, 20, 21


class Look(NamedTuple):
    """One process at one moment."""

    pid: int
    start: int  # clock ticks since boot: tells it from a later process of the same pid
    cpu: float  # s, user and system, without its children
    age: float  # s since it was started
    rss: int  # B
    vsz: int  # B
    state: str  # as `ps -o stat` writes it
    command: str  # the whole command line
    moment: str  # ISO 8601, local

    @property
    def share(self) -> float:
        """Per cent of a core over its life so far: what ps calls %CPU."""
        return share(self.cpu, self.age)


def share(cpu: float, age: float) -> float:
    """Return seconds of CPU as per cent of the seconds that a process lived."""
    return round(100 * cpu / age, 1) if age > 0 else 0.0


def elapsed(seconds: float) -> str:
    """Return an age as ps writes it: `[[DD-]HH:]MM:SS`."""
    whole = max(int(seconds), 0)
    days, hours = whole // _DAY, whole % _DAY // _HOUR
    text = f"{whole % _HOUR // _MINUTE:02}:{whole % _MINUTE:02}"
    if days or hours:
        text = f"{hours:02}:{text}"
    return f"{days:02}-{text}" if days else text


def moment(seconds: float) -> str:
    """Return seconds since 1970 as con-duct writes them: ISO 8601, local time with its offset."""
    return dt.datetime.fromtimestamp(seconds).astimezone().isoformat()


def below(roots: Iterable[int]) -> list[int]:
    """Return the pids of these processes' descendants, without themselves."""
    found: list[int] = []
    waiting = list(roots)
    seen = set(waiting)
    while waiting:
        more = [child for child in children(waiting.pop()) if child not in seen]
        seen.update(more)
        waiting += more
        found += more
    return found


def children(pid: int) -> list[int]:
    """Return the children of one process, of all its threads; of one that is gone none."""
    folder = f"/proc/{pid}/task"
    try:
        threads = os.listdir(folder)
    except OSError:
        return []
    return [int(word) for thread in threads for word in _read(f"{folder}/{thread}/children").split()]


def name(pid: int) -> str:
    """Return the kernel's name of a process, empty where it is gone."""
    return os.fsdecode(_read(f"/proc/{pid}/comm").rstrip(b"\n"))


def leader(pid: int) -> int:
    """Return the process that a thread belongs to: itself, where it is none but the first."""
    _, found, rest = _read(f"/proc/{pid}/status").partition(b"\nTgid:")
    return int(rest.split(maxsplit=1)[0]) if found else pid


def same_image(pid: int, other: int) -> bool:
    """Say whether two processes have one command line: a fork that has executed nothing of its own."""
    line = _read(f"/proc/{pid}/cmdline")
    return bool(line) and line == _read(f"/proc/{other}/cmdline")


def look(pids: Iterable[int]) -> list[Look]:
    """Look at these processes; those that are gone by now are left out."""
    now = moment(time.time())
    looks = (_look(pid, now) for pid in pids)
    return [found for found in looks if found is not None]


def _look(pid: int, now: str) -> Look | None:
    text = _read(f"/proc/{pid}/stat")
    begin, end = text.find(b"("), text.rfind(b")")
    fields = text[end + 2 :].split()
    if begin < 0 or len(fields) <= _RESIDENT:
        return None
    if fields[_STATE] != b"Z" and fields[_SIZE] == b"0":  # about to end: memory and command line are gone already
        return None
    start = int(fields[_START])
    return Look(
        pid=pid,
        start=start,
        cpu=(int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS,
        age=max(_since_boot() - start / _TICKS, 0.0),
        rss=int(fields[_RESIDENT]) * _PAGE,
        vsz=int(fields[_SIZE]),
        state=_state(fields, pid),
        command=_command(pid, text[begin + 1 : end], fields[_STATE]),
        moment=now,
    )


def _since_boot() -> float:
    """Return seconds since boot, by the clock that /proc/PID/stat uses; macOS, which has no /proc, has none of it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _state(fields: list[bytes], pid: int) -> str:
    """Return a state with the flags that ps(1) adds under PROCESS STATE CODES, but for locked pages."""
    nice = int(fields[_NICE])
    flags = (
        (nice < 0, "<"),
        (nice > 0, "N"),
        (int(fields[_SESSION]) == pid, "s"),
        (int(fields[_THREADS]) > 1, "l"),
        (int(fields[_TERMINAL_GROUP]) == int(fields[_GROUP]), "+"),
    )
    return fields[_STATE].decode() + "".join(flag for applies, flag in flags if applies)


def _command(pid: int, comm: bytes, state: bytes) -> str:
    words = _read(f"/proc/{pid}/cmdline", _LONGEST_COMMAND).rstrip(b"\0")
    if not words:
        words = b"[" + comm + b"]" + (b" <defunct>" if state == b"Z" else b"")
    return words.translate(_BLANKS).decode("utf-8", "replace")


_BLANKS = bytes(max(code, 0x20) for code in range(256))  # control characters, as in ps


def _read(path: str, most: int = 1 << 16) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, most)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
