"""From the calls of sockets to whom the run talked to, tried to, or listened for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from vestige.provenance.reading import content
from vestige.record.model import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Literal

    from vestige.observe.calls import Call, Calls, Count, Peer
    from vestige.observe.observation import Observation
    from vestige.record.model import Outcome

HOSTS = b"/etc/hosts"
_BURST = 1_000_000_000  # ns, in which one look-up tries the addresses that it found
_PROTOCOLS = {
    ("inet", "stream"): "tcp",
    ("inet", "dgram"): "udp",
    ("inet6", "stream"): "tcp",
    ("inet6", "dgram"): "udp",
}


class _Kept(NamedTuple):
    """What is one line of the list."""

    direction: Literal["out", "in"]
    peer: Peer
    host: str | None
    outcome: Outcome


class _Probe(NamedTuple):
    """A datagram socket that was connected, perhaps only to see by which way an address would be reached."""

    actor: int | None
    fd: int | None
    peer: Peer
    first: int


def connections(observation: Observation, *, hosts: bytes = HOSTS) -> tuple[Connection, ...]:
    """Return what the run called and where it listened, in the order of first sight; `hosts` is a hosts(5) file."""
    calls = observation.calls
    counts = calls.all()
    if not counts:
        return ()
    lines = calls.cast.lines(observation.lives)
    names = _Names(calls, _from_hosts(content(hosts) or b""))
    gathered: dict[_Kept, tuple[int, int, set[int]]] = {}
    for call, count in _counting(counts):
        kept = _kept(call, calls, names)
        times, first, processes = gathered.get(kept, (0, count.first, set()))
        line = None if call.actor is None else lines[call.actor]
        gathered[kept] = (times + count.times, min(first, count.first), processes | ({line} - {None}))  # type: ignore[operator]
    found = sorted(gathered.items(), key=lambda item: item[1][1])
    return tuple(
        _connection(kept, times, tuple(sorted(processes)), observation.seconds(first))
        for kept, (times, first, processes) in found
    )


class _Names(NamedTuple):
    """The names of addresses, as far as they are known."""

    calls: Calls
    hosts: Mapping[str, str]

    def of(self, call: Call) -> str | None:
        """Return what the caller asked for; else the only name that anybody called the address by, or the file's."""
        address = call.peer.address
        if call.host is not None or address is None or call.event not in ("connect", "send"):
            return call.host
        found = self.calls.names.get(address, set())
        return next(iter(found)) if len(found) == 1 else self.hosts.get(address)


def _counting(counts: Mapping[Call, Count]) -> Iterator[tuple[Call, Count]]:
    """Yield what is a call: no looking for a way, no socket that was bound and then called from."""
    probes = _probes(counts)
    for call, count in counts.items():
        if call.event == "connect" and call.peer.type == "dgram":
            if call.peer.port != 0 and _Probe(call.actor, call.fd, call.peer, count.first) not in probes:
                yield call, count
        elif call.event != "bind" or call.outcome == "denied" or (call.peer.type == "dgram" and call.peer.port):
            yield call, count


def _probes(counts: Mapping[Call, Count]) -> set[_Probe]:
    """Return the datagram sockets by which the resolver only found out which of several addresses is the nearest.

    getaddrinfo(3) connects one to each, sends nothing, and sorts (RFC 6724). So they are probes if a stream to one of
    them follows.
    """
    streams: dict[tuple[str | None, int | None], int] = {}
    for call, count in counts.items():
        if call.event == "connect" and call.peer.type == "stream":
            key = (call.peer.address, call.peer.port)
            streams[key] = max(streams.get(key, 0), count.last)
    looked = [
        _Probe(call.actor, call.fd, call.peer, count.first)
        for call, count in counts.items()
        if call.event == "connect" and call.peer.type == "dgram"
    ]
    sure = [probe for probe in looked if streams.get((probe.peer.address, probe.peer.port), -1) > probe.first]
    bursts: dict[tuple[int | None, int | None, int | None], list[int]] = {}
    for probe in sure:
        bursts.setdefault((probe.actor, probe.fd, probe.peer.port), []).append(probe.first)
    return {
        probe
        for probe in looked
        if any(abs(probe.first - first) < _BURST for first in bursts.get((probe.actor, probe.fd, probe.peer.port), ()))
    }


def _kept(call: Call, calls: Calls, names: _Names) -> _Kept:
    peer = call.peer if call.event != "send" or call.peer.type else call.peer._replace(type="dgram")
    inward = call.event in ("bind", "listen")
    return _Kept("in" if inward else "out", peer, names.of(call), _outcome(call, calls))


def _outcome(call: Call, calls: Calls) -> Outcome:
    if call.outcome == "denied":
        return "denied"
    if call.event in ("bind", "listen"):
        return "listening"
    if call.event == "send":
        return "sent"
    if call.peer.type == "dgram" and call.peer.family != "unix":
        # nothing is sent by that; questions to name servers were seen to be
        return "sent" if call.to_name_server and calls.asked else "unknown"
    return cast("Outcome", call.outcome)


def _connection(kept: _Kept, times: int, processes: tuple[int, ...], first: float) -> Connection:
    peer = kept.peer
    return Connection(
        direction=kept.direction,
        family=peer.family,
        protocol=_PROTOCOLS.get((peer.family, peer.type or ""), peer.type),
        host=kept.host,
        address=peer.address,
        port=peer.port,
        outcome=kept.outcome,
        count=times,
        processes=processes,
        first=first,
    )


def _from_hosts(raw: bytes) -> dict[str, str]:
    """Return the first name of every address in a hosts(5) file."""
    found: dict[str, str] = {}
    for line in _words(raw):
        if len(line) > 1:
            found.setdefault(line[0], line[1])
    return found


def _words(raw: bytes) -> Iterable[list[str]]:
    return (line.partition("#")[0].split() for line in raw.decode("utf-8", "replace").splitlines())
