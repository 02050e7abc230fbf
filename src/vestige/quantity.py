"""Figures in words: three digits, decimal units, and always how they were got."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.record.model import Figure

NOT_KNOWN = "not known"
LEGEND = "no mark: exact  ~ sampled  ≥ at least  ≤ at most  ≈ estimate  – not known"  # noqa: RUF001 - a dash on purpose

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_MARKS = {"exact": "", "sampled": "~", "estimate": "≈"}
_THOUSAND = 1000
_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def size(count: float) -> str:
    """Return a number of bytes with a decimal unit: `612 MB`."""
    value = float(count)
    for unit in _SIZES:
        digits = _digits(value) if unit != "B" else f"{value:.0f}"
        if float(digits) < _THOUSAND or unit == _SIZES[-1]:
            return f"{digits} {unit}"
        value /= _THOUSAND
    raise AssertionError("the last unit takes everything")


def duration(seconds: float) -> str:
    """Return a time span: `3.2 ms`, `12.4 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`."""
    if seconds < 1:
        return f"{_digits(seconds * _THOUSAND)} ms" if round(seconds * _THOUSAND) < _THOUSAND else "1.00 s"
    if seconds < 99.95:  # noqa: PLR2004 - what rounds to three digits
        return f"{_digits(seconds)} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def number(value: float) -> str:
    """Return a plain number: whole ones with thin groups, others with three digits."""
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else _digits(value)


def counted(count: float, one: str, more: str = "") -> str:
    """Return a number with its noun: `1 run`, `2 415 runs`; `more` where the plural takes more than an s."""
    return f"{number(count)} {one if count == 1 else more or one + 's'}"


def amount(value: float, unit: str) -> str:
    """Return a value in the words of its unit (`B`, `s` or `1`)."""
    if unit == "B":
        return size(value)
    return duration(value) if unit == "s" else number(value)


def shown(figure: Figure | None) -> str:
    """Return a figure's value without how it was got."""
    if figure is None:
        return NOT_KNOWN
    if figure.value is not None:
        return amount(figure.value, figure.unit)
    if figure.lower is not None and figure.upper is not None:
        return span(figure)
    if figure.lower is not None:
        return f"at least {amount(figure.lower, figure.unit)}"
    return NOT_KNOWN if figure.upper is None else f"at most {amount(figure.upper, figure.unit)}"


def span(figure: Figure) -> str:
    """Return what both bounds of a figure say: `598–640 MB`."""  # noqa: RUF002
    lower, upper = amount(figure.lower or 0, figure.unit), amount(figure.upper or 0, figure.unit)
    if lower == upper:
        return lower
    low_number, _, low_unit = lower.partition(" ")
    return f"{low_number if low_unit == upper.partition(' ')[2] else lower}–{upper}"  # noqa: RUF001


def how(figure: Figure | None, *, reasons: bool = True) -> str:
    """Return how a figure was got, with what is certain: `sampled, 598–640 MB for certain`."""  # noqa: RUF002
    if figure is None:
        return "unavailable: not in the record"
    reason = figure.reason if reasons or figure.method == "unavailable" else None
    words = f"{figure.method}, {_certain(figure)}" if _certain(figure) else figure.method
    return f"{words}: {reason}" if reason else words


def how_all(figures: Iterable[tuple[str, Figure | None]]) -> str:
    """Return how several figures were got: once if it is the same for all, else by name."""
    named = [(name, how(figure, reasons=False)) for name, figure in figures]
    if len({words for _, words in named}) == 1:
        return named[0][1]
    return "; ".join(f"{name} {words}" for name, words in named)


def marked(figure: Figure | None) -> str:
    """Return a figure for a table: its value with one sign for how it was got, as `LEGEND` explains."""
    if figure is None or figure.method == "unavailable":
        return "–"  # noqa: RUF001
    if figure.method == "bound":
        sign = "≤" if figure.lower is None and figure.upper is not None else "≥"
        value = figure.value if figure.value is not None else figure.upper if sign == "≤" else figure.lower
        return "–" if value is None else sign + amount(value, figure.unit)  # noqa: RUF001
    return "–" if figure.value is None else _MARKS[figure.method] + amount(figure.value, figure.unit)  # noqa: RUF001


def _certain(figure: Figure) -> str:
    lower, upper, unit = figure.lower, figure.upper, figure.unit
    if lower is not None and upper is not None:
        within = span(figure)
        exactly = figure.value is not None and within == amount(figure.value, unit)
        return "" if exactly else f"{within} for certain"
    if lower is not None:
        return "at least this" if lower == figure.value else f"at least {amount(lower, unit)}"
    if upper is not None:
        return "at most this" if upper == figure.value else f"at most {amount(upper, unit)}"
    return ""


def _digits(value: float) -> str:
    """Return three significant digits, none after the point from 100 on."""
    if value == 0:
        return "0"
    for decimals in (2, 1, 0):
        text = f"{value:.{decimals}f}"
        if len(text.replace(".", "")) <= 3:  # noqa: PLR2004
            return text
    return f"{value:.0f}"
