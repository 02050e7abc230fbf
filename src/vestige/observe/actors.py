"""Processes as events of files and sockets name them; which lives they are is known when all events are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vestige.observe.fields import Fields


class Actor(NamedTuple):
    """A process as an event names it, and when one first did."""

    pid: int
    start: int | None
    first: int  # ns


@dataclass(slots=True)
class Cast:
    """All of them, each with a number: its place in `known`."""

    known: list[Actor] = field(default_factory=list)
    _numbers: dict[tuple[int, int | None], int] = field(default_factory=dict)

    def number(self, event: Fields, t: int) -> int | None:
        """Return the number of the process that an event names, None if it names none."""
        pid = event.count("pid")
        if pid is None:
            return None
        key = (pid, event.count("start"))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.known)
            self.known.append(Actor(*key, t))
        return number
