"""Looking at processes from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import IO

from harness.waiting import until

FORKS = ("clone", "clone3", "fork", "vfork")


def state(pid: int) -> str | None:
    """Return the one-letter state of a process, None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0].decode()
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, reaped or not."""
    return state(pid) in (None, "Z", "X")


def with_variable(name: str, value: str) -> list[int]:
    """Return the live processes that were started with this environment variable."""
    wanted = f"{name}={value}".encode()
    return [pid for pid in _all() if wanted in environment(pid).split(b"\0") and not is_gone(pid)]


def describe(pid: int) -> str:
    """Return the pid, state, name and the end of the command line of a process."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file, open(f"/proc/{pid}/comm", "rb") as comm:
            words = file.read().replace(bytes(1), b" ").decode(errors="replace")
            return f"{pid} {state(pid)} {comm.read().decode(errors='replace').strip()}: …{words[-80:]}"
    except OSError:
        return str(pid)


def kill_all(pids: list[int]) -> None:
    """Kill processes that may be gone already."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: all(is_gone(pid) for pid in pids), f"the death of {pids}")


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def environment(pid: int) -> bytes:
    """Return the environment that a process was started with, empty where it can't be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def read_slowly(pipe: IO[bytes]) -> None:
    """Read to the end, always slower than it is written."""
    while os.read(pipe.fileno(), 1 << 16):
        time.sleep(0.002)


def delayed(*noted: str, log: str = os.devnull, **calls: str) -> list[str]:
    """Return the words that run a command with system calls delayed, each given as `call="delay_exit=MICROSECONDS"`.

    They, and those `noted`, are written to `log`.
    """
    injected = [word for call, how in calls.items() for word in ("-e", f"inject={call}:{how}")]
    return ["strace", "-f", "-qq", "-o", log, "-e", f"trace={','.join([*noted, *calls])}", *injected]
