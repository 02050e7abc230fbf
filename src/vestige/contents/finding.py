"""What a kind of file says about two contents, and what it raises where it can't say."""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from vestige.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.contents.tolerance import Tolerance

T = TypeVar("T")
ORDER = "order of rows"  # the reason where only the order differs
STORED = "stored in another way"  # what makes equal, where nothing more is known
_ADDRESS = re.compile(r" ?(?:on|in)? ?<[^<>]{0,80} at 0x[0-9a-f]+>")  # of an object, other in every message
_SHOWN = 40  # characters of a value
_REPR = reprlib.Repr()  # of large and deep values as much as is shown
_REPR.maxother = _REPR.maxlong = 2 * _SHOWN
_BEFORE = 12  # of them before the first that differs


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether two contents that are not the same bytes say the same, and where they don't."""

    equal: bool
    detail: str
    reason: str | None = None


class Differences(Protocol):
    """How a kind compares: both contents whole, none of them the other's bytes."""

    def __call__(self, then: bytes, now: bytes, tolerance: Tolerance, /) -> Finding:
        """Return what was found; raise `ForeignError` where the contents are not of this kind."""


class ForeignError(Exception):
    """The content is not of its kind, damaged, or more than is decoded; the message says which. It stays in here."""


def decoded(label: str, decode: Callable[[bytes], T], then: bytes, now: bytes) -> tuple[T, T]:
    """Return both contents decoded; `ForeignError` says which of them can't be."""
    return _decoded(label, decode, then, "then"), _decoded(label, decode, now, "now")


def _decoded(label: str, decode: Callable[[bytes], T], content: bytes, when: str) -> T:
    try:
        return decode(content)
    except ForeignError:
        raise
    except Exception as error:  # a decoder of foreign bytes raises whatever it likes
        raise ForeignError(f"no valid {label} {when} ({brief(error)})") from error


def brief(error: BaseException) -> str:
    """Return what an error of a library says, in one short line."""
    lines = _ADDRESS.sub("", str(error)).strip().splitlines()
    return shortened(lines[0] if lines else type(error).__name__, 80)


def contrast(then: object, now: object) -> str:
    """Return how a value was and is, cut to where it differs."""
    if not (isinstance(then, str) and isinstance(now, str)):
        return f"{shown(then)} then, {shown(now)} now"
    start = max(0, common_start(then, now) - _BEFORE) if max(len(then), len(now)) > _SHOWN else 0
    return f"{_quoted(then, start)} then, {_quoted(now, start)} now"


def shown(value: object) -> str:
    """Return a value as a person reads it, on one line."""
    return _quoted(value, 0) if isinstance(value, str) else shortened(_REPR.repr(value), _SHOWN)


def shortened(text: str, most: int) -> str:
    """Return text that a terminal shows, cut after `most` characters."""
    return printable(text if len(text) <= most else text[: most - 1] + "…")


def _quoted(text: str, start: int) -> str:
    return f"'{'…' if start else ''}{shortened(text[start : start + 2 * _SHOWN], _SHOWN)}'"


def common_start(one: str | bytes, other: str | bytes) -> int:
    """Return how many characters both begin with; by halving, for `==` is far faster than a loop."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_end(one: str | bytes, other: str | bytes, most: int) -> int:
    """Return how many characters both end with, `most` at the most."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
