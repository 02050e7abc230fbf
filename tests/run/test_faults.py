"""When vestige finds no space, no permission, no descriptor or no kernel feature, the command runs all the same."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness import command, places, recorded, stuck
from harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Vestige
    from harness.recorded import Run
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

MB = 1_000_000
PAGE = 4096
SMALL_JOB = "echo out; echo err >&2; /bin/true; (exit 5); /bin/echo more; exit 3"
SMALL_OUTPUT = (3, b"out\nmore\n", b"err\n")


def assert_small_job(completed: subprocess.CompletedProcess[bytes]) -> None:
    assert (completed.returncode, completed.stdout, completed.stderr) == SMALL_OUTPUT


def without_store(vestige: Vestige) -> dict[str, str]:
    """Return the environment of somebody who has named no store."""
    return {name: value for name, value in vestige.variables.items() if name != "VESTIGE_STORE"}


def assert_no_false_zero(run: Run) -> None:
    """A figure that could not be read is null, with its reason."""
    for name, figure in run.record["resources"].items():
        if figure["value"] is None:
            assert figure["method"] == "unavailable", name
            assert figure["reason"], name
    assert run.figure("wall").number > 0


@pytest.fixture
def disk(vestige: Vestige) -> Iterator[str]:
    """Give a disk of 3 MB."""
    with places.tmpfs(os.path.join(vestige.home, "disk"), "size=3m") as folder:
        yield folder


@pytest.mark.needs("root")
def test_a_disk_that_fills_up_meanwhile(vestige: Vestige, victims: Victims, disk: str) -> None:
    full = vestige.variables | {"VESTIGE_STORE": disk}
    bare = vestige.bare(victims.blob, str(20 * MB))
    seen = vestige.run("sh", "-c", f"{victims.blob} {20 * MB}; {victims.nothing} 4; exit 3", env=full)
    assert (seen.returncode, seen.stderr) == (3, b"")
    assert seen.stdout == bare.stdout
    subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
    shown = vestige.call("show", "--json", env=full)
    assert shown.returncode == 0, shown.stderr.decode()
    (name,) = os.listdir(os.path.join(disk, "runs"))
    run = recorded.load(os.path.join(disk, "runs", name))
    stdout = run.record["streams"]["stdout"]
    assert stdout["reason"]
    assert run.captured("stdout") == bare.stdout[: len(run.captured("stdout"))]
    assert_no_false_zero(run)


@pytest.mark.needs("root")
def test_a_run_without_a_single_event_is_over_when_it_is(vestige: Vestige, disk: str) -> None:
    """Its events are empty, as those of a run that begins; but nobody holds them."""
    full = vestige.variables | {"VESTIGE_STORE": disk}
    assert vestige.run("true", env=full).returncode == 0
    filler = places.fill(disk)
    os.truncate(filler, os.path.getsize(filler) - PAGE)  # for the first record
    assert_small_job(vestige.run("sh", "-c", SMALL_JOB, env=full))
    os.unlink(filler)
    record = json.loads(vestige.call("show", "--json", env=full).stdout)
    assert record["status"] == "interrupted"
    assert record["resources"]["wall"]["reason"] == "nobody saw the start of the run"


@pytest.mark.needs("root")
def test_a_full_disk_named_as_the_store_is_an_error_before_the_start(vestige: Vestige, disk: str) -> None:
    places.fill(disk)
    seen = vestige.run(
        "sh", "-c", "touch started", env=vestige.variables | {"VESTIGE_STORE": os.path.join(disk, "store")}
    )
    assert seen.returncode == 125
    assert seen.stderr.count(b"\n") == 1
    assert not os.path.exists(vestige.path("started"))


@pytest.mark.needs("root")
def test_without_any_place_for_it_the_command_runs_unrecorded(vestige: Vestige, disk: str) -> None:
    places.fill(disk)
    nowhere = without_store(vestige) | {"XDG_STATE_HOME": os.path.join(disk, "state")}
    assert_small_job(vestige.run("sh", "-c", SMALL_JOB, cwd=disk, env=nowhere))


@pytest.mark.needs("root")
def test_a_disk_without_inodes(vestige: Vestige) -> None:
    for inodes in range(2, 9):  # the run folder, its record, its events, … : each of them may be the one that fails
        with places.tmpfs(os.path.join(vestige.home, "disk"), f"size=3m,nr_inodes={inodes}") as disk:
            nowhere = without_store(vestige) | {"XDG_STATE_HOME": os.path.join(disk, "state")}
            assert_small_job(vestige.run("sh", "-c", SMALL_JOB, cwd=disk, env=nowhere))


@pytest.mark.needs("root")
def test_a_read_only_folder_leads_to_the_users_own_store(vestige: Vestige) -> None:
    with places.tmpfs(os.path.join(vestige.home, "disk"), "size=3m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert_small_job(vestige.run("sh", "-c", SMALL_JOB, cwd=disk, env=without_store(vestige)))
        listed = vestige.call("ls", cwd=disk, env=without_store(vestige))
    runs = os.path.join(vestige.variables["XDG_STATE_HOME"], "vestige", "runs")
    assert len(os.listdir(runs)) == 1
    assert listed.returncode == 0
    assert os.listdir(runs)[0][-8:].encode()[:4] in listed.stdout


@pytest.mark.needs("nobody")
def test_no_permission_to_write_here(open_vestige: Vestige, vestige: Vestige) -> None:
    words = open_vestige.words("sh", "-c", SMALL_JOB)
    os.chmod(open_vestige.folder, 0o555)  # noqa: S103 - that is the point
    assert_small_job(open_vestige.bare(*places.AS_NOBODY, *words, env=without_store(open_vestige)))
    runs = os.path.join(open_vestige.variables["XDG_STATE_HOME"], "vestige", "runs")
    assert len(os.listdir(runs)) == 1
    assert vestige.folders() == []


@pytest.mark.needs("nobody")
def test_a_folder_that_may_not_even_be_read(open_vestige: Vestige) -> None:
    words = open_vestige.words("sh", "-c", SMALL_JOB)
    os.chmod(open_vestige.folder, 0o311)  # noqa: S103 - that is the point
    assert_small_job(open_vestige.bare(*places.AS_NOBODY, *words, env=without_store(open_vestige)))


@pytest.mark.parametrize("limit", [6, 8, 12, 16, 32])
def test_few_descriptors(vestige: Vestige, limit: int) -> None:
    """Below six, Python itself can hardly start."""
    job = "echo out; /bin/echo more; exit 3"
    script = f"ulimit -n {limit}; {{}}sh -c '{job}'; echo $?"
    bare, seen = (vestige.shell(script.format(prefix)) for prefix in ("", "vestige run "))
    assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr) == (b"out\nmore\n3\n", b"")


def test_a_limit_on_the_size_of_files_is_the_commands_not_the_recorders(vestige: Vestige, victims: Victims) -> None:
    completed = vestige.shell(f"ulimit -f 8; vestige run {victims.blob} 1000000")
    assert completed.returncode == 0
    assert len(completed.stdout) == 1_000_000
    assert vestige.last().code == 0


def test_a_limit_on_the_size_of_files_still_holds_for_the_command(vestige: Vestige, victims: Victims) -> None:
    script = f"ulimit -f 8; {{}}{victims.blob} 1000000 >out; echo $?"
    bare, seen = (vestige.shell(script.format(prefix)).stdout for prefix in ("", "vestige run "))
    assert seen == bare
    assert os.path.getsize(vestige.path("out")) == 8 * 1024


@pytest.mark.parametrize("words", ["run", "duct -q -p x_", "ls"])
def test_a_limit_on_the_size_of_files_leaves_no_cut_modules(vestige: Vestige, words: str) -> None:
    """CPython before 3.14 leaves a `.pyc` that is cut off, and then nobody can import that module any more."""
    package = os.path.join(vestige.home, "site", "vestige")
    shutil.copytree(os.path.join(command.package_parent(), "vestige"), package, ignore=shutil.ignore_patterns("*.pyc"))
    start = f"import sys; sys.path.insert(0, {os.path.dirname(package)!r}); from vestige.cli.front import main; "
    python = f'{sys.executable} -I -S -c "{start}sys.exit(main(sys.argv))"'
    call = f"{words} true" if words != "ls" else words
    assert vestige.shell(f"ulimit -f 8; {python} {call}").returncode == 0
    if words != "ls":
        vestige.last()  # finalised, by the same package
    sizes = [os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(package) for name in names]
    assert 8 * 1024 not in sizes


@pytest.mark.unsanitized
def test_little_address_space(vestige: Vestige) -> None:
    completed = vestige.shell(f"ulimit -v 60000; vestige run sh -c '{SMALL_JOB}'")
    assert_small_job(completed)
    until(lambda: recorded.is_finalised(vestige.folders()[-1]), "its record")


def test_a_limit_on_cpu_time_is_the_commands(vestige: Vestige, victims: Victims) -> None:
    completed = vestige.shell(f"ulimit -t 1; vestige run {victims.actor} spin:5000; echo $?")
    assert completed.stdout == b"137\n"
    assert vestige.last().record["exit"]["signal"] in ("SIGKILL", "SIGXCPU")


DENIED = {
    "no seccomp": ["seccomp=1"],
    "no seccomp at all": ["seccomp=38", "prctl:0=22=22"],
    "no listener": ["seccomp:1&8=22"],
    "no killable wait": ["seccomp:1&32=22"],
    "no speculation flag": ["seccomp:1&4=22"],
    "no size query": ["seccomp:0=3=22"],
    "no synchronous wake-up": ["ioctl:1=0x40082104=22"],
    "no subreaper": ["prctl:0=36=22"],
    "no process_vm_readv": ["process_vm_readv=1"],
    "process_vm_readv not built": ["process_vm_readv=38"],
    "no pidfd": ["pidfd_open=38", "pidfd_getfd=38", "pidfd_send_signal=38"],
    "no kcmp": ["kcmp=38"],
    "no clone3": ["clone3=38"],
    "no close_range": ["close_range=38"],
    "no memfd": ["memfd_create=38"],
    "no timerfd": ["timerfd_create=38"],
    "no signalfd": ["signalfd4=38"],
    "no eventfd": ["eventfd2=38"],
    "no epoll": ["epoll_create1=38"],
    "no splice": ["splice=38"],
    "no tee": ["tee=38"],
    "no waitid": ["waitid=38"],
    "no statx": ["statx=38"],
    "no process groups": ["setpgid=1"],
    "no locks": ["flock=38"],
    "no larger pipes": ["fcntl:1=1031=1"],
    "no space kept": ["fallocate=95"],
    "no descriptors passed": ["sendmsg=1"],
    "no unshare": ["unshare=1"],  # the default profile of Docker and containerd
    "no table of its own": ["unshare=1", "close_range=38"],
}
NO_LIMITS = pytest.param(["prlimit64=1"], id="no limits", marks=pytest.mark.unsanitized)


@pytest.mark.parametrize("rules", [*(pytest.param(rules, id=name) for name, rules in DENIED.items()), NO_LIMITS])
def test_missing_kernel_features_one_by_one(vestige: Vestige, victims: Victims, rules: list[str]) -> None:
    words = vestige.words("sh", "-c", SMALL_JOB)
    assert_small_job(vestige.bare(victims.deny, *rules, "--", *words))
    run = vestige.last()
    assert run.code == 3
    assert run.captured("stdout") == SMALL_OUTPUT[1]
    assert run.figure("cpu").number > 0
    assert_no_false_zero(run)


def test_seccomp_refused_is_said(vestige: Vestige, victims: Victims) -> None:
    vestige.bare(victims.deny, "seccomp=1", "--", *vestige.words(victims.actor, "inturn:3", "spin:20"))
    complete = vestige.last().record["completeness"]
    assert complete["trace"] == "unavailable"
    assert complete["trace_reason"]


def test_in_a_container_that_refuses_unshare_files_are_seen(vestige: Vestige, victims: Victims) -> None:
    vestige.bare(victims.deny, "unshare=1", "--", *vestige.words("sh", "-c", "cat /etc/passwd >out"))
    run = vestige.last()
    assert run.record["completeness"]["trace"] == "on"
    assert vestige.path("out") in run.of_kind("output")


def test_no_way_to_a_listener_is_said(vestige: Vestige, victims: Victims) -> None:
    vestige.bare(victims.deny, "unshare=1", "close_range=38", "--", *vestige.words("sh", "-c", SMALL_JOB))
    complete = vestige.last().record["completeness"]
    assert complete["trace"] == "unavailable"
    assert "seccomp profile" in complete["trace_reason"]


def test_an_outer_listener_is_said(vestige: Vestige, victims: Victims) -> None:
    assert_small_job(vestige.bare(victims.listener, *vestige.words("sh", "-c", SMALL_JOB)))
    run = vestige.last()
    assert run.record["completeness"]["trace"] == "unavailable"
    assert run.record["completeness"]["trace_reason"]
    assert run.figure("cpu").number > 0


def test_ptrace_scope_2(vestige: Vestige) -> None:
    path = "/proc/sys/kernel/yama/ptrace_scope"
    if not os.path.exists(path):
        pytest.skip("this kernel has no Yama")
    with open(path, encoding="ascii") as file:
        if int(file.read()) < 2:
            pytest.skip("Yama's ptrace_scope is below 2, and a test does not change the machine")
    assert_small_job(vestige.run("sh", "-c", SMALL_JOB))


@pytest.mark.unsanitized
@pytest.mark.needs("root", "unshare")
def test_an_unreadable_proc(vestige: Vestige) -> None:
    script = f"mount -t tmpfs none /proc; vestige run sh -c '{SMALL_JOB}'"
    assert_small_job(vestige.bare("unshare", "--mount", "bash", "-c", script))
    run = vestige.last()
    assert run.code == 3
    assert run.figure("cpu").number > 0
    assert run.figure("memory_peak").value != 0
    assert_no_false_zero(run)


@pytest.mark.needs("nobody", "unshare")
def test_a_proc_that_hides_what_belongs_to_others(open_vestige: Vestige) -> None:
    nobody = " ".join(places.AS_NOBODY)
    script = f"mount -t proc -o hidepid=2 none /proc; {nobody} vestige run sh -c '{SMALL_JOB}'"
    assert_small_job(open_vestige.bare("unshare", "--mount", "bash", "-c", script))
    assert open_vestige.last().code == 3


@pytest.mark.timeout(300)
def test_10000_processes(vestige: Vestige, victims: Victims) -> None:
    recorded_run = vestige.record(victims.actor, "inturn:10000")
    assert recorded_run.completed.returncode == 0
    assert recorded_run.run.figure("processes").value == 10_001
    assert recorded_run.run.record["completeness"]["events_dropped"] == 0
    assert recorded_run.run.figure("recorder_memory").number < recorded.MOST_RECORDER_MEMORY


def test_2000_processes_at_once(vestige: Vestige, victims: Victims) -> None:
    run = vestige.record(victims.actor, "children:2000", "sleep:300").run
    assert run.figure("processes").value == 2001
    assert run.figure("recorder_memory").number < recorded.MOST_RECORDER_MEMORY


def test_1000_children_that_only_the_sampler_sees(vestige: Vestige, victims: Victims) -> None:
    """More than fit into the page that the kernel gives of a process's children at once."""
    children = f"{victims.actor} children:1000 sleep:4000 >/dev/null 2>&1 &"
    there = "until [ $(wc -w </proc/$!/task/$!/children) = 1000 ]; do sleep 0.05; done"
    run = vestige.record("sh", "-c", f"{children} {there}", options=("--trace", "off")).run
    assert sum(event["event"] == "survivor" for event in run.events) == 1001


