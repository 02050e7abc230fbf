"""Runs the application: one process, one socket, no log of requests."""

from __future__ import annotations

import gc
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from vestige.collector import app, limits
from vestige.collector.connection import Connection
from vestige.errors import CollectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vestige.collector.app import Collector

_BACKLOG = 1024
_ENDING_SECONDS = 10  # for what is being answered when the server is told to stop


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. `behind` are the addresses of proxies whose X-Forwarded-For is believed."""

    host: str
    port: int  # 0: any that is free
    behind: Sequence[str] = ()


def serve(collector: Collector, address: Address, started: Callable[[str], None]) -> None:
    """Answer requests until a signal comes; `started` is told the URL. Raises CollectorError."""
    with listener(address) as listening:
        started(url(listening))
        gc.freeze()  # the modules stay: looking through them again and again costs a page nearly half of its time
        server(collector, address.behind).run(sockets=[listening])


def url(listening: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def server(collector: Collector, behind: Sequence[str] = ()) -> uvicorn.Server:
    """Return the server, which is yet to be run."""
    config = uvicorn.Config(
        app.build(collector),
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
        timeout_graceful_shutdown=_ENDING_SECONDS,
    )
    return uvicorn.Server(config)


def listener(address: Address) -> socket.socket:
    """Return a socket that listens there. Raises CollectorError."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(_BACKLOG)
    except OSError as error:
        raise CollectorError(f"can't listen on {address.host}:{address.port}: {error.strerror}") from error
    return listening
