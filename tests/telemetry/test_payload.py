"""Reports: what is in the schema passes both sides unchanged, what is not is refused with its name."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.errors import TelemetryError
from vestige.telemetry import payload
from vestige.telemetry.schema import COUNT, Field, Schema, load

SCHEMA = load()
MINIMAL: dict[str, Any] = {
    "schema": "vestige/1",
    "report": "0" * 32,
    "deletion": "0" * 64,
    "week": "2026-W47",
    "context": {},
    "counts": [],
}


def labels_of(field: Field) -> st.SearchStrategy[str]:
    if field.kind == "version":
        return st.lists(st.integers(0, 999), min_size=1, max_size=field.parts).map(
            lambda parts: ".".join(map(str, parts))
        )
    return st.sampled_from(field.labels)


def fields_of(fields: dict[str, Field]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional={name: labels_of(field) for name, field in fields.items()})


def count_of(schema: Schema) -> st.SearchStrategy[payload.Count]:
    def of_event(name: str) -> st.SearchStrategy[payload.Count]:
        fields = fields_of(dict(schema.events[name].fields))
        label = st.sampled_from(COUNT.labels[1:])
        return st.builds(lambda labels, count: payload.Count(name, tuple(sorted(labels.items())), count), fields, label)

    return st.sampled_from(sorted(schema.events)).flatmap(of_event)


REPORTS = st.builds(
    lambda report, deletion, context, counts: payload.Report(
        SCHEMA.id, report, deletion, "2026-W47", tuple(sorted(context.items())), tuple(sorted(counts))
    ),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    fields_of(dict(SCHEMA.context)),
    st.lists(count_of(SCHEMA), max_size=20, unique_by=lambda count: (count.event, count.fields)),
)


@given(REPORTS)
def test_a_report_of_the_schema_passes_unchanged(report: payload.Report) -> None:
    raw = payload.encode(report)
    assert len(raw) <= payload.LARGEST
    assert payload.check(payload.decode(raw), SCHEMA) == report
    assert payload.encode(payload.check(json.loads(raw), SCHEMA)) == raw


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"user": "me"}, "has a key `user`"),
    ({"schema": "vestige/2"}, "is of schema `vestige/2`"),
    ({"report": "../../etc/passwd"}, "`report` can't be"),
    ({"report": "0" * 31 + "\n"}, "`report` can't be"),
    ({"deletion": ""}, "`deletion` can't be"),
    ({"deletion": 3}, "`deletion` can't be `3`"),
    ({"week": "2026-W54"}, "is no week"),
    ({"week": "2026-11-22"}, "`week` can't be"),
    ({"week": "0000-W01"}, "is no week"),
    ({"context": {"host": "laptop"}}, "`context` has no field `host`"),
    ({"context": {"python": "3.11.7"}}, "the field `python` of `context` can't be `3.11.7`"),
    ({"context": {"python": "\u0663.\u0661"}}, "can't be"),
    ({"context": []}, "must be an object"),
    ({"counts": {}}, "`counts` must be a list"),
    ({"counts": [["command", {}]]}, "must be a list of event, fields and count"),
    ({"counts": [["spy", {}, "1"]]}, "has no event `spy`"),
    ({"counts": [[["command"], {}, "1"]]}, "has no event"),
    ({"counts": [["command", {"path": "/home"}, "1"]]}, "`command` has no field `path`"),
    ({"counts": [["command", {"name": "secret-plugin"}, "1"]]}, "`name` of `command` can't be `secret-plugin`"),
    ({"counts": [["command", {"name": None}, "1"]]}, "can't be `null`"),
    ({"counts": [["run", {"seconds": "3"}, "1"]]}, "`seconds` of `run` can't be `3`"),
    ({"counts": [["run", {"seconds": "131072"}, "1"]]}, "can't be `131072`"),
    ({"counts": [["command", {}, "3"]]}, "`3` is no count"),
    ({"counts": [["command", {}, "0"]]}, "`0` is no count"),
    ({"counts": [["command", {}, 1]]}, "`1` is no count"),
    ({"counts": [["run", {}, "1"], ["command", {}, "1"]]}, "must be sorted"),
    ({"counts": [["command", {}, "1"], ["command", {}, "2"]]}, "each kind once"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_what_is_not_in_the_schema_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(TelemetryError) as caught:
        payload.check({**MINIMAL, **change}, SCHEMA)
    assert said in str(caught.value)


@pytest.mark.parametrize("key", sorted(MINIMAL))
def test_every_key_is_needed(key: str) -> None:
    with pytest.raises(TelemetryError, match=f"lacks a key `{key}`"):
        payload.check({name: value for name, value in MINIMAL.items() if name != key}, SCHEMA)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[" * 4096,
        b"{" * 100,
        b"\xff",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"9" * 4000,
        " ü".encode(),
        b"1" * 5000,
    ],
)
def test_bytes_that_are_no_json_are_refused(raw: bytes) -> None:
    with pytest.raises(TelemetryError):
        payload.check(payload.decode(raw), SCHEMA)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_document_at_all_gives_a_traceback(document: object) -> None:
    with pytest.raises(TelemetryError):
        payload.check(document, SCHEMA)
    for key in MINIMAL:
        with contextlib.suppress(TelemetryError):
            payload.check({**MINIMAL, key: document}, SCHEMA)


def test_what_has_expired_before_its_week_is_refused() -> None:
    name, monday = "command", dt.date(2026, 11, 16)
    for day, is_fine in ((monday, False), (monday + dt.timedelta(1), True)):
        event = dataclasses.replace(SCHEMA.events[name], expires=day)
        schema = dataclasses.replace(SCHEMA, events={name: event})
        document = {**MINIMAL, "counts": [[name, {}, "1"]]}
        if is_fine:
            payload.check(document, schema)
        else:
            with pytest.raises(TelemetryError, match="has expired on 2026-11-16"):
                payload.check(document, schema)


def test_a_report_beyond_the_limit_is_not_encoded() -> None:
    field = ("name", "x" * 60)
    counts = tuple(payload.Count(f"event{number}", (field,), "1") for number in range(100))
    with pytest.raises(TelemetryError, match="larger than 4096"):
        payload.encode(payload.Report("vestige/1", "0" * 32, "0" * 64, "2026-W47", (), counts))
