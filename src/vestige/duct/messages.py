"""What `vestige duct` says while it works: con-duct's log lines, from a level on, to whoever called."""

from __future__ import annotations

import time

from vestige.duct.options import LEVELS

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Callable


class Messages:
    """Log lines of one call; `level` is one of `options.LEVELS`, `write` takes a whole line, `name` says who speaks."""

    def __init__(self, level: str, write: Callable[[str], None], name: str = "con-duct") -> None:
        self._most = LEVELS.index(level)
        self._write = write
        self._name = name

    def say(self, level: str, text: str) -> None:
        """Say it if the level asks for it."""
        if LEVELS.index(level) <= self._most:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            self._write(f"{moment} [{level:<8}] {self._name}: {text}\n")
