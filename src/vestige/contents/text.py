"""Plain text: which lines differ, and whether only passing things in them do.

Two texts are never equal in content if they are not in bytes; what shows is a probable reason.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.contents import volatile
from vestige.contents.finding import Finding, common_end, common_start, contrast
from vestige.contents.tally import joined
from vestige.quantity import counted, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.contents.tolerance import Tolerance

_ENOUGH = 10_000  # differing lines looked at for a reason
_LONGEST = 16 << 20  # B of them


@dataclass(frozen=True, slots=True)
class Changes:
    """The lines that differ."""

    first: int  # number of the first line, from 1
    then: int  # how many lines, from the first to the last that differs
    now: int
    differing: int  # pairs of lines that differ; 0 where there are not as many now as then
    example: tuple[str, str]
    reason: str | None


def differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return which lines differ."""
    found = changes(then, now, tolerance)
    if not found.differing:
        place = f"from line {number(found.first)}" if found.first > 1 else "from the first line"
        detail = f"{place}: {counted(found.then, 'line')} then, {counted(found.now, 'line')} now"
    else:
        more = f"; {number(found.differing)} lines differ" if found.differing > 1 else ""
        detail = f"line {number(found.first)}: {_contrast(*found.example)}{more}"
    return Finding(equal=False, detail=detail, reason=found.reason)


def _contrast(then: str, now: str) -> str:
    """Return how a line was and is; its end only if nothing else differs."""
    one, other = then.rstrip("\r\n"), now.rstrip("\r\n")
    return contrast(then, now) if one == other else contrast(one, other)


def changes(then: bytes, now: bytes, tolerance: Tolerance) -> Changes:
    """Return what differs between two contents, line by line; memory beyond the contents stays small."""
    start, middle, other = _middle(then, now)
    first = then.count(b"\n", 0, start) + 1
    count, other_count = _count(middle), _count(other)
    if count != other_count:
        return Changes(first, count, other_count, 0, ("", ""), None)
    pairs = list(_first_pairs(middle, other))
    differing = sum(line != other_line for line, other_line in zip(_each(middle), _each(other), strict=True))
    reason = _reason(pairs, tolerance) or ("order of lines" if _same_lines(middle, other) else None)
    return Changes(first, count, other_count, differing, pairs[0] if pairs else ("", ""), reason)


def _middle(then: bytes, now: bytes) -> tuple[int, bytes, bytes]:
    """Return what is left of both without the lines that both begin and end with, and where that starts."""
    start = then.rfind(b"\n", 0, common_start(then, now)) + 1
    shared = common_end(then, now, min(len(then), len(now)) - start)
    end, other_end = len(then) - shared, len(now) - shared
    if not (_begins_line(then, end) and _begins_line(now, other_end)):
        skipped = then.find(b"\n", end) + 1 - end
        kept = shared - skipped if skipped > 0 else 0
        end, other_end = len(then) - kept, len(now) - kept
    return start, then[start:end], now[start:other_end]


def _begins_line(content: bytes, at: int) -> bool:
    return at == 0 or content[at - 1 : at] == b"\n"


def _count(content: bytes) -> int:
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


def _each(content: bytes) -> Iterator[bytes]:
    return iter(io.BytesIO(content))


def _first_pairs(then: bytes, now: bytes) -> Iterator[tuple[str, str]]:
    """Yield pairs of differing lines, as many as are worth a look."""
    left, length = _ENOUGH, _LONGEST
    for line, other in zip(_each(then), _each(now), strict=True):
        if line != other:
            yield _text(line), _text(other)
            left, length = left - 1, length - len(line) - len(other)
            if left <= 0 or length <= 0:
                return


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")


def _reason(pairs: list[tuple[str, str]], tolerance: Tolerance) -> str | None:
    reasons: set[str] = set()
    for then, now in pairs:
        found = _between(then, now, tolerance)
        if found is None:
            return None
        reasons |= found
    return joined(reasons)


def _between(then: str, now: str, tolerance: Tolerance) -> frozenset[str] | None:
    if then.rstrip("\r\n") == now.rstrip("\r\n"):
        return frozenset({"line endings"})
    if then.split() == now.split():
        return frozenset({"white space"})
    return volatile.explained(then, now, tolerance)


def _same_lines(then: bytes, now: bytes) -> bool:
    """Say whether both have the same lines in some order, by a sum of hashes: nothing has to be kept."""
    return _sum(then) == _sum(now)


def _sum(content: bytes) -> int:
    return sum(hash(line.rstrip(b"\n")) for line in _each(content))
