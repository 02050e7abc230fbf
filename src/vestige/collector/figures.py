"""From the cells of a schema to what a page shows of it: for each field a chart, its table and where its CSV is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.collector import charts
from vestige.collector.aggregates import lower_edge
from vestige.collector.store import week_before
from vestige.telemetry import noise
from vestige.telemetry.schema import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vestige.collector.aggregates import Folded
    from vestige.telemetry.schema import Field

    Chart = charts.Columns | charts.Bars | charts.Shares

_SERIES = 6  # that can be told apart in one chart; what is beyond them is one more
_BARS = 12  # in a card; the table has all
_REST = "all others"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


@dataclass(frozen=True, slots=True)
class Figure:
    """One card: a chart and its table. `rows` are empty where nothing may be shown."""

    id: str
    kind: str  # columns, bars or shares
    name: str
    title: str
    chart: Chart
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    withheld: bool
    csv: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """What a figure is called and where it lives."""

    id: str
    name: str
    title: str
    path: str  # of its page; its CSV is the same with `.csv`


def weeks_until(last: str, number: int) -> tuple[str, ...]:
    """Return so many weeks, the oldest first."""
    return tuple(week_before(last, back) for back in reversed(range(number)))


def over_weeks(where: Where, weeks: Sequence[str], folded: Iterable[Folded]) -> Figure:
    """Return how many reports there were in each week."""
    parts = list(folded)
    numbers = {cell.week: cell.reports for part in parts for cell in part.shown}
    withheld = any(part.withheld for part in parts)
    chart = charts.columns([(short_week(week), numbers.get(week, 0)) for week in weeks], "reports")
    rows = tuple((week, f"{numbers[week]:,}") for week in reversed(weeks) if week in numbers)
    return Figure(where.id, "columns", where.name, where.title, chart, ("Week", "Reports"), rows, withheld,
                  where.path + ".csv")  # fmt: skip


def of_field(where: Where, field: Field, folded: Sequence[Folded], *, counted: bool) -> Figure:
    """Return the labels of a field over a period, in how many weekly reports each of them stood.

    `counted` is for fields of events: those are counted within a report too.
    """
    reports: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for part in folded:
        for cell in part.shown:
            reports[cell.label] += cell.reports
            totals[cell.label] += cell.total
    labels = in_order(field, reports)
    whole = sum(reports.values())
    kind, chart = _chart(field, labels, reports, whole)
    is_answer = field.kind == "answer"
    titles = (_title(field), "Reports", "Share", *(["Times, at least"] if counted else []))
    titles += ("In truth, about",) if is_answer else ()
    rows = tuple(
        (told(field, label), f"{reports[label]:,}", charts.share(reports[label], whole))
        + ((f"{totals[label]:,}",) if counted else ())
        + ((_in_truth(reports[label], whole, field.epsilon),) if is_answer else ())
        for label in labels
        if reports[label]
    )
    withheld = any(part.withheld for part in folded)
    return Figure(
        where.id, kind, where.name, where.title, chart, titles, rows, withheld, where.path + ".csv", where.path
    )


def over_time(where: Where, field: Field, weeks: Sequence[str], folded: Sequence[Folded]) -> Figure:
    """Return which share of each week's reports the labels of a field have."""
    by_week: Mapping[str, dict[str, int]] = {
        part.week: {cell.label: cell.reports for cell in part.shown} for part in folded
    }
    sums: Counter[str] = Counter()
    for numbers in by_week.values():
        sums.update(numbers)
    most = [label for label, _ in sums.most_common(_SERIES if len(sums) != _SERIES + 1 else _SERIES + 1)]
    kept = [label for label in in_order(field, sums) if label in most]
    series = [(told(field, label), [by_week.get(week, {}).get(label, 0) for week in weeks]) for label in kept]
    if len(sums) > len(kept):
        rest = [sum(by_week.get(week, {}).values()) - sum(row[index] for _, row in series)
                for index, week in enumerate(weeks)]  # fmt: skip
        series.append((_REST, rest))
    rows = tuple(
        (week, *(f"{values[index]:,}" if values[index] else "–" for _, values in series))  # noqa: RUF001
        for index, week in reversed(list(enumerate(weeks)))
        if week in by_week
    )
    chart = charts.shares([short_week(week) for week in weeks], series)
    titles = ("Week", *(name for name, _ in series))
    withheld = any(part.withheld for part in folded)
    return Figure(where.id, "shares", where.name, where.title, chart, titles, rows if series else (), withheld,
                  where.path + ".csv")  # fmt: skip


def in_order(field: Field, labels: Mapping[str, int]) -> list[str]:
    """Return labels as they are best read: buckets and versions by size, choices by how many there are."""
    if field.kind == "bucket":
        edges = [index for index, label in enumerate(field.labels) if labels.get(label)]
        return list(field.labels[edges[0] : edges[-1] + 1]) if edges else []
    if field.kind == "version":
        return sorted(labels, key=_version, reverse=True)
    return sorted(labels, key=lambda label: (label == OTHER, -labels[label], label))


def told(field: Field, label: str) -> str:
    """Return what a label means to people: `64 s`, `4 GiB`, `2.8+ days`."""
    if field.kind != "bucket":
        return label
    if label == "0":
        return f"under {_quantity(field.low, field.unit)}"
    return _quantity(lower_edge(label), field.unit) + ("+" if label.startswith(">=") else "")


def short_week(week: str) -> str:
    """Return a week as a chart has room for it: `W47 '26`."""
    return f"{week[5:]} ’{week[2:4]}"  # noqa: RUF001 - an apostrophe


def _chart(field: Field, labels: Sequence[str], reports: Mapping[str, int], whole: int) -> tuple[str, Chart]:
    values = [(told(field, label), reports[label]) for label in labels]
    if field.kind == "bucket":
        return "columns", charts.columns(values, "reports")
    shown, rest = values[:_BARS], values[_BARS:]
    if rest:
        shown.append((f"{len(rest)} more, in the table", sum(value for _, value in rest)))
    return "bars", charts.bars(shown, whole)


def _in_truth(given: int, whole: int, epsilon: float) -> str:
    found = noise.estimate(given, whole, epsilon)
    return f"{100 * found.share:.0f} % ± {100 * found.margin:.0f}"


def _title(field: Field) -> str:
    if field.kind != "bucket":
        return field.name.replace("_", " ").capitalize()
    return {"s": "From (time)", "B": "From (size)", "1": "From"}[field.unit]


def _version(label: str) -> tuple[int, ...]:
    return () if label == OTHER else tuple(map(int, label.split(".")))


def _quantity(edge: int, unit: str) -> str:
    if unit == "B":
        power = min((edge.bit_length() - 1) // 10, len(_BYTES) - 1)
        return f"{edge >> (10 * power)} {_BYTES[power]}"
    if unit == "1":
        return f"{edge:,}"
    for seconds, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if edge >= seconds:
            return f"{edge / seconds:.1f} {name}"
    return f"{edge} s"
