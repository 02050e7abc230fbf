"""Whom a command calls, where it listens, what came of it; and that nothing leaves when that is denied."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from harness import victims as building

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Vestige
    from harness.recorded import Run
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

ELSEWHERE = "192.0.2.1"  # RFC 5737: belongs to nobody
ELSEWHERE_6 = "2001:db8::1"  # RFC 3849: the same
HERE = "127.0.0.1"
UNKNOWN_WAY = 77
ALONE = ("unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")  # a network of its own: only loopback
STREAMS = ("connect", "waiting")
DATAGRAMS = (
    "sendto", "sendto-unspecified", "sendmsg", "sendmmsg", "sendmmsg-of-many", "connected-datagram",
)  # fmt: skip
ONLY_32_BIT = ("socketcall-connect", "socketcall-sendto", "socketcall-sendmsg", "socketcall-sendmmsg")


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served")

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # or a connection might have to wait for a second attempt


@pytest.fixture
def served() -> Iterator[int]:
    """Give the port of an HTTP server on this machine."""
    with _Server((HERE, 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Give a port that nobody listens on, kept from others by being bound."""
    with contextlib.closing(socket.socket()) as kept:
        kept.bind((HERE, 0))
        yield kept.getsockname()[1]


@contextlib.contextmanager
def receiving() -> Iterator[tuple[socket.socket, int]]:
    """Give a socket for datagrams and its port."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind((HERE, 0))
        receiver.settimeout(30)
        yield receiver, receiver.getsockname()[1]


def fetch(url: str) -> str:
    return f"import urllib.request; print(urllib.request.urlopen('{url}').read().decode(), end='')"


def said(vestige: Vestige, *command: str, options: tuple[str, ...] = ()) -> tuple[str, Run]:
    """Record a caller and return what it said, with the run."""
    seen = vestige.record(*command, options=options)
    if seen.completed.returncode == UNKNOWN_WAY:
        pytest.skip("this build knows no such call")
    assert seen.completed.returncode == 0, seen.completed.stderr.decode()
    return seen.completed.stdout.decode().strip(), seen.run


def bits(victims: Victims, words: str) -> str:
    """Return the caller of this many bits."""
    caller = building.variant(victims, "caller", *words.split())
    if caller is None:
        pytest.skip(f"gcc {words} does not work here")
    return caller


# what came of it


def test_a_server_by_name(vestige: Vestige, served: int) -> None:
    seen = vestige.record("python3", "-c", fetch(f"http://localhost:{served}/"))
    assert seen.completed.stdout == b"served"
    called = seen.run.connection(port=served, outcome="connected")
    assert (called.direction, called.family, called.protocol) == ("out", "inet", "tcp")
    assert (called.host, called.address, called.count) == ("localhost", HERE, 1)


def test_a_server_called_often_is_one_line(vestige: Vestige, served: int) -> None:
    script = f"import socket\nfor _ in range(50): socket.create_connection(('{HERE}', {served})).close()"
    run = vestige.record("python3", "-c", script).run
    counts = {called.outcome: called.count for called in run.connections if called.port == served}
    assert sum(counts.values()) == 50
    # a recorder that gets no CPU may look too late, and then says so
    assert counts.keys() - {"unknown"} == {"connected"}


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("build", ["", "-m32"])
def test_a_refused_port(vestige: Vestige, victims: Victims, closed_port: int, way: str, build: str) -> None:
    answer, run = said(vestige, bits(victims, build), way, HERE, str(closed_port))
    assert answer == "Connection refused"
    assert run.connection(port=closed_port).outcome == "refused"


def test_a_refused_port_by_socketcall(vestige: Vestige, victims: Victims, closed_port: int) -> None:
    answer, run = said(vestige, bits(victims, "-m32"), "socketcall-connect", HERE, str(closed_port))
    assert answer == "Connection refused"
    assert run.connection(port=closed_port).outcome == "refused"


@pytest.mark.needs("root", "unshare", "ip")
@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("address", [ELSEWHERE, ELSEWHERE_6])
def test_an_address_that_no_way_leads_to(vestige: Vestige, victims: Victims, way: str, address: str) -> None:
    answer, run = said(vestige, *ALONE, victims.caller, way, address, "9")
    assert answer == "Network is unreachable"
    assert run.connection(address=address, port=9).outcome in ("unreachable", "failed")


@pytest.mark.parametrize("way", ["sendto", "sendmsg", "sendmmsg", "socketcall-sendto", "socketcall-sendmsg"])
def test_datagrams_arrive(vestige: Vestige, victims: Victims, way: str) -> None:
    caller = bits(victims, "-m32" if way in ONLY_32_BIT else "")
    with receiving() as (receiver, port):
        answer, _ = said(vestige, caller, way, HERE, str(port))
        assert answer in ("done", "3 of 3")
        assert receiver.recv(100) == b"hello"


@pytest.mark.parametrize("way", ["sendto", "socketcall-sendto"])
def test_a_datagram_to_an_address(vestige: Vestige, victims: Victims, way: str) -> None:
    caller = bits(victims, "-m32" if way in ONLY_32_BIT else "")
    with receiving() as (_, port):
        called = said(vestige, caller, way, HERE, str(port))[1].connection(port=port)
    assert (called.direction, called.protocol, called.outcome) == ("out", "udp", "sent")


def test_a_unix_socket(vestige: Vestige) -> None:
    path = vestige.path("socket")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(path)
        server.listen()
        script = "import socket; socket.socket(socket.AF_UNIX).connect('socket')"
        run = vestige.record("python3", "-c", script).run
    assert run.code == 0
    called = [each for each in run.connections if each.family == "unix" and each.outcome == "connected"]
    assert [(each.protocol, each.port, os.path.basename(each.address or "")) for each in called] == [
        ("stream", None, "socket")
    ]


GIVEN_UP = """
import socket, time
full = socket.create_server(("127.0.0.1", 0), backlog=0)
here = full.getsockname()
waiting = socket.create_connection(here)  # all that fits: whoever comes now gets no answer
client = socket.socket()
client.setblocking(False)
client.connect_ex(here)
time.sleep(0.005)
client.close()

