"""How commands and processes end: wait statuses, exit codes, names of signals."""

from __future__ import annotations

import errno
import os
import signal as signals
from typing import TYPE_CHECKING

from vestige.exit_codes import NOT_EXECUTABLE, NOT_FOUND, SIGNALLED, shell_code
from vestige.record.model import Exit

if TYPE_CHECKING:
    from vestige.observe.lives import Life
    from vestige.observe.observation import Failed, Observation

_UNSEEN = "nobody saw how the command ended"


def signal_name(number: int) -> str:
    """Return `SIGKILL` for 9; the real-time signals between the two with a name as `SIGRTMIN+3`."""
    try:
        return signals.Signals(number).name
    except ValueError:
        first = getattr(signals, "SIGRTMIN", None)
        return f"SIGRTMIN+{number - first}" if first is not None and number > first else f"signal {number}"


def from_wait_status(status: int) -> Exit:
    """Return what a wait status says; a shell shows 128 + n for signal n."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Exit(code=shell_code(status), signal=signal_name(number))
    return Exit(code=shell_code(status))


def of_command(observation: Observation) -> Exit:
    """Return how the command ended, from whoever saw it: `end`, its reaping, its own exit."""
    if observation.failed is not None:
        return _not_started(observation.failed)
    if observation.end is not None and observation.end.status is not None:
        return from_wait_status(observation.end.status)
    for life in observation.lives:
        if life.pid == observation.command and life.forked is not None:
            return _as_shell(life)
    return Exit(reason=_UNSEEN)


def of_process(life: Life) -> tuple[int | None, str | None]:
    """Return exit code and signal of a process, both None where nobody saw them."""
    if life.wait_status is not None:
        found = from_wait_status(life.wait_status)
        return (None, found.signal) if found.signal else (found.code, None)
    if life.exited:
        return (None if life.exit_argument is None else life.exit_argument & 0xFF), None
    if life.killed is not None and life.killed.signal is not None and life.ending != "survived":
        return None, signal_name(life.killed.signal)
    return None, None


def _as_shell(life: Life) -> Exit:
    """Return how the command ended, where all that is left is what was seen of its process."""
    if life.wait_status is not None:
        return from_wait_status(life.wait_status)
    code, name = of_process(life)
    if name is not None and life.killed is not None and life.killed.signal is not None:
        return Exit(code=SIGNALLED + life.killed.signal, signal=name)
    return Exit(code=code, reason=_UNSEEN if code is None else None)


def _not_started(failed: Failed) -> Exit:
    why = "" if failed.errno is None else f": {os.strerror(failed.errno)}"
    if failed.stage != "exec":  # no process for a recorder could be had: the front became the command
        return Exit(reason=f"the command ran without anybody watching, since nothing could be started beside it{why}")
    code = NOT_FOUND if failed.errno == errno.ENOENT else NOT_EXECUTABLE
    return Exit(code=code, reason=f"the command could not be started{why}")
