"""Figures of several processes or spans taken together, each no better known than the worst of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.quantity import marked, size
from vestige.record.model import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence


def total(figures: Sequence[Figure]) -> Figure | None:
    """Return the sum of figures, as well as it is known; None of none."""
    if len(figures) <= 1:
        return figures[0] if figures else None
    known = [figure for figure in figures if figure.value is not None]
    if not known:
        return figures[0]
    value = sum(figure.value or 0 for figure in known)
    if all(figure.method == "exact" for figure in figures):
        return Figure(value, known[0].unit, "exact")
    lower = sum(figure.value or 0 if figure.method == "exact" else figure.lower or 0 for figure in known)
    is_open = len(known) < len(figures) or any(figure.method != "exact" and figure.upper is None for figure in known)
    upper = (
        None
        if is_open
        else sum(figure.value or 0 if figure.method == "exact" else figure.upper or 0 for figure in known)
    )
    return Figure(value, known[0].unit, "bound", lower=lower or None, upper=upper)


def largest(peaks: Sequence[Figure]) -> Figure:
    """Return the largest of at least one peak; where others are not exact, one of these may be larger in truth."""
    top = max(peaks, key=lambda peak: peak.value or 0)
    if top.value is None or all(peak.method == "exact" for peak in peaks):
        return top
    if any(peak.value is None for peak in peaks):
        return Figure(top.value, top.unit, "bound", lower=top.lower or top.value)
    return Figure(top.value, top.unit, "sampled", lower=top.lower)


def of_each(peaks: Sequence[Figure]) -> str:
    """Return in a word how much each had: `≤ 45 MB each`, `~45 MB the largest`; empty where nothing is known."""
    top = largest(peaks)
    if top.value is None:
        return ""
    if len(peaks) == 1:
        return marked(top)
    return f"≤ {size(top.value)} each" if top.method == "exact" else f"{marked(top)} the largest"
