"""When `vestige duct` finds no space, no permission or no descriptor, the command runs all the same, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import places, processes
from harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Vestige
    from harness.victims import Victims

MB = 1_000_000
JOB = "echo out; echo err >&2; /bin/echo more; exit 3"
KEEP = ("-q", "--fail-time", "0")
SUFFIXES = {"stdout", "stderr", "usage.jsonl", "info.json"}


def info(path: str | Path) -> dict[str, Any]:
    return dict(json.loads(Path(path).read_text()))


def code_in(path: str | Path) -> int | None:
    code = info(path)["execution_summary"]["exit_code"]
    assert code is None or isinstance(code, int)
    return code


def assert_nothing_was_begun(vestige: Vestige, done: subprocess.CompletedProcess[bytes]) -> None:
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"vestige duct: error: ")
    assert not os.path.exists(vestige.path("started"))
    assert vestige.folders() == []


@pytest.fixture
def disk(vestige: Vestige) -> Iterator[str]:
    """Give a disk of 3 MB."""
    with places.tmpfs(os.path.join(vestige.home, "disk"), "size=3m") as folder:
        yield folder


@pytest.mark.needs("root", "gcc")
class TestDisks:
    def test_one_that_fills_up_meanwhile(self, vestige: Vestige, victims: Victims, disk: str) -> None:
        bare = vestige.bare(victims.blob, str(20 * MB))
        store = vestige.variables | {"VESTIGE_STORE": os.path.join(disk, "store")}
        words = ("sh", "-c", f"{victims.blob} {20 * MB}; sleep 0.3; exit 3")
        done = vestige.call("duct", "-l", "WARNING", "--f-t", "0", "--s-i", "0.05", "--r-i", "0.05",
                            "-p", f"{disk}/x_", *words, env=store)  # fmt: skip
        assert (done.returncode, done.stdout) == (3, bare.stdout)
        assert b"output may not be whole" in done.stderr
        assert b"Traceback" not in done.stderr
        assert Path(disk, "x_stdout").read_bytes() == bare.stdout[: os.path.getsize(f"{disk}/x_stdout")]
        assert code_in(f"{disk}/x_info.json") in (None, 3)
        assert all(json.loads(line) for line in Path(disk, "x_usage.jsonl").read_text().splitlines())

    def test_a_full_one(self, vestige: Vestige, disk: str) -> None:
        places.fill(disk)
        done = vestige.call("duct", "-q", "-p", f"{disk}/x_", "touch", "started")
        assert_nothing_was_begun(vestige, done)
        assert os.listdir(disk) == ["filler"]

    def test_one_without_inodes(self, vestige: Vestige) -> None:
        for inodes in range(2, 9):  # any of the files may be the one that fails
            with places.tmpfs(os.path.join(vestige.home, "disk"), f"size=3m,nr_inodes={inodes}") as disk:
                done = vestige.call("duct", *KEEP, "-p", f"{disk}/x_", "sh", "-c", JOB)
                left = os.listdir(disk)
                if done.returncode == 3:
                    assert done.stdout == b"out\nmore\n"
                    assert code_in(f"{disk}/x_info.json") in (None, 3)
                else:
                    assert (done.returncode, done.stdout, left) == (1, b"", [])

    def test_one_that_can_only_be_read(self, vestige: Vestige, disk: str) -> None:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert_nothing_was_begun(vestige, vestige.call("duct", "-q", "-p", f"{disk}/x_", "touch", "started"))
        assert_nothing_was_begun(vestige, vestige.call("duct", "-q", "-p", f"{disk}/new/x_", "touch", "started"))

    def test_one_that_can_only_be_read_as_the_place_for_runs(self, vestige: Vestige, disk: str) -> None:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        store = vestige.variables | {"VESTIGE_STORE": os.path.join(disk, "store")}
        done = vestige.call("duct", *KEEP, "-p", "x_", "sh", "-c", JOB, env=store)
        assert (done.returncode, done.stdout, code_in(vestige.path("x_info.json"))) == (3, b"out\nmore\n", 3)
        assert Path(vestige.path("x_stdout")).read_text() == "out\nmore\n"

    def test_another_one_for_the_files_gets_the_output_twice(self, vestige: Vestige, disk: str) -> None:
        done = vestige.call("duct", "-q", "-p", f"{disk}/x_", "sh", "-c", "echo out; echo err >&2")
        assert (done.returncode, Path(disk, "x_stdout").read_text()) == (0, "out\n")
        run = vestige.last()
        assert (run.captured("stdout"), run.captured("stderr")) == (b"out\n", b"err\n")
        assert not os.path.islink(os.path.join(run.folder, "stdout"))


@pytest.mark.needs("nobody")
def test_no_permission_here(open_vestige: Vestige) -> None:
    os.chmod(open_vestige.folder, 0o555)  # noqa: S103 - that is the point
    words = [open_vestige.executable, "duct", "-q", "-p", "x_", "touch", "/tmp/never"]
    done = open_vestige.bare(*places.AS_NOBODY, *words)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Permission denied" in done.stderr
    elsewhere = os.path.join(open_vestige.home, "x_")
    words = [open_vestige.executable, "duct", *KEEP, "-p", elsewhere, "sh", "-c", JOB]
    done = open_vestige.bare(*places.AS_NOBODY, *words)
    assert (done.returncode, done.stdout, code_in(f"{elsewhere}info.json")) == (3, b"out\nmore\n", 3)


@pytest.mark.needs("recorder", "gcc")
class TestLimits:
    @pytest.mark.parametrize("limit", [6, 8, 12, 16, 32])
    def test_few_descriptors(self, vestige: Vestige, limit: int) -> None:
        """Below six, Python itself can hardly start."""
        script = f"ulimit -n {limit}; {{}}sh -c '{JOB}; ulimit -n'"
        bare, seen = (vestige.shell(script.format(prefix)) for prefix in ("", "vestige duct --f-t 0 -l WARNING -p x_ "))
        assert (seen.returncode, seen.stdout) == (bare.returncode, bare.stdout)
        assert seen.stderr.startswith(bare.stderr)
        assert b"Traceback" not in seen.stderr
        assert code_in(vestige.path("x_info.json")) == 3
        kept = Path(vestige.path("x_stdout")).read_bytes()
        assert kept == seen.stdout or any(said in seen.stderr for said in (b"not kept whole", b"output is not kept"))

    def test_size_of_files_into_a_pipe(self, vestige: Vestige, victims: Victims) -> None:
        done = vestige.shell(f"ulimit -f 8; vestige duct -l WARNING -p x_ {victims.blob} 1000000")
        assert (done.returncode, len(done.stdout)) == (0, 1_000_000)
        assert b"stdout is not kept whole: File too large" in done.stderr
        assert code_in(vestige.path("x_info.json")) == 0

    def test_size_of_files_is_still_the_commands(self, vestige: Vestige, victims: Victims) -> None:
        script = f"ulimit -f 8; {{}}sh -c '{victims.blob} 1000000 >out; echo $?'"
        bare, seen = (vestige.shell(script.format(prefix)).stdout for prefix in ("", "vestige duct -q -p x_ "))
        assert seen == bare

    @pytest.mark.unsanitized
    def test_little_address_space(self, vestige: Vestige) -> None:
        done = vestige.shell(f"ulimit -v 60000; vestige duct -q --f-t 0 -p x_ sh -c '{JOB}'")
        assert (done.returncode, done.stdout, done.stderr) == (3, b"out\nmore\n", b"err\n")


class TestOurFaults:
    def test_one_after_the_start_costs_no_exit_code(self, vestige: Vestige) -> None:
        script = "import sys; sys.modules['vestige.duct.ending'] = None; from vestige.cli.duct import main; "
        done = vestige.bare(sys.executable, "-c", f"{script}sys.exit(main(sys.argv[1:]))", "-p", "x_", "sh", "-c", JOB)
        assert (done.returncode, done.stdout) == (3, b"out\nmore\n")
        assert b"the files are not complete: ModuleNotFoundError" in done.stderr
        assert code_in(vestige.path("x_info.json")) is None

    def test_no_observer_can_be_started(self, vestige: Vestige) -> None:
        script = "import sys; sys.executable = '/nowhere'; from vestige.cli.duct import main; "
        done = vestige.bare(sys.executable, "-c", f"{script}sys.exit(main(sys.argv[1:]))", "-q", "-p", "x_", "touch",
                            "started", env=vestige.variables | {"VESTIGE_RECORDER": "/nowhere"})  # fmt: skip
        assert_nothing_was_begun(vestige, done)
        assert os.listdir(vestige.folder) == []

    def test_an_observer_that_is_ended_before_it_begins(self, vestige: Vestige) -> None:
        observer = Path(vestige.home, "observer")
        observer.write_text("#!/bin/sh\nkill -TERM $$\n")
        observer.chmod(0o755)
        done = vestige.call("duct", *KEEP, "-p", "x_", "touch", "started", limit=10,
                            env=vestige.variables | {"VESTIGE_RECORDER": str(observer)})  # fmt: skip
        assert (done.returncode, done.stdout, code_in(vestige.path("x_info.json"))) == (143, b"", 143)
        assert not os.path.exists(vestige.path("started"))

    def test_without_a_recorder(self, vestige: Vestige) -> None:
        done = vestige.call("duct", *KEEP, "-p", "x_", "sh", "-c", JOB,
                            env=vestige.variables | {"VESTIGE_RECORDER": "/nowhere"})  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (3, b"out\nmore\n", b"err\n")
        assert code_in(vestige.path("x_info.json")) == 3
        assert Path(vestige.path("x_stdout")).read_text() == "out\nmore\n"

    def test_ctrl_c_before_the_start_leaves_nothing(self, vestige: Vestige) -> None:
        for name in ("x_stdout", "x_usage.jsonl", "x_info.json"):
            script = (
                "import signal, sys\n"
                f"hook = lambda event, words: event == 'open' and {name!r} in str(words) and signal.raise_signal(2)\n"
                "from vestige.cli.duct import main\n"
                "sys.addaudithook(hook)\n"
                "sys.exit(main(sys.argv[1:]))"
            )
            done = vestige.bare(sys.executable, "-c", script, "-p", "x_", "touch", "started")
            assert (done.returncode, done.stdout, done.stderr) == (130, b"", b""), name
            assert os.listdir(vestige.folder) == [], name
            assert vestige.folders() == []

    def test_standard_streams_that_are_closed(self, vestige: Vestige) -> None:
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            script = f"{{}} sh -c 'echo out; echo err >&2; ls -l /proc/self/fd | wc -l >&2; exit 3' {closed}"
            bare, seen = (vestige.shell(script.format(prefix))
                          for prefix in ("", "vestige duct -q --clobber --f-t 0 -p x_"))  # fmt: skip
            assert (seen.returncode, seen.stdout, seen.stderr) == (bare.returncode, bare.stdout, bare.stderr), closed
            assert code_in(vestige.path("x_info.json")) == 3


class TestNames:
    def test_odd_bytes_in_the_prefix(self, vestige: Vestige) -> None:
        prefix = os.fsencode(vestige.folder) + b"/x\xff\n\"'{{}}_"
        done = vestige.bare(vestige.executable, "duct", "-q", "-p", prefix, "echo", "out")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"out\n", b"")
        names = {os.fsdecode(b"x\xff\n\"'{}_") + suffix for suffix in SUFFIXES}
        assert set(os.listdir(vestige.folder)) == names

    def test_two_with_one_prefix_at_once(self, vestige: Vestige) -> None:
        for turn in range(5):
            script = f"vestige duct -q -p {turn}_ sh -c 'echo $$; sleep 0.2'"
            both = [vestige.start_bare("bash", "-c", script) for _ in range(2)]
            said = [process.communicate(timeout=30)[0] for process in both]
            (number,) = [index for index, process in enumerate(both) if process.returncode == 0]
            assert both[1 - number].returncode == 1
            assert Path(vestige.path(f"{turn}_stdout")).read_bytes() == said[number]
            assert code_in(vestige.path(f"{turn}_info.json")) == 0


@pytest.mark.needs("recorder")
class TestInEachOther:
    @pytest.mark.parametrize("outer", [["duct", *KEEP, "-p", "a_"], ["run"]], ids=lambda words: words[0])
    def test_ours_in_ours(self, vestige: Vestige, outer: list[str]) -> None:
        done = vestige.call(*outer, vestige.executable, "duct", *KEEP, "-p", "b_", "sh", "-c", JOB)
        assert (done.returncode, done.stdout, done.stderr) == (3, b"out\nmore\n", b"err\n")
        assert code_in(vestige.path("b_info.json")) == 3
        assert Path(vestige.path("b_stdout")).read_text() == "out\nmore\n"
        assert len(vestige.folders()) == 2

    @pytest.mark.needs("con-duct", "duct")
    @pytest.mark.parametrize("ours", ["inside", "outside"])
    def test_ours_and_theirs(self, vestige: Vestige, ours: str) -> None:
        names = [[vestige.executable, "duct"], ["duct"]]
        outer, inner = names[::-1] if ours == "inside" else names
        done = vestige.bare(*outer, *KEEP, "-p", "a_", *inner, *KEEP, "-p", "b_", "sh", "-c", JOB)
        assert (done.returncode, done.stdout, done.stderr) == (3, b"out\nmore\n", b"err\n")
        assert code_in(vestige.path("a_info.json")) == code_in(vestige.path("b_info.json")) == 3


class TestSignals:
    def test_the_third_ctrl_c_kills_whatever_the_command_became(self, vestige: Vestige) -> None:
        script = "trap '' INT; echo ready; exec sleep 100"
        words = ("duct", "--f-t", "0", "-p", "x_", "env", "-i", "PATH=/bin:/usr/bin", "sh", "-c", script)
        with vestige.start_bare(vestige.executable, *words) as process:
            assert process.stdout
            process.stdout.readline()
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.2)
            assert process.poll() is None
            os.kill(vestige.command_pid(vestige.new_folder()), signal.SIGSTOP)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=30)
        assert process.returncode == 137
        assert code_in(vestige.path("x_info.json")) == 137
        assert b"forcefully killing" in stderr

    def test_the_fourth_leaves_at_once(self, vestige: Vestige) -> None:
        script = "trap '' INT; echo ready; exec sleep 2"
        with vestige.start_bare(vestige.executable, "duct", "-p", "x_", "sh", "-c", script) as process:
            assert process.stdout
            process.stdout.readline()
            front = vestige.pids(vestige.new_folder())["front"]
            os.kill(front, signal.SIGSTOP)  # it tells nobody that the command was killed
            for _ in range(4):
                process.send_signal(signal.SIGINT)
                time.sleep(0.2)
            assert process.wait(timeout=10) == 1
            os.kill(front, signal.SIGCONT)
        assert code_in(vestige.path("x_info.json")) is None

    def test_stopped_and_continued_it_goes_on(self, vestige: Vestige) -> None:
        words = ("duct", *KEEP, "-p", "x_", "sh", "-c", "echo ready; read word; echo $word; exit 3")
        with vestige.start_bare(vestige.executable, *words, stdin=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(signal.SIGTSTP)
            until(lambda: processes.state(process.pid) == "T", "the stop")
            process.send_signal(signal.SIGCONT)
            stdout, _ = process.communicate(b"go\n", timeout=30)
        assert (process.returncode, stdout, code_in(vestige.path("x_info.json"))) == (3, b"go\n", 3)


class TestAttach:
    def attach(self, vestige: Vestige, pid: int) -> subprocess.CompletedProcess[bytes]:
        return vestige.call("duct", "-l", "ERROR", "-p", "x_", "--attach", str(pid))

    def test_not_to_one_that_has_ended(self, vestige: Vestige) -> None:
        with subprocess.Popen(["true"]) as zombie:
            until(lambda: processes.state(zombie.pid) == "Z", "the end")
            done = self.attach(vestige, zombie.pid)
        assert done.returncode == 1
        assert b"there is no process" in done.stderr
        assert os.listdir(vestige.folder) == []

    def test_not_to_a_thread(self, vestige: Vestige) -> None:
        script = "import threading, time; threading.Thread(target=time.sleep, args=(30,)).start()"
        with subprocess.Popen([sys.executable, "-S", "-c", script]) as process:
            threads = f"/proc/{process.pid}/task"
            until(lambda: len(os.listdir(threads)) == 2, "the thread")
            (thread,) = {int(name) for name in os.listdir(threads)} - {process.pid}
            done = self.attach(vestige, thread)
            process.kill()
        assert done.returncode == 1
        assert f"process {process.pid}".encode() in done.stderr

    @pytest.mark.needs("nobody")
    def test_to_one_of_another_user(self, open_vestige: Vestige) -> None:
        with subprocess.Popen(["sleep", "0.8"]) as others:
            words = [open_vestige.executable, "duct", "-q", "-p", "x_", "--s-i", "0.2", "--attach", str(others.pid)]
            done = open_vestige.bare(*places.AS_NOBODY, *words)
        assert (done.returncode, done.stderr) == (0, b"")
        assert info(open_vestige.path("x_info.json"))["execution_summary"]["peak_rss"] > 0

    @pytest.mark.needs("root")
    def test_a_full_disk_does_not_end_the_looking(self, vestige: Vestige) -> None:
        with places.tmpfs(os.path.join(vestige.home, "disk"), "size=3m") as disk:
            with subprocess.Popen(["sleep", "1.5"]) as running:
                words = ("duct", "-q", "-p", f"{disk}/x_", "--s-i", "0.05", "--r-i", "0.05")
                looking = vestige.start_bare(vestige.executable, *words, "--attach", str(running.pid))
                until(lambda: os.path.exists(f"{disk}/x_info.json"), "the first look")
                places.fill(disk)
                looking.communicate(timeout=30)
                assert running.wait(timeout=0.5) == 0
            assert code_in(f"{disk}/x_info.json") is None
            assert all(json.loads(line) for line in Path(disk, "x_usage.jsonl").read_text().splitlines())
