"""`kill -9` of any part of `vestige duct` does no harm to the command, and its files stay readable."""

from __future__ import annotations

import json
import os
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import processes, recorded
from harness.command import Vestige
from harness.kills import CODE, SCALES, Arena, Case
from harness.waiting import until

if TYPE_CHECKING:
    import subprocess

    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

TARGETS = (("duct",), ("front",), ("guard",), ("recorder",), ("duct", "front"), ("duct", "recorder"), ("duct", "guard"))


@dataclass(frozen=True)
class Duct(Vestige):
    """`vestige duct` where the harness says `vestige run`; its Python is the part called `duct`."""

    started: list[int] = field(default_factory=list)

    def words(self, *command: str | bytes, options: tuple[str, ...] = ()) -> list[str | bytes]:
        return [self.executable, "duct", "-q", "--fail-time", "0", "-p", "log-{pid}_", *options, *command]

    def start(self, *command: str | bytes, options: tuple[str, ...] = (), **more: Any) -> subprocess.Popen[bytes]:
        process = super().start(*command, options=options, **more)
        self.started.append(process.pid)
        return process

    def pids(self, folder: str) -> dict[str, int]:
        return super().pids(folder) | {"duct": self.started[-1]}

    def summaries(self) -> list[dict[str, Any]]:
        files = Path(self.folder).glob("log-*_info.json")
        return [dict(json.loads(file.read_text())["execution_summary"]) for file in files]


@pytest.fixture
def duct(vestige: Vestige) -> Duct:
    return Duct(vestige.executable, vestige.folder, vestige.home, vestige.variables)


@pytest.mark.parametrize("load", SCALES)
@pytest.mark.parametrize("targets", TARGETS, ids="+".join)
def test_kills_at_random_moments(duct: Duct, victims: Victims, targets: tuple[str, ...], load: str) -> None:
    arena = Arena(duct, victims, caller="duct")
    moment = random.uniform(0, 0.9)  # noqa: S311 - no secret; the seed is in pytest's header
    outcome = arena.play(Case(load, targets, moment, stopped=False))
    assert outcome.harm == ""
    arena.finalise()
    assert arena.record_fault(outcome) == ""
    codes = [summary["exit_code"] for summary in duct.summaries()]
    assert set(codes) <= ({CODE, None} if "duct" in targets or not outcome.started else {CODE})


def test_when_the_front_is_killed_the_end_is_still_that_of_the_command(duct: Duct) -> None:
    with duct.start("sh", "-c", "echo ready; read word; echo $word; exit 9", stdin=-1) as process:
        assert process.stdout
        process.stdout.readline()
        os.kill(duct.pids(duct.new_folder())["front"], signal.SIGKILL)
        stdout, _ = process.communicate(b"go\n", timeout=30)
    assert (process.returncode, stdout) == (9, b"go\n")
    (summary,) = duct.summaries()
    assert summary["exit_code"] == 9
    assert summary["peak_rss"] > 0


def test_signals_still_reach_the_command_when_the_front_is_killed(duct: Duct) -> None:
    script = 'trap "echo got; exit 4" TERM; echo ready; while :; do sleep 0.05; done'
    with duct.start("sh", "-c", script) as process:
        assert process.stdout
        process.stdout.readline()
        front = duct.pids(duct.new_folder())["front"]
        process.send_signal(signal.SIGSTOP)  # so that the front is dead, and not reaped yet, when the signal comes
        until(lambda: processes.state(process.pid) == "T", "the stop")
        os.kill(front, signal.SIGKILL)
        until(lambda: processes.state(front) == "Z", "the death of the front")
        process.terminate()
        process.send_signal(signal.SIGCONT)
        stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (4, b"got\n")


def test_killed_altogether_it_leaves_files_that_can_be_read(duct: Duct) -> None:
    with duct.start("sh", "-c", "echo ready; exec sleep 100") as process:
        assert process.stdout
        process.stdout.readline()
        folder = duct.new_folder()
        processes.kill_all([*duct.pids(folder).values(), duct.command_pid(folder)])
    until(lambda: recorded.is_over(folder), "the end")
    (summary,) = duct.summaries()
    assert summary["exit_code"] is None
    (kept,) = Path(duct.folder).glob("log-*_stdout")
    assert kept.read_text() == "ready\n"
