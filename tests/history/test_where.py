"""What runs are searched by: the same as plain Python says, and a word on every mistake."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gc
import re
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.errors import UsageError
from vestige.history import row, where
from vestige.history.fields import FIELDS
from vestige.history.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.timezone.utc)
EMPTY: dict[str, Any] = dict.fromkeys(FIELDS) | {"tags": (), "failed": False, "waits_for_commit": False}


def a_row(**values: Any) -> Row:
    return Row(**{**EMPTY, **values})


def holds(text: str, **values: Any) -> bool:
    return where.parse(text, NOW).matches(a_row(**values))


def test_the_register_names_every_field_of_a_row() -> None:
    assert tuple(field.name for field in dataclasses.fields(Row)) == tuple(FIELDS)
    assert row.values(a_row(name="x"))[0] == "x"


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("peak_memory > 2GB", {"peak_memory": 2_000_000_001}, True),
        ("peak_memory > 2GB", {"peak_memory": 2_000_000_000}, False),
        ("peak_memory >= 2 GiB", {"peak_memory": 2 << 30}, True),
        ("peak_memory>500", {"peak_memory": 501}, True),
        ("wall < 1.5min", {"wall": 89.9}, True),
        ("wall < 250ms", {"wall": 0.3}, False),
        ("command ~ 'kedro'", {"command": "python -m kedro run"}, True),
        ("command ~ '^kedro'", {"command": "python -m kedro run"}, False),
        ("command ~ kedro", {"command": "python -m kedro run"}, True),
        ("command !~ 'kedro'", {"command": "make"}, True),
        ("command = 'it''s'", {"command": "it's"}, True),
        ('command = "it\'s"', {"command": "it's"}, True),
        ("status = ended", {"status": "ended"}, True),
        ("exit_code in (1, 2,137)", {"exit_code": 137}, True),
        ("exit_code not in (1, 2)", {"exit_code": 1}, False),
        ("exit_code not in (1, 2)", {"exit_code": None}, False),
        ("failed", {"failed": True}, True),
        ("not failed", {"failed": True}, False),
        ("failed = false", {"failed": False}, True),
        ("failed = true", {"failed": True}, True),
        ("FAILED = TRUE", {"failed": True}, True),
        ("failed != true", {"failed": True}, False),
        ("exit_code = 1 or exit_code = 2", {"exit_code": 2}, True),
        ("exit_code > 1 and exit_code < 3", {"exit_code": 3}, False),
        ("exit_code > 1 and exit_code < 3", {"exit_code": 2}, True),
        ("exit_code == 1", {"exit_code": 1}, True),
        ("exit_code <> 1", {"exit_code": 1}, False),
        ("host = train", {"host": "train"}, True),
        ("host = tra", {"host": "train"}, False),
        ("(failed) and " * 60 + "failed", {"failed": True}, True),
        ("(" * 49 + "failed" + ")" * 49, {"failed": True}, True),
        ("failed".ljust(4000), {"failed": True}, True),
        ("commit is null", {}, True),
        ("commit is not null", {"commit": "a1"}, True),
        ("tags is null", {}, True),
        ("tags = 'paper'", {"tags": ("try", "paper")}, True),
        ("tags != paper", {"tags": ("try", "paper")}, False),
        ("tags in (a, b)", {"tags": ("b",)}, True),
        ("tags ~ '^p'", {"tags": ("try", "paper")}, True),
        ("started > 2h", {"started": "2026-07-15T11:00:00.000000Z"}, True),
        ("started > 2h", {"started": "2026-07-15T09:00:00.000000Z"}, False),
        ("started >= '2026-07-01T12:00:00Z'", {"started": "2026-07-01T12:00:00.000000Z"}, True),
        ("not wall > 3", {"wall": None}, True),
        ("wall > 3", {"wall": None}, False),
        ("wall != 3", {"wall": None}, False),
        ("NOT (failed OR wall > 3) AND host = n1", {"host": "n1", "wall": 2}, True),
        ("failed or failed and wall > 3", {"failed": True}, True),
    ],
)
def test_says_what_it_says(text: str, values: dict[str, Any], expected: bool) -> None:
    assert holds(text, **values) is expected


@pytest.mark.parametrize(
    ("field", "units"),
    [
        ("peak_memory", {"": 1, "B": 1, **{f"{p}B": 1000**n for n, p in enumerate("kMGTPE", 1)},
                         **{f"{p}iB": 1024**n for n, p in enumerate("KMGTPE", 1)},
                         **{p: 1000**n for n, p in enumerate("kMGTP", 1)}}),
        ("wall", {"": 1, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}),
        ("exit_code", {"": 1}),
    ],
)  # fmt: skip
def test_units(field: str, units: dict[str, float]) -> None:
    for unit, factor in units.items():
        for text in (f"2{unit}", f"2 {unit}", f"'2 {unit}'"):
            assert holds(f"{field} = {text}", **{field: 2 * factor})


def test_a_day_is_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        inside, after = "2026-06-30T18:30:00.000000Z", "2026-07-01T18:30:00.000000Z"
        assert holds("started = 2026-07-01", started=inside)
        assert not holds("started = 2026-07-01", started=after)
        assert holds("started > 2026-07-01", started=after)
        assert not holds("started > 2026-07-01", started=inside)
        assert holds("started <= 2026-07-01", started=inside)
        last = "2026-07-01T18:29:59.999999Z"
        before = "2026-06-30T18:29:59.999999Z"
        moments = (before, inside, last, after)
        assert {sign: [holds(f"started {sign} 2026-07-01", started=one) for one in moments] for sign in COMPARE} == {
            "=": [False, True, True, False],
            "!=": [True, False, False, True],
            "<": [True, False, False, False],
            "<=": [True, True, True, False],
            ">": [False, False, False, True],
            ">=": [False, True, True, True],
        }
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a condition is expected"),
        ("peek_memory > 2", "did you mean `peak_memory`"),
        ("memory > 2GB", "`peak_memory`"),
        ("peak_memory > 2XB", "no unit `XB`"),
        ("peak_memory > 2 XB", "`peak_memory > 2 ^XB`"),
        ("peak_memory >", "a value is expected at ^ in `peak_memory >^`"),
        ("peak_memory", "a comparison is expected"),
        ("peak_memory ~ 'x'", "`~` is for text at ^ in `peak_memory ^~ 'x'`"),
        ("and > 2", "the name of a field is expected"),
        ("failed or or", "the name of a field is expected at ^ in `failed or ^or`"),
        ("in", "the name of a field is expected"),
        ("is null", "the name of a field is expected"),
        ("'failed'", "the name of a field is expected"),
        ("command ~", "a regular expression is expected, in quotes,"),
        ("command ~ )", "a regular expression is expected, in quotes, at ^ in `command ~ ^)`"),
        ("! failed", "this sign is not known at ^ in `^! failed`"),
        ('command = "x', 'the quote is not closed at ^ in `command = ^"x`'),
        ("wall > 5s s", "`and`, `or` or the end is expected at ^ in `wall > 5s ^s`"),
        ("(" * 50 + "failed" + ")" * 50, "more than 50 levels"),
        ("(failed) and " * 60 + "(" * 50 + "failed" + ")" * 50, "more than 50 levels"),
        ("failed".ljust(4001), "more than 4000 letters"),
        ("command ~ '('", "no regular expression"),
        ("command = 'x", "the quote is not closed"),
        ("(failed", "`)` is expected"),
        ("failed failed", "`and`, `or` or the end"),
        ("failed = perhaps", "`true` or `false`"),
        ("started > yesterday", "a time is expected"),
        ("tags > x", "tags are compared by"),
        ("exit_code in 1", "`(` is expected"),
        ("wall is 3", "`null` is expected"),
        ("(" * 60 + "failed" + ")" * 60, "more than 50 levels"),
        ("not " * 60 + "failed", "more than 50 levels"),
        ("failed or " * 500 + "failed", "more than 4000 letters"),
        ("wall > 1e999999", "a number is expected"),
        ("\x1b[31m > 2", "no field"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        where.parse(text, NOW)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_a_pattern_that_would_take_for_ever_is_given_up() -> None:
    condition = where.parse("command ~ '(a+)+$'")
    begun = time.monotonic()
    with pytest.raises(UsageError, match="takes too long"):
        condition.matches(a_row(command="a" * 60 + "!"))
    assert time.monotonic() - begun < 30


def test_patterns_in_a_process_of_their_own_say_the_same() -> None:
    for text in ("kedro run train seed", "kedro", "", "trainkedro", 'line\nbreak kedro "x" train'):
        pattern = "kedro.*train.*seed|(?s:kedro.*train$)"
        assert holds(f"command ~ '{pattern}'", command=text) is (re.search(pattern, text) is not None)


def test_the_process_of_a_pattern_ends_with_its_condition() -> None:
    """At once: a server that looks for garbage once an hour would have as many of them as there were questions."""
    mine = psutil.Process()
    gc.disable()
    try:
        before = set(mine.children())
        condition = where.parse("command ~ 'a+b+c+'")
        assert condition.matches(a_row(command="aabbcc"))
        (matcher,) = set(mine.children()) - before
        del condition
        assert not matcher.is_running()
    finally:
        gc.enable()


NUMBERS = {"wall": 1.0, "peak_memory": 1.0, "exit_code": 1.0}
TEXTS = ("host", "status", "command")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
Condition = tuple[str, "Callable[[dict[str, Any]], bool]"]


def known(name: str, check: Callable[[Any], bool]) -> Callable[[dict[str, Any]], bool]:
    return lambda values: values[name] is not None and check(values[name])


def quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


@st.composite
def a_test(draw: st.DrawFn) -> Condition:
    sign = draw(st.sampled_from(sorted(COMPARE)))
    kind = draw(st.sampled_from(["number", "text", "among", "null", "flag", "tag"]))
    if kind == "number":
        name, number = draw(st.sampled_from(sorted(NUMBERS))), draw(st.integers(-3, 3))
        return f"{name} {sign} {number}", known(name, lambda value: COMPARE[sign](value, number))
    name, word = draw(st.sampled_from(TEXTS)), draw(WORDS)
    if kind == "text":
        return f"{name}{sign}{quoted(word)}", known(name, lambda value: COMPARE[sign](value, word))
    if kind == "among":
        words = draw(st.lists(WORDS, min_size=1, max_size=3))
        return f"{name} in ({', '.join(map(quoted, words))})", known(name, lambda value: value in words)
    if kind == "null":
        return f"{name} is null", lambda values: values[name] is None
    if kind == "flag":
        return "failed", lambda values: values["failed"]
    return f"tags = {quoted(word)}", lambda values: word in values["tags"]


def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    def both(one: Condition, other: Condition) -> Condition:
        return f"({one[0]}) and ({other[0]})", lambda values: one[1](values) and other[1](values)

    def either(one: Condition, other: Condition) -> Condition:
        return f"({one[0]}) or ({other[0]})", lambda values: one[1](values) or other[1](values)

    def without(one: Condition) -> Condition:
        return f"not ({one[0]})", lambda values: not one[1](values)

    return st.builds(both, parts, parts) | st.builds(either, parts, parts) | st.builds(without, parts)


VALUES = st.fixed_dictionaries(
    {
        **{name: st.none() | st.integers(-3, 3) for name in NUMBERS},
        **{name: st.none() | WORDS for name in TEXTS},
        "failed": st.booleans(),
        "tags": st.lists(WORDS, max_size=2).map(tuple),
    }
)


@given(st.recursive(a_test(), joined, max_leaves=8), VALUES)
def test_is_what_plain_python_says(condition: Condition, values: dict[str, Any]) -> None:
    text, expected = condition
    assert where.parse(text, NOW).matches(a_row(**values)) is bool(expected(values))


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from(["wall", ">", "(", ")", "and", "2", "GB", "'", "in", ",", "~"])).map(" ".join)
)
def test_any_text_is_a_condition_or_a_mistake_in_words(text: str) -> None:
    said = ""
    try:
        where.parse(text, NOW).matches(a_row(wall=2.0))
    except UsageError as error:
        said = str(error)
    assert not said or said.isprintable()
