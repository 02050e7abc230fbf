"""`vestige duct --attach PID`: a process that runs already, and all below it, looked at until it ends.

Nothing of it can be traced any more, so every figure is one of looks; how it ended only its parent is told.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING

from vestige._version import VERSION
from vestige.con_duct.paths import Paths, conflict, fill_prefix
from vestige.duct import info, looks, system
from vestige.duct.gather import Gatherer
from vestige.duct.summary import summary
from vestige.errors import StoreError, UsageError
from vestige.record import place

if TYPE_CHECKING:
    from vestige.duct.looks import Look
    from vestige.duct.messages import Messages
    from vestige.duct.options import Options

_FAILED = 1
_NAP = 0.5  # s: a signal does not end a poll
_NAMES = ("rss", "vsz", "pmem", "pcpu")


def attach(options: Options, messages: Messages) -> int:
    """Look at the process until it ends, or until SIGINT or SIGTERM ends the looking, and write a log of it.

    Returns 0, or 128 + n where signal n ended it; 1 where there is no such process or files are in the way. Raises
    UsageError, StoreError.
    """
    pid = options.attach or 0
    paths = Paths(fill_prefix(options.output_prefix, os.getpid()))
    taken = paths.taken()
    if taken and not options.clobber:
        messages.say("ERROR", conflict(taken))
        return _FAILED
    found = looks.look([pid])
    if not found or found[0].state.startswith("Z"):
        messages.say("ERROR", f"there is no process {pid}" + (" any more: it has ended" if found else ""))
        return _FAILED
    if looks.leader(pid) != pid:
        messages.say("ERROR", f"{pid} is a thread of process {looks.leader(pid)}")
        return _FAILED
    paths.make_folder()
    if options.clobber:
        paths.remove()
    try:
        return _Attached(options, messages, paths, found[0]).run()
    except OSError as error:
        raise StoreError(f"can't write {error.filename or paths.prefix}: {error.strerror}") from error


class _Attached:
    """The looking, from its begin to its end."""

    def __init__(self, options: Options, messages: Messages, paths: Paths, first: Look) -> None:
        self._options = options
        self._messages = messages
        self._paths = paths
        self._first = first
        self._signal = 0
        self._asked = system.Asked()
        self._head = info.Head(_words(first.pid) or [first.command], paths, options.message)
        self._head.started = time.time()
        memory = system.memory_total()
        path = paths.usage if options.has_samples else None
        self._gatherer = Gatherer(options, pids=self._pids, path=path, memory=memory)

    def run(self) -> int:
        """Look until the end. Raises OSError."""
        messages = self._messages
        messages.say("INFO", f"duct is attached to process {self._first.pid}, {self._head_command()!r}...")
        messages.say("INFO", f"Log files will be written to {self._paths.prefix}")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._stop)
        os.close(os.open(self._paths.usage, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
        self._write(self._execution(None))
        self._look_on()
        self._gatherer.write()
        execution = self._execution(time.time())
        self._write(execution)
        messages.say("INFO", self._summary(execution))
        return 128 + self._signal if self._signal else 0

    def _look_on(self) -> None:
        watched = _watch(self._first.pid)
        poll = select.poll()
        if watched is not None:
            poll.register(watched, select.POLLIN)
        while not self._signal and self._gatherer.look():
            while not self._signal and (left := self._gatherer.until_next()) > 0:
                if poll.poll(1000 * min(left, _NAP)) and watched is not None:
                    break
            if watched is not None and poll.poll(0):
                break
        if watched is not None:
            os.close(watched)

    def _pids(self) -> list[int]:
        """Return the process and all below it; nobody once it has ended, whoever has its pid by then."""
        pid = self._first.pid
        now = looks.look([pid])
        gone = not now or now[0].start != self._first.start or now[0].state.startswith("Z")
        return [] if gone else [pid, *looks.below([pid])]

    def _stop(self, number: int, _frame: object) -> None:
        self._signal = number

    def _head_command(self) -> str:
        return info.command_line(self._head.argv)

    def _execution(self, ended: float | None) -> dict[str, object]:
        whole = self._gatherer.whole
        execution = {**self._head.execution(), "end_time": ended, "num_reports": self._gatherer.lines}
        if ended is not None:
            execution["wall_clock_time"] = ended - (self._head.started or ended)
        if whole.looks:
            execution |= {f"peak_{name}": getattr(whole.peak, name) for name in _NAMES}
            execution |= {f"average_{name}": float(getattr(whole.mean, name)) for name in _NAMES}
            execution["num_samples"] = whole.looks
        return execution

    def _write(self, execution: dict[str, object]) -> None:
        known = self._options.has_system
        described = system.describe(os.environ) if known else None
        if described is not None:
            described["processor"] = self._asked.processor()
        content = self._head.info(
            execution,
            system=described,
            environment=system.environment(os.environ) if known else None,
            gpus=self._asked.gpus() if execution["end_time"] is not None and known else None,
            more={"vestige_version": VERSION, "attached_pid": self._first.pid},
        )
        place.write_atomically(self._paths.info, info.text(content))

    def _summary(self, execution: dict[str, object]) -> str:
        try:
            return summary(self._options.summary_format, execution, colours=self._options.colors)
        except UsageError as error:
            return str(error)


def _words(pid: int) -> list[str]:
    """Return the command line of a process word by word."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().rstrip(b"\0")
    except OSError:
        return []
    return [os.fsdecode(word) for word in words.split(b"\0")] if words else []


def _watch(pid: int) -> int | None:
    """Return what becomes readable when a process ends, None where the kernel has none (before 5.3)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
