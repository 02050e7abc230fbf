"""The user's own statistics as text: a table for each event, under the question that it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.report import tables as rows_of
from vestige.words import safe

if TYPE_CHECKING:
    from vestige.report.paint import Paint
    from vestige.telemetry.schema import Field
    from vestige.telemetry.stats import Usage

_BAR = 24  # letters
_BLOCKS = " ▏▎▍▌▋▊▉█"
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 10  # bits from one unit of bytes to the next
_MINUTE, _HOUR = 60, 3600


def tables(usage: Usage, paint: Paint) -> str:
    """Return all of one name's counts."""
    span = usage.weeks[0] if len(usage.weeks) == 1 else f"{usage.weeks[0]} to {usage.weeks[-1]}"
    parts = [paint.bold(f"{safe(usage.name)}, {span}")]
    for event in usage.by_event():
        question = usage.schema.events[event].question if usage.schema and event in usage.schema.events else event
        parts += ["", paint.bold(safe(question)), _table(usage, event)]
    if usage.is_full:
        parts += ["", "In some week there was more than is counted"]
    return "\n".join([*parts, ""])


def _table(usage: Usage, event: str) -> str:
    kinds = usage.by_event()[event]
    known = dict(usage.schema.events[event].fields) if usage.schema and event in usage.schema.events else {}
    names = [*known, *sorted({name for labels in kinds for name, _ in labels} - set(known))]
    names = [name for name in names if any(name == said for labels in kinds for said, _ in labels)]
    most = max(kinds.values())
    ordered = sorted(kinds.items(), key=lambda item: (_order(dict(item[0]), known), -item[1], item[0]))
    columns = [rows_of.Column(name, right=name in known and known[name].kind == "bucket") for name in names]
    columns += [rows_of.Column("times", right=True), rows_of.Column("")]
    rows = [
        [*(words(dict(labels).get(name), known.get(name)) for name in names), str(times), bar(times / most)]
        for labels, times in ordered
    ]
    return "\n".join(f"  {line}" for line in rows_of.plain(columns, rows).splitlines())


def words(label: str | None, field: Field | None) -> str:
    """Return a label for people: a bucket with its unit."""
    if label is None:
        return ""
    if field is None or field.kind != "bucket" or not field.allows(label):
        return safe(label)
    if label == "0":
        return label if (field.unit, field.low) == ("1", 1) else f"< {_amount(field.low, field.unit)}"
    if label.startswith(">="):
        return f"{_amount(field.high, field.unit)} or more"
    edge = int(label)
    if field.unit == "1":
        return label if edge == 1 else f"{edge} to {2 * edge - 1}"
    return f"{_amount(edge, field.unit)} to {_amount(2 * edge, field.unit)}"


def bar(share: float) -> str:
    """Return a bar for a share of the most."""
    eighths = max(1, round(share * _BAR * 8))
    return "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def _amount(value: int, unit: str) -> str:
    if unit == "B":
        step = min((value.bit_length() - 1) // _STEP, len(_BYTES) - 1)
        return f"{value >> (step * _STEP)} {_BYTES[step]}"
    if unit == "s":
        return (
            f"{value} s"
            if value < 2 * _MINUTE
            else f"{value / _MINUTE:.0f} min"
            if value < 2 * _HOUR
            else f"{value / _HOUR:.0f} h"
        )
    return str(value)


def _order(labels: dict[str, str], known: dict[str, Field]) -> tuple[object, ...]:
    """Put an event that is nothing but numbers in the order of the numbers."""
    if not known or any(field.kind != "bucket" for name, field in known.items() if name in labels):
        return (0,)
    return tuple(
        known[name].labels.index(label) if label in known[name].labels else -1
        for name, label in labels.items()
        if name in known
    )
