"""The command inherits what it would inherit without vestige, and nothing more."""

from __future__ import annotations

import os
import resource
import signal
from typing import TYPE_CHECKING, Any

import pytest
from harness import inherited
from harness.inherited import Inherited, without_own

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

NEW_PRIVILEGES = {"no_new_privs": int(os.geteuid() != 0)}  # what tracing costs whoever is not root
PYTHON_IGNORES = {signal.SIGPIPE, signal.SIGXFSZ}  # by itself: what they were before can't be known afterwards


def both(vestige: Vestige, state: str, *argv: bytes, **more: Any) -> tuple[Inherited, Inherited]:
    """Return what the victim inherits without and with vestige."""
    bare = vestige.bare(state, *argv, **more)
    seen = vestige.run(state, *argv, **more)
    assert (bare.returncode, seen.returncode) == (0, 0)
    return inherited.parse(bare.stdout), inherited.parse(seen.stdout)


def assert_same(bare: Inherited, seen: Inherited) -> None:
    assert seen.argv == bare.argv
    assert seen.cwd == bare.cwd
    assert without_own(seen.environment) == bare.environment
    assert seen.others == bare.others | NEW_PRIVILEGES
    assert seen.descriptors.keys() == bare.descriptors.keys()
    assert _modes(seen) == _modes(bare)


def _modes(state: Inherited) -> dict[int, tuple[int, int]]:
    return {number: (found["kind"], found["flags"]) for number, found in state.descriptors.items()}


def test_everything_in_an_ordinary_call(vestige: Vestige, victims: Victims) -> None:
    bare, seen = both(vestige, victims.state)
    assert_same(bare, seen)
    assert sorted(seen.descriptors) == [0, 1, 2]


def test_only_two_variables_are_added(vestige: Vestige, victims: Victims) -> None:
    bare, seen = both(vestige, victims.state)
    added = dict(pair.split(b"=", 1) for pair in seen.environment if pair not in bare.environment)
    assert sorted(added) == [b"VESTIGE_RUN", b"VESTIGE_RUN_ID"]
    run = vestige.last()
    assert added[b"VESTIGE_RUN"].decode() == run.folder
    assert added[b"VESTIGE_RUN_ID"].decode() == run.record["id"]


@pytest.mark.parametrize(
    "locale",
    [
        {},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"LANG": "C"},
        {"LC_CTYPE": "C.UTF-8"},
        {"LC_CTYPE": "C"},
        {"LC_CTYPE": ""},
    ],
    ids=str,
)
def test_the_environment_in_any_locale(vestige: Vestige, victims: Victims, locale: dict[str, str]) -> None:
    plain = {name: value for name, value in vestige.variables.items() if name != "LANG"}
    bare, seen = both(vestige, victims.state, env=plain | locale)
    assert without_own(seen.environment) == bare.environment


def test_an_environment_with_odd_bytes(vestige: Vestige, victims: Victims) -> None:
    odd = {b"ODD\xff": b"\xfe\n\x01 =", b"EMPTY": b"", b"QUOTED": b'"quoted"'}
    ours = {os.fsencode(name): os.fsencode(value) for name, value in vestige.variables.items()}
    bare, seen = both(vestige, victims.state, env=ours | odd)
    assert without_own(seen.environment) == bare.environment


@pytest.mark.needs("env")
def test_an_empty_environment(vestige: Vestige) -> None:
    completed = vestige.shell("env -i $(command -v vestige) run --store $VESTIGE_STORE /usr/bin/env")
    assert completed.returncode == 0
    assert sorted(line.partition(b"=")[0] for line in completed.stdout.splitlines()) == [
        b"VESTIGE_RUN",
        b"VESTIGE_RUN_ID",
    ]


def test_an_outer_run_is_replaced_in_the_environment(vestige: Vestige, victims: Victims) -> None:
    stale = vestige.variables | {"VESTIGE_RUN": "/no/such/run", "VESTIGE_RUN_ID": "stale"}
    _, seen = both(vestige, victims.state, env=stale)
    ours = [pair for pair in seen.environment if pair.startswith(b"VESTIGE_RUN")]
    assert len(ours) == 2
    assert all(b"stale" not in pair and b"/no/such" not in pair for pair in ours)


def test_arguments_with_odd_bytes(vestige: Vestige, victims: Victims) -> None:
    odd = (b"", b" ", b"\xff\xfe", b'"quoted"', b"new\nline", b"-m", b"--", b"*", b"\x1b[31m", "grün".encode())
    bare, seen = both(vestige, victims.state, *odd)
    assert seen.argv == bare.argv == list(odd)
    recorded = vestige.last().record["argv"]
    assert recorded[1:5] == ["", " ", '"\\377\\376"', '"\\"quoted\\""']
    assert recorded[-1] == "grün"


