"""A report: the counts of one week, in the one form that is shown, sent, checked and stored.

Both sides use what is here. One week is one report: were it cut into several, the number of reports would not be that
of installations, which is what every threshold of the collector is about. What does not fit is left out, the rarest
first.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

from vestige.errors import TelemetryError
from vestige.telemetry.schema import COUNT, canonical
from vestige.telemetry.weeks import WEEK, week_start

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from vestige.telemetry.schema import Event, Field, Schema

LARGEST = 4096  # B
_KEYS = {"schema", "report", "deletion", "week", "context", "counts"}
_COUNT_PARTS = 3
_LONGEST_SHOWN = 60
_REPORT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DELETION = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """How often something was counted in a week, as a label; `fields` are pairs of name and label, sorted."""

    event: str
    fields: tuple[tuple[str, str], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Report:
    """The counts of one week. `deletion` is the sha256 of the token that only the client keeps."""

    schema: str
    report: str
    deletion: str
    week: str
    context: tuple[tuple[str, str], ...]
    counts: tuple[Count, ...]


def encode(report: Report) -> bytes:
    """Return the bytes of a report. Raises TelemetryError where there are more than LARGEST."""
    counts = [[count.event, dict(count.fields), count.label] for count in sorted(report.counts)]
    content = canonical(
        {
            "schema": report.schema,
            "report": report.report,
            "deletion": report.deletion,
            "week": report.week,
            "context": dict(report.context),
            "counts": counts,
        }
    )
    if len(content) > LARGEST:
        raise TelemetryError(f"the report is larger than {LARGEST} bytes")
    return content


def decode(raw: bytes) -> object:
    """Return the document in `raw`, unchecked. Raises TelemetryError where it is too large or no JSON."""
    if len(raw) > LARGEST:
        raise TelemetryError(f"the report is larger than {LARGEST} bytes")
    try:
        return json.loads(raw.decode("ascii"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TelemetryError(f"the report is no valid JSON: {_cut(str(error))}") from error


def check(document: object, schema: Schema) -> Report:
    """Return the report that a JSON document holds. Raises TelemetryError naming the first thing not in the schema."""
    given = _object(document)
    if given["schema"] != schema.id:
        raise TelemetryError(f"the report is of schema {_shown(given['schema'])}, not of `{schema.id}`")
    monday = week_start(_matching(given, "week", WEEK))
    counts = given["counts"]
    if not isinstance(counts, list):
        raise TelemetryError("`counts` must be a list")
    checked = tuple(_count(entry, schema, monday) for entry in counts)
    kinds = [(count.event, count.fields) for count in checked]
    if any(first >= second for first, second in pairwise(kinds)):
        raise TelemetryError("`counts` must be sorted, each kind once")
    return Report(
        schema=schema.id,
        report=_matching(given, "report", _REPORT),
        deletion=_matching(given, "deletion", _DELETION),
        week=given["week"],
        context=_labels(given["context"], schema.context, "`context`", monday),
        counts=checked,
    )


def kept(text: str) -> Report:
    """Return a report that was checked when it came, whatever has become of its schema since."""
    content = json.loads(text)
    context = tuple(sorted(content.pop("context").items()))
    counts = tuple(Count(event, tuple(sorted(fields.items())), label) for event, fields, label in content.pop("counts"))
    return Report(context=context, counts=counts, **content)


def _object(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise TelemetryError("a report must be an object")
    for key in sorted(_KEYS.symmetric_difference(document)):
        raise TelemetryError(f"the report {'lacks' if key in _KEYS else 'has'} a key {_shown(key)}")
    return document


def _count(entry: object, schema: Schema, monday: dt.date) -> Count:
    if not isinstance(entry, list) or len(entry) != _COUNT_PARTS:
        raise TelemetryError("each of `counts` must be a list of event, fields and count")
    name, fields, label = entry
    event: Event | None = schema.events.get(name) if isinstance(name, str) else None
    if event is None:
        raise TelemetryError(f"`{schema.id}` has no event {_shown(name)}")
    if event.expires <= monday:
        raise TelemetryError(f"the event `{name}` has expired on {event.expires}")
    if not COUNT.allows(label) or label == "0":
        raise TelemetryError(f"{_shown(label)} is no count")
    return Count(event.name, _labels(fields, event.fields, f"`{name}`", monday), label)


def _labels(content: object, fields: Mapping[str, Field], where: str, monday: dt.date) -> tuple[tuple[str, str], ...]:
    if not isinstance(content, dict):
        raise TelemetryError(f"the fields of {where} must be an object")
    for name, label in content.items():
        field = fields.get(name)
        if field is None:
            raise TelemetryError(f"{where} has no field {_shown(name)}")
        if field.expires <= monday:
            raise TelemetryError(f"the field `{name}` of {where} has expired on {field.expires}")
        if not field.allows(label):
            raise TelemetryError(f"the field `{name}` of {where} can't be {_shown(label)}")
    return tuple(sorted(content.items()))


def _matching(given: Mapping[str, Any], key: str, form: re.Pattern[str]) -> str:
    value = given[key]
    if not isinstance(value, str) or not form.fullmatch(value):
        raise TelemetryError(f"`{key}` can't be {_shown(value)}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as an object: one key twice is two meanings, and readers choose differently."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key stands twice")
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _shown(value: object) -> str:
    return f"`{_cut(value if isinstance(value, str) else json.dumps(value, default=str))}`"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
