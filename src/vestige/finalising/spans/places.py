"""The processes of a run as its spans name them: by pid and start, with those above and below."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.finalising.processes import Family
    from vestige.observe.lives import Life


class Place(NamedTuple):
    """A process of the run, and its line."""

    line: int
    life: Life


class Places:
    """The processes of a run, by pid."""

    def __init__(self, relations: Family) -> None:
        self._by_pid: defaultdict[int, list[Place]] = defaultdict(list)
        for line, life in enumerate(relations.observation.lives):
            self._by_pid[life.pid].append(Place(line, life))

    def of(self, pid: int, start: int | None) -> Place | None:
        """Return a process by its pid and its start; where no start is known, the only one of that pid."""
        places = self._by_pid.get(pid, [])
        exact = [place for place in places if start is not None and place.life.start == start]
        unsure = [place for place in places if start is None or place.life.start is None]
        return exact[0] if exact else unsure[0] if len(unsure) == 1 else None

    def parent(self, life: Life) -> Place | None:
        """Return the process that made another one."""
        places = self._by_pid.get(life.parent or 0, [])
        found = [place for place in places if place.life.end is None or place.life.end >= life.first]
        return found[0] if found and found[0].life is not life else None

    @functools.cached_property
    def _children(self) -> defaultdict[int, list[Life]]:
        """Who made whom, by `id` of the life."""
        children: defaultdict[int, list[Life]] = defaultdict(list)
        for place in itertools.chain.from_iterable(self._by_pid.values()):
            parent = self.parent(place.life)
            if parent is not None:
                children[id(parent.life)].append(place.life)
        return children

    def below(self, life: Life) -> Iterator[Life]:
        """Yield a process and all that it, or one of these, made."""
        children = self._children
        todo, seen = [life], {id(life)}
        while todo:
            current = todo.pop()
            yield current
            more = [child for child in children[id(current)] if id(child) not in seen]
            seen.update(map(id, more))
            todo += more
