"""What is around each span, and which spans ran beside each other.

A span knows the one around it in its own thread or task. One that knows of none belongs to the outermost that the main
thread has open (a thread does not know who started it); the first of a process belongs to the innermost that was open
in the nearest process above when this one began, whichever way it was made: fork, spawn, forkserver, a program.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from vestige.finalising.spans.places import Place, Places
    from vestige.spans.lines import Written

_DEEPEST = 100  # generations, and spans within spans; also ends a circle, which only a forged file can hold


class Around:
    """The spans of a run in the order in which they began, and what is around them."""

    def __init__(self, written: Sequence[Written], places: Places, monotonic: int) -> None:
        """Find it out; `monotonic` is what the recorder's clock counts from, ns."""
        self._places = places
        self._monotonic = monotonic
        self._place = {span.id: places.of(span.life.pid, span.life.start) for span in written}
        self._parents: dict[str, str | None] = {}
        by_life = _grouped(written, lambda span: id(span.life))
        self._find_parents(written, by_life)
        by_thread = _grouped(written, lambda span: (id(span.life), span.count("thread")))
        self._beside = {span for group in by_life.values() for span in self._overlapping(group)}
        self._crossed = {span for group in by_thread.values() for span in self._overlapping(group)}

    def place(self, span: Written) -> Place | None:
        """Return the process of a span."""
        return self._place[span.id]

    def parent(self, span: Written) -> str | None:
        """Return the id of the span around it."""
        return self._parents[span.id]

    def end(self, span: Written) -> int | None:
        """Return when it ended, ns of its own clock: as it says, or with its process; None: nobody saw."""
        if span.ended is not None:
            return span.ended
        place = self.place(span)
        if place is None or place.life.end is None:
            return None
        return max(place.life.end + self._monotonic, span.began)

    def is_alone(self, span: Written) -> bool:
        """Say whether no other span ran in its process at the time, but those around it and within it."""
        return span.id not in self._beside

    def is_alone_in_thread(self, span: Written) -> bool:
        """Say the same of its thread: tasks may take turns in one."""
        return span.id not in self._crossed

    def _find_parents(self, written: Sequence[Written], by_life: dict[Hashable, list[Written]]) -> None:
        known = {span.id for span in written}
        for group in by_life.values():
            open_roots: list[Written] = []
            for span in group:
                open_roots = [root for root in open_roots if (self.end(root) or span.began) >= span.began]
                is_told = span.parent in known and span.parent != span.id
                outer = next((root.id for root in open_roots if not (span.is_apart and root.is_apart)), None)
                self._parents[span.id] = span.parent if is_told else outer
                if not is_told and span.count("thread") == span.life.pid:  # of the main thread
                    open_roots.append(span)
        by_line = {place.line: group for group in by_life.values() if (place := self.place(group[0])) is not None}
        for span in written:
            if self._parents[span.id] is None:
                self._parents[span.id] = self._above(span, by_line)
        for span in written:
            if len(self._ancestry(span.id)) == _DEEPEST:
                self._parents[span.id] = None

    def _above(self, span: Written, by_line: dict[int, list[Written]]) -> str | None:
        place = self.place(span)
        above = None if place is None else self._places.parent(place.life)
        for _ in range(_DEEPEST):
            if place is None or above is None:
                return None
            moment = place.life.first + self._monotonic
            group = by_line.get(above.line, ())
            open_then = [one for one in group if one.began <= moment <= (self.end(one) or moment)]
            if open_then:
                return self._innermost(open_then)
            above = self._places.parent(above.life)
        return None

    def _innermost(self, spans: Sequence[Written]) -> str | None:
        """Return the innermost span that is around, or one of, all of these."""
        lines = [self._ancestry(span.id) for span in spans]
        longest = max(lines, key=len)
        shared = [set(longest) & set(line) for line in lines if not set(line) <= set(longest)]
        return next((one for one in longest if all(one in others for others in shared)), None)

    def _ancestry(self, span: str) -> list[str]:
        """Return a span and those around it, the innermost first."""
        line = [span]
        while len(line) < _DEEPEST and (above := self._parents.get(line[-1])) is not None:
            line.append(above)
        return line

    def _overlapping(self, group: Sequence[Written]) -> set[str]:
        """Return those during which another one ran that is neither around nor within."""
        marked: set[str] = set()
        running: set[str] = set()
        alone: set[str] = set()
        steps = [(span.began, 1, span.id) for span in group]
        steps += [(end, 0, span.id) for span in group if (end := self.end(span)) is not None and end > span.began]
        for _, begins, span in sorted(steps):
            if not begins:
                running.discard(span)
                alone.discard(span)
                continue
            around = running.intersection(self._ancestry(span))
            marked |= alone - around
            alone &= around
            if len(running) > len(around):
                marked.add(span)
            else:
                alone.add(span)
            running.add(span)
        return marked


def _grouped(spans: Iterable[Written], key: Callable[[Written], Hashable]) -> dict[Hashable, list[Written]]:
    groups: defaultdict[Hashable, list[Written]] = defaultdict(list)
    for span in spans:
        groups[key(span)].append(span)
    return dict(groups)
