"""The spans of a run as a tree, in which many like ones are one branch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.quantity import marked
from vestige.report.together import total
from vestige.spans.kinds import LOAD, NODE, RUN, SAVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.record.model import Figure, Span

_ALIKE = 3  # of one name and beside each other: up to so many stand alone
_NUMBERED = 8  # of names that differ in numbers only: up to so many stand alone
_BRANCHES = 1_000  # below one branch: beyond, the shortest are counted together
_DEEPEST = 100  # levels of a chain
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Branch:
    """One span, or several of one name within the same ones."""

    name: str  # of the spans; with `#` for numbers in which they differ
    spans: tuple[Span, ...]  # by their start, at least one
    depth: int  # 0: nothing is around it

    @property
    def alone(self) -> Span | None:
        """The span, where it is one."""
        return self.spans[0] if len(self.spans) == 1 else None

    @property
    def kind(self) -> str:
        """What made them."""
        return self.spans[0].kind

    @property
    def walls(self) -> list[float]:
        """How long each took whose end was seen, s."""
        return [span.end - span.start for span in self.spans if span.end is not None]

    @property
    def wall(self) -> float | None:
        """How long they took together, s; None where nobody saw an end."""
        return sum(self.walls) if self.walls else None


def branches(spans: Sequence[Span], *, whole: bool = False) -> Iterator[Branch]:
    """Yield the branches, each after that around it, in the order in which they began.

    Loads and saves of nodes that went well are left out: the figures of their node have them. `whole`: nothing is left
    out or taken together.
    """
    known = {span.id for span in spans}
    within: dict[str | None, list[Span]] = {}
    for span in spans:
        within.setdefault(span.parent if span.parent in known else None, []).append(span)
    reached: set[str] = set()
    for root in (within.get(None, []), *([span] for span in spans)):  # a forged list may hold circles without a root
        todo = list(reversed(_below(root, 0, reached, whole=whole)))
        while todo:
            branch = todo.pop()
            yield branch
            below = (span for one in branch.spans for span in within.get(one.id, ()))
            todo += reversed(_below(below, branch.depth + 1, reached, whole=whole))


def longest_chain(found: Sequence[Branch]) -> list[Branch]:
    """Return the longest branch, the longest within it, and so on."""
    chain: list[Branch] = []
    start = 0
    while len(chain) < _DEEPEST:
        depth = len(chain)
        stop = next((place for place in range(start, len(found)) if found[place].depth < depth), len(found))
        level = [place for place in range(start, stop) if found[place].depth == depth]
        if not level:
            break
        best = max(level, key=lambda place: found[place].wall or 0.0)
        chain.append(found[best])
        start = best + 1
    return chain


def cpu(branch: Branch) -> Figure | None:
    """Return the CPU of all spans of a branch together."""
    return total([span.cpu for span in branch.spans if span.cpu is not None])


def memory(branch: Branch) -> Figure | None:
    """Return the largest peak of memory among the spans of a branch; None where none was asked for."""
    peaks = [span.memory_peak for span in branch.spans if span.memory_peak is not None]
    return max(peaks, key=lambda peak: peak.value or 0, default=None)


def memory_of(span: Span) -> str:
    """Return the peak of memory of a span in a word; empty where none was asked for."""
    return "" if span.memory_peak is None else marked(span.memory_peak)


def _below(spans: Iterable[Span], depth: int, reached: set[str], *, whole: bool) -> list[Branch]:
    """Return what stands below a branch, and note that it was reached."""
    fresh = [span for span in spans if span.id not in reached]
    reached.update(span.id for span in fresh)
    if whole:
        return [Branch(span.name, (span,), depth) for span in fresh]
    groups = _alike(span for span in fresh if span.kind not in (LOAD, SAVE) or span.status != "ok")
    found = [Branch(name, group, depth) for name, members in groups for group in _parted(members)]
    found.sort(key=lambda branch: branch.spans[0].start)
    return found if len(found) <= _BRANCHES else _longest(found, depth)


def _alike(spans: Iterable[Span]) -> list[tuple[str, list[Span]]]:
    """Return spans by name; many whose names differ in numbers only are of one name, but for nodes of pipelines."""
    patterns: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        pattern = span.name if span.kind in (RUN, NODE) else _DIGITS.sub("#", span.name)
        patterns.setdefault((span.kind, pattern), []).append(span)
    groups: list[tuple[str, list[Span]]] = []
    for (_, pattern), members in patterns.items():
        by_name: dict[str, list[Span]] = {}
        for span in members:
            by_name.setdefault(span.name, []).append(span)
        is_many = len(by_name) > 1 and len(members) > _NUMBERED
        groups += [(pattern, members)] if is_many else by_name.items()
    return groups


def _parted(spans: list[Span]) -> list[tuple[Span, ...]]:
    return [tuple(spans)] if len(spans) > _ALIKE else [(span,) for span in spans]


def _longest(found: list[Branch], depth: int) -> list[Branch]:
    """Return the longest branches, and all others as the last."""
    order = sorted(range(len(found)), key=lambda place: -(found[place].wall or 0.0))
    chosen = set(order[: _BRANCHES - 1])
    rest = tuple(span for place, branch in enumerate(found) if place not in chosen for span in branch.spans)
    kept = [branch for place, branch in enumerate(found) if place in chosen]
    return [*kept, Branch("others", rest, depth)]
