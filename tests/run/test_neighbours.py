"""vestige around, inside and between the programs that people run commands with."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from harness import inherited, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")


def codes(vestige: Vestige) -> list[int | None]:
    """Return the recorded exit codes of all runs, sorted."""
    return sorted((vestige.finalised(folder).code for folder in vestige.folders()), key=str)


@pytest.mark.needs("nohup")
def test_nohup(vestige: Vestige, victims: Victims) -> None:
    bare, seen = (
        inherited.parse(vestige.shell(f"nohup {prefix}{victims.state}").stdout) for prefix in ("", "vestige run ")
    )
    assert seen.others["SigIgn"] == bare.others["SigIgn"]
    assert int(bytes.fromhex(seen.others["SigIgn"]), 16) & 1


@pytest.mark.needs("timeout")
def test_timeout_around_vestige(vestige: Vestige) -> None:
    completed = vestige.shell("timeout 0.5 vestige run sleep 100; echo $?")
    assert completed.stdout == b"124\n"
    assert vestige.last().record["exit"]["signal"] == "SIGTERM"


@pytest.mark.needs("timeout")
def test_timeout_under_vestige(vestige: Vestige) -> None:
    assert vestige.record("timeout", "0.1", "sleep", "100").run.code == 124


@pytest.mark.needs("timeout")
def test_timeout_that_kills(vestige: Vestige) -> None:
    assert vestige.run("timeout", "-s", "KILL", "0.1", "sleep", "100").returncode == 137


@pytest.mark.needs("xargs")
def test_many_at_once_with_xargs(vestige: Vestige) -> None:
    completed = vestige.shell("seq 20 | xargs -P 4 -n 1 vestige run sh -c 'echo $0; exit 3'")
    assert completed.returncode == 123
    assert sorted(map(int, completed.stdout.split())) == list(range(1, 21))
    assert codes(vestige) == [3] * 20


@pytest.mark.needs("make")
def test_make_under_vestige(vestige: Vestige, victims: Victims) -> None:
    _makefile(vestige, victims, "")
    recorded = vestige.record("make", "-j4", "-s")
    assert (recorded.completed.returncode, recorded.completed.stderr) == (0, b"")
    assert len([process for process in recorded.run.processes if process.argv == [victims.nothing]]) == 12


@pytest.mark.needs("make")
def test_makes_jobserver_goes_through_vestige(vestige: Vestige, victims: Victims) -> None:
    _makefile(vestige, victims, "vestige run ")
    completed = vestige.bare("make", "-j4", "-s")
    assert (completed.returncode, completed.stderr) == (0, b"")


def _makefile(vestige: Vestige, victims: Victims, prefix: str) -> None:
    parts = " ".join(f"part{number}" for number in range(12))
    with open(vestige.path("Makefile"), "w", encoding="ascii") as file:
        file.write(f"all:\n\t+{prefix}$(MAKE) -f Parts\n")
    with open(vestige.path("Parts"), "w", encoding="ascii") as file:
        file.write(f"all: {parts}\n{parts}:\n\t@{victims.nothing}\n")


def test_vestige_inside_vestige(vestige: Vestige) -> None:
    completed = vestige.run(*vestige.words("sh", "-c", "echo inner; exit 3"))
    assert (completed.returncode, completed.stdout, completed.stderr) == (3, b"inner\n", b"")
    outer, inner = (vestige.finalised(folder) for folder in vestige.folders())
    if outer.record["parent"]:
        outer, inner = inner, outer
    assert inner.record["parent"] == outer.record["id"]
    assert (outer.code, inner.code) == (3, 3)
    assert inner.record["argv"] == ["sh", "-c", "echo inner; exit 3"]


def test_files_inside_vestige_are_seen_by_the_outer_recorder(vestige: Vestige) -> None:
    vestige.shell("echo content >in; echo other >theirs")
    script = " ".join(["cat theirs >mine;", *map(str, vestige.words("sh", "-c", "'cat in >out'"))])
    vestige.run("sh", "-c", script)
    both = [vestige.finalised(folder) for folder in vestige.folders()]
    inner = next(run for run in both if run.record["parent"])
    outer = next(run for run in both if not run.record["parent"])
    assert inner.of_kind("input") == {vestige.path("in")}
    assert inner.of_kind("output") == {vestige.path("out")}
    assert inner.record["completeness"]["files"] == "complete"
    assert {vestige.path("in"), vestige.path("theirs")} <= outer.of_kind("input")
    assert outer.of_kind("output") == {vestige.path("mine"), vestige.path("out")}


def test_figures_inside_vestige_are_as_good_as_outside(vestige: Vestige, victims: Victims) -> None:
    vestige.run(*vestige.words(victims.actor, "inturn:20", "spin:5"))
    both = [vestige.finalised(folder) for folder in vestige.folders()]
    inner = next(run for run in both if run.record["parent"])
    outer = next(run for run in both if not run.record["parent"])
    assert inner.figure("cpu").number == pytest.approx(0.1, rel=0.2)
    assert outer.figure("cpu").number >= inner.figure("cpu").number


def test_three_deep(vestige: Vestige) -> None:
    completed = vestige.run(*vestige.words(*vestige.words("sh", "-c", "echo deep; exit 6")))
    assert (completed.returncode, completed.stdout) == (6, b"deep\n")
    assert codes(vestige) == [6, 6, 6]


@pytest.mark.needs("strace")
def test_strace_around_vestige(vestige: Vestige) -> None:
    completed = vestige.shell("strace -f -o trace vestige run sh -c 'echo out; /bin/true; exit 3'; echo $?")
    assert completed.stdout == b"out\n3\n"
    assert vestige.last().code == 3


@pytest.mark.needs("strace")
@pytest.mark.parametrize("options", ["", "-f", "-f --seccomp-bpf -e trace=openat,execve"])
def test_strace_under_vestige(vestige: Vestige, options: str) -> None:
    command = ("strace", *options.split(), "-o", "trace", "sh", "-c", "echo out; /bin/true; exit 3")
    recorded = vestige.record(*command)
    assert (recorded.completed.returncode, recorded.completed.stdout) == (3, b"out\n")
    with open(vestige.path("trace"), encoding="utf-8") as trace:
        assert "openat(" in trace.read()


@pytest.mark.needs("gdb")
def test_a_debugger_under_vestige(vestige: Vestige, victims: Victims) -> None:
    commands = ("-ex", "break getenv", "-ex", "run", "-ex", "continue", "-ex", "quit")
    completed = vestige.run("gdb", "-batch", "-nx", *commands, "--args", victims.state)
    assert b"Breakpoint 1" in completed.stdout
    assert b"exited normally" in completed.stdout


@pytest.mark.needs("con-duct")
def test_con_duct_around_vestige(vestige: Vestige) -> None:
    completed = vestige.shell("con-duct run -q --fail-time 0 vestige run sh -c 'echo out; exit 3'; echo $?")
    assert completed.stdout == b"out\n3\n"
    assert vestige.last().code == 3


@pytest.mark.needs("con-duct")
def test_con_duct_under_vestige(vestige: Vestige, victims: Victims) -> None:
    inner = ("con-duct", "run", "-q", "--fail-time", "0", victims.actor, "touch:100", "spin:200", "exit:3")
    recorded = vestige.record(*inner)
    assert recorded.completed.returncode == 3
    (actor,) = [process for process in recorded.run.processes if (process.argv or [""])[0] == victims.actor]
    assert actor.memory_peak.number > 100_000_000
    assert actor.exit_code == 3


@pytest.fixture
def dataset(vestige: Vestige) -> Iterator[str]:
    """Make the working folder a DataLad dataset."""
    identity = "git config --global user.name Tester; git config --global user.email tester@example.org"
    made = vestige.shell(f"{identity}; datalad create --force .")
    assert made.returncode == 0, made.stderr.decode()
    yield vestige.folder
    vestige.shell("chmod -R u+w .")


@pytest.mark.needs("datalad", "git-annex")
@pytest.mark.usefixtures("dataset")
def test_datalad_around_vestige(vestige: Vestige) -> None:
    ran = vestige.shell("datalad run -m 'made by both' -o out.txt \"vestige run sh -c 'echo out > out.txt'\"")
    assert ran.returncode == 0, ran.stderr.decode()
    assert vestige.last().code == 0
    assert b"made by both" in vestige.shell("git log -1 --format=%s").stdout
    assert vestige.shell("git status --porcelain").stdout == b""


@pytest.mark.needs("datalad", "git-annex")
@pytest.mark.usefixtures("dataset")
def test_datalad_under_vestige(vestige: Vestige) -> None:
    recorded = vestige.record("datalad", "run", "-o", "out.txt", "echo out > out.txt; exit 0")
    assert recorded.completed.returncode == 0, recorded.completed.stderr.decode()
    names = {process.name for process in recorded.run.processes}
    assert {"datalad", "git"} <= names


@pytest.mark.needs("datalad", "git-annex")
@pytest.mark.usefixtures("dataset")
def test_a_store_inside_a_dataset_keeps_it_clean(vestige: Vestige) -> None:
    inside = {name: value for name, value in vestige.variables.items() if name != "VESTIGE_STORE"}
    assert vestige.run("true", env=inside).returncode == 0
    assert os.path.isdir(vestige.path(".vestige"))
    assert vestige.shell("git status --porcelain; datalad status").stdout.startswith(b"nothing to save")


@pytest.fixture
def setuid_identity(tools: str, victims: Victims) -> str:
    """Give a program that becomes root, whoever calls it."""
    path = os.path.join(tools, "setuid-identity")
    with open(victims.identity, "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    os.chmod(path, 0o4755)  # noqa: S103 - that is the point
    return path


@pytest.mark.needs("nobody")
def test_a_setuid_helper_loses_its_privilege_and_the_record_says_so(
    open_vestige: Vestige, setuid_identity: str
) -> None:
    nobody = open_vestige
    assert nobody.bare(*places.AS_NOBODY, setuid_identity).stdout == b"65534 0\n"
    completed = nobody.bare(*places.AS_NOBODY, *nobody.words("sh", "-c", f"{setuid_identity}; exit 0"))
    assert completed.stdout == b"65534 65534\n"
    run = nobody.last()
    assert [process.setuid for process in run.processes if process.argv == [setuid_identity]] == [True]
    assert "setuid-identity" in run.notes
    assert "--trace off" in run.notes


@pytest.mark.needs("nobody")
def test_a_setuid_helper_keeps_its_privilege_without_tracing(open_vestige: Vestige, setuid_identity: str) -> None:
    words = open_vestige.words(setuid_identity, options=("--trace", "off"))
    assert open_vestige.bare(*places.AS_NOBODY, *words).stdout == b"65534 0\n"


@pytest.mark.needs("root")
def test_root_keeps_everything(vestige: Vestige, setuid_identity: str, victims: Victims) -> None:
    assert inherited.parse(vestige.run(victims.state).stdout).others["no_new_privs"] == 0
    completed = vestige.run("setpriv", "--reuid=65534", "--clear-groups", setuid_identity)
    assert completed.stdout == b"65534 0\n"


@pytest.mark.needs("root", "sudo")
def test_sudo_by_root(vestige: Vestige) -> None:
    assert vestige.run("sudo", "-n", "-u", "nobody", "id", "-u").stdout == b"65534\n"


@pytest.mark.needs("nobody")
def test_nobody_gets_the_same_figures(open_vestige: Vestige, victims: Victims) -> None:
    completed = open_vestige.bare(*places.AS_NOBODY, *open_vestige.words(victims.actor, "inturn:20", "spin:5"))
    assert completed.returncode == 0
    run = open_vestige.last()
    assert run.record["completeness"]["trace"] == "on"
    assert len(run.processes) == 21
    assert run.figure("cpu").number == pytest.approx(0.1, rel=0.3)
    assert os.stat(run.folder).st_uid == places.NOBODY


@pytest.mark.needs("nobody")
def test_a_run_of_nobody_can_be_read_by_its_owner_only_as_the_umask_says(open_vestige: Vestige) -> None:
    completed = open_vestige.bare(*places.AS_NOBODY, "sh", "-c", f"umask 077; {open_vestige.executable} run true")
    assert (completed.returncode, completed.stderr) == (0, b"")
    mode = os.stat(os.path.join(open_vestige.last().folder, "events.jsonl")).st_mode
    assert stat.S_IMODE(mode) & 0o077 == 0


@pytest.mark.needs("unshare", "root")
@pytest.mark.parametrize("spaces", ["--pid --fork --mount-proc", "--mount", "--user --map-root-user", "--net", "--uts"])
def test_commands_in_namespaces_of_their_own(vestige: Vestige, victims: Victims, spaces: str) -> None:
    recorded = vestige.record("unshare", *spaces.split(), "sh", "-c", f"{victims.nothing}; {victims.nothing} 3")
    assert recorded.completed.returncode == 3
    started = [process.exit_code for process in recorded.run.processes if (process.argv or [""])[0] == victims.nothing]
    assert sorted(code or 0 for code in started) == [0, 3]


@pytest.mark.needs("unshare", "root")
def test_vestige_in_a_pid_namespace_of_its_own(vestige: Vestige, victims: Victims) -> None:
    script = f"unshare --pid --fork --mount-proc vestige run sh -c '{victims.nothing} 5; exit 4'; echo $?"
    assert vestige.shell(script).stdout == b"4\n"
    run = vestige.last()
    assert (run.code, len(run.processes)) == (4, 2)


@pytest.mark.needs("unshare", "root")
def test_vestige_in_a_time_namespace_of_its_own(vestige: Vestige, victims: Victims) -> None:
    script = "unshare --time --monotonic 100000 --boottime 200000 --fork vestige run "
    assert vestige.shell(f"{script}{victims.actor} inturn:2 sleep:50").returncode == 0
    run = vestige.last()
    assert len(run.processes) == 3
    assert 0.1 <= run.figure("wall").number < 60
    assert all(0 <= process.start <= (process.end or 0) <= 60 for process in run.processes)


def test_json_of_show_is_the_record(vestige: Vestige) -> None:
    run = vestige.record("true").run
    assert json.loads(vestige.call("show", "--json").stdout)["id"] == run.record["id"]
