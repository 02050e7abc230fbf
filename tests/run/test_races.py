"""Races that were seen, each under its own name."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import shlex
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import command, processes, recorded
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.victims import Victims


MANY = "i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done"


def test_an_exit_that_was_notified_is_not_told_again_by_the_sampler(vestige: Vestige) -> None:
    """The sampler entered a process that had been entered, and had ended, since the look at its parent's children."""
    run = vestige.record("sh", "-c", MANY).run
    events = recorded.read_lines(run.events_path)
    ended = {(event["pid"], event["start"]) for event in events if event["event"] == "exit"}
    told_again = [event for event in events if event["event"] == "gone" and (event["pid"], event["start"]) in ended]
    assert len(ended) == 401
    assert told_again == []


def test_a_fork_that_ends_at_once_is_not_taken_for_a_new_process_while_it_dies(vestige: Vestige) -> None:
    """A child that executes nothing is first seen at its end: the sampler must not enter it once more."""
    run = vestige.record("sh", "-c", "i=0; while [ $i -lt 400 ]; do (:) & wait; i=$((i+1)); done").run
    events = recorded.read_lines(run.events_path)
    ended = {(event["pid"], event["start"]) for event in events if event["event"] == "exit"}
    told_again = [event for event in events if event["event"] == "gone" and (event["pid"], event["start"]) in ended]
    assert len(ended) == 401
    assert told_again == []


@pytest.mark.needs("strace")
def test_a_command_that_runs_before_its_start_is_written_is_no_shorter(vestige: Vestige) -> None:
    """The fork returns in the recorder when the command is well on its way: here strace holds it back."""
    late = processes.delayed(**dict.fromkeys(processes.FORKS, "delay_exit=100000"))
    done = vestige.bare(*late, *vestige.words("sleep", "0.3", options=("--trace", "off")))
    assert (done.returncode, done.stderr) == (0, b"")
    moments = {event["event"]: event["t"] for event in recorded.read_lines(vestige.last().events_path)}
    assert moments["end"] - moments["start"] >= 300_000_000


@pytest.mark.needs("strace")
def test_a_run_whose_recorder_begins_late_began_before_its_command(vestige: Vestige) -> None:
    """The clock was read when the first event was written, and taken for that of the moment from which events count."""
    late = processes.delayed(setpgid="delay_enter=300000")
    done = vestige.bare(*late, *vestige.words("date", "+%s.%N", options=("--trace", "off")))
    started = dt.datetime.fromisoformat(vestige.last().record["started"].replace("Z", "+00:00")).timestamp()
    assert started <= float(done.stdout)


@pytest.mark.needs("strace")
def test_a_recorder_killed_between_the_records_end_and_the_word_of_it(vestige: Vestige) -> None:
    """The record was whole, so the guard said nothing, and the exit code was lost. Strace holds back the word of it."""
    delay = ("-e", "trace=sendto", "-e", "inject=sendto:delay_enter=5000000")
    held = ["strace", "-f", "-qq", "-o", os.devnull, *delay]
    words = vestige.words("sh", "-c", "exit 3", options=("--trace", "off"))
    with vestige.start_bare(*held, *words) as process:
        folder = vestige.new_folder()
        events = os.path.join(folder, "events.jsonl")
        until(lambda: b'"event":"end"' in beginning(events), "the end of the record")
        until(lambda: recorded.is_over(folder), "the end of the lock")
        os.kill(recorded.read_lines(events)[0]["pids"]["recorder"], signal.SIGKILL)
        assert process.wait(timeout=60) == 3


@pytest.mark.needs("strace")
def test_the_last_words_before_the_end_while_earlier_ones_are_passed_on(vestige: Vestige) -> None:
    """What stood in the pipe and what had been passed on were read one after the other, while the relay was between."""
    late = processes.delayed(splice="delay_exit=400000", poll="delay_exit=150000")
    words = vestige.words("sh", "-c", "printf one; sleep 0.3; printf two", options=("--trace", "off"))
    assert vestige.bare(*late, *words).stdout == b"onetwo"
    assert vestige.last().captured("stdout") == b"onetwo"


@pytest.mark.needs("strace")
def test_the_end_is_not_waited_for_where_another_holds_the_output(vestige: Vestige) -> None:
    """The same words were counted as waiting and as passed on: so many more were due from whoever held the pipe."""
    late = processes.delayed(ioctl="delay_exit=400000:when=1..4", poll="delay_exit=150000:when=1..20")
    words = vestige.words("sh", "-c", "sleep 1000 & printf $!", options=("--trace", "off"))
    with vestige.start_bare(*late, *words) as process:
        folder = vestige.new_folder()
        try:
            until(lambda: recorded.is_over(folder), "the end of the record")
        finally:
            assert process.stdout
            os.kill(int(os.read(process.stdout.fileno(), 32)), signal.SIGKILL)
    assert vestige.finalised(folder).captured("stdout").isdigit()


