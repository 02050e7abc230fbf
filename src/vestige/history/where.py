"""What runs are searched by: `peak_memory > 2GB and command ~ 'kedro'`.

    expression  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | "(" expression ")" | test
    test        = FIELD ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" ) VALUE
                | FIELD [ "not" ] "in" "(" VALUE { "," VALUE } ")"
                | FIELD "is" [ "not" ] "null"
                | FIELD                                             a flag, as `failed`

A comparison with a value that is not known does not hold, whichever way it is put; `not` of it does.
"""

from __future__ import annotations

import datetime as dt
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from vestige.errors import UsageError
from vestige.history.fields import FIELDS, hint
from vestige.history.moments import moments
from vestige.history.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vestige.history.row import Row

    Column = Callable[[str], Sequence[Any]]
    Test = Callable[[int], bool]
    Compare = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<sign><=|>=|<>|==|!=|!~|[=<>~(),])|(?P<word>[^\s()<>=!~,'"]+))"""
)
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?)([a-z]*)", re.IGNORECASE)
_SIZES = {"": 1.0, "b": 1.0, **{f"{p}b": 1000.0**n for n, p in enumerate("kmgtpe", 1)},
          **{f"{p}ib": 1024.0**n for n, p in enumerate("kmgtpe", 1)},
          **{p: 1000.0**n for n, p in enumerate("kmgtp", 1)}}  # fmt: skip
