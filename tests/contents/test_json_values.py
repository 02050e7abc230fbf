"""JSON and JSON lines: values, keys, order."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from contents.versions import compared
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige.contents.comparison import Comparison
from vestige.contents.json_values import fingerprint
from vestige.contents.tolerance import Tolerance


def documents(then: str, now: str, tolerance: Tolerance | None = None) -> Comparison:
    return compared(then, now, "x.json", tolerance or Tolerance())


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ('{"a": 1}', '{"a":1}\n', "stored in another way"),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', "keys in another order"),
        ('"\\u00e9"', '"é"', "stored in another way"),
        ("[1, 2]", "[1.0, 2e0]", "stored in another way"),
        ("[NaN]", "[ NaN]", "stored in another way"),
        ("[0.0, Infinity]", "[-0.0, Infinity]", "stored in another way"),
        ("[0.1]", "[0.1000000000001]", "numbers within relative 1e-09 (up to 1e-12 apart)"),
        (
            '{"a": 0.1, "b": 1}',
            '{"b": 1, "a": 0.1000000000001}',
            "numbers within relative 1e-09 (up to 1e-12 apart), keys in another order",
        ),
        ("[1]", "[1.0000000000001]", "numbers within relative 1e-09 (up to 1e-13 apart)"),
        ("1", "\ufeff1", "stored in another way"),
    ],
)
def test_equal(then: str, now: str, detail: str) -> None:
    assert documents(then, now) == Comparison("equal", "json", detail)


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ("1", "2", "the whole document: 1 then, 2 now; relative difference up to 0.5"),
        ('{"r": [{"a b": "x"}]}', '{"r": [{"a b": "y"}]}', "r[0]['a b']: 'x' then, 'y' now"),
        ('{"a": {"b": 1}}', '{"a": {}}', "a.b: only then"),
        ('{"a": {}}', '{"a": {"b": 1}}', "a.b: only now"),
        ('{"a": [1]}', '{"a": [1, 2]}', "a: 1 item then, 2 now"),
        ("[[], {}]", "[{}, []]", "[0]: [] then, {} now; 2 values differ"),
        ("[true]", "[1]", "[0]: True then, 1 now"),
        ("[null]", "[false]", "[0]: None then, False now"),
        ('["1"]', "[1]", "[0]: '1' then, 1 now"),
        ("[NaN]", "[1.5]", "[0]: nan then, 1.5 now"),
        ("[1000000000000]", "[1000000000001]", "[0]: 1000000000000 then, 1000000000001 now; relative difference up to"),
        (f"[{10**400}]", "[1.5]", "[0]: 1000"),
    ],
)
def test_different(then: str, now: str, detail: str) -> None:
    found = documents(then, now)
    assert (found.verdict, found.kind) == ("different", "json")
    assert (found.detail or "").startswith(detail)


def test_tolerance() -> None:
    assert documents("[1.5]", "[1.6]", Tolerance(relative=0.1)).verdict == "equal"
    assert documents("[0.0]", "[1e-9]", Tolerance(absolute=1e-8)).verdict == "equal"
    assert documents("[0.0]", "[1e-9]").verdict == "different"
    assert documents("[0.1]", "[0.1000000000001]", Tolerance(relative=0)).verdict == "different"
    assert documents("[2]", "[3]", Tolerance(relative=0.5)).verdict == "different"  # whole numbers


@pytest.mark.parametrize(
    ("then", "now", "reason"),
    [
        ("[1, [2, 3]]", "[[3, 2], 1]", "order of rows"),
        ('{"rows": [{"a": 1}, {"a": 2}]}', '{"rows": [{"a": 2}, {"a": 1}]}', "order of rows"),
        ("[1, 4]", "[2, 3]", None),
        ("[[1, 2], [3]]", "[[1], [2, 3]]", None),
        ('{"t": "2024-01-31", "u": "x"}', '{"t": "2024-02-01", "u": "x"}', "a date"),
        ('{"t": "2024-01-31", "u": "x"}', '{"t": "2024-02-01", "u": "y"}', None),
        ('{"train_time": 1.5}', '{"train_time": 1.75}', "a duration"),
        ('{"fit": {"elapsed-s": [1, 2]}}', '{"fit": {"elapsed-s": [1, 3]}}', "a duration"),
        ('{"timely": 1.5}', '{"timely": 1.75}', None),
    ],
)
def test_reasons(then: str, now: str, reason: str | None) -> None:
    found = documents(then, now)
    assert (found.verdict, found.reason) == ("different", reason)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[1e999]", "[1,]", "[1] 2 x", "{'a': 1}", "[" + "9" * 5000 + "]"])
def test_what_nobody_can_be_sure_of_is_text(text: str) -> None:
    found = documents(text, text + " ")
    assert (found.verdict, found.kind) == ("different", "text")
    assert "JSON" in (found.detail or "")


@pytest.mark.parametrize("depth", [100, 900, 5_000, 200_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_deep(depth: int, left: str, right: str) -> None:
    then, now = (left * depth + value + right * depth for value in ("1", "2"))
    found = documents(then, now)
    assert found.verdict == "different"
    assert len(found.detail or "") < 400
    assert documents(then, then + "\n").verdict == ("equal" if found.kind == "json" else "different")


def test_a_deep_value_against_a_plain_one() -> None:
    found = documents("[" * 900 + "]" * 900, "1")
    assert (found.kind, found.detail) == ("json", "the whole document: [[[[[[[...]]]]]]] then, 1 now")


@pytest.mark.parametrize("name", ["x.jsonl", "x.ndjson", "x.json"])
def test_lines(name: str) -> None:
    then = '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n'
    assert compared(then, '{"b":2,"a":1}\n\n{"b":4,"a":3.0}', name).verdict == "equal"
    found = compared(then, then.replace("4", "5"), name)
    assert (found.verdict, (found.detail or "")[:23]) == ("different", "line 2.b: 4 then, 5 now")
    longer = compared(then, then + "{}", name)
    assert (longer.verdict, longer.detail) == ("different", "2 lines then, 3 now")
    assert compared(then, "".join(reversed(then.splitlines(keepends=True))), name).reason == "order of rows"
    assert compared(then, then + "x", name).kind == ("json lines" if name != "x.json" else "json")
    assert compared(then, then[:-3] + "\n", name).kind == "text"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any) -> Any:
    """Return a document whose keys come in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(inner) for key, inner in reversed(value.items())}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


