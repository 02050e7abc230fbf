"""A proxy on this machine that notes whom programs want to reach and lets nothing through."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

_REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_PATIENCE = 2.0  # s for a request's first line
_LONGEST = 4096  # bytes of it


class Sink:
    """Listens on 127.0.0.1 from `with` to its end; programs find it by `HTTPS_PROXY`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._asked: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    @property
    def variables(self) -> dict[str, str]:
        """Return what sends a program here."""
        address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        both = {"HTTPS_PROXY": address, "HTTP_PROXY": address, "NO_PROXY": "localhost,127.0.0.1"}
        return both | {name.lower(): value for name, value in both.items()}

    def taken(self) -> list[str]:
        """Return the requests since the last time, the first line of each."""
        asked, self._asked = self._asked, []
        return asked

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return  # shut down
            with caller:
                self._refuse(caller)

    def _refuse(self, caller: socket.socket) -> None:
        caller.settimeout(_PATIENCE)
        try:
            line = caller.recv(_LONGEST).partition(b"\r\n")[0]
            if line:
                self._asked.append(line.decode("latin-1"))
            caller.sendall(_REFUSAL)
        except OSError:
            return  # it hung up, which is an answer too
