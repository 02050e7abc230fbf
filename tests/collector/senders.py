"""Reports as clients make them, and what the collector must say of them: made and added up independently of it."""

from __future__ import annotations

import hashlib
import json
import random
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.telemetry import payload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vestige.telemetry.payload import Report
    from vestige.telemetry.schema import Field, Schema

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Sent:
    """A report as a client has it: what it sends, and the token that only it knows."""

    document: dict[str, Any]
    token: bytes

    @property
    def id(self) -> str:
        name: str = self.document["report"]
        return name

    @property
    def checked(self) -> Report:
        return payload.kept(self.body.decode())

    @property
    def body(self) -> bytes:
        return json.dumps(self.document, sort_keys=True, separators=(",", ":")).encode()


@dataclass
class People:
    """Users who send reports: each seed is the same people again."""

    schema: Schema
    seed: int = 1
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - the same people again

    def report(self, week: str, *, kinds: int = 8) -> Sent:
        """Make a report of a week with at most so many kinds of counts."""
        token = secrets.token_bytes(32)
        counts = {self._kind() for _ in range(self.random.randint(1, kinds))}
        document = {
            "schema": self.schema.id,
            "report": secrets.token_hex(16),
            "deletion": hashlib.sha256(token).hexdigest(),
            "week": week,
            "context": {name: self.label(it) for name, it in self.schema.context.items()},
            "counts": [[event, dict(labels), str(1 << self.random.randrange(8))] for event, labels in sorted(counts)],
        }
        return Sent(document, token)

    def label(self, of: Field) -> str:
        """Choose a label of a field: the first ones more often."""
        if of.kind == "version":
            return f"3.{self.random.choice((9, 10, 11, 11, 12, 12, 12, 13, 13, 14))}"
        near = min(int(self.random.expovariate(0.4)), len(of.labels) - 1)
        return of.labels[near]

    def _kind(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        event = self.random.choice(list(self.schema.events.values()))
        return event.name, tuple(sorted((name, self.label(it)) for name, it in event.fields.items()))


Cells = Counter[tuple[str, str, str, str, str]]


def cells(documents: Iterable[dict[str, Any]]) -> Cells:
    """Return in how many reports each label stood, counted the long way round."""
    found: Cells = Counter()
    for report in documents:
        places = {("", "", "")} | {("", name, label) for name, label in report["context"].items()}
        for event, labels, _ in report["counts"]:
            places |= {(event, "", "")} | {(event, name, label) for name, label in labels.items()}
        found.update((report["schema"], report["week"], *place) for place in places)
    return found
