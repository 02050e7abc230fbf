"""The machine that the bench runs on, and how much else it had to do meanwhile."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass

import measure


@dataclass(frozen=True)
class Clock:
    """A moment, in seconds: the wall clock, CPU used on the whole machine, stolen from it, and used by the bench."""

    wall: float
    busy: float
    stolen: float
    own: float


def clock() -> Clock:
    """Read all of them."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in file.readline().split()[1:]]
    user, nice, system, _, _, irq, softirq, stolen = ticks[:8]
    return Clock(time.monotonic(), user + nice + system + irq + softirq, stolen, measure.own_cpu())


def description() -> str:
    """Return the machine in one line."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (
        f"{cores} cores ({_processor()}), {memory / 1e9:.0f} GB of memory, {platform.system()} {platform.release()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    )


def load(since: Clock) -> str:
    """Return what others did with the machine since then, in words."""
    now = clock()
    capacity = (now.wall - since.wall) * (os.cpu_count() or 1)
    foreign = max(0.0, now.busy - since.busy - (now.own - since.own)) / capacity
    stolen = (now.stolen - since.stolen) / capacity
    minutes = (now.wall - since.wall) / 60
    return (
        f"The bench took {minutes:.0f} min; meanwhile other programs used {foreign:.0%} of the machine's CPU, "
        f"and {stolen:.0%} of it was taken by the host"
    )


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
