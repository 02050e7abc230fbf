"""`kill -9` of parts of vestige does no harm to the command: a sample of what `make stress` does a thousand times."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import pytest
from harness import processes, recorded
from harness.kills import SCALES, TARGETS, Arena, Case
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")


def assert_unharmed(arena: Arena, cases: list[Case]) -> None:
    outcomes = [arena.play(case) for case in cases]
    assert [outcome for outcome in outcomes if outcome.harm] == []
    arena.finalise()
    faults = {outcome.case: arena.record_fault(outcome) for outcome in outcomes}
    assert {case: fault for case, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("load", SCALES)
@pytest.mark.parametrize("targets", TARGETS, ids="+".join)
def test_kills_at_random_moments(vestige: Vestige, victims: Victims, targets: tuple[str, ...], load: str) -> None:
    moments = [random.uniform(0, 0.9) for _ in range(2)]  # noqa: S311 - no secret; the seed is in pytest's header
    assert_unharmed(Arena(vestige, victims), [Case(load, targets, moment, stopped=False) for moment in moments])


@pytest.mark.parametrize("targets", TARGETS, ids="+".join)
def test_kills_while_the_command_is_stopped(vestige: Vestige, victims: Victims, targets: tuple[str, ...]) -> None:
    assert_unharmed(Arena(vestige, victims), [Case("processes", targets, 0.4, stopped=True)])


def test_a_kill_with_a_notification_pending(vestige: Vestige, victims: Victims) -> None:
    """The recorder is stopped until a process waits for its answer, and then killed: the guard answers."""
    result = vestige.path("result")
    with vestige.start(victims.worker, "processes", result, "10") as front:
        folder = vestige.new_folder()
        pids = vestige.pids(folder)
        os.kill(pids["recorder"], signal.SIGSTOP)
        until(lambda: _waits_for_an_answer(vestige), "a process that waits for its answer")
        os.kill(pids["recorder"], signal.SIGKILL)
        assert front.wait(timeout=30) == 7
    with open(result, encoding="ascii") as file:
        assert file.read().startswith("complete")
    assert vestige.finalised(folder).code == 7
    assert "takeover" in {event["event"] for event in vestige.finalised(folder).events}


def _waits_for_an_answer(vestige: Vestige) -> bool:
    """Say whether some process of the test stands still in open, exec or exit_group."""
    calls = {"2", "257", "59", "322", "231"}  # open, openat, execve, execveat, exit_group on x86-64
    if os.uname().machine == "aarch64":
        calls = {"56", "221", "281", "94"}
    return any(_call(pid) in calls for pid in processes.with_variable("HOME", vestige.home))


def _call(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return file.read().partition(" ")[0]
    except OSError:
        return ""


def test_a_killed_front_leaves_a_run_that_ends_by_itself(vestige: Vestige) -> None:
    with vestige.start("sh", "-c", "echo ready; until [ -e go ]; do sleep 0.02; done; echo done; exit 9") as front:
        assert front.stdout
        front.stdout.readline()
        front.kill()
        front.wait()
        folder = vestige.new_folder()
        assert not recorded.is_over(folder)
        assert recorded.load(folder).record["status"] == "running"
        with open(vestige.path("go"), "wb"):
            pass
        assert front.stdout.read() == b"done\n"
    run = vestige.finalised(folder)
    assert (run.code, run.record["status"]) == (9, "ended")
    assert run.captured("stdout") == b"ready\ndone\n"


def test_after_the_recorders_death_the_record_says_what_is_missing(vestige: Vestige) -> None:
    with vestige.start("sh", "-c", "echo ready; read word; exit 9", stdin=-1) as front:
        assert front.stdout
        front.stdout.readline()
        os.kill(vestige.pids(vestige.new_folder())["recorder"], signal.SIGKILL)
        front.communicate(b"go\n", timeout=30)
        assert front.returncode == 9
    run = vestige.last()
    assert (run.code, run.record["status"]) == (9, "ended")
    assert "guard" in run.notes


def test_a_run_that_was_killed_altogether_is_finalised_by_the_next_ls(vestige: Vestige) -> None:
    with vestige.start("sh", "-c", "echo ready; exec sleep 100") as front:
        assert front.stdout
        front.stdout.readline()
        folder = vestige.new_folder()
        everyone = [*vestige.pids(folder).values(), vestige.command_pid(folder)]
        until(lambda: _execs(folder) == 2, "both programs to be on the disk")
        processes.kill_all(everyone)
    until(lambda: recorded.is_over(folder), "the end")
    assert recorded.load(folder).record["status"] == "running"
    listed = vestige.call("ls")
    assert (listed.returncode, listed.stderr) == (0, b"")
    run = recorded.load(folder)
    assert run.record["status"] == "interrupted"
    assert (run.code, run.record["exit"]["signal"]) == (None, None)
    assert run.record["exit"]["reason"]
    assert run.captured("stdout") == b"ready\n"
    assert [process.name for process in run.processes] == ["sleep"]


def _execs(folder: str) -> int:
    events = recorded.read_lines(os.path.join(folder, "events.jsonl"))
    return sum(event["event"] == "exec" for event in events)


def test_a_run_cut_off_in_the_middle_of_a_line_is_readable(vestige: Vestige) -> None:
    folder = vestige.record("sh", "-c", "echo one; exit 3").run.folder
    _as_before_the_end(folder)
    events = os.path.join(folder, "events.jsonl")
    os.truncate(events, os.path.getsize(events) - 20)
    run = vestige.finalised(folder)
    assert run.record["status"] == "interrupted"
    assert run.processes


def _as_before_the_end(folder: str) -> None:
    """Put a run back into the state in which a power cut leaves it."""
    for name in ("processes.jsonl", "usage.jsonl"):
        os.unlink(os.path.join(folder, name))
    path = os.path.join(folder, "record.json")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            text.replace('"status": "ended"', '"status": "running"').replace('"status":"ended"', '"status":"running"')
        )


def test_survivors_are_not_hurt_when_vestige_has_gone(vestige: Vestige, victims: Victims) -> None:
    """A process that outlives the run still opens, starts and ends programs."""
    left = (
        f"until [ -e go ]; do sleep 0.02; done; for i in 1 2 3; do {victims.nothing} $i; echo $? >>said; done; exit 0"
    )
    vestige.run("sh", "-c", f"setsid sh -c '{left}' >/dev/null 2>&1 &")
    with open(vestige.path("go"), "wb"):
        pass
    said = vestige.path("said")
    until(lambda: os.path.exists(said) and os.path.getsize(said) == 6, "the survivor")
    with open(said, "rb") as file:
        assert file.read() == b"1\n2\n3\n"


def test_survivors_are_not_hurt_when_the_recorder_is_killed_too(vestige: Vestige, victims: Victims) -> None:
    left = f"until [ -e go ]; do sleep 0.02; done; for i in 1 2 3; do {victims.nothing} $i; echo $? >>said; done"
    vestige.run("sh", "-c", f"setsid sh -c '{left}' >/dev/null 2>&1 &")
    pids = vestige.pids(vestige.new_folder())
    if not processes.is_gone(pids["recorder"]):
        os.kill(pids["recorder"], signal.SIGKILL)
    with open(vestige.path("go"), "wb"):
        pass
    said = vestige.path("said")
    until(lambda: os.path.exists(said) and os.path.getsize(said) == 6, "the survivor")
