"""The way to a collector: TLS with its certificate checked, HTTP and SOCKS proxies, and what is refused."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from vestige.telemetry import wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.needs("openssl"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]
_TLS = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    plain, _ = server.accept()
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            got = connection.recv(65536)
            connection.sendall(b"HTTP/1.1 202 X\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(got) + got)
    except OSError:
        pass
"""
_PROXY = """
import base64, socket, sys, threading
to, kind = int(sys.argv[1]), sys.argv[2]
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
def pump(one, other):
    while piece := one.recv(65536):
        other.sendall(piece)
    other.shutdown(socket.SHUT_WR)
def http(client):
    head = b""
    while not head.endswith(b"\\r\\n\\r\\n"):
        head += client.recv(1)
    if kind == "refusing":
        client.sendall(b"HTTP/1.1 403 Forbidden\\r\\n\\r\\n")
        return None
    assert head.startswith(b"CONNECT telemetry.example.org:443 HTTP/1.1\\r\\n"), head
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:word") in head, head
    client.sendall(b"HTTP/1.1 200 OK\\r\\nX-Long: " + b"x" * 3000 + b"\\r\\n\\r\\n")
    return True
def socks(client):
    assert client.recv(4) == b"\\x05\\x02\\x00\\x02"
    client.sendall(b"\\x05\\x02")
    assert client.recv(100) == b"\\x01\\x02me\\x04word"
    client.sendall(b"\\x01\\x00")
    assert client.recv(100) == b"\\x05\\x01\\x00\\x03\\x15telemetry.example.org\\x01\\xbb"  # the name: it resolves
    client.sendall(b"\\x05\\x00\\x00\\x03\\x04host\\x12\\x34")
    return True
while True:
    client, _ = server.accept()
    if (socks if kind == "socks" else http)(client):
        there = socket.create_connection(("127.0.0.1", to))
        threading.Thread(target=pump, args=(client, there), daemon=True).start()
        pump(there, client)
    client.close()
"""
REQUEST = wire.report("https://telemetry.example.org", b"{}")


@contextlib.contextmanager
def serving(code: str, *words: str) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("tls") / "both.pem")
    openssl = shutil.which("openssl") or "openssl"
    names = "subjectAltName=DNS:telemetry.example.org"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path, "-out", path + ".crt",
         "-subj", "/CN=telemetry.example.org", "-addext", names, "-days", "2"],
        check=True, capture_output=True,
    )  # fmt: skip
    with open(path, "a", encoding="ascii") as both, open(path + ".crt", encoding="ascii") as public:
        both.write(public.read())
    return path


@pytest.fixture
def server(certificate: str) -> Iterator[int]:
    with serving(_TLS, certificate) as port:
        yield port


@pytest.mark.parametrize(("kind", "scheme"), [("http", "http"), ("socks", "socks5"), ("socks", "socks5h")])
def test_a_proxy_carries_it_and_resolves_the_name(
    server: int, certificate: str, kind: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate + ".crt")
    with serving(_PROXY, str(server), kind) as port:
        for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            answer = wire.send(REQUEST, {variable: f"{scheme}://me:word@127.0.0.1:{port}"}, 20)
            assert (answer.status, answer.trouble) == (202, None)
            assert answer.body.encode("ascii") == REQUEST.content


def test_a_certificate_that_nobody_vouches_for_is_refused(server: int) -> None:
    with serving(_PROXY, str(server), "http") as port:
        answer = wire.send(REQUEST, {"HTTPS_PROXY": f"http://me:word@127.0.0.1:{port}"}, 20)
    assert answer.status is None
    assert "CERTIFICATE_VERIFY_FAILED" in (answer.trouble or "")


def test_a_certificate_for_another_host_is_refused(
    server: int, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate + ".crt")
    answer = wire.send(wire.report(f"https://127.0.0.1:{server}", b"{}"), {}, 20)
    assert "CERTIFICATE_VERIFY_FAILED" in (answer.trouble or "")


@pytest.mark.parametrize(
    ("proxy", "said"),
    [("socks4://127.0.0.1:1", "a proxy of kind `socks4` is not supported"), ("https://127.0.0.1:1", "not supported"),
     ("http://127.0.0.1:1", "ConnectionRefusedError"), ("http://127.0.0.1:99999", "ValueError")],
)  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_said(proxy: str, said: str) -> None:
    answer = wire.send(REQUEST, {"HTTPS_PROXY": proxy}, 20)
    assert answer.status is None
    assert said in (answer.trouble or "")


def test_a_proxy_that_refuses_is_said(server: int) -> None:
    with serving(_PROXY, str(server), "refusing") as port:
        answer = wire.send(REQUEST, {"HTTPS_PROXY": f"127.0.0.1:{port}"}, 20)
    assert answer.trouble == "the proxy refused: HTTP/1.1 403 Forbidden"


def test_hosts_of_no_proxy_are_called_directly(server: int, certificate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate + ".crt")
    environ = {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "localhost,127.0.0.1"}
    answer = wire.send(wire.report(f"https://127.0.0.1:{server}", b"{}"), environ, 20)
    assert "CERTIFICATE_VERIFY_FAILED" in (answer.trouble or "")  # it was the server that answered


@pytest.mark.parametrize(
    "said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 999]
)
def test_an_answer_that_is_none_is_said(said: bytes, tmp_path: Path) -> None:
    (tmp_path / "said").write_bytes(said)
    code = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
        "c, _ = s.accept(); c.recv(65536); c.sendall(open(sys.argv[1], 'rb').read()); c.close()"
    )
    with serving(code, str(tmp_path / "said")) as port:
        answer = wire.send(wire.report(f"http://127.0.0.1:{port}", b"{}"), {}, 20)
    assert answer.status is None
    assert answer.trouble
