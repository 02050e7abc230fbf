"""Runs the server until it is told to stop."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.serve import app
from vestige.serve.descent import Descent
from vestige.serve.gate import Names
from vestige.serve.key import Key
from vestige.serve.served import Served
from vestige.web import listening

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import uvicorn

    from vestige.serve.catalogue import Catalogue
    from vestige.web.listening import Address

ENDING_SECONDS = 1  # for what is being answered when the server is told to stop: a page can be asked for again


@dataclass(frozen=True, slots=True)
class Ready:
    """A server about to run."""

    server: uvicorn.Server
    url: str
    key: Key

    @property
    def address(self) -> str:
        """What is to be opened: it holds the token."""
        return f"{self.url}?{self.key.query}"


def serve(catalogue: Catalogue, at: Address, *, beyond: bool, started: Callable[[str], Callable[[], None]]) -> None:
    """Answer requests until a signal comes.

    `started` is told the address, and returns what is to be done in the end. Raises ServerError.
    """
    with listening.listener(at) as listener:
        made = ready(catalogue, listener, Names(at.host, beyond=beyond))
        at_end = started(made.address)
        try:
            gc.freeze()  # the modules and the list of runs stay: not to be looked through again and again
            made.server.run(sockets=[listener])
        finally:
            at_end()


def ready(catalogue: Catalogue, listener: socket.socket, names: Names) -> Ready:
    """Return a server for a socket that listens."""
    key = Key(listener.getsockname()[1])
    served = Served(catalogue, Descent(catalogue), key, names)
    server = listening.server(app.build(served), ending=ENDING_SECONDS)
    return Ready(server, listening.url(listener), key)
