"""What a comparison says in words: one sentence on the time, ratios, and values side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige.quantity import amount, duration, number, size
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vestige.compare.causes import Explanation, Hint, Spent
    from vestige.compare.comparison import Comparison
    from vestige.compare.differences import Difference
    from vestige.compare.figures import Against, Row

NONE = "–"  # noqa: RUF001 - a dash on purpose
_LONGEST_VALUE = 40  # letters
_BEFORE = 12  # letters that are shown before two values differ
_NEARLY = (0.995, 1.005)
_ALIKE = (0.9, 1.1)

_WENT = {
    "work": ("more work on the CPU", "less work on the CPU"),
    "together": ("with fewer CPUs at work at once", "with more CPUs at work at once"),
    "starved": ("more waiting for a CPU", "less waiting for a CPU"),
    "storage": ("more waiting, while more came from or went to storage", "less waiting, with less from or to storage"),
    "waiting": ("more waiting, for what was not measured", "less waiting, for what was not measured"),
    "asleep": (
        "more waiting, not seen to be for a CPU or for storage",
        "less waiting, not seen to be for a CPU or for storage",
    ),
}


def sentence(comparison: Comparison, explanation: Explanation) -> str:
    """Return in one sentence how long a side took beside the first, and what that went into, as far as figures tell."""
    first, other = comparison.sides[0], comparison.sides[explanation.side]
    wall = comparison.figure("wall")
    name, base = _quoted(other.name), _quoted(first.name)
    if wall is None or explanation.outcome == "unknown" or explanation.seconds is None:
        return f"{name} beside {base}: how long they took is not known of both"
    against = wall.against[explanation.side]
    if explanation.outcome == "equal":
        return f"{name} took as long as {base}{_within(comparison, against)}{_otherwise(comparison, explanation)}"
    lasted = [amount(sample.figure.value, "s") if sample.figure and sample.figure.value is not None else NONE
              for sample in (wall.samples[0], wall.samples[explanation.side])]  # fmt: skip
    unsure = "" if comparison.noise == "known" else "; noise not known"
    changed = f"({lasted[0]} → {lasted[1]}{unsure})"
    return f"{name} {_times(against, explanation.outcome)} as {base} {changed}: {_because(explanation, comparison)}"


def ratio(against: Against | None) -> str:
    """Return a ratio with its band: `1.93× (1.88–2.01)`."""  # noqa: RUF002
    if against is None:
        return ""
    if against.ratio is None:
        return NONE
    text = f"{_factor(against.ratio)}×"  # noqa: RUF001
    return text if against.band is None else f"{text} ({_factor(against.band.lower)}–{_factor(against.band.upper)})"  # noqa: RUF001


def verdict(against: Against | None) -> str:
    """Return what is to be made of a ratio, in a word."""
    if against is None:
        return ""
    if against.verdict == "alike" and against.ratio is not None and not _ALIKE[0] < against.ratio < _ALIKE[1]:
        return "too small to matter" if _is_sure(against) else "too little to tell"
    return {"noise": "within noise", "unknown": "not known of both"}.get(against.verdict, against.verdict)


def noise(comparison: Comparison) -> str | None:
    """Return what is to be said of noise; None where it is known."""
    if comparison.noise == "known":
        return None
    return f"{_runs(comparison)}: how much of a difference is noise is not known; under 10 % counts as alike"


def mixed(comparison: Comparison) -> Iterator[str]:
    """Yield which figures were got in different ways on the sides."""
    for row in comparison.figures:
        if row.mixed:
            ways = ", ".join(f"{' and '.join(sample.methods) or 'unavailable'}" for sample in row.samples)
            yield f"{title(row.name)}: {ways}; a ratio of figures got in different ways is a rough one"


def title(name: str) -> str:
    """Return a figure's name for people."""
    return name.replace("_", " ")


def value(words: str | None) -> str:
    """Return a value of a side."""
    return NONE if words is None else shortened(safe(words), _LONGEST_VALUE)


def values(difference: Difference) -> list[str]:
    """Return what each side has of a difference; of files their sizes as well."""
    if not difference.sizes:
        return _told_apart(difference.values)
    pairs = zip(difference.values, difference.sizes, strict=True)
    return [NONE if words is None else _file(words, count) for words, count in pairs]


def _told_apart(texts: Sequence[str | None]) -> list[str]:
    """Return values of which the cut ones begin shortly before they differ, if they would look alike otherwise."""
    known = {safe(text) for text in texts if text is not None}
    if len({value(text) for text in known}) == len(known):
        return [value(text) for text in texts]
    start = max(len(os.path.commonprefix(sorted(known))) - _BEFORE, 0)  # noqa: RUF071 - letters are meant
    return [NONE if text is None else value("…" + safe(text)[start:]) for text in texts]


def counted(rows: Sequence[Row]) -> list[Row]:
    """Return the figures that a person wants to see: the main ones, and others where they differ."""
    return [row for row in rows if row.name in _MAIN or row.differs]


_MAIN = ("wall", "cpu", "memory_peak", "processes", "read_bytes", "written_bytes", "read_chars", "written_chars",
         "input_bytes", "output_bytes")  # fmt: skip


def _file(words: str, count: int | None) -> str:
    token = "" if words.startswith(("written ", "not known")) else value(words)
    return " ".join(filter(None, ["" if count is None else size(count), token])) or "there"


def _quoted(name: str) -> str:
    return f"`{safe(name)}`"


def _factor(factor: float) -> str:
    if _NEARLY[0] < factor < _NEARLY[1]:
        return "1.00"
    return f"{factor:.2f}" if factor < 10 else f"{factor:.3g}" if factor < 1000 else f"{factor:.0f}"  # noqa: PLR2004


