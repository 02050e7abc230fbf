"""A word about work that lasts: one line on the terminal, written over and wiped away in the end."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige.quantity import size

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 2.0  # s before anything is said
_STDERR = 2


class Progress:
    """Tells how much of the work is done, if stderr is a terminal and it lasts."""

    def __init__(
        self,
        hint: str = "; Ctrl-C leaves it for later",
        doing: str = "hashing files",
        amount: Callable[[float], str] = size,
    ) -> None:
        self._amount = amount
        self._hint = hint
        self._doing = doing
        self._begun = time.monotonic()
        self._length = 0  # letters on the line
        self._is_wanted = os.isatty(_STDERR)

    def __call__(self, done: int, total: int) -> None:
        """Take note of `done` of `total`, which are bytes unless `amount` writes them otherwise."""
        if self._is_wanted and time.monotonic() - self._begun >= _PATIENCE:
            share = min(done * 100 // max(total, 1), 100)
            self._show(f"vestige: {self._doing}, {share} % of {self._amount(total)}{self._hint}")

    def clear(self) -> None:
        """Wipe the line away."""
        if self._length:
            self._show("")

    def _show(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone: no matter of the run's
            sys.stderr.write(f"\r{text.ljust(self._length)}\r")
            sys.stderr.flush()
        self._length = len(text)
