"""What a record holds in a line each: files, software, connections, named parts, and what may be missing."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, get_args

from vestige.quantity import counted, duration, number, size
from vestige.record.model import FileClass
from vestige.spans.kinds import NODE
from vestige.words import safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.record.model import Connection, FileCount, Gap, Record

CLASSES: tuple[FileClass, ...] = get_args(FileClass)
SHOWN: tuple[FileClass, ...] = ("input", "modified", "output", "removed")
ORDER: dict[str, int] = {name: place for place, name in enumerate(dict.fromkeys((*SHOWN, *CLASSES)))}
_NAMED = 3  # connections in one line
_LONGEST_NAME = 50  # letters of a named part
_IP = ("inet", "inet6")


def counts(record: Record) -> str | None:
    """Return `5 read (31.2 MB), 4 written (8.1 MB), 212 software files in 38 packages`; None if nobody looked."""
    if not _was_watched(record):
        return None
    words = [
        *_counted(record, ("input", "modified"), "read"),
        *_counted(record, ("output", "modified"), "written"),
        *_counted(record, ("removed",), "removed"),
    ]
    return ", ".join([*(words or ["none read or written"]), *_software(record)])


def class_rows(record: Record) -> list[tuple[str, str, str]]:
    """Return class, number, and size or packages, for each class of which there are files."""
    return [
        (name, number(count.count), _within(record) if name == "software" else size(count.size) if count.size else "")
        for name, count in _known(record)
    ]


def others(record: Record) -> str:
    """Return in a line what is there besides inputs and outputs, empty if nothing is."""
    rest = [f"{number(count.count)} {name}" for name, count in _known(record) if name not in (*SHOWN, "software")]
    return ", ".join([*_software(record), *rest])


def calls(record: Record) -> tuple[str, str] | None:
    """Return whom the run called or listened for, and whether that is all; None if nobody looked, or it may be more.

    Sockets of this machine's own (unix, netlink, loopback) are in the record, and left out here.
    """
    ends = list(dict.fromkeys(_end(each) for each in record.network if _is_elsewhere(each)))
    if ends:
        more = len(ends) - _NAMED
        shown = ", ".join(ends[:_NAMED])
        if more > 0:
            return f"{shown} and {number(more)} more", ""
        return shown, "nothing else was called" if _all_is_known(record) else ""
    return ("nothing was called", "") if _all_is_known(record) else None


def slowest(record: Record) -> str | None:
    """Return the named part that took longest: `train_model 6.1 s of 9 nodes`."""
    known = record.spans
    if known is None or known.slowest is None:
        return None
    longest = known.slowest
    of = counted(longest.of, "node" if longest.kind == NODE else "span")
    failures = f", {number(known.failed)} failed" if known.failed else ""
    return f"{shortened(safe(longest.name), _LONGEST_NAME)} {duration(longest.wall)} of {of}{failures}"


def gaps(record: Record) -> list[str]:
    """Return why files may be missing; where none were watched at all, that there was no tracing says it."""
    state = record.completeness
    return [_gap(gap) for gap in state.gaps] if state is not None and state.files == "partial" else []


def _was_watched(record: Record) -> bool:
    state = record.completeness
    return bool(record.files) or (state is not None and state.files != "none")


def _all_is_known(record: Record) -> bool:
    state = record.completeness
    return state is not None and state.trace == "on" and state.files == "complete"


def _is_elsewhere(connection: Connection) -> bool:
    if connection.family not in _IP:
        return False
    try:
        return not ipaddress.ip_address((connection.address or "").partition("%")[0]).is_loopback
    except ValueError:
        return True


def _end(connection: Connection) -> str:
    host = connection.host or connection.address or "?"
    if ":" in host:
        host = f"[{host}]"
    return safe(f"{host}:{'?' if connection.port is None else connection.port} {connection.outcome}")


def _known(record: Record) -> list[tuple[str, FileCount]]:
    known = [(name, count) for name, count in record.files.items() if count.count]
    return sorted(known, key=lambda entry: ORDER.get(entry[0], len(ORDER)))


def _counted(record: Record, names: Iterable[str], verb: str) -> Iterator[str]:
    found = [record.files[name] for name in names if name in record.files]
    count = sum(entry.count for entry in found)
    if count:
        total = sum(entry.size for entry in found)
        yield f"{number(count)} {verb}" + (f" ({size(total)})" if verb != "removed" else "")


def _software(record: Record) -> Iterator[str]:
    found = record.files.get("software")
    if found is not None and found.count:
        words = f"{counted(found.count, 'software file')} {_within(record)}"
        yield words.rstrip()


def _within(record: Record) -> str:
    count = len(record.software)
    return f"in {counted(count, 'package')}" if count else ""


def _gap(gap: Gap) -> str:
    return safe(f"{gap.reason} (to change it: {gap.remedy})" if gap.remedy else gap.reason)