def _times(against: Against | None, outcome: str) -> str:
    if against is None or not against.ratio:
        return "did not take as long"
    if outcome == "slower":
        return f"took {_factor(against.ratio)} times as long"
    return f"was {_factor(1 / against.ratio)} times as fast"


def _within(comparison: Comparison, against: Against | None) -> str:
    if against is None or against.ratio is None:
        return ""
    if against.band is None:
        return f" as far as {_runs(comparison)} can tell: {ratio(against)}" if comparison.noise == "unknown" else ""
    if _is_sure(against):
        return f", or nearly: {ratio(against)}, too small a difference to matter"
    return f", within noise: {ratio(against)}"


def _is_sure(against: Against) -> bool:
    """Say whether there is a difference for certain, however small."""
    return against.band is not None and not against.band.lower <= 1 <= against.band.upper


def _runs(comparison: Comparison) -> str:
    """Return how many runs the sides have, where they are few."""
    counts = " and ".join(dict.fromkeys(number(side.count) for side in comparison.sides))
    return "one run each" if {side.count for side in comparison.sides} == {1} else f"{counts} runs"


def _otherwise(comparison: Comparison, explanation: Explanation) -> str:
    """Return what differs where the time does not."""
    if comparison.same:
        return "; nothing else that was seen differs"
    rows = [row for row in comparison.figures if (seen := row.against[explanation.side]) and seen.verdict in _DIFFERS]
    named = [f"{title(row.name)} {ratio(row.against[explanation.side])}" for row in rows if row.name in _MAIN]
    said = [*named[:3], *_topics(comparison, explanation)]
    return f"; what differs: {', '.join(said)}" if said else "; nothing of weight differs"


def _topics(comparison: Comparison, explanation: Explanation) -> list[str]:
    """Return of which topics a side has something else than the first."""
    found = (each for each in comparison.differences if each.is_of(explanation.side))
    return list(dict.fromkeys(each.topic for each in found))


_DIFFERS = ("more", "less")


def _because(explanation: Explanation, comparison: Comparison) -> str:
    parts = [_went(spent, explanation) for spent in explanation.spent]
    measured = comparison.figure("cpu") is not None
    fallback = (
        "no part that was measured makes up a quarter of it" if measured else "what it went into was not measured"
    )
    text = " and ".join(parts) or fallback
    hints = [_HINTS[hint.what](hint) for hint in explanation.hints]
    if hints:
        return f"{text}; with {'; '.join(hints)}"
    topics = _topics(comparison, explanation)  # that are no cause: what came out
    beside = f"what else differs: {', '.join(topics)}" if topics else "nothing else that was seen differs"
    return f"{text}; {beside}"


def _went(spent: Spent, explanation: Explanation) -> str:
    words = _WENT[spent.what][0 if (explanation.seconds or 0) > 0 else 1]
    took = duration(abs(spent.seconds))
    return f"{took} {words}" if not words.startswith("with ") else f"{took} from the same work {words}"


def _change(hint: Hint, unit: str) -> str:
    then, now = (NONE if each is None else amount(int(each) if unit != "s" and float(each).is_integer() else each, unit)
                 for each in (hint.then, hint.now))  # fmt: skip
    return f"{then} → {now}"


def _grew(hint: Hint) -> str:
    more = (hint.now or 0) > (hint.then or 0)
    low, high = sorted((hint.then or 0, hint.now or 0))
    return (
        f"{_factor(high / low)} times {'the' if more else 'less'} input" if low else ("input" if more else "no input")
    )


def _data(hint: Hint) -> str:
    names = ", ".join(_difference(each) for each in hint.names[:1])
    return f"{_grew(hint)} ({_change(hint, 'B')}{f': {names}' if names else ''})"


def _named(hint: Hint, word: str) -> str:
    return f"{word}{', '.join(map(_difference, hint.names))}"


def _difference(each: Difference) -> str:
    """Return a difference in a few words; of files that have other sizes only these."""
    then, now = values(each)
    if each.sizes and each.sizes[0] != each.sizes[1]:
        then, now = (NONE if count is None else size(count) for count in each.sizes)
    return f"{safe(each.name)} {then} → {now}"


def _cold(hint: Hint) -> str:
    colder = (hint.now or 0) > (hint.then or 0)
    return f"as much read, but {_change(hint, 'B')} of it from storage (a {'colder' if colder else 'warmer'} cache)"


def _pressure(hint: Hint, what: str) -> str:
    more = "more" if (hint.now or 0) > (hint.then or 0) else "less"
    return f"{more} pressure on the machine's {what} ({_change(hint, 's')})"


_HINTS: dict[str, Callable[[Hint], str]] = {
    "data": _data,
    "cold": _cold,
    "processes": lambda hint: f"{_change(hint, '1')} processes",
    "cores": lambda hint: f"{_change(hint, '1')} CPUs allowed",
    "busy": lambda hint: _pressure(hint, "CPUs"),
    "memory": lambda hint: _pressure(hint, "memory"),
    "outcome": lambda hint: _named(hint, ""),
    "command": lambda _: "another command",
    "parameters": lambda hint: _named(hint, ""),
    "code": lambda hint: _named(hint, "other code: "),
    "software": lambda hint: _named(hint, "other software: "),
    "machine": lambda hint: _named(hint, "another machine: "),
    "environment": lambda hint: _named(hint, "another environment: "),
    "inputs": lambda hint: _named(hint, "other input: "),
    "part": lambda hint: f"most of it in `{safe(hint.part or '')}` ({_change(hint, 's')})",
}
