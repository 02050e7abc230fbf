"""What this process has used so far, and the peak of its memory while a span is open.

The kernel keeps the largest resident size of a process (VmHWM), and sets it back to the present one when `5` is written
to /proc/self/clear_refs (proc(5)). What it had before is read first and written down with the span, so that the peak of
the whole process is not lost to the recorder.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from typing import NamedTuple

from vestige.spans.descriptor import Descriptor

_SECOND = 1_000_000_000
_RESET = b"5\n"
_LARGEST = 8 << 10  # B, of a file in /proc
_IO_NAMES = {
    b"rchar": "read_chars",
    b"wchar": "write_chars",
    b"read_bytes": "read_bytes",
    b"write_bytes": "write_bytes",
}


def cpu() -> dict[str, int]:
    """Return the CPU so far, ns: of the process, of this thread, and of the children that were waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_ns": time.process_time_ns(),
        "thread_ns": time.thread_time_ns(),
        "children_ns": int((children.ru_utime + children.ru_stime) * _SECOND),
    }


class Memory(NamedTuple):
    """Of this process, B."""

    peak: int  # VmHWM
    resident: int  # VmRSS


class Watch:
    """The memory of one open span."""

    __slots__ = ("before", "largest", "lower", "was_reset")

    def __init__(self, seen: Memory, *, was_reset: bool) -> None:
        """Begin, with what was seen before the peak was set back."""
        self.before = seen
        self.was_reset = was_reset
        self.lower = seen.resident
        self.largest = 0  # of the peaks that were read while it was open

    def fold(self, seen: Memory) -> None:
        """Take in a peak that was read while the span was open."""
        if self.was_reset or self.largest or seen.peak > self.before.peak:
            self.largest = max(self.largest, seen.peak)
        self.lower = max(self.lower, seen.resident)


class Meter:
    """The files in /proc that tell of this process, kept open; a forked child makes its own."""

    __slots__ = ("_clear", "_io", "_lock", "_status", "_watches")

    def __init__(self) -> None:
        """Open what there is."""
        self._lock = threading.Lock()
        self._watches: list[Watch] = []
        self._status = _opened("status", os.O_RDONLY)
        self._io = _opened("io", os.O_RDONLY)
        self._clear = _opened("clear_refs", os.O_WRONLY)

    def moved(self) -> dict[str, int]:
        """Return bytes read and written so far, with those of children that were waited for (proc_pid_io(5))."""
        lines = (line.partition(b":") for line in _content(self._io).splitlines())
        return {_IO_NAMES[name]: int(number) for name, _, number in lines if name in _IO_NAMES}

    def watch(self) -> Watch | None:
        """Begin to watch the peak; None where the kernel does not tell it."""
        with self._lock:
            seen = self._memory()
            if seen is None:
                return None
            self._fold(seen)
            watch = Watch(seen, was_reset=self._reset())
            self._watches.append(watch)
            return watch

    def unwatch(self, watch: Watch) -> dict[str, object]:
        """Stop to watch, and return what is known: B, and whether the peak is exact or only an upper bound."""
        with self._lock:
            seen = self._memory()
            if seen is not None:
                self._fold(seen)
            if watch in self._watches:
                self._watches.remove(watch)
        if seen is None or not watch.largest:
            return {"peak": watch.before.peak, "peak_lower": watch.lower}
        return {"peak": watch.largest, "resident": seen.resident}

    def close(self) -> None:
        """Close the files."""
        for descriptor in (self._status, self._io, self._clear):
            if descriptor is not None:
                descriptor.close()

    def _fold(self, seen: Memory) -> None:
        for watch in self._watches:
            watch.fold(seen)

    def _memory(self) -> Memory | None:
        found = {}
        for line in _content(self._status).splitlines():
            name, _, rest = line.partition(b":")
            if name in (b"VmHWM", b"VmRSS"):
                found[name] = int(rest.split()[0]) << 10
        return Memory(found[b"VmHWM"], found[b"VmRSS"]) if len(found) == len(Memory._fields) else None

    def _reset(self) -> bool:
        try:
            return self._clear is not None and self._clear.write(_RESET) > 0
        except OSError:
            return False


def of_this_process() -> Meter:
    """Return the meter of this process."""
    global _meter  # noqa: PLW0603 - one a process
    with _opening:
        if _meter is None:
            _meter = Meter()
        return _meter


def _opened(name: str, flags: int) -> Descriptor | None:
    try:
        return Descriptor(f"/proc/self/{name}", flags)
    except OSError:
        return None


def _content(descriptor: Descriptor | None) -> bytes:
    try:
        return b"" if descriptor is None else descriptor.read(_LARGEST)
    except OSError:
        return b""


def _forget() -> None:
    global _meter, _opening
    if _meter is not None:
        _meter.close()  # its files tell of the parent
    _meter, _opening = None, threading.Lock()


_meter: Meter | None = None
_opening = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
