"""Whom the run called and where it listened: the socket events of a run, summed up.

Equal calls are counted together as they come in, so that a run may make a million of them. What they amount to is
concluded by `provenance.network`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vestige.observe.actors import Cast

if TYPE_CHECKING:
    from vestige.observe.fields import Fields

EVENTS = ("connect", "connected", "bind", "listen", "send", "query")
_OUTCOMES = frozenset({"connected", "refused", "unreachable", "timeout", "failed", "unknown"})
_NOBODY = ("netlink", "unspec")  # the kernel itself; a connect that takes back an earlier one (connect(2))
_DNS = 53
_MOST = 100_000  # different calls, and names asked for
_REVERSE = (".in-addr.arpa", ".ip6.arpa")


class Peer(NamedTuple):
    """Somebody at the other end of a socket, or this end's own address."""

    family: str
    type: str | None  # stream, dgram, …
    address: str | None  # text
    port: int | None


class Call(NamedTuple):
    """What is counted together."""

    event: str  # connect, bind, listen, send
    peer: Peer
    outcome: str  # of a connect, or `denied`
    host: str | None  # the name that was asked for just before
    actor: int | None  # index of `Calls.cast`
    fd: int | None  # of datagram sockets and of bound ones: their story is told by it

    @property
    def to_name_server(self) -> bool:
        """Whether it goes where names are asked for."""
        return self.peer.port == _DNS


@dataclass(slots=True)
class Count:
    """How often a call was made, and when. Times are ns since `begin`."""

    first: int
    last: int
    times: int = 1


@dataclass(slots=True)
class _Asked:
    """Names that one thread asked a name server for since it last called somebody."""

    names: list[str] = field(default_factory=list)
    called: bool = False  # somebody was called since


@dataclass(slots=True)
class Calls:
    """All calls so far; events come in order of `seq`."""

    counts: dict[Call, Count] = field(default_factory=dict)
    cast: Cast = field(default_factory=Cast)
    asked: bool = False  # some name server was asked something
    names: dict[str, set[str]] = field(default_factory=dict)  # by address: the names that it was called by
    left_out: int = 0  # calls beyond what is kept
    _on_their_way: dict[int, tuple[Call, int]] = field(default_factory=dict)  # by seq: without an outcome so far
    _asked: dict[tuple[str, int], _Asked] = field(default_factory=dict)  # by thread, and by process

    def take(self, event: Fields, t: int) -> None:
        """Take one socket event."""
        kind = event.word("event")
        if kind == "connected":
            self._settle(event)
        elif kind == "query":
            self._ask(event)
        elif event.word("family") not in _NOBODY and event.count("family") != 0:
            self._call(kind, event, t)

    def all(self) -> dict[Call, Count]:
        """Return every call with its count; of what is still on its way the outcome is unknown."""
        for call, t in self._on_their_way.values():
            self._count(call, t)
        self._on_their_way = {}
        return self.counts

    def _call(self, kind: str, event: Fields, t: int) -> None:
        peer = _peer(event)
        told_apart = kind != "connect" or peer.type == "dgram"
        call = Call(
            event=kind,
            peer=peer,
            outcome="denied" if event.flag("refused") else "unknown",
            host=self._host(event, peer) if kind in ("connect", "send") else None,
            actor=self.cast.number(event, t),
            fd=event.count("fd") if told_apart else None,
        )
        seq = event.count("seq")
        if kind == "connect" and call.outcome == "unknown" and seq is not None:
            self._on_their_way[seq] = (call, t)
        else:
            self._count(call, t)

    def _settle(self, event: Fields) -> None:
        """Take what came of a connect."""
        call, t = self._on_their_way.pop(event.count("of") or -1, (None, 0))
        if call is not None:
            outcome = event.word("outcome")
            self._count(call._replace(outcome=outcome if outcome in _OUTCOMES else "unknown"), t)

    def _count(self, call: Call, t: int) -> None:
        count = self.counts.get(call)
        if count is not None:
            count.first, count.last, count.times = min(count.first, t), max(count.last, t), count.times + 1
        elif len(self.counts) < _MOST:
            self.counts[call] = Count(t, t)
        else:
            self.left_out += 1

    def _ask(self, event: Fields) -> None:
        self.asked = True
        name = (event.text("name") or "").rstrip(".")
        if not name or name.lower().endswith(_REVERSE):
            return
        for who in _askers(event):
            asked = self._asked.get(who)
            if asked is None or asked.called:
                if len(self._asked) >= _MOST:
                    self._asked.clear()
                asked = self._asked[who] = _Asked()
            if name not in asked.names:
                asked.names.append(name)

    def _host(self, event: Fields, peer: Peer) -> str | None:
        """Return the name that the caller had asked for, if it can have been only one."""
        if peer.address is None or peer.family not in ("inet", "inet6") or peer.port == _DNS:
            return None
        for who in _askers(event):
            asked = self._asked.get(who)
            if asked is not None:
                asked.called = True
                name = _meant(asked.names)
                if name is not None and (len(self.names) < _MOST or peer.address in self.names):
                    self.names.setdefault(peer.address, set()).add(name)
                return name
        return None


def _peer(event: Fields) -> Peer:
    number = event.count("family")
    family = event.text("family") or ("unknown" if number is None else str(number))
    address = event.text("path") if family == "unix" else event.text("address")
    return Peer(family, event.text("type"), address, event.count("port"))


def _askers(event: Fields) -> list[tuple[str, int]]:
    """Return by whom a name may have been asked for, the likeliest first: the thread itself, its process."""
    numbers = (("tid", event.count("tid")), ("pid", event.count("pid")))
    return [(kind, number) for kind, number in numbers if number is not None]


def _meant(names: list[str]) -> str | None:
    """Return the one name that was meant: a search list makes longer ones of it (resolv.conf(5))."""
    first = min(names, key=len, default=None)
    if first is None or not all(name == first or name.startswith(first + ".") for name in names):
        return None
    return first
