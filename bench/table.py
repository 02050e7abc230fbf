"""What the bench says, as Markdown: sections, tables, budgets; and how quantities are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spread import Spread

TIMES = "×"  # noqa: RUF001 - the sign on purpose
NONE = "–"  # noqa: RUF001 - a dash on purpose
_A_PART = 0.1  # below it a limit is written as a fraction
_DIGITS = 3
_DIGITS_OF_BUDGETS = 4  # 1.01 and 1.013 are not the same where 1.01 is the limit


@dataclass(frozen=True)
class Budget:
    """One promise about cost: what, how much is allowed, what was seen, and whether that is within it."""

    what: str
    limit: str
    seen: str
    met: bool


@dataclass(frozen=True)
class Table:
    """A table; the first `words` columns are text, all others are figures."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


@dataclass(frozen=True)
class Section:
    """One subject: what was done, the figures, and the budgets that concern it."""

    title: str
    text: str
    tables: tuple[Table, ...]
    budgets: tuple[Budget, ...] = ()


def markdown(section: Section, made: str = "") -> str:
    """Return a section without its budgets, which are gathered elsewhere; `made`: when and how, if not as the rest."""
    parts = [f"## {section.title}", *filter(None, [made]), section.text, *map(one, section.tables)]
    return "\n\n".join(parts)


def budgets(sections: Iterable[Section]) -> str:
    """Return the table of all budgets."""
    rows = tuple(
        (budget.what, budget.limit, budget.seen, "met" if budget.met else "**missed**")
        for section in sections
        for budget in section.budgets
    )
    return one(Table(("what", "budget", "seen", ""), rows, words=4))


def at_most(what: str, limit: float, seen: Spread | float, *, unit: str = TIMES) -> Budget:
    """Return a budget that is met by medians up to `limit`."""
    return Budget(what, f"≤ {_round(limit)} {unit}", _seen(seen, unit), _median(seen) <= limit)


def at_least(what: str, limit: float, seen: Spread | float, *, unit: str = TIMES) -> Budget:
    """Return a budget that is met by medians from `limit` on."""
    return Budget(what, f"≥ {_round(limit)} {unit}", _seen(seen, unit), _median(seen) >= limit)


def ratio(spread: Spread) -> str:
    """Write a ratio with its spread: `1.02 × (1.01–1.04)`."""  # noqa: RUF002 - signs on purpose
    return f"{significant(spread.median)} × ({significant(spread.low)}–{significant(spread.high)})"  # noqa: RUF001


def seconds(value: float) -> str:
    """Write a time: `12.3 ms`, `1.23 s`."""
    if not value:
        return "0 s"
    return f"{significant(value)} s" if value >= 1 else f"{significant(value * 1000)} ms"


def size(value: float) -> str:
    """Write a number of bytes: `1.20 MB`; decimal units."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= factor:
            return f"{significant(value / factor)} {unit}"
    return f"{value:.0f} B"


def percent(part: float) -> str:
    """Write a share: `0.52 %`, `118 %`."""
    return f"{significant(part * 100)} %"


def significant(value: float, digits: int = _DIGITS) -> str:
    """Write a number without exponent, with that many significant digits; as many decimals if it is below 1."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:.{max(0, digits - whole)}f}"


def _round(limit: float) -> str:
    """Write a limit as people do: `2.5`, `1/15`."""
    part = 1 / limit
    return f"1/{part:.0f}" if limit < _A_PART and part == round(part) else f"{limit:g}"


def _seen(seen: Spread | float, unit: str) -> str:
    if isinstance(seen, int | float):
        return f"{significant(seen, _DIGITS_OF_BUDGETS)} {unit}"
    median, low, high = (significant(value, _DIGITS_OF_BUDGETS) for value in (seen.median, seen.low, seen.high))
    return f"{median} {unit} ({low}–{high})"  # noqa: RUF001 - a dash on purpose


def _median(seen: Spread | float) -> float:
    return seen if isinstance(seen, int | float) else seen.median


def one(table: Table) -> str:
    """Return one table."""
    alignment = ["---"] * table.words + ["--:"] * (len(table.columns) - table.words)
    return "\n".join(_line(cells) for cells in (table.columns, alignment, *table.rows))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
