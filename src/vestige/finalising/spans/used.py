"""What a span used: its CPU, memory and I/O, each with how it was got."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.finalising.processes import SECOND, memory_peak
from vestige.record.model import Figure

if TYPE_CHECKING:
    from vestige.finalising.processes import Family
    from vestige.finalising.spans.around import Around
    from vestige.finalising.spans.places import Places
    from vestige.observe.lives import Life
    from vestige.spans.lines import Written

_BESIDE = "other spans ran in its process at the same time"
_UNENDED = "its end was not seen"
_UNSEEN = "its process was not seen"
_LATER = "the end of a process comes after its last reading"
_TOGETHER = "between the largest process and all of them together"
_KEPT = "the kernel did not set the peak back"


def cpu(span: Written, around: Around) -> Figure:
    """Return the CPU of a span, with that of children that were waited for within it."""
    whole, thread = span.grown("cpu_ns", "children_ns"), span.grown("thread_ns")
    if whole is None:
        return Figure(None, "s", "unavailable", reason=_UNENDED)
    if around.is_alone(span):
        return Figure(whole / SECOND, "s", "exact")
    if thread is None or not around.is_alone_in_thread(span):
        return Figure(whole / SECOND, "s", "bound", upper=whole / SECOND, reason=_BESIDE)
    reason = f"{_BESIDE}: its own thread only"
    return Figure(thread / SECOND, "s", "bound", lower=thread / SECOND, upper=whole / SECOND, reason=reason)


def memory(span: Written, around: Around) -> Figure | None:
    """Return the peak of its process while it lasted; None where it was not asked for."""
    if span.count("hwm") is None:
        return None
    peak, lower = span.left("peak"), span.left("peak_lower")
    if peak is None:
        return Figure(None, "B", "unavailable", reason=_UNENDED)
    if lower is not None:
        return Figure(peak, "B", "bound", lower=lower, upper=peak, reason=_KEPT)
    if not around.is_alone(span):
        return Figure(peak, "B", "bound", upper=peak, reason=_BESIDE)
    return Figure(peak, "B", "exact")


def moved(name: str, span: Written, around: Around) -> Figure | None:
    """Return the bytes that its process moved while it lasted; None where they were not asked for."""
    if span.count(name) is None:
        return None
    grown = span.grown(name)
    if grown is None:
        return Figure(None, "B", "unavailable", reason=_UNENDED)
    if not around.is_alone(span):
        return Figure(grown, "B", "bound", upper=grown, reason=_BESIDE)
    return Figure(grown, "B", "exact")


def cpu_of_command(span: Written, life: Life | None, places: Places) -> Figure:
    """Return the CPU of a process and of all that it made, less what it had used before."""
    if life is None:
        return Figure(None, "s", "unavailable", reason=_UNSEEN)
    whole = sum(one.figures.cpu_ns or 0 for one in places.below(life))
    used = max(whole - (span.count("cpu_ns") or 0), 0) / SECOND
    return Figure(used, "s", "bound", lower=used, reason=_LATER)


def memory_of_command(life: Life | None, places: Places, relations: Family) -> Figure:
    """Return the peak of a process, and of those that it made."""
    if life is None:
        return Figure(None, "B", "unavailable", reason=_UNSEEN)
    own = life.figures.hwm  # what it executed last: the images before are vestige's own
    if own is None:
        return memory_peak(life, relations)
    others = [memory_peak(one, relations).value or 0 for one in places.below(life) if one is not life]
    if not others:
        method = memory_peak(life, relations).method
        return Figure(own, "B", method, lower=own if method == "bound" else None)
    largest = max(own, *others)
    return Figure(largest, "B", "bound", lower=largest, upper=own + sum(others), reason=_TOGETHER)
