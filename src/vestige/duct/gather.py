"""The looks at a run while it lasts, written report by report: usage.jsonl grows as con-duct's does."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from typing import TYPE_CHECKING

from vestige.duct.looks import look, moment
from vestige.duct.reports import Report, Summed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vestige.duct.options import Options

_SHORTEST = 0.01  # s between looks, whatever is asked for


class Gatherer:
    """Looks at processes when it is time to, and writes a report when that is due.

    `pids` says who is to be looked at, `path` is usage.jsonl (None: nothing is written), `memory` the machine's bytes.
    """

    def __init__(self, options: Options, *, pids: Callable[[], Iterable[int]], path: str | None, memory: int) -> None:
        self.whole = Summed()
        self.lines = 0
        self.largest: dict[tuple[int, int], tuple[int, int]] = {}  # by pid and start: most memory seen, in which line
        self._options = options
        self._pids = pids
        self._path = path
        self._memory = memory
        self._report = Report(memory)
        self._begun = self._next = time.monotonic()

    def until_next(self) -> float:
        """Return the seconds to the next look."""
        return max(self._next - time.monotonic(), 0.0)

    def look(self) -> bool:
        """Look now, and say whether there was anybody alive: a run of the dead is over, and not yet waited for."""
        now = time.monotonic()
        self._next = max(self._next + max(self._options.sample_interval, _SHORTEST), now)
        found = look(self._pids())
        if not any(one.vsz for one in found):
            return False
        self.whole.add(self._report.add(found))
        for one in found:
            if one.rss > self.largest.get((one.pid, one.start), (-1, 0))[0]:
                self.largest[one.pid, one.start] = (one.rss, self.lines)
        if now - self._begun >= self.lines * self._options.report_interval:
            with contextlib.suppress(OSError):  # what is in memory is enough for the summary
                self.write()
        return True

    def soon(self, delay: float) -> None:
        """Look again after so long, not at the usual time."""
        self._next = time.monotonic() + delay

    def write(self) -> None:
        """Write what was seen since the last report, if anything was. Raises OSError."""
        report, self._report = self._report, Report(self._memory)
        if not report.processes:
            return
        self.lines += 1
        report.timestamp = report.timestamp or moment(time.time())
        if self._path is not None:
            _append(self._path, json.dumps(report.line()) + "\n")


def _append(path: str, text: str) -> None:
    """Add a whole line or nothing. Raises OSError."""
    line = text.encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, line) < len(line):  # the disk is full
            os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)