_SECONDS = {"": 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SAME_SIGNS = {"==": "=", "<>": "!="}
_LONGEST = 4000  # letters
_DEEPEST = 50  # parentheses within parentheses
_OPEN, _SHUT, _COMMA = "(", ")", ","


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition on runs."""

    text: str
    root: Node

    def test(self, column: Column) -> Test:
        """Return what says of a position whether the values there match; `column` returns the values of a field."""
        return self.root.test(column)

    def matches(self, row: Row) -> bool:
        """Say whether one row matches."""
        return self.test(lambda name: (getattr(row, name),))(0)


class Node(Protocol):
    """A part of an expression."""

    def test(self, column: Column) -> Test:
        """Return what says of a position whether it holds there."""


@dataclass(frozen=True, slots=True)
class All:
    """Each of several parts, in their order."""

    parts: tuple[Node, ...]

    def test(self, column: Column) -> Test:
        """See `Node`."""
        tests = [part.test(column) for part in self.parts]
        return lambda at: all(test(at) for test in tests)


@dataclass(frozen=True, slots=True)
class Either:
    """One of several parts at the least."""

    parts: tuple[Node, ...]

    def test(self, column: Column) -> Test:
        """See `Node`."""
        tests = [part.test(column) for part in self.parts]
        return lambda at: any(test(at) for test in tests)


@dataclass(frozen=True, slots=True)
class Not:
    """Where a part does not hold."""

    part: Node

    def test(self, column: Column) -> Test:
        """See `Node`."""
        test = self.part.test(column)
        return lambda at: not test(at)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field whose value is known and passes."""

    field: str
    passes: Compare

    def test(self, column: Column) -> Test:
        """See `Node`."""
        values, passes = column(self.field), self.passes
        return lambda at: (value := values[at]) is not None and passes(value)


@dataclass(frozen=True, slots=True)
class Null:
    """A field whose value is not known; no tags are none."""

    field: str

    def test(self, column: Column) -> Test:
        """See `Node`."""
        values = column(self.field)
        return lambda at: values[at] is None or values[at] in ((), [])


def parse(text: str, now: dt.datetime | None = None) -> Expression:
    """Return what `text` means; ages in it (`2h`) end at `now`. Raises UsageError, with ^ where it is off."""
    return Expression(text, _Parser(text, now or dt.datetime.now().astimezone()).whole())


def every(*parts: Node) -> Expression | None:
    """Return the condition that all of these hold; None where there are none."""
    if not parts:
        return None
    return Expression("", All(parts))


class _Token(NamedTuple):
    kind: str  # "text", "sign", "word", "end"
    text: str
    at: int


class _Parser:
    def __init__(self, text: str, now: dt.datetime) -> None:
        self.text = text
        self.now = now
        self.depth = 0
        self.at = 0
        if len(text) > _LONGEST:
            raise UsageError(f"the condition has more than {_LONGEST} letters")
        self.tokens = self._tokens()

    def whole(self) -> Node:
        if self.token.kind == "end":
            self._fail("a condition is expected, as in `peak_memory > 2GB`,")
        node = self._expression()
        if self.token.kind != "end":
            self._fail("`and`, `or` or the end is expected")
        return node

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def _tokens(self) -> list[_Token]:
        found, at = [], 0
        while match := _TOKEN.match(self.text, at):
            kind = match.lastgroup or ""
            found.append(_Token(kind, match.group(kind), match.start(kind)))
            at = match.end()
        rest = len(self.text) - len(self.text[at:].lstrip())
        if rest < len(self.text):
            quoted = self.text[rest] in "'\""
            self._fail("the quote is not closed" if quoted else "this sign is not known", rest)
        return [*found, _Token("end", "", len(self.text))]

    def _fail(self, what: str, at: int | None = None) -> NoReturn:
        place = self.token.at if at is None else at
        raise UsageError(f"{what} at ^ in `{self.text[:place]}^{self.text[place:]}`")

    def _take(self, *words: str) -> str | None:
        """Step over one of these words or signs, if it stands here."""
        token = self.token
        if token.kind not in ("word", "sign") or token.text.lower() not in words:
            return None
        self.at += 1
        return token.text.lower()

    def _need(self, sign: str) -> None:
        if self._take(sign) is None:
            self._fail(f"`{sign}` is expected")

    def _expression(self) -> Node:
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _conjunction(self) -> Node:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _negation(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            self._fail(f"more than {_DEEPEST} levels")
        if self._take("not"):
            node: Node = Not(self._negation())
        elif self._take(_OPEN):
            node = self._expression()
            self._need(_SHUT)
        else:
            node = self._test()
        self.depth -= 1
        return node

    def _test(self) -> Node:
        name = self._field()
        if self._take("is"):
            known = self._take("not") is not None
            self._need("null")
            return Not(Null(name)) if known else Null(name)
        if self.token.text.lower() in ("not", "in") and self.token.kind == "word":
            without = self._take("not") is not None
            self._need("in")
            return self._among(name, without=without)
        sign = self._take(*_SIGNS, *_SAME_SIGNS, "~", "!~")
        if sign is None:
            if FIELDS[name].kind == "flag":
                return Comparison(name, bool)
            self._fail("a comparison is expected (`=`, `!=`, `<`, `<=`, `>`, `>=`, `~`, `!~`, `in`, `is null`)")
        return Comparison(name, self._compare(name, _SAME_SIGNS.get(sign, sign)))

    def _field(self) -> str:
        name = self.token.text.lower()
        if self.token.kind != "word" or name in ("and", "or", "in", "is"):
            self._fail("the name of a field is expected")
        if name not in FIELDS:
            self._fail(f"no field `{self.token.text}` ({hint(name)})")
        self.at += 1
        return name

    def _among(self, name: str, *, without: bool) -> Node:
        self._need(_OPEN)
        compares = [self._compare(name, "=")]
        while self._take(_COMMA):
            compares.append(self._compare(name, "="))
        self._need(_SHUT)
        if without:
            return Comparison(name, lambda value: not any(compare(value) for compare in compares))
        return Comparison(name, lambda value: any(compare(value) for compare in compares))

    def _compare(self, name: str, sign: str) -> Compare:
        """Return what compares a known value of the field with the value that stands here."""
        kind = FIELDS[name].kind
        if sign in ("~", "!~"):
            return self._pattern(kind, without=sign == "!~")
        token = self.token
        if token.kind not in ("word", "text"):
            self._fail("a value is expected")
        self.at += 1
        if kind in ("bytes", "seconds", "number"):
            return _against(sign, self._number(token, kind))
        if kind == "time":
            return self._moment(token, sign)
        if kind == "flag":
            return _against(sign, self._flag(token))
        wanted = _unquoted(token)
        return self._tag(sign, wanted, token) if kind == "tags" else _against(sign, wanted)

    def _pattern(self, kind: str, *, without: bool) -> Compare:
        token = self.token
        if kind not in ("text", "tags"):
            self._fail("`~` is for text", self.tokens[self.at - 1].at)
        if token.kind not in ("word", "text"):
            self._fail("a regular expression is expected, in quotes,")
        self.at += 1
        search = Pattern(_unquoted(token)).search
        if kind == "tags":
            return lambda tags: any(map(search, tags)) != without
        return lambda value: search(value) != without

    def _number(self, token: _Token, kind: str) -> float:
        units = {"bytes": _SIZES, "seconds": _SECONDS}.get(kind, {"": 1.0})
        match = _NUMBER.fullmatch(_unquoted(token).replace(" ", ""))
        if match is None:
            self._fail("a number is expected", token.at)
        unit = match.group(2)
        if not unit and self.token.kind == "word" and self.token.text.lower() in units:
            unit = self.token.text
            self.at += 1
        if unit.lower() not in units:
            self._fail(f"no unit `{unit}`: there are {', '.join(filter(None, units))};", token.at)
        return float(match.group(1)) * units[unit.lower()]

    def _moment(self, token: _Token, sign: str) -> Compare:
        try:
            first, last = moments(_unquoted(token), self.now)
        except ValueError:
            self._fail("a time is expected: an age as 2h or 3d, a date as 2026-07-01, or with a time 2026-07-01T12:00",
                       token.at)  # fmt: skip
        return {
            "=": lambda value: first <= value <= last,
            "!=": lambda value: not first <= value <= last,
            "<": lambda value: value < first,
            "<=": lambda value: value <= last,
            ">": lambda value: value > last,
            ">=": lambda value: value >= first,
        }[sign]

    def _flag(self, token: _Token) -> bool:
        word = token.text.lower()
        if word not in ("true", "false"):
            self._fail("`true` or `false` is expected", token.at)
        return word == "true"

    def _tag(self, sign: str, wanted: str, token: _Token) -> Compare:
        if sign not in ("=", "!="):
            self._fail("tags are compared by `=`, `!=`, `~`, `!~` or `in`", token.at)
        return lambda tags: (wanted in tags) == (sign == "=")


def _against(sign: str, wanted: object) -> Compare:
    compare = _SIGNS[sign]
    return lambda value: compare(value, wanted)


def _unquoted(token: _Token) -> str:
    if token.kind != "text":
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)