def test_more_processes_than_descriptors(vestige: Vestige, victims: Victims) -> None:
    """Some descriptors are left to look at the processes with, whatever else could be held open."""
    children = f"{victims.actor} children:100 sleep:4000 >/dev/null 2>&1 &"
    there = "until [ $(wc -w </proc/$!/task/$!/children) = 100 ]; do sleep 0.05; done"
    vestige.shell(f"ulimit -n 90; vestige run --trace off sh -c '{children} {there}'")
    survivors = [event for event in vestige.last().events if event["event"] == "survivor"]
    assert len(survivors) == 101
    assert all(event["hwm"] > 0 for event in survivors)


@pytest.mark.needs("root")
def test_somebody_in_a_thousand_groups(vestige: Vestige, victims: Victims) -> None:
    """They stand before what is looked for in /proc/PID/status."""
    many = range(1_000_000_000, 1_000_001_000)
    run = vestige.record(victims.actor, "inturn:1", "touch:30", extra_groups=many).run
    assert all(event["hwm"] > 0 for event in run.events if event["event"] == "exit")
    assert run.figure("memory_peak_process").number > 30 * MB


def test_1000_threads_in_one_process(vestige: Vestige, victims: Victims) -> None:
    run = vestige.record(victims.actor, "threads:1000", "sleep:200").run
    assert (run.code, len(run.processes)) == (0, 1)
    (end,) = [event for event in run.events if event["event"] == "exit"]
    assert end["threads"] == 1001


