"""The observer as a child of this process.

On the way to the command: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import os


class Observer:
    """The process that observes the command; its pid is not used once it has been reaped."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None  # a wait status, None while it runs
        self.over = False  # the command has ended too, which lives on where its observer is killed

    def wait(self, options: int = 0) -> int | None:
        """Return its wait status; with WNOHANG None where it has not ended yet."""
        if self.status is None:
            ended, status = os.waitpid(self.pid, options)
            self.status = status if ended else None
        return self.status

    @property
    def lives(self) -> bool:
        """Whether it can pass a signal on; one that was killed and not yet reaped takes it and does nothing."""
        if self.status is not None:
            return False
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:  # a signal came right after it was reaped
            return False
        except AttributeError:  # macOS
            return True
