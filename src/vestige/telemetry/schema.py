"""What may be counted: one public JSON file names every event and field, with every value that it may have.

There is no free text. A field is a choice from a list (anything else becomes `other`), a version cut to its first
parts, a number in buckets of powers of two, or a randomised answer. Client and collector read the same file with the
code here.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.errors import TelemetryError
from vestige.telemetry.noise import BUDGET, NO, YES

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER = "other"
BUILT_IN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema", "vestige-1.json")
KINDS = ("enum", "version", "bucket", "answer")
UNITS = ("s", "B", "1")
LARGEST_FILE = 64 << 10  # B
_MOST_EVENTS = 64
_MOST_FIELDS = 16  # of an event
_MOST_VALUES = 512
_MOST_PARTS = 3
_LONGEST_TEXT = 500
_LARGEST = 1 << 62
_ID = re.compile(r"([a-z0-9-]{1,40})/([1-9][0-9]{0,3})")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_PART = r"[0-9]{1,3}"


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an event, or of a whole report, and every label that it may have."""

    name: str
    kind: str  # one of KINDS
    question: str
    owner: str
    expires: dt.date  # the first day on which it is counted no more
    values: tuple[str, ...] = ()  # of an enum
    parts: int = 0  # of a version
    unit: str = ""  # of a bucket: one of UNITS
    low: int = 0  # the first edge above "0"
    high: int = 0  # from here on it is one bucket
    epsilon: float = 0.0  # of an answer: what it may give away

    def label(self, value: object) -> str | None:
        """Return the label that stands for a value; None where there is none to say."""
        if value is None:
            return None
        if self.kind == "bucket":
            return self._bucket(value)
        text = {True: YES, False: NO}[value] if isinstance(value, bool) else str(value)
        if self.kind == "answer":
            return text if text in (YES, NO) else None
        if self.kind == "version":
            found = re.match(rf"{_PART}(?:\.{_PART}){{0,{self.parts - 1}}}(?![0-9])", text, re.ASCII)
            return found[0] if found else OTHER
        return text if text in self.values else OTHER

    def allows(self, label: object) -> bool:
        """Say whether a label is one of this field's."""
        if not isinstance(label, str):
            return False
        if self.kind in ("bucket", "answer"):
            return label in self.labels
        if self.kind == "version":
            return label == OTHER or bool(re.fullmatch(rf"{_PART}(\.{_PART}){{0,{self.parts - 1}}}", label, re.ASCII))
        return label == OTHER or label in self.values

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels in order, but for a version, which has too many to list."""
        if self.kind == "bucket":
            return _bucket_labels(self.low, self.high)
        if self.kind == "answer":
            return YES, NO
        return () if self.kind == "version" else (*self.values, OTHER)

    def _bucket(self, value: object) -> str | None:
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value or value < 0:  # noqa: PLR0124
            return None  # NaN is unlike itself
        if value >= self.high:
            return f">={self.high}"
        return "0" if value < self.low else str(1 << (int(value).bit_length() - 1))


@functools.cache
def _bucket_labels(low: int, high: int) -> tuple[str, ...]:
    """Return the labels of a bucket; made once, since a collector looks at them for every count."""
    edges = range(low.bit_length() - 1, high.bit_length() - 1)
    return ("0", *(str(1 << edge) for edge in edges), f">={high}")


COUNT = Field("count", "bucket", "how often?", "", dt.date.max, unit="1", low=1, high=65536)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is counted."""

    name: str
    question: str
    owner: str
    expires: dt.date
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Schema:
    """All that may be counted under one name and version."""

    name: str
    version: int
    purpose: str
    contact: str
    collector: str | None
    context: Mapping[str, Field]
    events: Mapping[str, Event]
    hash: str  # sha256 of the document in its canonical form: another word in it is another schema

    @property
    def id(self) -> str:
        """`name/version`."""
        return f"{self.name}/{self.version}"


def load(path: str = BUILT_IN) -> Schema:
    """Return the schema in a file, by default vestige's own. Raises TelemetryError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise TelemetryError(f"can't read the schema `{path}`: {error.strerror}") from error
    if len(raw) > LARGEST_FILE:
        raise TelemetryError(f"the schema `{path}` is larger than {LARGEST_FILE} bytes")
    try:
        return parse(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise TelemetryError(f"the schema `{path}` is no valid JSON: {error}") from error
    except TelemetryError as error:
        raise TelemetryError(f"the schema `{path}` can't be used: {error}") from error


def parse(document: object) -> Schema:
    """Return the schema that a JSON document describes. Raises TelemetryError naming the first thing that is off."""
    given = _object(document, "it", {"schema", "purpose", "contact", "collector", "context", "events"})
    found = _ID.fullmatch(_text(given, "schema", "it"))
    if not found:
        raise TelemetryError("`schema` must be a name and a version, as `tool/1`")
    events = _named(given.get("events"), "events", _MOST_EVENTS)
    context = _fields(given.get("context", {}), "context", None)
    if sum(field.epsilon for field in context.values()) > BUDGET:
        raise TelemetryError(f"`context`: the answers' `epsilon` may come to {BUDGET:g} together")
    collector = given.get("collector")
    if collector is not None and (not isinstance(collector, str) or len(collector) > _LONGEST_TEXT):
        raise TelemetryError("`collector` must be a URL or null")
    return Schema(
        name=found[1],
        version=int(found[2]),
        purpose=_text(given, "purpose", "it"),
        contact=_text(given, "contact", "it"),
        collector=collector,
        context=context,
        events={name: _event(name, content) for name, content in events.items()},
        hash=hashlib.sha256(canonical(document)).hexdigest(),
    )


def canonical(document: object) -> bytes:
    """Return JSON in the one form that equal documents share: sorted keys, no blanks, ASCII."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _event(name: str, content: object) -> Event:
    where = f"`events.{name}`"
    given = _object(content, where, {"question", "owner", "expires", "fields"})
    event = Event(name, _text(given, "question", where), _text(given, "owner", where), _day(given, where), {})
    return Event(name, event.question, event.owner, event.expires, _fields(given.get("fields", {}), where, event))