def test_20000_lines_a_second_for_some_seconds(vestige: Vestige, victims: Victims) -> None:
    recorded_run = vestige.record(victims.alternate, "80000", "25", stderr=subprocess.STDOUT)
    lines = recorded_run.completed.stdout.splitlines()
    assert [int(line.split()[1]) for line in lines] == list(range(80_000))
    assert recorded_run.run.captured("stdout") == recorded_run.completed.stdout
    assert os.path.getsize(recorded_run.run.events_path) < 2 * MB


@pytest.mark.unsanitized
def test_a_wall_clock_that_jumps(vestige: Vestige, victims: Victims) -> None:
    jumping = vestige.variables | {"LD_PRELOAD": victims.clockstep}
    assert_small_job(vestige.run("sh", "-c", SMALL_JOB, env=jumping))
    run = vestige.last()
    assert 0 < run.figure("wall").number < 60
    assert all(event["t"] >= 0 for event in run.events)
    assert all(0 <= process.start <= (process.end or 0) < 60 for process in run.processes)


def test_a_store_that_vanishes_meanwhile(vestige: Vestige) -> None:
    completed = vestige.run("sh", "-c", f'rm -rf "$VESTIGE_STORE"; {SMALL_JOB}')
    assert_small_job(completed)
    assert vestige.folders() == []


