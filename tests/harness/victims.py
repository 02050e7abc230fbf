"""The odd programs of `tests/victims`, compiled, and what they say of themselves."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass

SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "victims")
_FLAGS = ("-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread")
_LIBRARIES = ("clockstep", "oldkernel")


@dataclass(frozen=True)
class Victims:
    """The folder with the compiled victims, readable by every user."""

    folder: str

    def __getattr__(self, name: str) -> str:
        """Return the path of a victim: `victims.actor`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return os.path.join(self.folder, f"{name}.so" if name in _LIBRARIES else name)


@dataclass(frozen=True)
class Part:
    """What one process of `actor` says of itself. Sizes in bytes, times in seconds of CLOCK_MONOTONIC."""

    pid: int
    parent: int
    started: float
    ended: float
    resident: int  # at its peak: what it touched and what it had before
    maxrss: int
    cpu: float
    children_cpu: float

    @property
    def tree_cpu(self) -> float:
        """CPU of the process and of all that it waited for, in seconds."""
        return self.cpu + self.children_cpu


def variant(victims: Victims, name: str, *flags: str) -> str | None:
    """Compile a victim once more with other flags and return its path; None: this compiler can't."""
    path = os.path.join(victims.folder, name + "".join(flags))
    source = os.path.join(SOURCES, f"{name}.c")
    if not os.path.exists(path):
        # where a cross compiler is installed there is no /usr/include/asm for -m32
        more = ("-idirafter", f"/usr/include/{platform.machine()}-linux-gnu") if "-m32" in flags else ()
        call = ["gcc", *_FLAGS, *flags, *more, "-o", path, source]
        subprocess.run(call, stderr=subprocess.DEVNULL, check=False)
    return path if os.path.exists(path) else None


def compile_all(folder: str) -> Victims:
    """Compile every victim into `folder` and return them."""
    builds = [_start(source, folder) for source in sorted(os.listdir(SOURCES)) if source.endswith(".c")]
    for build in builds:
        if build.wait():
            raise RuntimeError(f"can't compile: {build.args!r}")
    return Victims(folder)


def read_parts(report: str) -> list[Part]:
    """Return what the processes of `actor` wrote to the file `report`, in the order in which they ended."""
    with open(report, encoding="ascii") as lines:
        return [_part(json.loads(line)) for line in lines]


def _start(source: str, folder: str) -> subprocess.Popen[bytes]:
    name = source.removesuffix(".c")
    shape = ("-shared", "-fPIC") if name in _LIBRARIES else ()
    target = getattr(Victims(folder), name)
    return subprocess.Popen(["gcc", *_FLAGS, *shape, "-o", target, os.path.join(SOURCES, source)])


def _part(said: dict[str, int]) -> Part:
    return Part(
        pid=said["pid"],
        parent=said["ppid"],
        started=said["started_ns"] / 1e9,
        ended=said["ended_ns"] / 1e9,
        resident=said["base"] + said["peak"],
        maxrss=said["maxrss"],
        cpu=said["cpu_us"] / 1e6,
        children_cpu=said["children_cpu_us"] / 1e6,
    )
