"""Signals sent to vestige reach the command, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from harness import processes
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

FORWARDED = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM, signal.SIGWINCH,
    signal.SIGRTMIN, signal.SIGRTMIN + 5, signal.SIGRTMAX,
)  # fmt: skip
LAST = signal.SIGUSR2


@dataclass(frozen=True)
class Counting:
    """The counting victim under vestige: it says a line for what it caught, and at its end how often each came."""

    front: subprocess.Popen[bytes]
    pid: int

    def catches(self, number: int) -> None:
        """Wait until the victim has caught this signal."""
        assert self.front.stdout
        while line := self.front.stdout.readline().split():
            assert line[0] == b"caught"
            if b"%d" % number in line[1:]:
                return

    def counts(self) -> dict[int, int]:
        """Let the victim end and return how often each signal came.

        A last signal goes the same way as the others first: one that was passed on twice has then come twice.
        """
        self.front.send_signal(LAST)
        self.catches(LAST)
        out, _ = self.front.communicate(timeout=30)
        assert self.front.returncode == 0
        counted = {int(number): times for number, times in json.loads(out.splitlines()[-1]).items()}
        assert counted.pop(LAST) == 1
        return counted


def start(vestige: Vestige, victim: str, **more: Any) -> Counting:
    front = vestige.start(victim, stdin=subprocess.PIPE, **more)
    assert front.stdout
    word, pid = front.stdout.readline().split()
    assert word == b"ready"
    return Counting(front, int(pid))


@pytest.mark.parametrize("number", FORWARDED, ids=lambda number: f"signal {number:d}")
def test_a_signal_to_vestige_reaches_the_command_once(vestige: Vestige, victims: Victims, number: int) -> None:
    counting = start(vestige, victims.signals)
    counting.front.send_signal(number)
    counting.catches(number)
    assert counting.counts() == {number: 1}


def test_a_hundred_signals_one_after_the_other(vestige: Vestige, victims: Victims) -> None:
    counting = start(vestige, victims.signals)
    for _ in range(100):
        counting.front.send_signal(signal.SIGUSR1)
        counting.catches(signal.SIGUSR1)
    assert counting.counts() == {signal.SIGUSR1: 100}


def test_a_signal_that_ends_the_command_gives_its_code(vestige: Vestige) -> None:
    with vestige.start("sh", "-c", "echo ready; exec sleep 100") as front:
        assert front.stdout
        front.stdout.readline()
        front.terminate()
        assert front.wait(timeout=30) == -signal.SIGTERM
    assert vestige.last().record["exit"]["signal"] == "SIGTERM"


def test_a_signal_before_the_command_runs_is_not_lost(vestige: Vestige) -> None:
    with vestige.start("sleep", "100") as front:
        until(vestige.folders, "the run folder")
        front.terminate()
        assert front.wait(timeout=30) == -signal.SIGTERM


def test_a_handler_decides(vestige: Vestige) -> None:
    with vestige.start(
        "bash", "-c", "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.01; done"
    ) as front:
        assert front.stdout
        front.stdout.readline()
        front.terminate()
        assert front.stdout.read() == b"caught\n"
        assert front.wait(timeout=30) == 9


def test_a_whole_group_is_interrupted(vestige: Vestige, victims: Victims) -> None:
    counting = start(vestige, victims.signals, preexec_fn=os.setpgrp)
    assert os.getpgid(counting.pid) == counting.front.pid
    os.killpg(counting.front.pid, signal.SIGINT)
    counting.catches(signal.SIGINT)
    assert signal.SIGINT in counting.counts()


def test_recorder_and_guard_are_out_of_the_jobs_group(vestige: Vestige) -> None:
    with vestige.start("sleep", "100", preexec_fn=os.setpgrp) as front:
        folder = vestige.new_folder()
        command, pids = vestige.command_pid(folder), vestige.pids(folder)
        assert pids["front"] == front.pid
        assert os.getpgid(command) == front.pid
        for role in ("guard", "recorder"):
            assert os.getpgid(pids[role]) != front.pid
            assert os.getsid(pids[role]) == os.getsid(front.pid)
        os.killpg(front.pid, signal.SIGKILL)
    assert vestige.finalised(folder).record["exit"]["signal"] == "SIGKILL"


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU], ids=lambda number: number.name)
def test_a_stop_stops_the_command_and_vestige(vestige: Vestige, number: int) -> None:
    with vestige.start(
        "sh", "-c", "echo ready; read line; exit 3", stdin=subprocess.PIPE, preexec_fn=os.setpgrp
    ) as front:
        assert front.stdout
        front.stdout.readline()
        command = vestige.command_pid(vestige.new_folder())
        os.killpg(front.pid, number)
        until(lambda: processes.state(command) == processes.state(front.pid) == "T", "both to stop")
        os.killpg(front.pid, signal.SIGCONT)
        until(lambda: processes.state(command) != "T", "the command to go on")
        front.communicate(b"\n", timeout=30)
        assert front.returncode == 3


def test_a_stopped_command_can_be_killed(vestige: Vestige) -> None:
    with vestige.start("sleep", "100") as front:
        command = vestige.command_pid(vestige.new_folder())
        os.kill(command, signal.SIGSTOP)
        until(lambda: processes.state(command) == "T", "the stop")
        os.kill(command, signal.SIGKILL)
        assert front.wait(timeout=30) == -signal.SIGKILL
