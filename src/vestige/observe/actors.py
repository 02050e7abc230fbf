"""Processes as events of files and sockets name them; which lives they are is known when all events are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vestige.observe.fields import Fields
    from vestige.observe.lives import Life


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

    def lines(self, lives: Sequence[Life]) -> list[int | None]:
        """Return for every actor the line of its process in `processes.jsonl`."""
        by_pid: dict[int, list[int]] = {}
        for line, life in enumerate(lives):
            by_pid.setdefault(life.pid, []).append(line)
        return [_line_of(actor, [(line, lives[line]) for line in by_pid.get(actor.pid, ())]) for actor in self.known]


def _line_of(actor: Actor, candidates: list[tuple[int, Life]]) -> int | None:
    """Return the process of one pid that did something: told by its start, else by when it was alive."""
    for line, life in candidates:
        if actor.start is not None and life.start == actor.start:
            return line
    unsure = [(line, life) for line, life in candidates if None in (actor.start, life.start)]
    for line, life in unsure:
        if life.end is None or life.end >= actor.first:
            return line
    return unsure[-1][0] if unsure else None