def is_on_its_way():
    words = [line.split() for line in open("/proc/net/tcp")]
    return any(word[3] == "02" and word[2].endswith(":%04X" % here[1]) for word in words)

until = time.monotonic() + 0.03  # less than the 50 ms for which an answer is waited for
while is_on_its_way() and time.monotonic() < until:
    time.sleep(0.002)
if is_on_its_way():
    print("still on its way")
"""


def test_a_connect_that_is_given_up_goes_no_further(vestige: Vestige) -> None:
    """Nothing of the command's waits for an answer any more, and nothing of ours does in its place."""
    seen = vestige.record("python3", "-c", GIVEN_UP)
    assert (seen.completed.returncode, seen.completed.stdout) == (0, b"")
    assert sorted((called.outcome, called.count) for called in seen.run.connections if called.direction == "out") == [
        ("connected", 1), ("timeout", 1),
    ]  # fmt: skip


def test_an_abstract_unix_socket(vestige: Vestige) -> None:
    name = f"vestige-test-{os.getpid()}"
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(f"\0{name}")
        server.listen()
        run = vestige.record("python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')").run
    assert run.connection(address=f"@{name}").outcome == "connected"


@pytest.mark.parametrize("port", ["0", "given"])
def test_a_port_that_it_listens_on(vestige: Vestige, closed_port: int, port: str) -> None:
    address = ("127.0.0.1", 0) if port == "0" else ("127.0.0.2", closed_port)
    script = f"import socket; print(socket.create_server({address!r}).getsockname()[1])"
    seen = vestige.record("python3", "-c", script)
    called = seen.run.connection(direction="in", family="inet")
    assert (called.protocol, called.outcome, called.address) == ("tcp", "listening", address[0])
    assert called.port == int(seen.completed.stdout)


def test_two_of_its_own_processes_that_talk(vestige: Vestige) -> None:
    script = """
import os, socket
server = socket.create_server(("127.0.0.1", 0))
if not os.fork():
    socket.create_connection(server.getsockname()).sendall(b"x")
    os._exit(0)
server.accept()[0].recv(1)
print(server.getsockname()[1])
"""
    seen = vestige.record("python3", "-c", script)
    port = int(seen.completed.stdout)
    assert seen.run.connection(direction="out", port=port).outcome == "connected"
    assert seen.run.connection(direction="in", port=port).outcome == "listening"


