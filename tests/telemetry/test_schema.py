"""Schemas: what a field makes of a value, and what a schema file must be."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.cli.dispatch import COMMANDS
from vestige.errors import TelemetryError, VestigeError
from vestige.telemetry.schema import BUILT_IN, COUNT, Field, load, parse

if TYPE_CHECKING:
    from pathlib import Path

NEVER = dt.date.max


def bucket(low: int, high: int) -> Field:
    return Field("seconds", "bucket", "?", "me", NEVER, unit="s", low=low, high=high)


def document() -> dict[str, Any]:
    with open(BUILT_IN, encoding="utf-8") as file:
        content: dict[str, Any] = json.load(file)
    return content


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0, "0"),
        (3.99, "0"),
        (4, "4"),
        (7.9, "4"),
        (8, "8"),
        (31.9, "16"),
        (32, ">=32"),
        (10**30, ">=32"),
        (1e308, ">=32"),
    ],
)
def test_a_bucket_is_named_by_its_lower_edge(value: float, label: str) -> None:
    assert bucket(4, 32).label(value) == label


@pytest.mark.parametrize("value", [-1, float("nan"), "12", None, True, [1]])
def test_what_is_no_number_has_no_bucket(value: object) -> None:
    assert bucket(1, 32).label(value) is None


@given(st.integers(0, 1 << 70) | st.floats(0, allow_nan=False))
def test_every_number_gets_a_label_that_is_allowed(value: float) -> None:
    for field in (COUNT, bucket(4, 64), bucket(1 << 20, 1 << 40)):
        assert field.allows(field.label(value))


@pytest.mark.parametrize(
    ("version", "label"),
    [("3.11.7", "3.11"), ("3", "3"), ("1.7.0rc1", "1.7"), ("0.1.dev", "0.1"), ("main", "other"), ("2026.11", "other"),
     ("1.2026", "1"), ("", "other"), ("/home/me", "other"), ("\u0663.\u0661", "other")],
)  # fmt: skip
def test_a_version_is_cut_to_its_first_parts(version: str, label: str) -> None:
    field = Field("python", "version", "?", "me", NEVER, parts=2)
    assert field.label(version) == label
    assert field.allows(label)


@given(st.text())
def test_any_text_becomes_an_allowed_label(text: str) -> None:
    context = load().context
    assert context
    for field in context.values():
        assert field.allows(field.label(text))


def test_a_choice_that_is_not_listed_is_other() -> None:
    field = Field("name", "enum", "?", "me", NEVER, values=("ls", "yes"))
    assert [field.label(value) for value in ("ls", "secret", True, 3, None)] == ["ls", "other", "yes", "other", None]


def test_every_command_and_error_of_vestige_is_in_its_schema() -> None:
    events = load().events
    assert set(COMMANDS) <= set(events["command"].fields["name"].values)
    kinds: list[type] = [VestigeError, *VestigeError.__subclasses__()]
    assert {kind.__name__ for kind in kinds} <= set(events["error"].fields["kind"].values)


def test_the_hash_changes_with_every_word() -> None:
    changed = document()
    changed["events"]["command"]["question"] += " Really?"
    assert parse(document()).hash == load().hash != parse(changed).hash


def _without(*path: str) -> dict[str, Any]:
    changed = document()
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return changed


def _with(value: object, *path: str) -> dict[str, Any]:
    changed = copy.deepcopy(document())
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


FIELD = ("events", "command", "fields", "name")
SECONDS = ("events", "run", "fields", "seconds")
UNUSABLE: list[tuple[object, str]] = [
    ([], "it must be an object"),
    (_with(1, "surprise"), "has a key `surprise`"),
    (_with("Vestige/1", "schema"), "must be a name and a version"),
    (_with("vestige/0", "schema"), "must be a name and a version"),
    (_without("purpose"), "`purpose` must be a line of text"),
    (_with("a\nb", "purpose"), "`purpose` must be a line of text"),
    (_with(7, "collector"), "`collector` must be a URL or null"),
    (_with({}, "events", "Bad name"), "`Bad name` can't be a name"),
    (_without("events", "command", "owner"), "`owner` must be a line of text"),
    (_without("events", "command", "expires"), "`expires` must be a line of text"),
    (_with("soon", "events", "command", "expires"), "`expires` must be a day"),
    (_with("text", *FIELD, "type"), "`type` must be one of enum, version, bucket"),
    (_with("x" * 80, *FIELD, "values"), "`values` must be a list"),
    (_with([], *FIELD, "values"), "`values` must be a list"),
    (_with(["a", "a"], *FIELD, "values"), "has a word twice"),
    (_with(["a b"], *FIELD, "values"), "`values` must be a list"),
    (_with(3, *SECONDS, "from"), "goes `from` a power of two"),
    (_with(1 << 20, *SECONDS, "from"), "goes `from` a power of two"),
    (_with("km", *SECONDS, "unit"), "goes `from` a power of two"),
    (_with(9, "context", "python", "parts"), "`parts` must be a whole number from 1 to 3"),
]


@pytest.mark.parametrize(("content", "said"), UNUSABLE)
def test_a_schema_that_is_off_is_refused_by_name(content: object, said: str) -> None:
    with pytest.raises(TelemetryError) as caught:
        parse(content)
    assert said in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 60000, b"\xff", b" " * (70 << 10)])
def test_a_file_that_is_no_schema_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "telemetry.json"
    path.write_bytes(raw)
    with pytest.raises(TelemetryError, match=r"telemetry\.json"):
        load(str(path))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="No such file"):
        load(str(tmp_path / "gone.json"))
