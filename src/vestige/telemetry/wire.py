"""One request and its answer, in a child process that a timer of the kernel ends: not even a resolver can hold it up.

The request is composed first, byte for byte, and written down as it is. No redirect is followed, no cookie kept, no
program named. Proxies are those of the usual variables; names are then resolved by the proxy.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import math
import os
import select
import signal
import socket
import ssl
import struct
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

from vestige.errors import TelemetryError
from vestige.telemetry.timetable import SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_LONGEST_ANSWER = 1 << 10  # B that are kept
_SOCKS = ("socks5", "socks5h", "socks")
_SOCKS_PORT = 1080
_PORTS = {"https": 443, "http": 80}
_REFUSALS = ("", "general failure", "not allowed", "network unreachable", "host unreachable", "connection refused",
             "TTL expired", "command not supported", "address type not supported")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent: every byte of it, and to which collector."""

    collector: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `status` is None where nothing did, and `trouble` says why."""

    status: int | None = None
    body: str = ""
    trouble: str | None = None


def report(collector: str, body: bytes) -> Request:
    """Return the request that hands in a report."""
    lines = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return Request(collector, _head("POST", collector, "/v1/reports", lines) + body)


def deletion(collector: str, report: str, token: str) -> Request:
    """Return the request that has a report deleted."""
    return Request(collector, _head("DELETE", collector, f"/v1/reports/{report}", [f"Vestige-Deletion: {token}"]))


def send(request: Request, environ: Mapping[str, str], seconds: float = SECONDS) -> Answer:
    """Send and return the answer, in no more than so many seconds whatever the network does."""
    if request.collector.startswith("file://"):
        return _to_file(request)
    if seconds <= 0:
        return Answer(trouble="no time was left")
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _child(request, environ, theirs, seconds)
    os.close(theirs)
    try:
        return _heard(ours, seconds)
    finally:
        os.close(ours)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _head(method: str, collector: str, path: str, lines: list[str]) -> bytes:
    parts = urlsplit(collector)
    first = [f"{method} {parts.path.rstrip('/')}{path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    return "\r\n".join([*first, *lines, "", ""]).encode("ascii")


def _child(request: Request, environ: Mapping[str, str], pipe: int, seconds: float) -> NoReturn:
    """Send, say what came of it, and end without a trace: by the alarm if nothing else."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        answer = _exchange(request, environ, seconds)
    except TelemetryError as error:
        answer = Answer(trouble=str(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        answer = Answer(trouble=f"{type(error).__name__}: {error}")
    except BaseException as error:  # noqa: BLE001 - the edge of a process: nothing of it may reach the caller's
        answer = Answer(trouble=f"unexpected {type(error).__name__}: {error}")
    os.write(pipe, json.dumps([answer.status, answer.body, answer.trouble]).encode("ascii"))
    os._exit(0)


def _heard(pipe: int, seconds: float) -> Answer:
    late = Answer(trouble=f"no answer within {math.ceil(seconds)} s")
    end = time.monotonic() + seconds + 0.2
    said = b""
    while (left := end - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            piece = os.read(pipe, 1 << 16)
            if not piece:
                return Answer(*json.loads(said)) if said else late
            said += piece
    return late


def _to_file(request: Request) -> Answer:
    """Append the body to a file: what would go over a network, for whoever wants to see it first."""
    body = request.content.partition(b"\r\n\r\n")[2]
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(unquote(urlsplit(request.collector).path), flags, 0o600), "ab") as file:
            file.write(body + b"\n" if body else b"")
    except OSError as error:
        return Answer(trouble=f"{type(error).__name__}: {error}")
    return Answer(202, "written")


def _exchange(request: Request, environ: Mapping[str, str], seconds: float) -> Answer:
    parts = urlsplit(request.collector)
    with _connection(parts, environ, seconds) as connection:
        connection.sendall(request.content)
        response = http.client.HTTPResponse(connection, method=request.content.split(b" ", 1)[0].decode("ascii"))
        response.begin()
        body = response.read(_LONGEST_ANSWER)
    return Answer(response.status, body.decode("utf-8", "replace"))


def _connection(parts: SplitResult, environ: Mapping[str, str], seconds: float) -> socket.socket:
    """Return a connection to the collector, through the proxy that the variables name, with its certificate checked."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if parts.scheme == "http":
        return _to_this_machine(host, port, seconds)
    proxy = _proxy(host, port, environ)
    plain = _through(proxy, host, port, seconds) if proxy else socket.create_connection((host, port), seconds)
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _to_this_machine(host: str, port: int, seconds: float) -> socket.socket:
    """Connect without encryption, and so to nobody else: wherever `localhost` may point."""
    connection = socket.create_connection((host, port), seconds)
    if not ipaddress.ip_address(connection.getpeername()[0]).is_loopback:
        connection.close()
        raise TelemetryError(f"`{host}` is not this machine, and http:// is for no other")
    return connection


def _proxy(host: str, port: int, environ: Mapping[str, str]) -> SplitResult | None:
    """Return the proxy for https that HTTPS_PROXY or ALL_PROXY names, unless NO_PROXY excepts the host."""
    named = {
        name.lower(): value for name, value in sorted(environ.items()) if name.lower().endswith("_proxy") and value
    }
    given = named.get("https_proxy") or named.get("all_proxy")
    excepted = {"no": named.get("no_proxy", "")}
    if not given or urllib.request.proxy_bypass_environment(f"{host}:{port}", excepted):  # type: ignore[attr-defined]
        return None
    return urlsplit(given if "://" in given else f"http://{given}")


def _through(proxy: SplitResult, host: str, port: int, seconds: float) -> socket.socket:
    if proxy.scheme not in (*_SOCKS, "http") or not proxy.hostname:
        raise TelemetryError(f"a proxy of kind `{proxy.scheme}` is not supported, but socks5 and http")
    is_socks = proxy.scheme in _SOCKS
    connection = socket.create_connection((proxy.hostname, proxy.port or (_SOCKS_PORT if is_socks else 80)), seconds)
    (_socks if is_socks else _tunnel)(connection, proxy, host, port)
    return connection


def _tunnel(connection: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask an HTTP proxy for a tunnel (RFC 9110, CONNECT)."""
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.username is not None:
        words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(words).decode('ascii')}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < 1 << 14:  # byte by byte: what follows belongs to TLS
        head += _exactly(connection, 1)
    status = head.split(None, 2)[1:2]
    if status != [b"200"]:
        raise TelemetryError(f"the proxy refused: {head.splitlines()[0][:100].decode('ascii', 'replace')}")


def _socks(connection: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask a SOCKS 5 proxy, such as Tor's, to resolve the name and connect (RFC 1928, RFC 1929)."""
    user, word = (unquote(part or "").encode()[:255] for part in (proxy.username, proxy.password))
    connection.sendall(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00")
    method = _exactly(connection, 2)
    if method == b"\x05\x02" and user:
        connection.sendall(bytes([1, len(user)]) + user + bytes([len(word)]) + word)
        if _exactly(connection, 2)[1]:
            raise TelemetryError("the SOCKS proxy refused the user")
    elif method != b"\x05\x00":
        raise TelemetryError("the SOCKS proxy takes none of the ways to log in")
    name = host.encode("idna")
    connection.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
    _, code, _, kind = _exactly(connection, 4)
    if code:
        raise TelemetryError(f"the SOCKS proxy refused: {_REFUSALS[code] if code < len(_REFUSALS) else code}")
    _exactly(connection, {1: 4, 4: 16}.get(kind) or _exactly(connection, 1)[0])
    _exactly(connection, 2)


def _exactly(connection: socket.socket, length: int) -> bytes:
    got = b""
    while len(got) < length:
        piece = connection.recv(length - len(got))
        if not piece:
            raise TelemetryError("the proxy hung up")
        got += piece
    return got