# names


@pytest.mark.needs("root", "unshare", "mount")
def test_a_name_from_the_hosts_file(vestige: Vestige, served: int) -> None:
    """Everything is in a private mount namespace, vestige as well: it is to read the same file."""
    with open(vestige.path("hosts"), "w", encoding="ascii") as file:
        file.write("127.0.0.1 data.example.org\n")
    script = vestige.path("fetch.py")
    with open(script, "w", encoding="ascii") as file:
        file.write(fetch(f"http://data.example.org:{served}/"))
    done = vestige.shell(
        "unshare -m sh -c 'mount --bind hosts /etc/hosts && vestige run python3 fetch.py && vestige show --json'"
    )
    assert done.stdout.startswith(b"served"), done.stderr.decode()
    assert vestige.last().connection(port=served, outcome="connected").host == "data.example.org"


NAME_SERVER = """
import socket, struct
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
open("ready", "w").close()
while True:
    asked, who = server.recvfrom(512)
    end = asked.index(bytes(1), 12) + 5
    kind = struct.unpack(">H", asked[end - 4 : end - 2])[0]
    head = asked[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 if kind == 1 else 0, 0, 0)
    answer = struct.pack(">HHHIH4s", 0xC00C, 1, 1, 60, 4, bytes([127, 0, 0, 9])) if kind == 1 else b""
    server.sendto(head + asked[12:end] + answer, who)
"""
WITH_NAME_SERVER = """
ip link set lo up
for name in resolv.conf hosts nsswitch.conf; do mount --bind $name /etc/$name || exit 1; done
python3 server.py & server=$!
until [ -e ready ]; do sleep 0.02; done
vestige run python3 asking.py
vestige show --json >shown
kill $server
"""
ASKING = """
import socket
try:
    socket.create_connection(("data.example.org", 7))
except ConnectionRefusedError as error:
    print("refused")
"""


@pytest.mark.needs("root", "unshare", "ip", "mount")
def test_a_name_that_was_asked_for(vestige: Vestige) -> None:
    texts = {
        "resolv.conf": "nameserver 127.0.0.1\n",
        "hosts": "127.0.0.1 localhost\n",
        "nsswitch.conf": "hosts: files dns\n",
        "server.py": NAME_SERVER,
        "asking.py": ASKING,
    }
    for name, text in texts.items():
        with open(vestige.path(name), "w", encoding="ascii") as file:
            file.write(text)
    done = vestige.shell(f"unshare -n -m sh -c '{WITH_NAME_SERVER}'")
    assert done.stdout == b"refused\n", done.stderr.decode()
    run = vestige.last()
    called = run.connection(port=7)
    assert (called.host, called.address, called.outcome) == ("data.example.org", "127.0.0.9", "refused")
    asked = run.connection(port=53)
    assert (asked.address, asked.protocol, asked.outcome) == (HERE, "udp", "sent")
    assert "data.example.org" in {event["name"] for event in run.events if event["event"] == "query"}


# denied

DENIED = ("--deny-network",)


@pytest.mark.parametrize("way", [*STREAMS, *DATAGRAMS, "sendto-four-on-six", "fast-open"])
def test_nothing_leaves(vestige: Vestige, victims: Victims, way: str) -> None:
    answer, run = said(vestige, victims.caller, way, ELSEWHERE, "9", options=DENIED)
    assert answer == "Permission denied"
    called = run.connection(address=ELSEWHERE, port=9)
    assert (called.direction, called.outcome, called.count) == ("out", "denied", 1)


@pytest.mark.parametrize("way", [*STREAMS, "sendto", "sendmsg", *ONLY_32_BIT])
def test_nothing_leaves_from_32_bit_programs(vestige: Vestige, victims: Victims, way: str) -> None:
    answer, run = said(vestige, bits(victims, "-m32"), way, ELSEWHERE, "9", options=DENIED)
    assert answer == "Permission denied"
    assert run.connection(address=ELSEWHERE, port=9).outcome == "denied"