def test_a_very_long_command_line(vestige: Vestige, victims: Victims) -> None:
    many = tuple(b"%06d" % number for number in range(20_000))
    _, seen = both(vestige, victims.state, *many)
    assert tuple(seen.argv) == many


def _ignore(*numbers: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return prepare


def _prepared(name: str) -> Callable[[], None]:
    """Return what to change in a process before it becomes the command."""
    return {
        "ignored signals": _ignore(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1),
        "ignored children": _ignore(signal.SIGCHLD),
        "ignored stops": _ignore(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
        "blocked signals": lambda: _block(signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD, signal.SIGRTMIN + 3),
        "all blocked": lambda: _block(*signal.valid_signals()),
        "umask": lambda: _call(os.umask, 0o027),
        "nice": lambda: _call(os.nice, 7),
        "files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300)),
        "processes": lambda: resource.setrlimit(resource.RLIMIT_CPU, (1000, 2000)),
        "core": lambda: resource.setrlimit(resource.RLIMIT_CORE, (12345, 12345)),
        "stack": lambda: resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, resource.RLIM_INFINITY)),
        "one cpu": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
        "batch": lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
        "own session": lambda: _call(os.setsid),
        "own group": lambda: os.setpgid(0, 0),
    }[name]


def _block(*numbers: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def _call(function: Callable[..., object], *arguments: int) -> None:
    function(*arguments)


PREPARED = (
    "ignored signals", "ignored children", "ignored stops", "blocked signals", "all blocked", "umask", "nice", "files",
    "processes", "stack", "one cpu", "batch",
)  # fmt: skip
CORE = pytest.param("core", marks=pytest.mark.unsanitized)


@pytest.mark.parametrize("name", [*PREPARED, CORE])
def test_what_the_caller_has_set_arrives(vestige: Vestige, victims: Victims, name: str) -> None:
    bare, seen = both(vestige, victims.state, preexec_fn=_prepared(name))
    assert_same(bare, seen)


@pytest.mark.parametrize("name", ["own session", "own group"])
def test_the_process_group_and_session_are_the_callers(vestige: Vestige, victims: Victims, name: str) -> None:
    with vestige.start(victims.state, preexec_fn=_prepared(name)) as front:
        assert front.stdout
        seen = inherited.parse(front.stdout.read())
    assert seen.others["group"] == front.pid
    assert seen.others["session"] == (front.pid if name == "own session" else os.getsid(0))


def test_an_ignored_sigpipe_is_the_one_exception(vestige: Vestige, victims: Victims) -> None:
    ignored = {"restore_signals": False}  # this Python ignores it, and so would the command
    bare, seen = both(vestige, victims.state, **ignored)
    ours = sum(1 << (number - 1) for number in PYTHON_IGNORES)
    masks = [int(bytes.fromhex(state.others["SigIgn"]), 16) for state in (bare, seen)]
    assert masks[0] & ~ours == masks[1] & ~ours


def test_the_directory_is_the_callers_even_when_it_is_gone(vestige: Vestige) -> None:
    script = "mkdir gone && cd gone && rmdir ../gone && {}sh -c 'readlink /proc/self/cwd; exit 3'"
    bare, seen = (vestige.shell(script.format(prefix)) for prefix in ("", "vestige run "))
    assert (seen.returncode, seen.stdout) == (bare.returncode, bare.stdout) == (3, bare.stdout)


def test_further_descriptors_are_handed_down(vestige: Vestige, victims: Victims) -> None:
    script = f"exec 3>three 7<&0 9>>nine; {{}}{victims.state}; echo x >&3"
    bare, seen = (inherited.parse(vestige.shell(script.format(prefix)).stdout) for prefix in ("", "vestige run "))
    assert sorted(seen.descriptors) == [0, 1, 2, 3, 7, 9]
    assert _modes(seen) == _modes(bare)


def test_a_further_descriptor_carries_its_bytes(vestige: Vestige) -> None:
    vestige.shell("vestige run sh -c 'echo extra >&3' 3>file")
    with open(vestige.path("file"), "rb") as file:
        assert file.read() == b"extra\n"


def test_a_file_as_stdout_is_the_very_same_file(vestige: Vestige, victims: Victims) -> None:
    states: list[Inherited] = []
    for start in (vestige.bare, vestige.run):
        report = vestige.path("report")
        with open(vestige.path("out"), "ab", buffering=0) as out:
            out.write(b"0123456789" if not states else b"")
            start(victims.state, stdout=out, env=vestige.variables | {"VICTIM_REPORT": report})
        states.append(inherited.read(report))
    bare, seen = states
    assert seen.descriptors[1] == bare.descriptors[1]


def test_a_high_descriptor_and_none_that_belongs_to_the_recorder(vestige: Vestige, victims: Victims) -> None:
    script = f"exec 200>high; vestige run {victims.state}"
    assert sorted(inherited.parse(vestige.shell(script).stdout).descriptors) == [0, 1, 2, 200]
