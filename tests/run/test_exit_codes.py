"""The exit code of `vestige run` is the command's, whatever it is."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

SAMPLE = (0, 1, 2, 3, 7, 42, 64, 77, 100, 124, 125, 126, 127, 128, 130, 137, 200, 254, 255)
DEADLY = sorted(
    number
    for number in signal.valid_signals()
    if number not in {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    and number not in {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
)


@pytest.mark.parametrize("code", SAMPLE)
def test_exit_code(vestige: Vestige, victims: Victims, code: int) -> None:
    recorded = vestige.record(victims.nothing, str(code))
    assert recorded.completed.returncode == code
    assert (recorded.run.code, recorded.run.record["exit"]["signal"]) == (code, None)
    assert recorded.run.record["status"] == "ended"


def test_every_deadly_signal(vestige: Vestige, victims: Victims) -> None:
    codes = {number: vestige.run(victims.actor, f"kill:{number}").returncode for number in DEADLY}
    assert codes == {number: 128 + number for number in DEADLY}


def test_vestige_ends_by_the_same_signal(vestige: Vestige, victims: Victims) -> None:
    with vestige.start(victims.actor, f"kill:{signal.SIGTERM:d}") as front:
        assert front.wait() == -signal.SIGTERM


def test_the_signal_is_recorded_by_name(vestige: Vestige, victims: Victims) -> None:
    run = vestige.record(victims.actor, f"kill:{signal.SIGSEGV:d}").run
    assert (run.code, run.record["exit"]["signal"]) == (139, "SIGSEGV")


def test_vestige_does_not_linger_after_the_command(vestige: Vestige, victims: Victims) -> None:
    """Forty short runs in a row, none of which waits for something that never comes: far below any patience of ours."""
    for _ in range(40):
        with vestige.start(victims.nothing) as front:
            front.wait(timeout=5)


def test_not_found_is_127(vestige: Vestige) -> None:
    recorded = vestige.record("no-such-program-anywhere")
    assert recorded.completed.returncode == 127
    assert recorded.run.code == 127
    assert recorded.run.record["exit"]["reason"]


@pytest.mark.parametrize("kind", ["folder", "not executable", "bad interpreter"])
def test_not_executable_is_as_in_a_shell(vestige: Vestige, kind: str) -> None:
    path = vestige.path("thing")
    _make(path, kind)
    shells = vestige.shell(path).returncode
    recorded = vestige.record(path)
    assert recorded.completed.returncode == shells
    assert recorded.completed.returncode in (126, 127)
    assert recorded.run.code == shells


def test_a_script_without_an_interpreter_line_runs_as_in_a_shell(vestige: Vestige) -> None:
    path = vestige.path("script")
    with open(path, "w", encoding="ascii") as file:
        file.write("echo hello\nexit 9\n")
    os.chmod(path, 0o755)  # noqa: S103 - a script
    completed = vestige.run(path)
    assert (completed.returncode, completed.stdout) == (9, b"hello\n")


def test_the_command_is_looked_up_in_path_as_a_shell_does(vestige: Vestige, victims: Victims) -> None:
    hidden, found = vestige.path("hidden"), vestige.path("found")
    os.mkdir(hidden)
    os.mkdir(found)
    os.symlink(victims.nothing, os.path.join(found, "thing"))
    with open(os.path.join(hidden, "thing"), "w", encoding="ascii"):
        pass  # in the way, but not executable
    search = vestige.variables | {"PATH": f"{hidden}:{found}:{vestige.variables['PATH']}"}
    assert vestige.run("thing", "33", env=search).returncode == 33


def test_a_command_that_needs_dashes(vestige: Vestige, victims: Victims) -> None:
    os.symlink(victims.nothing, vestige.path("-m"))
    search = vestige.variables | {"PATH": f"{vestige.folder}:{vestige.variables['PATH']}"}
    assert vestige.run("--", "-m", "44", env=search).returncode == 44


def _make(path: str, kind: str) -> None:
    if kind == "folder":
        os.mkdir(path)
        return
    text = {"not executable": "#!/bin/sh\n", "bad interpreter": "#!/no/such/sh\n"}[kind]
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o644 if kind == "not executable" else 0o755)
