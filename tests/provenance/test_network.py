"""From socket events to whom a run called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from harness.written import COMMAND, MS, RECORDER, Events, S
from hypothesis import given
from hypothesis import strategies as st

from vestige.observe.events import observe
from vestige.provenance import network
from vestige.record.model import Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Found = Callable[[Events], tuple[Connection, ...]]

A, B, SERVER = "203.0.113.10", "203.0.113.11", "10.0.0.53"


@pytest.fixture(name="found")
def found_in(tmp_path: Path) -> Found:
    hosts = tmp_path / "hosts"
    hosts.write_text("# a comment\n127.0.0.1 localhost loopback # x\n\n::1 localhost6\nbroken\n10.1.1.1\n")

    def found(events: Events) -> tuple[Connection, ...]:
        return network.connections(observe(events.write(tmp_path)), hosts=str(hosts).encode())

    return found


def opened() -> Events:
    return Events().opening().exec(2 * MS, COMMAND, ["client"], ppid=RECORDER)


def connect(events: Events, t: int, address: str, port: int, outcome: str | None = None, **keys: Any) -> Events:
    family = "inet6" if ":" in address else "inet"
    default = {"pid": COMMAND, "tid": COMMAND, "fd": 5, "family": family, "type": "stream"}
    events.add("connect", t, **{**default, "address": address, "port": port, **keys})
    seq = events.seq
    return events if outcome is None else events.add("connected", t + 1, of=seq, outcome=outcome)


def ask(events: Events, t: int, name: str, **keys: Any) -> Events:
    connect(events, t - 1, SERVER, 53, type="dgram", **keys)
    return events.add("query", t, **{"pid": COMMAND, "tid": COMMAND, "name": name, **keys})


def shown(connections: tuple[Connection, ...]) -> list[tuple[str | None, str | None, int | None, str, int]]:
    return [(one.host, one.address, one.port, one.outcome, one.count) for one in connections]


def test_nobody_was_called(found: Found) -> None:
    assert found(opened()) == ()


@pytest.mark.parametrize("outcome", ["connected", "refused", "unreachable", "timeout", "failed", "unknown"])
def test_what_came_of_a_call(found: Found, outcome: str) -> None:
    (one,) = found(connect(opened(), 5 * MS, A, 443, outcome))
    assert one == Connection("out", "inet", "tcp", None, A, 443, outcome, processes=(0,), first=0.004)  # type: ignore[arg-type]


def test_equal_calls_are_counted_together_different_outcomes_apart(found: Found) -> None:
    events = opened()
    for t, outcome in enumerate(["refused", "connected", "connected", None], 5):
        connect(events, t * MS, A, 443, outcome)
    assert shown(found(events)) == [
        (None, A, 443, "refused", 1),
        (None, A, 443, "connected", 2),
        (None, A, 443, "unknown", 1),
    ]


def test_what_was_denied(found: Found) -> None:
    (one,) = found(connect(opened(), 5 * MS, A, 443, refused=True))
    assert (one.outcome, one.count) == ("denied", 1)


def test_a_name_that_was_asked_for_just_before(found: Found) -> None:
    events = connect(ask(opened(), 5 * MS, "example.org."), 6 * MS, A, 443, "connected")
    connect(ask(events, 7 * MS, "example.net"), 8 * MS, B, 443, "connected")
    assert shown(found(events)) == [
        (None, SERVER, 53, "sent", 2),
        ("example.org", A, 443, "connected", 1),
        ("example.net", B, 443, "connected", 1),
    ]


def test_a_name_is_not_guessed_where_there_were_two(found: Found) -> None:
    events = ask(ask(opened(), 5 * MS, "example.org"), 6 * MS, "example.net")
    assert shown(found(connect(events, 7 * MS, A, 443, "connected")))[1] == (None, A, 443, "connected", 1)


def test_a_search_list_makes_no_second_name(found: Found) -> None:
    events = ask(ask(opened(), 5 * MS, "db.corp.example"), 6 * MS, "db")
    assert shown(found(connect(events, 7 * MS, A, 443, "connected")))[1][0] == "db"


def test_a_reverse_lookup_is_no_name(found: Found) -> None:
    events = ask(ask(opened(), 5 * MS, "example.org"), 6 * MS, "10.113.0.203.in-addr.arpa")
    assert shown(found(connect(events, 7 * MS, A, 443, "connected")))[1][0] == "example.org"


def test_names_of_threads_are_told_apart(found: Found) -> None:
    events = ask(ask(opened(), 5 * MS, "example.org", tid=1001), 6 * MS, "example.net", tid=1002)
    connect(connect(events, 7 * MS, A, 443, "connected", tid=1001), 8 * MS, B, 443, "connected", tid=1002)
    assert [one.host for one in found(events)][1:] == ["example.org", "example.net"]


def test_a_name_found_by_another_thread(found: Found) -> None:
    events = ask(opened(), 5 * MS, "example.org", tid=1001)
    connect(events, 6 * MS, A, 443, type="dgram", tid=1001)
    connect(events, 7 * MS, B, 443, type="dgram", tid=1001)
    connect(events, 8 * MS, A, 443, "connected", tid=1002)
    assert shown(found(events))[1:] == [("example.org", A, 443, "connected", 1)]


def test_names_of_the_hosts_file(found: Found) -> None:
    events = connect(opened(), 5 * MS, "127.0.0.1", 80, "refused")
    connect(events, 6 * MS, "::1", 80, "refused")
    connect(events, 7 * MS, "10.1.1.1", 80, "refused")
    assert [one.host for one in found(events)] == ["localhost", "localhost6", None]


class TestProbes:
    """What getaddrinfo(3) connects to only to sort addresses."""

    def test_a_stream_follows(self, found: Found) -> None:
        events = opened()
        connect(events, 5 * MS, A, 443, "connected", type="dgram")
        connect(events, 6 * MS, "", 0, family=0)
        connect(events, 7 * MS, B, 443, "connected", type="dgram")
        connect(events, 8 * MS, A, 443, "connected")
        assert shown(found(events)) == [(None, A, 443, "connected", 1)]

    def test_a_port_of_nothing(self, found: Found) -> None:
        assert found(connect(opened(), 5 * MS, A, 0, "connected", type="dgram")) == ()

    def test_no_stream_follows(self, found: Found) -> None:
        events = connect(opened(), 5 * MS, A, 443, "connected")
        connect(events, 6 * MS, A, 443, "connected", type="dgram")
        connect(events, 7 * MS, B, 5000, "connected", type="dgram")
        assert [(one.protocol, one.address, one.outcome) for one in found(events)] == [
            ("tcp", A, "connected"),
            ("udp", A, "unknown"),
            ("udp", B, "unknown"),
        ]

    def test_a_later_socket_is_none_of_them(self, found: Found) -> None:
        events = connect(opened(), 5 * MS, A, 443, type="dgram")
        connect(events, 6 * MS, A, 443, "connected")
        connect(events, 9 * S, B, 443, type="dgram")
        assert [(one.protocol, one.address) for one in found(events)] == [("tcp", A), ("udp", B)]


def test_who_listened(found: Found) -> None:
    events = opened()
    own = {"pid": COMMAND, "tid": COMMAND, "fd": 3, "family": "inet"}
    events.add("bind", 5 * MS, **own, type="stream", address="0.0.0.0", port=0)  # noqa: S104
    events.add("listen", 6 * MS, **own, type="stream", address="0.0.0.0", port=8000)  # noqa: S104
    events.add("bind", 7 * MS, **own, type="dgram", address="0.0.0.0", port=514)  # noqa: S104
    events.add("bind", 8 * MS, **own, type="dgram", address="0.0.0.0", port=0)  # noqa: S104
    events.add("bind", 9 * MS, **own, type="stream", address="192.0.2.1", port=25, refused=True)
    assert [(one.direction, one.protocol, one.port, one.outcome) for one in found(events)] == [
        ("in", "tcp", 8000, "listening"),
        ("in", "udp", 514, "listening"),
        ("in", "tcp", 25, "denied"),
    ]


def test_datagrams(found: Found) -> None:
    events = opened()
    own = {"pid": COMMAND, "tid": COMMAND, "fd": 3, "family": "inet6", "address": "2001:db8::1", "port": 514}
    events.add("send", 5 * MS, **own).add("send", 6 * MS, **own, type="dgram").add("send", 7 * MS, **own, refused=True)
    assert [(one.protocol, one.outcome, one.count) for one in found(events)] == [
        ("udp", "sent", 2),
        ("udp", "denied", 1),
    ]


def test_sockets_within_the_machine(found: Found) -> None:
    events = opened()
    own = {"pid": COMMAND, "tid": COMMAND, "fd": 3}
    events.add("connect", 5 * MS, **own, family="unix", type="stream", path="@odd")
    events.add("connect", 6 * MS, **own, family="unix", type="dgram", path='"/run/\\377"')
    events.add("connect", 7 * MS, **own, family="netlink", type="raw")
    events.add("bind", 8 * MS, **own, family="netlink", type="raw")
    events.add("connect", 9 * MS, **own, family=40, type="stream")
    assert [(one.family, one.protocol, one.address) for one in found(events)] == [
        ("unix", "stream", "@odd"),
        ("unix", "dgram", '"/run/\\377"'),
        ("40", "stream", None),
    ]


def test_processes_are_told_apart(found: Found) -> None:
    events = opened().exec(3 * MS, 1001, ["other"])
    connect(connect(events, 5 * MS, A, 80, "connected"), 6 * MS, A, 80, "connected", pid=1001, tid=1001)
    connect(events, 7 * MS, A, 80, "connected", pid=4711, tid=4711)
    (one,) = found(events)
    assert (one.processes, one.count) == ((0, 1), 3)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "event": st.sampled_from(["connect", "connected", "bind", "listen", "send", "query"]),
                "t": st.integers(0, 9),
            },
            optional={
                name: st.booleans() | st.integers(-2, 12) | st.sampled_from(["", "dgram", "stream", "inet", A])
                for name in ("pid", "tid", "start", "fd", "family", "type", "address", "port", "path", "of", "outcome",
                             "name", "refused")
            },
        )
    )
)  # fmt: skip
def test_any_events(tmp_path_factory: pytest.TempPathFactory, given_events: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.getbasetemp() / "any-events.jsonl"
    path.write_text("".join(json.dumps({"seq": seq, **event}) + "\n" for seq, event in enumerate(given_events)))
    for one in network.connections(observe(str(path))):
        assert one.count > 0
        assert one.direction in ("out", "in")
