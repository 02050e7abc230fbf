"""Charts as text, for a terminal: blocks, or ASCII only. Readable without colour, as wide as it is told."""

from __future__ import annotations

import dataclasses
import itertools
from bisect import bisect_left
from typing import TYPE_CHECKING

from vestige.quantity import marked
from vestige.report import plot_text_bands
from vestige.report.plot_canvas import Canvas, Plan, beside, beside_field, columns_of, labelled_row, wrapped
from vestige.report.plot_scale import Scale, ticks, time_scale, value_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Figure
    from vestige.report.plot_canvas import Look, Signs
    from vestige.report.plot_data import Chart, Curve, Group, Lane, Mark, Panel

NARROWEST = 40  # columns
WIDEST = 400
_LOWEST, _USUAL, _TALLEST = 3, 8, 60  # rows of a panel
_WIDE = 80  # columns, from which on names have more room
_NAMES = 18  # letters beside the bars
_NUMBERS, _ZEROS = 9, 6  # letters beside the field without bars, and more for bytes without a larger unit
_FEW, _MANY = 2, 10
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def render(charts: Sequence[Chart], look: Look) -> Iterator[str]:
    """Yield the lines of one run, or of several over each other."""
    plan = _plan(charts, look)
    if look.rows is not None:
        panels = max(len(charts[0].panels), 1)
        besides = sum(1 for _ in _lines(plan)) - plan.rows * panels
        plan = dataclasses.replace(plan, rows=min(max((look.rows - besides) // panels, _LOWEST), _TALLEST))
    yield from _lines(plan)


def _lines(plan: Plan) -> Iterator[str]:
    yield from _title(plan)
    for index in range(len(plan.charts[0].panels)):
        yield ""
        yield from _panel(plan, [chart.panels[index] for chart in plan.charts])
    if plan.alone is not None and (plan.alone.lanes or plan.alone.marks):
        yield ""
        yield from _processes(plan, plan.alone)
    if plan.alone is not None and plan.alone.bands:
        yield ""
        yield from plot_text_bands.rows(plan, plan.alone.bands)
    yield from _time_axis(plan)
    yield from _legend(plan)


def _plan(charts: Sequence[Chart], look: Look) -> Plan:
    width = min(max(look.width, NARROWEST), WIDEST)
    end = max(chart.end for chart in charts)
    return Plan(
        charts=tuple(charts),
        look=dataclasses.replace(look, width=width),
        gutter=_gutter(charts, look, width),
        rows=_USUAL,
        scale=time_scale(end, look.ratio),
        end=end,
    )


def _gutter(charts: Sequence[Chart], look: Look, width: int) -> int:
    """Return how much room there is for names: more where they are all that there is."""
    alone = charts[0] if len(charts) == 1 else None
    if alone is not None and alone.bands and not alone.panels:
        longest = max(max(len(band.label) + len("* "), len(band.worker)) for band in alone.bands)
        return min(longest, width * 2 // 5)
    if alone is not None and (alone.lanes or alone.marks or alone.bands):
        return _NAMES if width >= _WIDE else _NAMES * width // _WIDE
    return _NUMBERS + (_ZEROS if look.ratio == -1 else 0)


def _title(plan: Plan) -> Iterator[str]:
    look = plan.look
    if look.title is not None:
        yield look.paint.bold(look.signs.cut(look.title, look.width))
    elif plan.alone is not None:
        yield look.paint.bold(_headline(plan, plan.alone, plan.alone.name))
    if plan.alone is None:
        for place, chart in enumerate(plan.charts):
            yield _headline(plan, chart, f"{_letter(place)}  {chart.name}")


def _headline(plan: Plan, chart: Chart, name: str) -> str:
    """Return a run in one line; the command is what is cut if need be."""
    signs = plan.look.signs
    head, tail = signs.text(f"{name}  "), signs.text(f"  ·  {chart.ending}" if chart.ending else "")
    room = max(plan.look.width - len(head) - len(tail), 10)
    return signs.cut(head + signs.cut(chart.command, room) + tail, plan.look.width)


def _letter(place: int) -> str:
    return _LETTERS[place % len(_LETTERS)]


def _panel(plan: Plan, panels: Sequence[Panel]) -> Iterator[str]:
    top = max(panel.top for panel in panels)
    scale = value_scale(panels[0].unit, top, plan.look.ratio)
    canvas = Canvas.empty(plan.columns, plan.rows)
    if plan.alone is not None:
        yield from map(plan.look.paint.bold, wrapped(plan, panels[0].headline.split(" "), " "))
        notes = _draw_one(plan, canvas, panels[0], top)
    else:
        names = {"cpu": "CPU", "memory": "memory", "io": "I/O: read a, written A"}
        yield plan.look.paint.bold(names[panels[0].metric])
        notes = _draw_over(plan, canvas, panels, top)
    notes += _limits(plan, canvas, panels, top)
    yield from map(plan.look.paint.dim, wrapped(plan, notes, "   "))
    marks = _ticks(plan, canvas, scale, top)
    for row, line in enumerate(canvas.lines()):
        yield _labelled(plan, marks.get(row, ""), line)


def _ticks(plan: Plan, canvas: Canvas, scale: Scale, top: float) -> dict[int, str]:
    """Return what stands at the left, by row; the unit stands once, at the top."""
    values = ticks(top, scale, max(plan.rows // 2, 2))
    marks = {_row(canvas, value, top): scale.text(value) for value in values}
    unit = "core" if (scale.unit, scale.text(values[-1])) == ("cores", "1") else scale.unit
    return {**marks, _row(canvas, values[-1], top): f"{scale.text(values[-1])} {unit}"}


def _labelled(plan: Plan, words: str, line: str) -> str:
    signs = plan.look.signs
    return f"{beside_field(plan, words)} {signs.tick if words else signs.wall}{line}".rstrip()


def _row(canvas: Canvas, value: float, top: float) -> int:
    """Return the row in which a value lies; the top of a cell still belongs to it."""
    filled = value / top * canvas.height
    return min(max(canvas.height - 1 - int(filled - 1e-9), 0), canvas.height - 1)


def _draw_one(plan: Plan, canvas: Canvas, panel: Panel, top: float) -> list[str]:
    """Draw the first curve as a filled shape, others as dots, and the peak; return what the signs mean."""
    signs = plan.look.signs
    notes = []
    letters = itertools.cycle(_LETTERS)
    for number, curve in enumerate(panel.curves):
        heights = _columns(plan, curve)
        letter = next(letters) if curve.role == "process" else signs.dot
        notes += [f"{signs.levels[-1] if number == 0 else letter} {curve.label}"]
        for column, value in enumerate(heights):
            if value is None:
                continue
            if number == 0:
                _fill(canvas, column, value / top, signs)
            else:
                canvas.put(_row(canvas, value, top), column, letter)
    if panel.peak is not None:
        sign = signs.exact if panel.peak.is_exact else signs.sampled
        canvas.put(_row(canvas, float(panel.peak.figure.value or 0), top), plan.column(panel.peak.time), sign)
        notes.append(f"{sign} peak {marked(panel.peak.figure)}")
    return notes


def _draw_over(plan: Plan, canvas: Canvas, panels: Sequence[Panel], top: float) -> list[str]:
    """Draw each run with its letter; where several meet there is a star."""
    notes = []
    for place, panel in enumerate(panels):
        for curve in panel.curves:
            if curve.role in ("total", "read", "written"):
                letter = _letter(place).upper() if curve.role == "written" else _letter(place)
                _draw_letters(plan, canvas, curve, letter, top)
        if panel.peak is not None:
            notes.append(f"{_letter(place)} peak {marked(panel.peak.figure)}")
    return notes


def _draw_letters(plan: Plan, canvas: Canvas, curve: Curve, letter: str, top: float) -> None:
    for column, value in enumerate(_columns(plan, curve)):
        if value is not None:
            row = _row(canvas, value, top)
            taken = canvas.cells[row][column]
            canvas.put(row, column, letter if taken in (" ", letter) else "*")


def _limits(plan: Plan, canvas: Canvas, panels: Sequence[Panel], top: float) -> list[str]:
    """Draw the limits within the axis behind everything else; return the names of all."""
    sign = plan.look.signs.limit
    notes = []
    for limit in dict.fromkeys(limit for panel in panels for limit in panel.limits):
        if limit.value > top:
            notes.append(f"{limit.label}, far above")
            continue
        notes.append(f"{sign}{sign} {limit.label}")
        for column in range(canvas.width):
            canvas.put(_row(canvas, limit.value, top), column, sign, only_free=True)
    return notes


def _columns(plan: Plan, curve: Curve) -> list[float | None]:
    """Return for each column the largest value that a curve has there, None where it has none."""
    found: list[float | None] = [None] * plan.columns
    for time, value in zip(curve.times, curve.values, strict=True):
        if value is not None:
            column = plan.column(time)
            found[column] = max(value, found[column] or 0.0)
    if curve.role == "look" or not curve.times:
        return found
    width = plan.end / plan.columns
    for column in range(plan.column(curve.times[0]), plan.column(curve.times[-1]) + 1):
        if found[column] is None:
            found[column] = _between(curve, (column + 0.5) * width)
    return found


def _between(curve: Curve, time: float) -> float | None:
    """Return the value on the line between two corners."""
    after = bisect_left(curve.times, time)
    if not 0 < after < len(curve.times):
        return None
    (t0, t1), (v0, v1) = curve.times[after - 1 : after + 1], curve.values[after - 1 : after + 1]
    if v0 is None or v1 is None:
        return None
    return v0 if t1 <= t0 else v0 + (v1 - v0) * (time - t0) / (t1 - t0)


def _fill(canvas: Canvas, column: int, share: float, signs: Signs) -> None:
    """Fill a column from below up to a share of its height; what is not nothing is seen."""
    steps = len(signs.levels)
    filled = round(min(share, 1.0) * canvas.height * steps)
    filled = max(filled, 1) if share > 0 else 0
    for row in range(filled // steps):
        canvas.put(canvas.height - 1 - row, column, signs.levels[-1])
    if filled % steps:
        canvas.put(canvas.height - 1 - filled // steps, column, signs.levels[filled % steps - 1])


def _processes(plan: Plan, chart: Chart) -> Iterator[str]:
    """Yield a bar for each process, what it used beside it or on it, and rows of events."""
    signs = plan.look.signs
    for lane in chart.lanes:
        yield _bar(plan, lane)
    for group in chart.groups:
        yield _group(plan, group)
    starts = [mark for mark in chart.marks if mark.kind in ("exec", "fork")]
    ends = [mark for mark in chart.marks if mark.kind not in ("exec", "fork")]
    deaths = [mark for mark in chart.marks if mark.kind in ("signal", "oom")]
    yield labelled_row(plan, "started (exec)", _density(plan, starts))
    yield labelled_row(plan, "ended", _density(plan, ends))
    if deaths:
        yield plan.look.paint.bad(labelled_row(plan, f"{signs.death} by a signal", _named(plan, deaths)))


def _bar(plan: Plan, lane: Lane) -> str:
    signs = plan.look.signs
    canvas = Canvas.empty(plan.columns, 1)
    first, last = plan.column(lane.start), plan.column(lane.end)
    share = signs.shares[min(int((lane.cores or 0.0) * len(signs.shares)), len(signs.shares) - 1)]
    for column in range(first, last + 1):
        canvas.put(0, column, share)
    if lane.ending.startswith("SIG"):
        canvas.put(0, last, signs.death)
    beside(canvas, _figures(signs, lane.figures, lane.memory), first, last)
    return labelled_row(plan, lane.label, canvas.lines()[0])


def _group(plan: Plan, group: Group) -> str:
    signs = plan.look.signs
    canvas = Canvas.empty(plan.columns, 1)
    for start, stop in group.alive:
        for column in range(plan.column(start), plan.column(stop) + 1):
            canvas.put(0, column, signs.group)
    first = plan.column(group.alive[0][0]) if group.alive else 0
    last = plan.column(group.alive[-1][1]) if group.alive else 0
    beside(canvas, _figures(signs, group.figures, group.largest), first, last)
    return labelled_row(plan, group.label, canvas.lines()[0])


def _figures(signs: Signs, words: str, memory: Figure) -> str:
    """Return what a process used, after a sign for how its memory peak is known."""
    if memory.method == "unavailable":
        return signs.text(words)
    return f"{signs.exact if memory.method == 'exact' else signs.sampled} {signs.text(words)}"


def _density(plan: Plan, marks: Sequence[Mark]) -> str:
    """Return a row of dots: one event in a column, several, ten and more."""
    counts = [0] * plan.columns
    for mark in marks:
        counts[plan.column(mark.time)] += 1
    return "".join(" " if not n else "." if n < _FEW else ":" if n < _MANY else "|" for n in counts)


def _named(plan: Plan, deaths: Sequence[Mark]) -> str:
    canvas = Canvas.empty(plan.columns, 1)
    for mark in deaths:
        canvas.put(0, plan.column(mark.time), plan.look.signs.death)
    for mark in deaths:
        column, words = plan.column(mark.time), plan.look.signs.text(mark.label)
        if canvas.is_free(0, column + 1, column + 3 + columns_of(words)):
            canvas.write(0, column + 2, words)
        elif canvas.is_free(0, column - 2 - columns_of(words), column):
            canvas.write(0, column - 1 - columns_of(words), words)
    return canvas.lines()[0]


def _time_axis(plan: Plan) -> Iterator[str]:
    signs = plan.look.signs
    line = [signs.floor] * plan.columns
    names = Canvas.empty(plan.columns + 4, 1)
    for tick in ticks(plan.end, plan.scale, max(plan.columns // 10, 1)):
        column = plan.column(tick)
        line[column] = signs.notch
        words = signs.text(plan.scale.text(tick) + (f" {plan.scale.unit}" if tick == 0 else ""))
        at = max(column - (0 if tick == 0 else len(words) // 2), 0)
        if names.is_free(0, max(at - 1, 0), at + len(words)):
            names.write(0, at, words)
    yield " " * (plan.gutter + 1) + signs.corner + "".join(line)
    yield (" " * (plan.gutter + 2) + names.lines()[0]).rstrip()


def _legend(plan: Plan) -> Iterator[str]:
    chart, signs = plan.alone, plan.look.signs
    if chart is not None and chart.bands:
        words = plot_text_bands.legend(signs, chart.bands)
        yield from map(plan.look.paint.dim, wrapped(plan, words, "   "))
    if chart is None or not chart.lanes:
        return
    shares = zip(signs.shares, ("under 25", "50", "75", "more % of a core"), strict=True)
    bars = [f"{sign} {words}" for sign, words in shares]
    bars += [f"{signs.group} several processes"] if chart.groups else []
    peaks = [f"memory peak {signs.exact} exact {signs.sampled} not"]
    events = ["events in a column: . one  : some  | ten and more"]
    yield from map(plan.look.paint.dim, wrapped(plan, bars + peaks + events, "   "))
