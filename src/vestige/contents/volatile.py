"""Parts of a text that differ between any two runs: times, identifiers, temporary paths, measured durations.

A guess for the person who reads it, never a reason to call two contents equal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vestige.contents.finding import common_end, common_start

if TYPE_CHECKING:
    from vestige.contents.tolerance import Tolerance

_LONG = 4096  # characters, beyond which only the surroundings of the difference are looked at
_AROUND = 100
_LONGEST = 1 << 20  # characters that differ, beyond which nobody guesses
_NUMBER = "rounded numbers"
_PATH = "a path"
_TEMPORARY = "a temporary path"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?(?:\ ?(?:Z|UTC|GMT|[AP]M|[+-]\d\d:?\d\d))?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_DAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?\ +)?"

# Each begins where no word goes on, or long digits would be tried from every digit; the first that fits is taken.
_PATTERNS = {
    "a UUID": r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?!\w)",
    "a timestamp": rf"""
        \d{{4}}[-/.]\d\d[-/.]\d\d[T_\ ,]{{1,2}}{_CLOCK}
        | D:\d{{14}}[Z+-]?(?:\d\d'\d\d'?)?
        | \d{{8}}[T_-]\d{{4,6}}(?:\.\d+)?Z?(?!\w)
        | {_DAY}{_MONTH}\ +\d{{1,2}},?\ +(?:\d{{4}},?\ +)?{_CLOCK}(?:\ +(?:[A-Z]{{3,4}}\ )?\d{{4}})?
        | {_DAY}\d{{1,2}}[-\ ]{_MONTH}[-\ ]\d{{2,4}},?\ {_CLOCK}
        | \d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}},?\ {_CLOCK}
        | 1[4-9]\d{{8}}(?:\d{{3}}|\d{{6}}|\d{{9}})?(?:\.\d+)?(?![\w.])""",
    "a date": rf"""
        \d{{4}}[-/.]\d\d[-/.]\d\d(?!\w)
        | \d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}}(?!\w)
        | {_DAY}{_MONTH}\ +\d{{1,2}},?\ +\d{{4}}(?!\w)
        | {_DAY}\d{{1,2}}[-\ ]{_MONTH}[-\ ]\d{{4}}(?!\w)""",
    "a time of day": _CLOCK,
    "a memory address": r"0x[0-9a-fA-F]{7,16}(?!\w)",
    _TEMPORARY: r"""
        (?:/tmp|/var/tmp|/dev/shm|/var/folders|/private/tmp|/private/var)/[^\s"'<>|,;:)\]}]+
        | tmp[a-z0-9_]{8}(?!\w)""",
    _PATH: r"/(?:[\w.+@~=-]+/)+[\w.+@~=-]*",
    "a process id": r"(?:pid|PID)[\ =:]{1,3}\d+(?!\w)",
    "a speed": r"\d+(?:\.\d+)?\ ?(?:it|[kKMG]?i?B|rows|files)/s(?!\w)",
    "a duration": r"""
        \d+(?:\.\d+)?(?:e[+-]?\d+)?\ ?
        (?:ns|us|µs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)(?!\w)""",
    "a generated id": r'(?<=["#])[a-z][0-9a-f]{10}(?=[")])',  # Matplotlib's in SVG
    _NUMBER: r"[+-]?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)(?![\w.])",
}
_CLASSES = tuple(_PATTERNS)
_ANY = re.compile(
    r"(?<![\w.])(?:" + "|".join(f"(?P<c{at}>{pattern})" for at, pattern in enumerate(_PATTERNS.values())) + ")",
    re.ASCII | re.VERBOSE,
)
_NAMES = {
    "a timestamp": r"(?:^|_)(?:timestamp|created|updated|modified|date|datetime|started|ended|finished)(?:$|_)",
    "a duration": r"(?:^|_)(?:duration|elapsed|runtime|seconds|time|latency)(?:$|_)",
}


def explained(then: str, now: str, tolerance: Tolerance) -> frozenset[str] | None:
    """Return what kinds of passing things make the difference between two texts, None if something else does."""
    if max(len(then), len(now)) > _LONG:
        then, now = _around(then, now)
        if max(len(then), len(now)) > _LONGEST:
            return None
    found, others = list(_ANY.finditer(then)), list(_ANY.finditer(now))
    if len(found) != len(others) or _rest(then, found) != _rest(now, others):
        return None
    reasons = [_between(one, other, tolerance) for one, other in zip(found, others, strict=True) if one[0] != other[0]]
    return frozenset(reason for reason in reasons if reason) if all(reasons) else None


def by_name(name: str) -> str | None:
    """Return what a number with this name (a key, a column) probably is, if that changes from run to run."""
    lower = name.lower().replace("-", "_").replace(" ", "_")
    return next((reason for reason, pattern in _NAMES.items() if re.search(pattern, lower)), None)


def _around(then: str, now: str) -> tuple[str, str]:
    start = common_start(then, now)
    end = common_end(then, now, min(len(then), len(now)) - start)
    first = max(0, start - _AROUND)
    return then[first : len(then) - end + _AROUND], now[first : len(now) - end + _AROUND]


def _rest(text: str, found: list[re.Match[str]]) -> list[str]:
    """Return what stands between the matches."""
    ends = [0, *(match.end() for match in found)]
    starts = [*(match.start() for match in found), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]


def _between(then: re.Match[str], now: re.Match[str], tolerance: Tolerance) -> str | None:
    """Return what makes the difference between two matches, None if it is not a passing one."""
    classes = {_class(then), _class(now)}
    if _PATH in classes and classes <= {_PATH, _TEMPORARY}:
        same_name = then[0].rpartition("/")[2] == now[0].rpartition("/")[2]
        return (_TEMPORARY if _TEMPORARY in classes else _PATH) if same_name else None
    if len(classes) > 1:
        return None
    if classes == {_NUMBER} and not tolerance.accepts(float(then[0]), float(now[0])):
        return None
    return classes.pop()


def _class(match: re.Match[str]) -> str:
    return _CLASSES[int((match.lastgroup or "c0")[1:])]
