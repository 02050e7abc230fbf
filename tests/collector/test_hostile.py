"""Whatever is sent: an answer in the one envelope, nothing stored, and the next one is served."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from collector.senders import JSON, People
from collector.servers import WEEK, Process, everything, running

from vestige.collector.limits import Rate
from vestige.web import limits

if TYPE_CHECKING:
    from pathlib import Path

    from collector.servers import Running
    from harness.command import Vestige

POST = b"POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
KEDRO = "/api/track"


def refusal(raw: bytes) -> tuple[int, str]:
    """Return status and code of an answer; it must be an envelope, and the last thing on its connection."""
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"\r\ncontent-type: application/json" in head.lower()
    assert b"\r\nconnection: close" in head.lower()
    error = json.loads(body)["error"]
    assert set(error) == {"code", "message"}
    return int(head.split()[1]), error["code"]


def still_serves(server: Running, people: People) -> None:
    assert server.client.post("/v1/reports", content=people.report(WEEK).body, headers=JSON).status_code == 202


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "refused"),
        (b"{", "refused"),
        (b"null", "schema"),
        (b"[]", "schema"),
        (b"[" * 4000, "refused"),
        (b"[" * 2000 + b"]" * 2000, "refused"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "schema"),
        (b'{"schema": "vestige/1", "schema": "vestige/1"}', "refused"),
        (b'{"schema": NaN}', "refused"),
        (b'{"schema": 1e999}', "schema"),
        (b'{"schema": "vestige/1\\u0000"}', "schema"),
        (b'{"schema": "vestige/1", "\\ud800": 1}', "refused"),
        (b'{"schema": "vestige/1", "\\u202e\\u001b[2J": 1}', "refused"),
        ('{"schema": "vest\N{LATIN SMALL LETTER DOTLESS I}ge/1"}'.encode(), "refused"),
        (b"\xff\xfe{\x00}\x00", "refused"),
        (b"\xef\xbb\xbf{}", "refused"),
        (b"9" * 4096, "schema"),
        (b"\0" * 100, "refused"),
    ],
)
def test_what_is_no_report(server: Running, people: People, body: bytes, code: str) -> None:
    raw = server.talk(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert refusal(raw) == (400, code)
    assert b"\x1b" not in raw
    assert raw.isascii()
    still_serves(server, people)


@pytest.mark.parametrize(
    "body",
    [b"", b"[" * 16_000, b"{}", b'{"event": 1, "properties": {}}', b'{"event": "x", "properties": []}', b"\xff"],
)
def test_what_is_no_event_of_kedro(server: Running, body: bytes) -> None:
    answer = server.client.post(KEDRO, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "refused")


def test_a_body_has_a_limit_however_it_is_announced(server: Running, people: People) -> None:
    body = b" " * 4097
    assert refusal(server.talk(POST + b"Content-Length: 4097\r\n\r\n")) == (413, "too-large")
    assert refusal(server.talk(POST + b"Content-Length: 99999999999999999999\r\n\r\n"))[0] in (400, 413)
    chunks = b"Transfer-Encoding: chunked\r\n\r\n" + b"1001\r\n" + body + b"\r\n"
    assert refusal(server.talk(POST + chunks)) == (413, "too-large")
    still_serves(server, people)


def test_the_largest_body_is_read(server: Running, people: People) -> None:
    body = people.report(WEEK).body.ljust(4096)
    assert server.client.post("/v1/reports", content=body, headers=JSON).status_code == 202


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "identity, gzip", "xx"])
def test_nothing_compressed_is_unpacked(server: Running, people: People, encoding: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)[:4000]
    answer = server.client.post("/v1/reports", content=bomb, headers={**JSON, "Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "encoding")
    still_serves(server, people)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "\xff"])
def test_other_types_are_refused(server: Running, people: People, kind: str) -> None:
    headers = {b"Content-Type": kind.encode("latin-1")}
    answer = server.client.post("/v1/reports", content=people.report(WEEK).body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "type")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: 1\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\r\n" * 20_000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /ü HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    ],
)
def test_what_is_no_http(server: Running, people: People, request_: bytes) -> None:
    assert refusal(server.talk(request_))[0] in (400, 431)
    still_serves(server, people)


def test_a_head_has_a_limit(server: Running, people: People) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    assert refusal(server.talk(head + b"X: " + b"y" * limits.HEAD_BYTES)) == (431, "head-too-large")
    assert refusal(server.talk(b"GET /" + b"y" * limits.HEAD_BYTES)) == (431, "head-too-large")
    still_serves(server, people)


def test_a_head_that_does_not_come_is_not_waited_for(
    server: Running, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.5)
    for begin in (b"", b"G", b"GET / HTTP/1.1\r\nHost: loc"):
        assert refusal(server.talk(begin)) == (408, "slow")
    still_serves(server, people)


def test_a_head_in_drops_has_no_more_time(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 1.0)
    with socket.create_connection(server.address, timeout=0.05) as connection:
        said = b""
        for letter in b"GET / HTTP/1.1\r\nX: " + b"y" * 400:
            connection.sendall(bytes([letter]))
            with contextlib.suppress(TimeoutError):
                said += connection.recv(65536)
            if said:
                break
    assert refusal(said) == (408, "slow")


def test_a_body_that_does_not_come_is_not_waited_for(
    server: Running, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.5)
    assert refusal(server.talk(POST + b"Content-Length: 100\r\n\r\n{")) == (408, "slow")
    assert refusal(server.talk(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")) == (408, "slow")
    still_serves(server, people)


def test_an_answered_request_does_not_hold_its_connection(server: Running) -> None:
    """A body that nobody asked for, announced as endless."""
    raw = server.talk(b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\nx")
    assert raw.startswith(b"HTTP/1.1 200 ")


def test_many_connections_that_say_nothing(server: Running, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS", 20)
    monkeypatch.setattr(limits, "HEAD_SECONDS", 2.0)
    held = [socket.create_connection(server.address, timeout=20) for _ in range(19)]
    try:
        more = [socket.create_connection(server.address, timeout=20) for _ in range(10)]
        held += more
        assert refusal(everything(more[-1])) == (503, "busy")
        assert refusal(everything(held[0])) == (408, "slow")
    finally:
        for connection in held:
            connection.close()
    still_serves(server, people)


def test_pipelined_requests_are_answered_in_turn(server: Running, people: People) -> None:
    one = people.report(WEEK).body
    request = POST + b"Content-Length: %d\r\n\r\n" % len(one) + one
    raw = server.talk(request * 3 + b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert (raw.count(b"HTTP/1.1 202 "), raw.count(b"HTTP/1.1 200 ")) == (3, 1)


def test_http_1_0(server: Running) -> None:
    raw = server.talk(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert raw.endswith(b'{"status": "ok"}')


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "GET", "TRACE", "OPTIONS"])
def test_wrong_methods(server: Running, method: str) -> None:
    answer = server.client.request(method, "/v1/reports")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/vestige/2",
        "/vestige/1/events/none/name",
        "/vestige/1/events/command/none",
        "/vestige/1/events/none.csv",
        "/vestige/1/context/name.csv",
        "/static/style.css",
        "/style.css/../../app.py",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/vestige/1/context/..%2f..%2fx",
        "/vestige/%00",
        "/vestige/1%0d%0aX: y",
        "/v1/schemas/vestige/..",
        "/v1/schemas/%F0%9F%92%A9/1",
        "/v1/schemas/vestige/1/",
        "//evil.example/x",
    ],
)
def test_paths_that_are_not_there(server: Running, path: str) -> None:
    raw = server.talk(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert refusal(raw)[0] in (400, 404)
    assert b"\r\nx: y" not in raw.lower()
    assert b"location:" not in raw.lower()


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "localhost:80:80", "127.0.0.2"])
def test_other_hosts_are_refused(server: Running, host: str) -> None:
    raw = server.talk(f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert refusal(raw) == (421, "host")


def test_other_sites_may_not_report(server: Running, people: People) -> None:
    for origin, status in (
        ("https://evil.example", 403),
        ("null", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost:8700", 202),
    ):
        headers = {**JSON, "Origin": origin}
        answer = server.client.post("/v1/reports", content=people.report(WEEK).body, headers=headers)
        assert answer.status_code == status, origin


def test_too_many_requests_of_one_network(database: str, people: People) -> None:
    with running(database, rate=5) as server:
        answers = [server.client.post("/v1/reports", content=people.report(WEEK).body, headers=JSON) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [202] * 5 + [429] * 3
        assert 0 < int(answers[-1].headers["retry-after"]) <= 3600
        assert server.client.get("/health").status_code == 200


@pytest.mark.parametrize(("behind", "last"), [((), 429), (("127.0.0.1",), 202)])
def test_only_a_known_proxy_may_say_whom_a_request_is_from(
    database: str, people: People, behind: tuple[str, ...], last: int
) -> None:
    with running(database, rate=2, behind=behind) as server:
        for network in range(3):
            headers = {**JSON, "X-Forwarded-For": f"198.51.{network}.7"}
            answer = server.client.post("/v1/reports", content=people.report(WEEK).body, headers=headers)
        assert answer.status_code == last


def test_its_own_name_is_answered(server: Running) -> None:
    for host in ("telemetry.example.org", "Telemetry.Example.ORG:443", "localhost:1", "[::1]", "[::1]:8700"):
        assert server.client.get("/health", headers={"Host": host}).status_code == 200, host


def test_nothing_is_said_of_requests_and_nobody_is_noted(vestige: Vestige, tmp_path: Path) -> None:
    server = Process(vestige, ("--database", f"sqlite:///{tmp_path}/reports.sqlite"))
    server.start()
    with httpx.Client(base_url=server.url, timeout=20) as client:
        assert client.get("/vestige/1").status_code == 200
        assert client.get("/nothing").status_code == 404
        assert client.post("/v1/reports", content=b"{", headers=JSON).status_code == 400
    for request in (b"nonsense\r\n\r\n", POST + b"Content-Length: 9\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(request)
    assert server.stop() == (-15, b"")


def test_networks_are_counted_apart_and_forgotten_after_an_hour() -> None:
    now = [0.0]
    rate = Rate(2, clock=lambda: now[0])
    assert [rate.allows(f"192.0.2.{host}") for host in range(3)] == [True, True, False]
    assert rate.allows("192.0.3.1")
    assert [rate.allows(f"2001:db8:1:{host}::1") for host in range(3)] == [True, True, False]
    assert [rate.allows(f"::ffff:198.51.100.{host}") for host in range(3)] == [True, True, False]
    assert [rate.allows(text) for text in ("", "unix", "?")] == [True, True, False]
    now[0] = 3600.0
    assert rate.allows("192.0.2.1")


def test_counting_networks_has_a_bound_and_keeps_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vestige.collector.limits._PREFIXES", 100)
    rate = Rate(1)
    assert all(rate.allows(f"10.{index // 250}.{index % 250}.1") for index in range(1000))
    kept = rate._counts or {}  # noqa: SLF001 - what there is in memory
    assert 0 < len(kept) <= 100
    assert {len(name) for name in kept} == {8}


def test_every_answer_has_the_headers_of_a_closed_house(server: Running) -> None:
    for path in ("/", "/vestige/1", "/v1/schemas", "/style.css", "/nothing", "/vestige/1/all.csv"):
        headers = server.client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; img-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in headers
        assert "server" not in headers
