"""JSON, and JSON lines: the same values, whatever the order of keys, white space and spelling of numbers.

A whole number equals the same one with a point (1 and 1.0), within the tolerance; true does not equal 1. The order of a
list counts. A key twice in an object, or a number beyond a double, is not decoded: nobody knows what it stands for.
"""

from __future__ import annotations

import io
import itertools
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from vestige.contents.finding import STORED, Finding, ForeignError, brief, decoded, shortened, shown
from vestige.contents.tally import Tally
from vestige.quantity import counted, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.contents.tolerance import Tolerance

    Path: TypeAlias = "tuple[Path, Step] | None"  # a link to the place around it, and the step from there
    Step: TypeAlias = "str | int | Root"  # a key, an index, or where a document is
    Pair = tuple[Path, Any, Any]

_REORDERED = "keys in another order"
_LISTS = (list, tuple)  # Arrow's maps have tuples
_SIMPLE = frozenset((str, int, float, bool, type(None)))
_DEEPEST = 200  # levels whose order is looked at, far from the end of Python's stack
_LONGEST_PLACE = 120  # characters


def differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return at which keys two documents differ."""
    try:
        one, other = decoded("JSON", _document, then, now)
    except _SeveralError:
        return line_differences(then, now, tolerance)
    walk = Walk(tolerance)
    walk.compare(one, other, None)
    return walk.finding(in_order=not walk.tally.count or fingerprint(one) != fingerprint(other))


def line_differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return at which lines, and keys in them, two files of one document a line differ."""
    walk, order, counts = Walk(tolerance), [0, 0], [0, 0]
    for index, lines in enumerate(itertools.zip_longest(_lines(then), _lines(now)), 1):
        for side, line in enumerate(lines):
            if line is not None:
                counts[side] += 1
        if None not in lines and lines[0] != lines[1]:
            one, other = decoded("JSON lines", _document, *lines)
            walk.compare(one, other, (None, Root(f"line {number(index)}")))
            order = [sum_ + fingerprint(value) for sum_, value in zip(order, (one, other), strict=True)]
    if counts[0] != counts[1]:
        walk.tally.ahead(f"{counted(counts[0], 'line')} then, {number(counts[1])} now")
    return walk.finding(in_order=counts[0] != counts[1] or order[0] != order[1])


class Walk:
    """The comparison of two documents, in the order of the first."""

    def __init__(self, tolerance: Tolerance) -> None:
        self.tally = Tally(tolerance)
        self.reordered = False

    def compare(self, then: object, now: object, path: Path) -> None:
        """Compare two values and all in them; a stack of its own, for others decide how deep a document is."""
        stack = [iter([(path, then, now)])]
        while stack:
            pair = next(stack[-1], None)
            if pair is None:
                stack.pop()
            elif inner := self._inside(*pair):
                stack.append(inner)

    def finding(self, *, in_order: bool) -> Finding:
        """Return what came of it."""
        otherwise = _REORDERED if self.reordered else STORED
        return self.tally.finding(what="values", otherwise=otherwise, in_order=in_order)

    def _inside(self, path: Path, then: Any, now: Any) -> Iterator[Pair] | None:  # noqa: ANN401 - JSON
        if type(then) is type(now) and type(then) in _SIMPLE and then == now:  # most values, and quickly
            return None
        if isinstance(then, dict) and isinstance(now, dict):
            return self._keys(path, then, now)
        if isinstance(then, _LISTS) and isinstance(now, _LISTS):
            return self._items(path, then, now)
        self.tally.meet(then, now, lambda: place(path), _name(path))
        return None

    def _keys(self, path: Path, then: dict[str, Any], now: dict[str, Any]) -> Iterator[Pair]:
        if then.keys() == now.keys():
            self.reordered = self.reordered or list(then) != list(now)
        self._lacking(path, then, now, "only then")
        self._lacking(path, now, then, "only now")
        return (((path, key), value, now[key]) for key, value in then.items() if key in now)

    def _lacking(self, path: Path, one: dict[str, Any], other: dict[str, Any], when: str) -> None:
        for key in one:
            if key not in other:
                self.tally.lack(lambda key=key: f"{place((path, key))}: {when}")  # type: ignore[misc]

    def _items(self, path: Path, then: Sequence[Any], now: Sequence[Any]) -> Iterator[Pair] | None:
        if len(then) != len(now):
            self.tally.lack(lambda: f"{place(path)}: {counted(len(then), 'item')} then, {number(len(now))} now")
            return None
        return (((path, index), *pair) for index, pair in enumerate(zip(then, now, strict=True)))


class Root(NamedTuple):
    """Where a document is found, in words, and what its values are called if they have no key."""

    words: str
    name: str = ""


def place(path: Path) -> str:
    """Return where in a document something is, as one would write it: `results[3].name`."""
    steps: list[Step] = []
    while path is not None:
        path, step = path
        steps.append(step)
    words = "".join(_step(step) for step in reversed(steps)).removeprefix(".")
    return shortened(words, _LONGEST_PLACE) or "the whole document"


def _step(step: Step) -> str:
    if isinstance(step, Root):
        return step.words
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{shown(step)}]"


def _name(path: Path) -> str:
    """Return the key that a value belongs to, that of its list if it is an item."""
    while path is not None:
        path, step = path
        if isinstance(step, str):
            return step
        if isinstance(step, Root):
            return step.name
    return ""


def fingerprint(value: object, depth: int = 0) -> int:
    """Return a number that is the same for values which differ in the order of their lists only.

    What lies deeper than any order that would matter counts as different from everything.
    """
    if depth > _DEEPEST:
        return id(value)
    if isinstance(value, dict):
        return _sum("{", (hash(f"{fingerprint(inner, depth + 1)}{key}") for key, inner in value.items()))
    if isinstance(value, list):
        return _sum("[", (fingerprint(inner, depth + 1) for inner in value))
    if isinstance(value, float) and value.is_integer():
        return hash(repr(int(value)))
    return hash(repr(value))


def _sum(bracket: str, hashes: Iterable[int]) -> int:
    """Return one number for many in any order.

    Only hashes of text are added: those of numbers and tuples are so regular that other pairs have the same sum.
    """
    return hash(f"{bracket}{sum(hashes)}")


class _SeveralError(ForeignError):
    """More follows the document, as in JSON lines under the suffix of JSON."""


def _document(content: bytes) -> object:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object, parse_float=_float)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise _SeveralError(f"no valid JSON ({brief(error)})") from error
        raise


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ForeignError("a key twice in one object of the JSON")
    return found


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ForeignError("a number in the JSON beyond any double")
    return value


def _lines(content: bytes) -> Iterator[bytes]:
    """Yield the lines that hold something."""
    return (line for line in io.BytesIO(content) if line.strip())
