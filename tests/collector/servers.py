"""Collectors to talk to: in a thread of the test, on any day, or as `vestige collector serve` that can be killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
from harness.waiting import until

from vestige.collector import app, published
from vestige.collector.collector import Collector
from vestige.collector.limits import Rate
from vestige.collector.serving import ENDING_SECONDS
from vestige.collector.store import Store
from vestige.web import listening

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from harness.command import Vestige

TODAY = dt.date(2026, 11, 22)
WEEK = "2026-W46"  # the last one that was over
KNOWN = published.load([])


@dataclass
class Calendar:
    """The day that the server believes it is."""

    day: dt.date = TODAY

    def __call__(self) -> dt.date:
        return self.day


@dataclass
class Running:
    """A collector that answers at `url`."""

    url: str
    store: Store
    calendar: Calendar
    client: httpx.Client

    @property
    def address(self) -> tuple[str, int]:
        parsed = httpx.URL(self.url)
        return parsed.host, parsed.port or 80

    def talk(self, request: bytes, *, timeout: float = 20) -> bytes:
        """Send bytes as they are and return all that comes until the server closes."""
        with socket.create_connection(self.address, timeout=timeout) as connection:
            connection.sendall(request)
            return everything(connection)


def everything(connection: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def running(database: str, *, rate: int = 0, behind: tuple[str, ...] = ()) -> Iterator[Running]:
    """Run a collector in a thread."""
    store = Store.open(database)
    calendar = Calendar()
    made = Collector(
        store, KNOWN.schemas, KNOWN.documents, names=("telemetry.example.org",), rate=Rate(rate), today=calendar
    )
    server = listening.server(app.build(made), ending=ENDING_SECONDS, behind=behind)
    with listening.listener(listening.Address("127.0.0.1", 0)) as socket_:
        url = listening.url(socket_)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket_]})
        thread.start()
        try:
            until(lambda: server.started, "the collector to start", limit=20)
            with httpx.Client(base_url=url, timeout=20) as client:
                yield Running(url, store, calendar, client)
        finally:
            server.should_exit = True
            thread.join()
            store.close()


@dataclass
class Process:
    """`vestige collector serve`, on a port that stays the same when it is started again."""

    vestige: Vestige
    words: tuple[str, ...]
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        words = ("collector", "serve", "--port", str(self.port), *self.words)
        self.process = self.vestige.start_bare(self.vestige.executable, *words)
        assert self.process.stderr is not None
        said = self.process.stderr.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:([0-9]+)/", said)
        assert found, said
        self.port = int(found[1])

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> tuple[int, bytes]:
        """End it as an operator does; return its code and the rest of stderr."""
        assert self.process is not None
        self.process.terminate()
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said
