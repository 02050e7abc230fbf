"""A command that does odd things to whoever watches: it fares as it does without vestige, and so does its record."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from harness import processes, recorded
from harness import victims as building
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.recorded import Run
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

CODE = 7  # of the opener
MANY = 100_000


def assert_same(vestige: Vestige, *command: str, options: tuple[str, ...] = ()) -> Run:
    """The command does the same with and without vestige; return the run. Its folder is empty before each."""
    bare = vestige.bare(*command)
    vestige.shell("rm -rf -- *")
    seen = vestige.record(*command, options=options)
    assert (seen.completed.returncode, seen.completed.stdout, seen.completed.stderr) == (
        bare.returncode,
        bare.stdout,
        bare.stderr,
    )
    assert bare.returncode == CODE
    assert seen.run.code == CODE
    return seen.run


LOADS = (("plain", 20_000), ("alarms", 3_000), ("crowd", 200), ("flicker", 20_000), ("sudden", 200), ("pointers", 1))


@pytest.mark.parametrize(("load", "count"), LOADS)
def test_opens_fare_as_they_do_without_vestige(vestige: Vestige, victims: Victims, load: str, count: int) -> None:
    run = assert_same(vestige, victims.opener, load, str(count))
    assert run.record["completeness"]["events_dropped"] == 0
    assert run.record["completeness"]["trace"] == "on"


@pytest.mark.parametrize("load", ["plain", "crowd", "pointers"])
def test_opens_of_32_bit_programs(vestige: Vestige, victims: Victims, load: str) -> None:
    opener = building.variant(victims, "opener", "-m32")
    if opener is None:
        pytest.skip("gcc -m32 does not work here")
    assert_same(vestige, opener, load, "200")


@pytest.mark.parametrize("option", ["--deny-network", "--io-uring=deny"])
def test_nonsense_where_something_is_denied(vestige: Vestige, victims: Victims, option: str) -> None:
    """Calls that fail anyway fail in one way or another, and nothing else changes."""
    bare = vestige.bare(victims.opener, "pointers", "1").stdout.splitlines()
    seen = vestige.run(victims.opener, "pointers", "1", options=(option,))
    differing = {line.partition(b":")[0] for line in set(seen.stdout.splitlines()) - set(bare)}
    assert seen.returncode == CODE
    assert differing <= {b"io_uring 1", b"connect odd family", b"sendto buffer 1", b"sendmmsg many"}


@pytest.mark.parametrize("load", ["flicker", "crowd"])
def test_the_file_that_was_opened_is_there(vestige: Vestige, victims: Victims, load: str) -> None:
    run = assert_same(vestige, victims.opener, load, "200")
    made = {"flicker": {"a", "b"}, "crowd": {"file"}}[load]
    assert run.of_kind("output") == {vestige.path(name) for name in made}


def test_pointers_to_nowhere_are_counted(vestige: Vestige, victims: Victims) -> None:
    run = vestige.record(victims.opener, "pointers", "1").run
    assert run.files[vestige.path("file")].kind == "output"
    assert run.of_kind("removed", "temporary", "modified") == set()
    assert {path for path in run.files if "xxxx" in path or "yyyy" in path} == set()


def test_100000_different_names(vestige: Vestige, victims: Victims) -> None:
    run = assert_same(vestige, victims.opener, "names", str(MANY))
    probed = {path for path in run.of_kind("probed") if "/nothing." in path}
    assert len(probed) == MANY
    assert run.record["completeness"]["files"] == "complete"
    assert run.figure("recorder_memory").number < recorded.MOST_RECORDER_MEMORY


def test_many_files_made(vestige: Vestige, victims: Victims) -> None:
    count = 20_000
    run = assert_same(vestige, victims.opener, "making", str(count))
    assert len([path for path in run.of_kind("output") if "/made/" in path]) == count
    assert run.record["completeness"]["files"] == "complete"
    assert run.figure("recorder_memory").number < recorded.MOST_RECORDER_MEMORY


# parts of vestige that are killed meanwhile


def kill_in_the_middle(vestige: Vestige, victims: Victims, load: str, *roles: str) -> Run:
    """Kill parts of vestige while 100,000 files are being opened; not one open fails."""
    bare = vestige.bare(victims.opener, load, str(MANY))
    vestige.shell("rm -rf -- *")
    with vestige.start(victims.opener, load, str(MANY)) as front:
        folder = vestige.new_folder()
        pids = vestige.pids(folder)
        until(lambda: _has_opened(folder), "the first opens")
        assert not processes.is_gone(vestige.command_pid(folder))  # after the kill it may end before we look
        for role in roles:
            os.kill(pids[role], signal.SIGKILL)
        out, err = front.communicate(timeout=100)
    assert (front.returncode, out, err) == (CODE, bare.stdout, b"")
    return vestige.finalised(folder)


def _has_opened(folder: str) -> bool:
    with open(os.path.join(folder, "events.jsonl"), "rb") as events:
        return any(b'"path":"file"' in line or b'"path":"nothing.' in line for line in events)


@pytest.mark.parametrize("load", ["plain", "names"])
def test_the_recorder_is_killed_and_not_one_open_fails(vestige: Vestige, victims: Victims, load: str) -> None:
    run = kill_in_the_middle(vestige, victims, load, "recorder")
    assert run.code == CODE
    assert "takeover" in run.gaps
    assert run.record["completeness"]["files"] == "partial"


@pytest.mark.parametrize("load", ["plain", "names"])
def test_the_guard_is_killed_and_not_one_open_fails(vestige: Vestige, victims: Victims, load: str) -> None:
    run = kill_in_the_middle(vestige, victims, load, "guard")
    assert run.code == CODE
    assert "takeover" not in run.gaps


def test_the_guard_and_then_the_recorder(vestige: Vestige, victims: Victims) -> None:
    """Nobody is left to answer: what the guard was to be is up to a successor, if there is one; nothing hangs."""
    with vestige.start(victims.opener, "plain", str(MANY)) as front:
        folder = vestige.new_folder()
        pids = vestige.pids(folder)
        until(lambda: _has_opened(folder), "the first opens")
        os.kill(pids["guard"], signal.SIGKILL)
        until(lambda: processes.is_gone(pids["guard"]), "the end of the guard")
        os.kill(pids["recorder"], signal.SIGKILL)
        front.communicate(timeout=100)
    assert vestige.finalised(folder).record["completeness"]["files"] == "partial"


# tools that look into processes themselves


@pytest.mark.needs("strace")
def test_strace_inside_sees_every_open_and_so_does_vestige(vestige: Vestige, victims: Victims) -> None:
    with open(vestige.path("in"), "wb") as file:
        file.write(b"content")
    seen = vestige.record("strace", "-f", "-o", "trace", victims.reader, "open", "in")
    assert (seen.completed.returncode, seen.completed.stdout) == (0, b"content")
    with open(vestige.path("trace"), encoding="utf-8") as trace:
        assert '"in"' in trace.read()
    assert seen.run.files[vestige.path("in")].kind == "input"
    assert seen.run.files[vestige.path("trace")].kind == "output"


@pytest.mark.needs("gdb")
def test_gdb_inside_stops_at_an_open_and_so_does_vestige(vestige: Vestige, victims: Victims) -> None:
    with open(vestige.path("in"), "wb") as file:
        file.write(b"content")
    commands = ("-ex", "break by_open", "-ex", "run", "-ex", "finish", "-ex", "continue")
    seen = vestige.record("gdb", "-batch", "-nx", *commands, "--args", victims.reader, "open", "in")
    assert b"Breakpoint 1" in seen.completed.stdout
    assert b"exited normally" in seen.completed.stdout
    assert b"content" in seen.completed.stdout
    assert seen.run.files[vestige.path("in")].kind == "input"


@pytest.mark.needs("py-spy")
def test_py_spy_inside_sees_the_stack(vestige: Vestige) -> None:
    script = "import sys\ndef innermost():\n    print('ready', flush=True)\n    sys.stdin.readline()\ninnermost()\n"
    with open(vestige.path("spied.py"), "w", encoding="ascii") as file:
        file.write(script)
    command = """
        mkfifo go; python3 spied.py <go >said & exec 3>go
        until [ -s said ]; do sleep 0.02; done
        py-spy dump --pid $!; echo >&3; wait $!
    """
    bare = vestige.bare("sh", "-c", command)
    if b"innermost" not in bare.stdout:
        pytest.skip("py-spy does not work here")
    vestige.shell("rm go said")
    seen = vestige.record("sh", "-c", command)
    assert seen.completed.returncode == 0
    assert b"innermost" in seen.completed.stdout
    assert seen.run.files[vestige.path("spied.py")].kind == "input"


@pytest.mark.unsanitized
@pytest.mark.parametrize("sanitizer", ["address", "thread", "undefined"])
def test_a_sanitized_program_inside(vestige: Vestige, victims: Victims, sanitizer: str) -> None:
    """The leak check of the address sanitizer stops its own process by ptrace when it ends."""
    opener = building.variant(victims, "opener", f"-fsanitize={sanitizer}")
    if opener is None or vestige.bare(opener, "crowd", "20").returncode != CODE:
        pytest.skip(f"gcc -fsanitize={sanitizer} does not work here")
    vestige.shell("rm -rf -- *")
    run = assert_same(vestige, opener, "crowd", "20")
    assert run.of_kind("output") == {vestige.path("file")}
