"""Who takes the notifications: one thread waits for them, others help where many come at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

CROWD = ("crowd", "200")  # threads that open a file all at once
CALL = re.compile(r"(?P<tid>\d+) +(?P<back><\.\.\. )?(?P<name>ioctl|p?poll)[ (](?P<rest>.*)")


@pytest.mark.needs("strace")
def test_one_thread_at_a_time_waits_and_the_others_help(vestige: Vestige, victims: Victims) -> None:
    """The kernel wakes all that wait, at every notification."""
    waiting: set[str] = set()
    received: set[str] = set()
    for call in traced(vestige, victims):
        if call["back"]:
            waiting.discard(call["tid"])
        elif is_receive(call):
            assert waiting == set()
            received.add(call["tid"])
            if "unfinished" in call["rest"]:
                waiting.add(call["tid"])
    assert len(received) > 1
    assert vestige.last().record["completeness"]["files"] == "complete"


@pytest.mark.unsanitized
@pytest.mark.needs("strace")
def test_on_old_kernels_nobody_waits_but_where_something_is_there(vestige: Vestige, victims: Victims) -> None:
    """Who looked and then waited while another took it would stay for ever, and the recorder with it."""
    seen: dict[str, int] = {}  # how many had been received when a thread saw that something is there
    receives = 0
    for call in traced(vestige, victims, LD_PRELOAD=victims.oldkernel):
        if is_receive(call) and not call["back"]:
            assert seen.pop(call["tid"], None) == receives
            receives += 1
        elif call["name"] != "ioctl" and "revents=POLLIN" in call["rest"]:
            seen[call["tid"]] = receives
    assert receives > 200
    assert vestige.last().code == 7


@pytest.mark.unsanitized
def test_on_old_kernels_many_ends_at_once_leave_nothing_behind(vestige: Vestige, victims: Victims) -> None:
    script = "for n in 1 2 3 4 5 6 7 8; do cat in & done; wait"
    Path(vestige.path("in")).write_text("in", encoding="utf-8")
    done = vestige.run("sh", "-c", script, env=vestige.variables | {"LD_PRELOAD": victims.oldkernel})
    assert (done.returncode, done.stdout) == (0, b"in" * 8)
    run = vestige.last()
    assert len([process for process in run.processes if process.argv == ["cat", "in"]]) == 8
    assert vestige.path("in") in run.of_kind("input")


def traced(vestige: Vestige, victims: Victims, **environ: str) -> list[dict[str, str]]:
    """Run the crowd with strace around all, and return the calls of the recorder that matter here, in their order."""
    trace = Path(vestige.path("trace"))
    strace = ("strace", "-f", "-qq", "-e", "trace=ioctl,poll,ppoll", "-e", "signal=none", "-o", str(trace))
    done = vestige.bare(*strace, *vestige.words(victims.opener, *CROWD), env=vestige.variables | environ)
    assert done.returncode == 7, done.stderr
    found = [CALL.match(line) for line in trace.read_text(encoding="utf-8", errors="replace").splitlines()]
    return [match.groupdict() for match in found if match is not None]


def is_receive(call: dict[str, str]) -> bool:
    """Say whether a call receives a notification."""
    return "SECCOMP_IOCTL_NOTIF_RECV" in call["rest"]