def turned(value: Any) -> Any:
    """Return a document whose lists are turned round."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in value.items()}
    return [turned(inner) for inner in reversed(value)] if isinstance(value, list) else value


@settings(deadline=None)
@given(VALUES)
def test_spelling_and_order_of_keys_do_not_matter(value: Any) -> None:
    found = documents(json.dumps(value), json.dumps(shuffled(value), indent=1, ensure_ascii=False) + "\n")
    assert found.verdict == "equal"


@settings(deadline=None)
@given(VALUES, VALUES)
def test_verdict_is_symmetric_and_right(then: Any, now: Any) -> None:
    found = documents(json.dumps(then), json.dumps(now) + " ")
    assert (found.verdict == "equal") == same(then, now)


@settings(deadline=None)
@given(VALUES)
def test_fingerprint_ignores_order(value: Any) -> None:
    assert fingerprint(value) == fingerprint(turned(shuffled(value)))


def test_fingerprints_of_other_values_differ() -> None:
    pairs = list(itertools.product(range(-9, 10), repeat=2))
    for wrap in (list, lambda pair: [{"a": one} for one in pair], lambda pair: {"a": pair[0], "b": pair[1]}):
        values = {tuple(pair) if isinstance(wrap(pair), dict) else tuple(sorted(pair)): wrap(pair) for pair in pairs}
        assert len({fingerprint(value) for value in values.values()}) == len(values)
    assert fingerprint([[1, "x"], [2, "y"]]) != fingerprint([[2, "x"], [1, "y"]])
    assert fingerprint([True, 1, None, "1"]) != fingerprint([1, 1, None, "1"])


def same(then: Any, now: Any) -> bool:
    """Say the same in another way: recursively, and with the standard library only."""
    if isinstance(then, bool) or isinstance(now, bool):
        return then is now
    if isinstance(then, int) and isinstance(now, int):
        return then == now
    if isinstance(then, int | float) and isinstance(now, int | float):
        return (math.isnan(then) and math.isnan(now)) or math.isclose(then, now)
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(map(same, then, now))
    if isinstance(then, dict) and isinstance(now, dict):
        return then.keys() == now.keys() and all(same(then[key], now[key]) for key in then)
    return bool(type(then) is type(now) and then == now)
