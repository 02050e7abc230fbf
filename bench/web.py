"""Runs a server of vestige's and asks it for pages."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import spread
from errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from measure import Scene
    from spread import Spread

_PATIENCE = 120  # s


@dataclass(frozen=True)
class Server:
    """A server that answers: its address as it was printed, and its process."""

    address: str
    pid: int
    headers: Mapping[str, str] = field(default_factory=dict)  # of every request

    @property
    def port(self) -> int:
        """The port it listens on."""
        port = urlsplit(self.address).port
        assert port is not None
        return port

    def get(self, path: str) -> tuple[http.client.HTTPResponse, bytes]:
        """Return the answer and its content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        connection.request("GET", path, headers=dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def page(self, path: str, rounds: int) -> Spread:
        """Return how many seconds a page takes, after a first time that does not count. Raises BenchError."""
        self.once(path)
        return spread.of([self.once(path) for _ in range(rounds)])

    def once(self, path: str) -> float:
        """Return how many seconds a page takes now. Raises BenchError."""
        begun = time.monotonic()
        answer, content = self.get(path)
        if answer.status != http.client.OK or not content:
            raise BenchError(f"{path} was answered with {answer.status}")
        return time.monotonic() - begun


@contextlib.contextmanager
def running(words: Sequence[str], where: Scene) -> Iterator[Server]:
    """Start a server, which prints its address when it listens, and end it afterwards. Raises BenchError."""
    with subprocess.Popen(
        words,
        env=dict(where.environment),
        cwd=where.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        addresses = [word for word in said.split() if word.startswith("http://")]
        if not addresses:
            process.kill()
            raise BenchError(f"`{' '.join(words[:3])}` did not start: {said.strip()}")
        yield Server(addresses[0], process.pid)
        process.send_signal(signal.SIGTERM)
