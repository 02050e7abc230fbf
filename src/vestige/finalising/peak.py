"""The most memory that a whole tree of processes held at one moment, between two certain bounds.

Nobody can watch it without a gap. Looks at PSS (`pss` of the samples) give the figure, the peaks of single processes
(VmHWM, kept by the kernel without a gap) enclose it: it is no smaller than the largest of them, and no larger than the
largest sum of those that were alive together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.finalising.processes import memory_peak, start_edge
from vestige.record.model import Figure

if TYPE_CHECKING:
    from vestige.finalising.processes import Family
    from vestige.observe.lives import Life

_CLOSE = 1.01  # upper over lower bound, from which on they are one figure


def tree_peak(relations: Family) -> Figure:
    """Return `memory_peak`: exact where the bounds are within 1 %, else the largest look at PSS, else a bound."""
    lower = _lower(relations)
    upper = _upper(relations)
    looks = [look for sample in relations.observation.series if (look := sample.shared_once()) is not None]
    value = max([lower, *looks])
    if value == 0:
        return Figure(None, "B", "unavailable", reason="no process could be looked at")
    if upper is not None and upper < value:
        upper = value  # VmHWM and PSS come from different counters, 0.2 MB apart
    if upper is not None and upper <= lower * _CLOSE:
        return Figure(value, "B", "exact", lower=lower, upper=upper)
    if looks:
        return Figure(value, "B", "sampled", lower=lower or None, upper=upper)
    return Figure(value, "B", "bound", lower=lower, upper=upper, reason="no look at the whole tree was possible")


def _lower(relations: Family) -> int:
    """Return the largest resident peak of any one process that anybody knows of."""
    observation = relations.observation
    known = [max(life.figures.hwm or 0, life.replaced_hwm) for life in observation.lives]
    if observation.begin is not None and observation.begin.observer == "recorder":
        # Covers processes that nobody looked at; a child of the portable observer inherits the maxrss of Python.
        known += [life.usage.maxrss or 0 for life in observation.lives if life.usage is not None]
        known.append((observation.end.usage.maxrss or 0) if observation.end is not None else 0)
    return max(known, default=0)


def _upper(relations: Family) -> int | None:
    """Return the largest sum of the peaks of processes alive together, None where one of them is not known.

    A process counts from its first exec: until then it shares its parent's pages. One that never executes counts from
    the earliest moment that its start allows, with all it inherited, since nobody knows how much of that it kept.
    """
    if not relations.traced or _has_gaps(relations):
        return None
    changes: list[tuple[int, int]] = []
    for life in relations.observation.lives:
        most = most_held(life, relations)
        if most is None:
            return None
        end = relations.observation.last + 1 if life.end is None else life.end
        changes += [(_memory_start(life, relations), most), (end, -most)]
    total = peak = 0
    for _, change in sorted(changes, key=lambda change: (change[0], -change[1])):
        total += change
        peak = max(peak, total)
    return peak


def _has_gaps(relations: Family) -> bool:
    observation = relations.observation
    end = observation.end
    return observation.unreadable > 0 or end is None or bool(end.dropped) or bool(end.lost)


def most_held(life: Life, relations: Family) -> int | None:
    """Return what a process can have held at most while the run lasted, None if nobody knows."""
    if life.ending == "survived":  # up to the run's end its VmHWM is the whole truth
        return None if life.figures.hwm is None else max(life.figures.hwm, life.replaced_hwm)
    figure = memory_peak(life, relations)
    most = figure.value if figure.method == "exact" else figure.upper
    return None if most is None else int(most)


def _memory_start(life: Life, relations: Family) -> int:
    if life.executed is not None:
        return life.executed
    edge = start_edge(life, relations.observation)
    return 0 if edge is None else edge