@pytest.mark.needs("strace")
def test_helpers_are_awaited_where_the_last_words_come_with_the_pipes_end(vestige: Vestige) -> None:
    """The relay told that all was kept before it had seen the end, which then looked as if another held the pipe."""
    log = vestige.path("calls")
    late = processes.delayed("pidfd_open", log=log, splice="delay_enter=200000", tee="delay_enter=200000")
    assert vestige.bare(*late, *vestige.words("printf", "x", options=("--trace", "off"))).stdout == b"x"
    calls = Path(log).read_text().splitlines()
    front = calls[0].split()[0]
    opened = re.findall(rf"^{front} +pidfd_open\((\d+)", "\n".join(calls), re.MULTILINE)
    assert set(opened) - {front}, "the front has not waited for the guard's end"


def beginning(path: str) -> bytes:
    """Return what a file holds by now, nothing where there is none."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        return file.read()
    return b""


def test_two_threads_that_end_their_process_at_once(vestige: Vestige, victims: Victims) -> None:
    """Both were notified, and what the process used was counted twice."""
    run = vestige.record(victims.leavers, "300").run
    ends = [
        (event["pid"], event["start"]) for event in recorded.read_lines(run.events_path) if event["event"] == "exit"
    ]
    assert len(ends) == len(set(ends)) == 301


@pytest.mark.needs("strace")
def test_a_process_that_is_gone_when_its_exit_is_looked_at(vestige: Vestige, victims: Victims) -> None:
    """Another thread of it had been told, or it was killed: it was told again, without a start, as ended with 0."""
    with open(vestige.path("late"), "w", encoding="utf-8") as file:
        strace = "strace -D -f -qq -o /dev/null -e trace=ioctl -e inject=ioctl:delay_exit=50000:when=1..30"
        file.write(f'#!/bin/sh\nexec {strace} {shlex.quote(command.recorder())} "$@"\n')
    os.chmod(vestige.path("late"), 0o755)  # noqa: S103 - to be executed
    variables = dict(vestige.variables, VESTIGE_RECORDER=vestige.path("late"))
    done = vestige.run(victims.leavers, "3", "killed", env=variables)
    assert (done.returncode, done.stderr) == (0, b"")
    ends = [event for event in recorded.read_lines(vestige.last().events_path) if event["event"] in ("exit", "gone")]
    assert [event["status"] for event in ends if event["event"] == "exit"] == [0]
    assert all("start" in event for event in ends)


def test_an_interpreter_that_is_no_file_is_not_opened(vestige: Vestige) -> None:
    """Whoever waits for a reader of a fifo must not wake because somebody only looks."""
    os.mkfifo(vestige.path("pipe"))
    with open(vestige.path("script"), "w", encoding="utf-8") as file:
        file.write(f"#!{vestige.path('pipe')}\n")
    os.chmod(vestige.path("script"), 0o755)  # noqa: S103 - to be executed
    waits = "{ echo x >pipe; echo woken >woken; } 2>/dev/null & sleep 0.3;"
    vestige.run("sh", "-c", f"{waits} ./script 2>/dev/null; sleep 0.3; kill $!", stdout=subprocess.DEVNULL)
    assert not os.path.exists(vestige.path("woken"))


UNDER_ANOTHER = """
import os, signal, socket
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
busy = os.fork()
while busy == 0:
    pass
os.nice(19)
try:
    for _ in range(30):
        socket.create_connection(%r).close() if %r else socket.socket(socket.AF_UNIX).connect("socket")
finally:
    os.kill(busy, signal.SIGKILL)
"""


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_command_that_gets_no_cpu_connects_and_closes_between_two_looks(vestige: Vestige, family: int) -> None:
    """The socket was let go before the connect had begun, and was closed when it was looked at again."""
    with contextlib.closing(socket.socket(family)) as server:
        server.bind(("127.0.0.1", 0) if family == socket.AF_INET else vestige.path("socket"))
        server.listen(100)
        script = UNDER_ANOTHER % (server.getsockname(), family == socket.AF_INET)
        run = vestige.record("python3", "-c", script).run
    called = [each for each in run.connections if each.direction == "out"]
    assert [(each.outcome, each.count) for each in called] == [("connected", 30)]
