"""What a benchmark found: in the terminal, as Markdown, CSV and JSON, with hyperfine's names where it has the same."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from vestige.compare.spread import doubts, times_faster
from vestige.quantity import amount, counted
from vestige.report.compare_markdown import table
from vestige.report.tables import Column
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.compare.spread import Measured, Spread
    from vestige.report.paint import Paint

_DOUBTS = {
    "short": "it takes less than 5 ms: starting a process is much of that",
    "slow first": "the first run was much slower than the others: a cold cache? `--warmup 3` fills it",
    "outliers": "some runs lie far off: other work on the machine? Repeat it when it is quiet",
    "crowded": "it waited for a CPU more than a tenth of the time: others were at work",
    "failed": "some runs did not end with exit code 0",
}
_SHOWN = {"memory_peak": "memory", "read_chars": "read", "written_chars": "written", "processes": "processes"}
_MARKS = {"sampled": "~", "bound": "≥", "estimate": "≈"}
_TITLES = ("Mean ± s.d.", "Median", "Min", "Max", "Memory", "Relative")
_COLUMNS = ("command", "mean", "stddev", "median", "user", "system", "min", "max")  # hyperfine's, in its order


def lines(found: Sequence[Measured], paint: Paint) -> Iterator[str]:
    """Yield each command with its figures, and who was fastest."""
    for place, each in enumerate(found, start=1):
        yield f"{paint.bold(f'{place}')}  {safe(each.command)}"
        yield from (f"   {line}" for line in _figures(each))
        yield from (paint.dim(f"   {_DOUBTS[doubt]}") for doubt in doubts(each))
        yield ""
    yield from _summary(found, paint)


def markdown(found: Sequence[Measured]) -> str:
    """Return a table as hyperfine's, with memory."""
    columns = (Column("Command"), *(Column(title, right=True) for title in _TITLES))
    fastest = min(found, key=lambda each: each.wall.mean)
    rows = [
        [each.command, _around(each.wall, "s"), *(amount(value, "s") for value in _ends(each.wall)),
         _memory(each), _relative(fastest, each)]
        for each in found
    ]  # fmt: skip
    return "\n".join(table(columns, rows)) + "\n"


def as_csv(found: Sequence[Measured]) -> str:
    """Return hyperfine's columns, seconds, and after them every other figure's mean."""
    others = list(dict.fromkeys(name for each in found for name in each.figures if name != "wall"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *others])
    for each in found:
        means = {name: spread.mean for name, spread in each.figures.items()}
        result = _result(each)
        writer.writerow([result[name] for name in _COLUMNS] + [means.get(name) for name in others])
    return text.getvalue()


def as_json(found: Sequence[Measured]) -> dict[str, Any]:
    """Return `results` with hyperfine's keys, and each figure of each run."""
    return {"results": list(map(_result, found))}


def _result(each: Measured) -> dict[str, Any]:
    wall = each.wall
    return {
        "command": each.command,
        "mean": wall.mean,
        "stddev": wall.deviation,
        "median": wall.median,
        "user": _mean(each, "cpu_user"),
        "system": _mean(each, "cpu_system"),
        "min": min(wall.values),
        "max": max(wall.values),
        "times": wall.values,
        "exit_codes": each.exit_codes,
        "tag": each.tag,
        "runs": each.runs,
        "doubts": doubts(each),
        "figures": {
            name: {"mean": spread.mean, "stddev": spread.deviation, "median": spread.median, "values": spread.values,
                   "method": each.methods[name]}
            for name, spread in each.figures.items()
        },
    }  # fmt: skip


def _figures(each: Measured) -> Iterator[str]:
    wall = each.wall
    middle, low, high = (amount(value, "s") for value in _ends(wall))
    runs = counted(len(wall.values), "run")
    yield f"time       {_around(wall, 's')}   median {middle}, {low} … {high}   {runs}"
    user, system = _mean(each, "cpu_user"), _mean(each, "cpu_system")
    if user is not None and system is not None:
        yield f"cpu        {amount(user, 's')} user, {amount(system, 's')} system"
    for name, title in _SHOWN.items():
        spread = each.figures.get(name)
        if spread is not None:
            unit = "1" if name == "processes" else "B"
            yield f"{title:<9}  {_MARKS.get(each.methods[name], '')}{_around(spread, unit)}"


def _summary(found: Sequence[Measured], paint: Paint) -> Iterator[str]:
    if len(found) == 1:
        return
    fastest = min(found, key=lambda each: each.wall.mean)
    yield f"{paint.bold(safe(fastest.command))} ran"
    for each in sorted((each for each in found if each is not fastest), key=lambda each: each.wall.mean):
        yield f"  {_relative(fastest, each)} times as fast as {safe(each.command)}"


def _relative(fastest: Measured, each: Measured) -> str:
    if each is fastest:
        return "1.00"
    ratio, deviation = times_faster(fastest, each)
    return f"{ratio:.2f}" if deviation is None else f"{ratio:.2f} ± {deviation:.2f}"


def _around(spread: Spread, unit: str) -> str:
    """Return mean and standard deviation."""
    mean = int(spread.mean) if unit == "1" and spread.mean.is_integer() else spread.mean
    if not spread.deviation:
        return amount(mean, unit)
    return f"{amount(mean, unit)} ± {amount(spread.deviation, unit)}"


def _ends(spread: Spread) -> tuple[float, float, float]:
    return spread.median, min(spread.values), max(spread.values)


def _memory(each: Measured) -> str:
    spread = each.figures.get("memory_peak")
    return "" if spread is None else _MARKS.get(each.methods["memory_peak"], "") + amount(spread.mean, "B")


def _mean(each: Measured, name: str) -> float | None:
    spread = each.figures.get(name)
    return None if spread is None else spread.mean