def test_a_record_spoilt_by_the_command_itself(vestige: Vestige) -> None:
    completed = vestige.run("sh", "-c", f'echo garbage >"$VESTIGE_RUN/record.json"; {SMALL_JOB}')
    assert_small_job(completed)
    assert vestige.call("ls").returncode == 0


def test_a_recorder_that_is_not_there_leaves_the_work_to_python(vestige: Vestige) -> None:
    absent = vestige.variables | {"VESTIGE_RECORDER": "/no/such/recorder"}
    assert_small_job(vestige.run("sh", "-c", SMALL_JOB, env=absent))
    assert vestige.last().record["completeness"]["observer"] == "portable"


@contextlib.contextmanager
def hanging(folder: str) -> Iterator[None]:
    """Make a folder with a file system that never answers."""
    os.mkdir(folder)
    with away(folder):
        yield


@contextlib.contextmanager
def away(folder: str) -> Iterator[None]:
    """Put a file system there that never answers."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(stuck.file_system(folder))
        except OSError as error:
            pytest.skip(f"no file system can be mounted here: {error}")
        yield


@pytest.mark.needs("root")
def test_a_file_server_that_hangs_holds_up_nobody_else(vestige: Vestige) -> None:
    script = "cat server/file & p=$!; sleep 0.2; cat /etc/passwd >out; echo done; kill -9 $p; exit 3"
    with hanging(vestige.path("server")):
        completed = vestige.run("sh", "-c", script)
        assert (completed.returncode, completed.stdout) == (3, b"done\n")
    assert vestige.path("out") in vestige.last().of_kind("output")


@pytest.mark.needs("root")
def test_a_file_server_that_hangs_at_the_end_is_not_waited_for_long(vestige: Vestige) -> None:
    script = "for i in 1 2 3; do (timeout -s KILL 0.3 sh -c 'echo x >server/$i') 2>/dev/null; done; exit 4"
    with hanging(vestige.path("server")):
        assert vestige.run("sh", "-c", script).returncode == 4


@pytest.mark.needs("root")
def test_a_file_server_that_went_away_at_the_end_holds_up_no_survivor(vestige: Vestige) -> None:
    """What the run has changed there is looked at when the command has ended; others make files meanwhile."""
    folder = vestige.path("server")
    later = "(sleep 1; for i in 1 2 3; do echo x >other$i; done; /bin/sh -c 'echo x >last') >/dev/null 2>&1 &"
    script = f"echo x >server/file; echo x >ready; until [ -e gone ]; do sleep 0.02; done; {later} exit 4"
    os.mkdir(folder)
    with vestige.start("sh", "-c", script) as process:
        until(lambda: os.path.exists(vestige.path("ready")), "a file on the server")
        with away(folder):
            open(vestige.path("gone"), "w").close()
            assert process.wait(timeout=30) == 4
            until(lambda: os.path.exists(vestige.path("last")), "the survivor's last file")
