"""How the sampler looks: at what runs each time, at what sleeps now and then."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import processes, recorded
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

MB = 1_000_000
SLEEPERS = 20
WAKING = 300_000_000  # ns before the end, and more than it takes to end
PROCESS_MADVISE, MADV_PAGEOUT = 440, 21


def test_what_sleeps_is_seldom_read(vestige: Vestige, victims: Victims) -> None:
    """Its CPU clock, which is no file, tells that nothing of it can have changed."""
    with vestige.start(victims.actor, f"children:{SLEEPERS}", "sleep:2000") as front:
        recorder = vestige.pids(vestige.new_folder())["recorder"]
        reads = 0
        while front.poll() is None:
            reads = reads_by(recorder) or reads
            time.sleep(0.05)
    samples = [event for event in vestige.last().events if event["event"] == "sample"]
    looks = sum(event["count"] for event in samples)
    assert looks > 10
    assert SLEEPERS * looks / 2 < reads < SLEEPERS * looks * 2  # of three files each, one is read at every look
    assert 0 < sum("pss" in event for event in samples) < 5


def test_a_slow_way_up_leaves_a_look_for_the_top(vestige: Vestige) -> None:
    """Looks at shared memory cost more the more there is, and what they may cost is limited."""
    grow = "for _ in range(300): held.append(b'x' * 10**6); time.sleep(0.004)"
    script = f"import os, time\nchild = os.fork()\nheld = []\n{grow}\ntime.sleep(0.5)\nchild and os.wait()"
    peak = vestige.record(sys.executable, "-c", script).run.figure("memory_peak")
    assert peak.upper is not None
    assert peak.upper > 2 * 300 * MB
    assert peak.number > 0.96 * peak.upper


@pytest.mark.needs("root")
def test_memory_that_is_taken_away_from_what_sleeps(vestige: Vestige, victims: Victims) -> None:
    """Nothing but the kernel changes it: here by order, otherwise where memory runs short."""
    with open(vestige.path("in"), "wb") as file:
        file.write(bytes(30 * MB))
        os.fsync(file.fileno())
    with vestige.start(victims.actor, "map:in", "sleep:3000") as front:
        folder = vestige.new_folder()
        pid = vestige.command_pid(folder)
        until(lambda: has_seen(folder, 30 * MB), "a look at the file in memory")
        page_out(pid, vestige.path("in"))
        assert resident(pid) < 10 * MB
        assert front.wait() == 0
    run = vestige.last()
    wakes = run.events[-1]["t"] - WAKING
    asleep = [event for event in run.events if event["event"] == "sample" and event["t"] < wakes]
    assert asleep[-1]["rss"][0] < 10 * MB
    assert run.figure("memory_peak").number > 28 * MB  # as the kernel keeps it, in pieces for each CPU


def has_seen(folder: str, size: int) -> bool:
    """Say whether the sampler has written a look at so many resident bytes."""
    events = recorded.read_lines(os.path.join(folder, "events.jsonl"))
    return any(event["event"] == "sample" and event["rss"][0] > size for event in events)


def reads_by(pid: int) -> int:
    """Return how often a process has called read(2) and the like, 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("syscr:")), 0)


def resident(pid: int) -> int:
    """Return the resident size of a live process in bytes."""
    assert not processes.is_gone(pid)
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def page_out(pid: int, path: str) -> None:
    """Let the kernel take the pages of a mapped file out of a process, see process_madvise(2)."""

    class Piece(ctypes.Structure):
        _fields_ = (("base", ctypes.c_size_t), ("length", ctypes.c_size_t))

    lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    (mapped,) = [line.split()[0] for line in lines if line.endswith(path)]
    start, end = (int(number, 16) for number in mapped.split("-"))
    descriptor = os.pidfd_open(pid)
    piece = Piece(start, end - start)
    done = ctypes.CDLL(None, use_errno=True).syscall(
        PROCESS_MADVISE, descriptor, ctypes.byref(piece), ctypes.c_size_t(1), MADV_PAGEOUT, 0
    )
    error = ctypes.get_errno()
    os.close(descriptor)
    if done < 0 and error in (errno.ENOSYS, errno.EPERM):
        pytest.skip(f"process_madvise: {os.strerror(error)}")
    assert done == end - start, os.strerror(error)
