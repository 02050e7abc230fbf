"""Who held most of the memory at each look: what the recorder notes of single processes while a run goes on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.lines import open_regular, parse
from vestige.observe.events import EVENTS_NAME
from vestige.observe.fields import Fields
from vestige.report.plot_data import Curve
from vestige.report.plot_lanes import label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.record.model import Process

REST = "all others"
_MOST_LOOKS = 1_000  # of the run; the largest of each stretch is kept
_MOST_NAMED = 5  # processes
_SECOND = 1_000_000_000
_TICK = 0.01  # s: how finely the kernel tells when a process began
_LONGEST_LINE = 1 << 16  # B; a look is a few hundred
_MARK = b'"event":"sample"'
_START = b'"event":"start"'


@dataclass(frozen=True, slots=True)
class Look:
    """What was resident at one moment."""

    time: float  # s since the run's start
    whole: int  # B, of all processes
    pid: int  # of the largest
    rss: int  # B, of the largest


def layers(folder: str, processes: Sequence[Process], end: float) -> tuple[Curve, ...]:
    """Return at each look the largest process and all others together; nothing where no looks are kept.

    The five largest have a layer each, which is 0 while another one was larger: their size then is not known by itself
    and within the others.
    """
    try:
        looks = list(_thinned(_looks(os.path.join(folder, EVENTS_NAME)), end / _MOST_LOOKS))
    except OSError:
        return ()
    by_pid: dict[int, list[int]] = {}
    for place in sorted(range(len(processes)), key=lambda place: processes[place].start):
        by_pid.setdefault(processes[place].pid, []).append(place)
    owners = [_owner(look, by_pid, processes) for look in looks]
    peaks: dict[int, int] = {}
    for look, owner in zip(looks, owners, strict=True):
        if owner is not None:
            peaks[owner] = max(peaks.get(owner, 0), look.rss)
    named = sorted(sorted(peaks, key=lambda owner: -peaks[owner])[:_MOST_NAMED])
    times = tuple(look.time for look in looks)
    found = []
    for owner in named:
        values = tuple(float(look.rss) if own == owner else 0.0 for look, own in zip(looks, owners, strict=True))
        process = processes[owner]
        found.append(Curve(label(process.argv, process.name), "process", times, values))
    rest = tuple(
        float(max(look.whole - (look.rss if own in named else 0), 0)) for look, own in zip(looks, owners, strict=True)
    )
    return (*found, Curve(REST, "rest", times, rest)) if found else ()


def _looks(path: str) -> Iterator[Look]:
    """Yield the looks of a journal in its order; lines of other kinds are not parsed, there may be millions."""
    begun = 0
    with open_regular(path) as file:
        while line := file.readline(_LONGEST_LINE):
            if _MARK not in line and _START not in line:
                continue
            event = Fields(parse(line) or {})
            t, rss, top = event.count("t"), event.counts("rss"), event.inner("top")
            if event.word("event") == "start":
                begun = t or 0
                continue
            pid, size = top.count("pid"), top.count("rss")
            if t is not None and rss is not None and len(rss) == 3 and pid is not None and size is not None:  # noqa: PLR2004
                yield Look(max(t - begun, 0) / _SECOND, rss[2], pid, size)


def _thinned(looks: Iterator[Look], step: float) -> Iterator[Look]:
    """Yield the largest look of each stretch of `step` seconds."""
    kept: Look | None = None
    for look in looks:
        if kept is not None and int(look.time / step) > int(kept.time / step):
            yield kept
            kept = look
        elif kept is None or look.whole > kept.whole:
            kept = look
    if kept is not None:
        yield kept


def _owner(look: Look, by_pid: dict[int, list[int]], processes: Sequence[Process]) -> int | None:
    """Return the place of the process that had this pid then: numbers are used again."""
    had = by_pid.get(look.pid, [])
    begun = [place for place in had if processes[place].start <= look.time + _TICK]
    return begun[-1] if begun else had[0] if had else None
