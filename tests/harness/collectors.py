"""A collector of a few lines, as a process of its own: it keeps every byte that it gets, and answers as it is told."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVER = """
import json, socket, sys
folder = sys.argv[1]
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
kept = []
while True:
    connection, _ = server.accept()
    raw = b""
    while b"\\r\\n\\r\\n" not in raw:
        raw += connection.recv(65536)
    head, _, body = raw.partition(b"\\r\\n\\r\\n")
    lengths = [int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length:")]
    while len(body) < sum(lengths):
        body += connection.recv(65536)
    with open(folder + "/got.jsonl", "a") as file:
        file.write(json.dumps([head.decode("latin-1"), body.decode("latin-1")]) + "\\n")
    with open(folder + "/status") as file:
        status = int(file.read())
    if status == 0:
        kept.append(connection)
        continue
    said = b'{"status": "accepted"}' if status == 202 else b""
    connection.sendall(b"HTTP/1.1 %d X\\r\\nContent-Length: %d\\r\\n\\r\\n" % (status, len(said)) + said)
    connection.close()
"""


@dataclass(frozen=True)
class Collector:
    """The collector. Status 0 is that it accepts and never says a word."""

    url: str
    folder: str

    def answer(self, status: int) -> None:
        """Say what it answers from now on."""
        with open(os.path.join(self.folder, "status.new"), "w", encoding="ascii") as file:
            file.write(str(status))
        os.replace(os.path.join(self.folder, "status.new"), os.path.join(self.folder, "status"))

    def requests(self) -> list[tuple[str, bytes]]:
        """Return the head and the body of every request so far."""
        try:
            with open(os.path.join(self.folder, "got.jsonl"), encoding="ascii") as file:
                return [(head, body.encode("latin-1")) for head, body in map(json.loads, file)]
        except FileNotFoundError:
            return []

    def reports(self) -> list[bytes]:
        """Return the bodies of the reports."""
        return [body for head, body in self.requests() if head.startswith("POST /v1/reports ")]

    def clear(self) -> None:
        """Forget what came."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.folder, "got.jsonl"))


@contextlib.contextmanager
def collector(folder: str) -> Iterator[Collector]:
    """Give a collector that accepts everything."""
    call = [sys.executable, "-c", _SERVER, folder]
    made = Collector("", folder)
    made.answer(202)
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            yield Collector(f"http://127.0.0.1:{port}", folder)
        finally:
            server.kill()
