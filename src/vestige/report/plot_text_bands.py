"""Spans over time as text: a bar for each, its letters saying what the span was at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.report.plot_canvas import Canvas, beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.report.bands import Band, Part, What
    from vestige.report.plot_canvas import Plan, Signs


def rows(plan: Plan, bands: Sequence[Band]) -> Iterator[str]:
    """Yield a row for each band; before those of each worker its name, where there are several."""
    worker = ""
    for band in bands:
        if band.worker != worker:
            worker = band.worker
            yield plan.look.paint.dim(_row(plan, worker, "")) if worker else _row(plan, "", "")
        line = _row(plan, f"{_mark(plan, band)}{band.label}", _bar(plan, band))
        yield plan.look.paint.bad(line) if band.ending else line


def legend(signs: Signs, bands: Sequence[Band]) -> list[str]:
    """Return what the signs that occur mean."""
    seen = {part.what for band in bands for part in band.parts}
    words = [
        f"{sign} {what}" for sign, what in ((signs.load, "load"), (signs.levels[-1], "compute"), (signs.save, "save"))
    ]
    found = words if seen & {"load", "save"} else [f"{signs.levels[-1]} one span"]
    found += [f"{signs.floor} with others in it"] if "around" in seen else []
    found += [f"{signs.group} several spans"] if "several" in seen else []
    found += [f"{signs.waiting} waits for a worker"] if any(band.waits for band in bands) else []
    return found + ([f"{signs.critical} critical path"] if any(band.critical for band in bands) else [])


def _row(plan: Plan, words: str, line: str) -> str:
    fit = plan.look.signs.cut(words, plan.gutter)
    return f"{fit:<{plan.gutter}} {plan.look.signs.wall}{line}".rstrip()


def _mark(plan: Plan, band: Band) -> str:
    """Return the sign before a name, where any band of the run has one."""
    alone = plan.alone
    if alone is None or not any(other.critical for other in alone.bands):
        return ""
    return f"{plan.look.signs.critical if band.critical else ' '} "


def _bar(plan: Plan, band: Band) -> str:
    signs = plan.look.signs
    canvas = Canvas.empty(plan.columns, 1)
    for start, stop in band.waits:
        for column in range(plan.column(start), plan.column(stop) + 1):
            canvas.put(0, column, signs.waiting)
    for column, letter in _letters(plan, band):
        canvas.put(0, column, letter)
    first, last = plan.column(band.start), plan.column(band.stop)
    words = "  ".join(word for word in (band.figures, f"{signs.death} {band.ending}" if band.ending else "") if word)
    beside(canvas, signs.text(words), plan.column(band.waits[0][0]) if band.waits else first, last)
    return canvas.lines()[0]


def _letters(plan: Plan, band: Band) -> Iterator[tuple[int, str]]:
    """Yield the columns of a band, each with the letter of what takes most of it."""
    signs = plan.look.signs
    letters = {"span": signs.levels[-1], "around": signs.floor, "several": signs.group}
    letters |= {"load": signs.load, "save": signs.save}
    shares: dict[int, dict[What, float]] = {}
    for part in band.parts:
        for column, length in _columns(plan, part):
            share = shares.setdefault(column, {})
            share[part.what] = share.get(part.what, 0.0) + length
    for column, share in shares.items():
        inner = sum(length for what, length in share.items() if what in ("load", "save"))
        left = {what: length if what in ("load", "save") else length - inner for what, length in share.items()}
        yield column, letters[max(left, key=lambda what: left[what])]


def _columns(plan: Plan, part: Part) -> Iterator[tuple[int, float]]:
    """Yield the columns that a part touches, and how much of each it takes, s."""
    width = plan.end / plan.columns
    for column in range(plan.column(part.start), plan.column(part.stop) + 1):
        yield column, max(min(part.stop, (column + 1) * width) - max(part.start, column * width), 0.0)
