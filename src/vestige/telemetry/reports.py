"""From the counters of a week to its report: the same bytes whoever makes them, and whenever."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige._version import VERSION
from vestige.errors import TelemetryError
from vestige.telemetry import noise, payload
from vestige.telemetry import schema as schemas
from vestige.telemetry.schema import COUNT

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from vestige.telemetry.counters import Kind
    from vestige.telemetry.schema import Field, Schema

_TOKEN = 32  # B
_ID = 16  # B
_COINS = 32  # B


@dataclass(frozen=True, slots=True)
class Draft:
    """What is random in the report of a week: its name, what deletes it, and whether its answers are true.

    `token` never leaves before the deletion, `coins` never leave.
    """

    report: str
    token: str
    coins: str

    @property
    def deletion(self) -> str:
        """What the report says in the token's place."""
        return hashlib.sha256(bytes.fromhex(self.token)).hexdigest()


@dataclass(frozen=True, slots=True)
class Made:
    """A report as it would be sent; `left_out` counts what did not fit."""

    body: bytes
    left_out: int


def draft(folder: str, week: str) -> Draft:
    """Return the draft of a week's report, drawn when it is first asked for. Raises OSError, TelemetryError."""
    path = os.path.join(folder, f"{week}.draft")
    if not os.path.exists(path):
        fresh = f"{path}.{os.getpid()}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(json.dumps(dataclasses.astuple(drawn())))
        with suppress(FileExistsError):  # somebody else drew one meanwhile: that is it
            os.link(fresh, path)
        os.unlink(fresh)
    try:
        with open(path, encoding="ascii") as file:
            report, token, coins = json.loads(file.read(1 << 10))
        bytes.fromhex(report + token + coins)
    except (ValueError, TypeError, RecursionError) as error:
        raise TelemetryError(f"`{path}` can't be used: remove it") from error
    return Draft(report, token, coins)


def drawn() -> Draft:
    """Return a fresh draft."""
    return Draft(os.urandom(_ID).hex(), os.urandom(_TOKEN).hex(), os.urandom(_COINS).hex())


def make(  # noqa: PLR0913 - all that is in a report
    schema: Schema, draft: Draft, *, week: str, counts: Counter[Kind], context: Mapping[str, str], day: dt.date
) -> Made:
    """Return the report of a week. What is not in the schema, or expired on `day`, is not in it either."""
    kept: Counter[Kind] = Counter()
    for (event, labels), times in counts.items():
        if _is_alive(schema, event, day):
            kept[(event, _alive(schema.events[event].fields, labels, day))] += times
    often = sorted(kept.items(), key=lambda item: (-item[1], item[0]))
    entries = [payload.Count(event, labels, COUNT.label(times) or "1") for (event, labels), times in often]
    fixed = {**context, **_machine()}
    fields = {name: field for name, field in schema.context.items() if name in fixed and field.expires > day}
    said = sorted((name, _said(field, fixed[name], draft)) for name, field in fields.items())
    own = tuple((name, label) for name, label in said if label is not None)
    for fitting in range(len(entries), -1, -1):
        counted = tuple(sorted(entries[:fitting]))
        report = payload.Report(schema.id, draft.report, draft.deletion, week, own, counted)
        try:
            body = payload.encode(report)
        except TelemetryError:
            continue
        payload.check(json.loads(body), schema)  # nothing else can leave, whatever a foreign hand put into a counter
        return Made(body, len(entries) - fitting)
    raise TelemetryError(f"the context of `{schema.id}` alone is more than fits into a report")


def load_schema(folder: str) -> Schema:
    """Return the schema that a folder of counters was counted under. Raises TelemetryError."""
    return schemas.load(os.path.join(folder, "schema.json"))


def _said(field: Field, value: str, draft: Draft) -> str | None:
    label = field.label(value)
    if field.kind != "answer" or label is None:
        return label
    return noise.randomised(label, field.epsilon, bytes.fromhex(draft.coins), field.name)


def _is_alive(schema: Schema, name: str, day: dt.date) -> bool:
    event = schema.events.get(name)
    return event is not None and event.expires > day


def _alive(
    fields: Mapping[str, Field], labels: tuple[tuple[str, str], ...], day: dt.date
) -> tuple[tuple[str, str], ...]:
    return tuple((name, label) for name, label in labels
                 if name in fields and fields[name].expires > day and fields[name].allows(label))  # fmt: skip


def _machine() -> dict[str, str]:
    """Return what is known here of the four properties that every schema may ask for."""
    return {
        "vestige": VERSION,
        "python": platform.python_version(),
        "os": sys.platform,
        "architecture": os.uname().machine,
    }
