"""Where a server listens, and the server itself: one process, one socket, no log of requests."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from vestige.errors import ServerError
from vestige.web import limits
from vestige.web.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp

_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. `behind` are the addresses of proxies whose X-Forwarded-For is believed."""

    host: str
    port: int  # 0: any that is free
    behind: Sequence[str] = ()


def url(listening: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def server(app: ASGIApp, *, ending: int, behind: Sequence[str] = ()) -> uvicorn.Server:
    """Return the server, which is yet to be run; told to stop, it has `ending` seconds for what is being answered."""
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="error",  # nothing about single requests: what is malformed is answered, not noted
        proxy_headers=bool(behind),
        forwarded_allow_ips=list(behind),
        server_header=False,
        timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=ending,
    )
    return uvicorn.Server(config)


def listener(address: Address) -> socket.socket:
    """Return a socket that listens there. Raises ServerError."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(_BACKLOG)
    except OSError as error:
        hint = "; choose another `--port`, 0 for any" if error.errno == errno.EADDRINUSE else ""
        raise ServerError(f"can't listen on {address.host}:{address.port}: {error.strerror}{hint}") from error
    return listening
