"""Servers to talk to: in a thread of the test, or as `vestige serve`."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from harness.waiting import until

from vestige.history.all_runs import AllRuns
from vestige.serve import serving
from vestige.serve.catalogue import Catalogue
from vestige.serve.gate import Names
from vestige.web import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.serve.key import Key
    from vestige.store.runs import Runs


@dataclass
class Serving:
    """A server at `url`; `address` is what it would print, and `client` has signed in."""

    url: str
    address: str
    key: Key
    client: httpx.Client

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 80

    def stranger(self) -> httpx.Client:
        """Return somebody without the key."""
        return httpx.Client(base_url=self.url, timeout=20)

    def talk(self, request: bytes) -> bytes:
        """Send bytes as they are and return all that comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    parts.append(part)
            return b"".join(parts)


@contextlib.contextmanager
def serving_runs(runs: Runs, folders: tuple[str, ...] = ()) -> Iterator[Serving]:
    """Serve runs from a thread."""
    with listening.listener(listening.Address("127.0.0.1", 0)) as listener:
        made = serving.ready(Catalogue(AllRuns(runs, folders)), listener, Names("127.0.0.1"))
        thread = threading.Thread(target=made.server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: made.server.started, "the server to start", limit=20)
            with httpx.Client(base_url=made.url, timeout=30) as client:
                assert client.get(f"/?{made.key.query}").status_code == 200
                yield Serving(made.url, made.address, made.key, client)
        finally:
            made.server.should_exit = True
            thread.join()
