"""The portable observer's hand in `events.jsonl` (`docs/reference/events.md`)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time


class Journal:
    """Appends events, one line each; a line that can't be written is counted, never raised.

    While it is open it holds the lock by which others know that the run lives; the file has its name when the lock is
    held. With `path` None it writes nothing.
    """

    def __init__(self, path: str | None) -> None:
        self.begun_ns = time.monotonic_ns()
        self.dropped = 0
        self._guard = threading.Lock()
        self._seq = 0
        self._descriptor = -1
        if path is not None:
            folder, name = os.path.split(path)
            unnamed = os.path.join(folder, f".{name}.tmp")
            self._descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            _lock(self._descriptor, fcntl.LOCK_EX)
            os.rename(unnamed, path)

    def now(self) -> int:
        """Return nanoseconds since the run began."""
        return time.monotonic_ns() - self.begun_ns

    def write(self, event: str, **keys: object) -> None:
        """Append an event; keys that are None are left out, since an absent figure is one that could not be read."""
        if self._descriptor < 0:
            return
        with self._guard:
            self._seq += 1
            known = {name: value for name, value in keys.items() if value is not None}
            line = {"seq": self._seq, "t": self.now(), "event": event, "via": "portable"} | known
            self._append(json.dumps(line).encode("ascii") + b"\n")

    def close(self) -> None:
        """Let go of the lock: the run is over. Explicitly, for a process that was forked may still share it."""
        if self._descriptor >= 0:
            _lock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, line: bytes) -> None:
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):  # a full disk: the next line must not be glued to this one
                os.write(self._descriptor, b"\n")
                self.dropped += 1
        except OSError:
            self.dropped += 1


def _lock(descriptor: int, how: int) -> None:
    # a file system without locks: readers then take the run for ended, and a later look puts it right
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