def _fields(content: object, where: str, event: Event | None) -> Mapping[str, Field]:
    return {name: _field(name, given, event) for name, given in _named(content, where, _MOST_FIELDS).items()}


def _field(name: str, content: object, event: Event | None) -> Field:
    where = f"the field `{name}`" + (f" of `events.{event.name}`" if event else " of `context`")
    keys = {"type", "question", "owner", "expires"}
    kind = content.get("type") if isinstance(content, dict) else None
    own = {"enum": {"values"}, "version": {"parts"}, "bucket": {"unit", "from", "to"}, "answer": {"epsilon"}}
    if kind not in KINDS:
        raise TelemetryError(f"{where}: `type` must be one of {', '.join(KINDS)}")
    if kind == "answer" and event is not None:
        raise TelemetryError(f"{where}: an answer is given once a report: it belongs into `context`")
    given = _object(content, where, keys | own[kind])
    inherited = {} if event is None else {"question": event.question, "owner": event.owner}
    if event is not None:
        inherited["expires"] = event.expires.isoformat()
    full = {**inherited, **given}
    said = Field(name, kind, _text(full, "question", where), _text(full, "owner", where), _day(full, where))
    if kind == "enum":
        return _with(said, values=_values(given.get("values"), where))
    if kind == "version":
        return _with(said, parts=_number(given, "parts", where, most=_MOST_PARTS))
    if kind == "answer":
        return _with(said, epsilon=_epsilon(given, where))
    low, high = (_number(given, key, where, most=_LARGEST) for key in ("from", "to"))
    if low.bit_count() != 1 or high.bit_count() != 1 or low >= high or given.get("unit") not in UNITS:
        raise TelemetryError(f"{where}: a bucket goes `from` a power of two `to` a higher one, in one of the units "
                             + ", ".join(UNITS))  # fmt: skip
    return _with(said, unit=given["unit"], low=low, high=high)


def _with(field: Field, **more: Any) -> Field:  # noqa: ANN401 - as dataclasses.replace has it
    return Field(field.name, field.kind, field.question, field.owner, field.expires, **more)


def _values(content: object, where: str) -> tuple[str, ...]:
    if (
        not isinstance(content, list)
        or not 0 < len(content) <= _MOST_VALUES
        or not all(isinstance(value, str) and _VALUE.fullmatch(value) for value in content)
    ):
        raise TelemetryError(f"{where}: `values` must be a list of at most {_MOST_VALUES} words")
    if len(set(content)) < len(content):
        raise TelemetryError(f"{where}: `values` has a word twice")
    return tuple(content)


def _object(content: object, where: str, keys: set[str]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise TelemetryError(f"{where} must be an object")
    strange = next((key for key in content if key not in keys), None)
    if strange is not None:
        raise TelemetryError(f"{where} has a key `{strange}`; there are {', '.join(sorted(keys))}")
    return content


def _named(content: object, where: str, most: int) -> dict[str, Any]:
    if not isinstance(content, dict) or len(content) > most:
        raise TelemetryError(f"`{where.strip('`')}` must be an object of at most {most}")
    strange = next((name for name in content if not _NAME.fullmatch(name)), None)
    if strange is not None:
        raise TelemetryError(f"`{where.strip('`')}`: `{strange}` can't be a name: small letters, digits, `_`")
    return content


def _text(given: Mapping[str, Any], key: str, where: str) -> str:
    text = given.get(key)
    if not isinstance(text, str) or not text or len(text) > _LONGEST_TEXT or not text.isprintable():
        raise TelemetryError(f"{where}: `{key}` must be a line of text")
    return text


def _number(given: Mapping[str, Any], key: str, where: str, *, most: int) -> int:
    number = given.get(key)
    if type(number) is not int or not 0 < number <= most:
        raise TelemetryError(f"{where}: `{key}` must be a whole number from 1 to {most}")
    return number


def _epsilon(given: Mapping[str, Any], where: str) -> float:
    epsilon = given.get("epsilon")
    if not isinstance(epsilon, int | float) or isinstance(epsilon, bool) or not 0 < epsilon <= BUDGET:
        raise TelemetryError(f"{where}: `epsilon` must be a number above 0, at most {BUDGET:g}")
    return float(epsilon)


def _day(given: Mapping[str, Any], where: str) -> dt.date:
    try:
        return dt.date.fromisoformat(_text(given, "expires", where))
    except ValueError as error:
        raise TelemetryError(f"{where}: `expires` must be a day as `2028-01-01`") from error