@pytest.mark.parametrize("way", [*STREAMS, "sendto", "sendmsg", "fast-open"])
def test_nothing_leaves_by_ipv6(vestige: Vestige, victims: Victims, way: str) -> None:
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this kernel has no IPv6")
    answer, run = said(vestige, victims.caller, way, ELSEWHERE_6, "9", options=DENIED)
    assert answer == "Permission denied"
    assert run.connection(address=ELSEWHERE_6).outcome == "denied"


def test_what_is_on_the_machine_can_still_be_reached(vestige: Vestige, victims: Victims, served: int) -> None:
    completed = vestige.run("python3", "-c", fetch(f"http://localhost:{served}/"), options=DENIED)
    assert (completed.returncode, completed.stdout) == (0, b"served")
    assert said(vestige, victims.caller, "disconnect", HERE, str(served), options=DENIED)[0] == "done"
    assert said(vestige, victims.caller, "sendmmsg", HERE, str(served), options=DENIED)[0] == "3 of 3"


def test_local_sockets_still_work_when_it_is_denied(vestige: Vestige) -> None:
    script = """
import socket
one, two = socket.socketpair()
one.sendall(b"x"); one.sendmsg([b"y"])
server = socket.socket(socket.AF_UNIX); server.bind("socket"); server.listen()
client = socket.socket(socket.AF_UNIX); client.connect("socket"); client.sendall(b"z")
print((two.recv(2) + server.accept()[0].recv(1)).decode())
"""
    completed = vestige.run("python3", "-c", script, options=DENIED)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, b"xyz\n", b"")


def test_children_are_denied_as_well(vestige: Vestige, victims: Victims) -> None:
    command = f"setsid {victims.caller} connect {ELSEWHERE} 9; {victims.caller} sendto {ELSEWHERE} 9"
    completed = vestige.run("sh", "-c", f"({command}) | cat", options=DENIED)
    assert completed.stdout == b"Permission denied\n" * 2


def test_the_record_says_that_it_was_denied(vestige: Vestige) -> None:
    run = vestige.record("true", options=DENIED).run
    assert run.record["options"]["deny_network"] is True


def test_io_uring_is_no_way_around(vestige: Vestige, victims: Victims) -> None:
    with open(vestige.path("file"), "wb") as file:
        file.write(b"content")
    bare = vestige.bare(victims.uring, "file")
    if not bare.stdout.startswith(b"ring"):
        pytest.skip("this kernel has no io_uring")
    assert vestige.run(victims.uring, "file", options=DENIED).stdout == b"refused: Operation not permitted\ncontent"


def test_without_tracing_it_cannot_be_denied(vestige: Vestige) -> None:
    completed = vestige.run("touch", "started", options=("--trace", "off", *DENIED))
    assert completed.returncode == 125
    assert completed.stderr.count(b"\n") == 1
    assert not os.path.exists(vestige.path("started"))


def test_where_it_cannot_be_denied_nothing_starts(vestige: Vestige, victims: Victims) -> None:
    words = vestige.words("touch", "started", options=DENIED)
    completed = vestige.bare(victims.deny, "seccomp=1", "--", *words)
    assert completed.returncode == 125
    assert not os.path.exists(vestige.path("started"))


def test_without_a_recorder_nothing_starts(vestige: Vestige) -> None:
    without = vestige.variables | {"VESTIGE_RECORDER": "/no/recorder/here"}
    completed = vestige.run("touch", "started", options=DENIED, env=without)
    assert completed.returncode == 125
    assert not os.path.exists(vestige.path("started"))


def test_inside_another_run_it_is_denied_or_nothing_starts(vestige: Vestige, victims: Victims) -> None:
    inner = vestige.words(victims.caller, "connect", ELSEWHERE, "9", options=DENIED)
    completed = vestige.run(*inner)
    assert completed.returncode == 125 or completed.stdout == b"Permission denied\n"


def test_it_stays_denied_when_the_recorder_is_killed(vestige: Vestige, victims: Victims) -> None:
    script = f"until [ -e go ]; do sleep 0.02; done; {victims.caller} connect {ELSEWHERE} 9; exit 3"
    with vestige.start("sh", "-c", script, options=DENIED) as front:
        folder = vestige.new_folder()
        os.kill(vestige.pids(folder)["recorder"], 9)
        with open(vestige.path("go"), "wb"):
            pass
        out, _ = front.communicate(timeout=60)
    assert (out, front.returncode) == (b"Permission denied\n", 3)
