"""Reports for the collector's bench: puts very many into its store, or sends them to its server and takes the time.

    python bench/reports.py fill URL NUMBER        prints seconds
    python bench/reports.py send PORT NUMBER CONNECTIONS   prints seconds, and how many were accepted

It runs with the Python of the bench's own environment, where vestige and its extra `collector` are installed.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from vestige.telemetry import payload, schema
from vestige.telemetry.weeks import week_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.telemetry.schema import Field

_WEEKS = 52
_KINDS = 12  # of counts in a report, at most
_BATCH = 2000
_HEAD = "POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_ACCEPTED = b"HTTP/1.1 202 "


class People:
    """Users of every kind; the same ones each time."""

    def __init__(self) -> None:
        self._known = schema.load()
        self._random = random.Random(1)  # noqa: S311 - no secrets: labels
        self._labels: dict[int, tuple[str, ...]] = {}

    def documents(self, number: int, weeks: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield so many reports."""
        for _ in range(number):
            yield self._document(self._random.choice(weeks))

    def _document(self, week: str) -> dict[str, Any]:
        kinds = {self._kind() for _ in range(self._random.randint(1, _KINDS))}
        return {
            "schema": self._known.id,
            "report": secrets.token_hex(16),
            "deletion": secrets.token_hex(32),
            "week": week,
            "context": {name: self._label(it) for name, it in self._known.context.items()},
            "counts": [[event, dict(labels), str(1 << self._random.randrange(8))] for event, labels in sorted(kinds)],
        }

    def _kind(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        event = self._random.choice(list(self._known.events.values()))
        return event.name, tuple(sorted((name, self._label(it)) for name, it in event.fields.items()))

    def _label(self, of: Field) -> str:
        """Choose a label: the first ones more often."""
        if id(of) not in self._labels:
            self._labels[id(of)] = of.labels or tuple(f"3.{minor}" for minor in range(9, 15))
        labels = self._labels[id(of)]
        return labels[min(int(self._random.expovariate(0.4)), len(labels) - 1)]


def fill(url: str, number: int) -> str:
    """Put reports of a year into a store, through the code that the server uses; return the seconds it took."""
    from vestige.collector.store import Store, accepted  # noqa: PLC0415 - needs the extra

    store = Store.open(url)
    today = datetime.now(tz=timezone.utc).date()
    weeks = [week_of(today - timedelta(weeks=back)) for back in range(1, _WEEKS + 1)]
    documents = People().documents(number, weeks)
    spent = 0.0
    while batch := list(itertools.islice(documents, _BATCH)):
        begun = time.monotonic()
        store.add([accepted(payload.kept(schema.canonical(document).decode())) for document in batch], today)
        spent += time.monotonic() - begun
    store.close()
    return f"{spent:.3f}"


def send(port: int, number: int, connections: int) -> str:
    """Send reports of this week to a server here, over that many connections; return seconds and how many it took."""
    week = week_of(datetime.now(tz=timezone.utc).date())
    bodies = [schema.canonical(document) for document in People().documents(number, [week])]
    requests = iter([_HEAD.encode() % len(body) + body for body in bodies])
    begun = time.monotonic()
    accepted = asyncio.run(_send_all(port, requests, connections))
    return f"{time.monotonic() - begun:.3f} {accepted}"


async def _send_all(port: int, requests: Iterator[bytes], connections: int) -> int:
    return sum(await asyncio.gather(*(_send(port, requests) for _ in range(connections))))


async def _send(port: int, requests: Iterator[bytes]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    accepted = 0
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        accepted += head.startswith(_ACCEPTED)
    writer.close()
    return accepted


if __name__ == "__main__":
    action, where, *numbers = sys.argv[1:]
    print(fill(where, int(numbers[0])) if action == "fill" else send(int(where), *map(int, numbers)))
