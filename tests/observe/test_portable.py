"""The observer without a recorder: the command first, and what it sees marked for what it is."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from harness import processes
from harness.front import Front, portable
from harness.waiting import until

from vestige.errors import UsageError
from vestige.observe import portable as observer
from vestige.observe import relay
from vestige.observe.recorder import Order

if TYPE_CHECKING:
    from pathlib import Path


EVENTS = ".vestige/runs/*/events.jsonl"


def popen(program: Front, *words: str, **options: Any) -> subprocess.Popen[bytes]:
    call = [sys.executable, "-m", "vestige", "run", *words]
    return subprocess.Popen(call, cwd=program.folder, env=program.environ, **options)


def named(program: Front, name: str) -> list[dict[str, Any]]:
    return [event for event in program.events() if event["event"] == name]


def final(program: Front) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(program("show", "--json").stdout)
    return content


class TestExit:
    @pytest.mark.parametrize("code", [0, 1, 2, 125, 126, 127, 128, 255])
    def test_codes(self, tmp_path: Path, code: int) -> None:
        program = portable(tmp_path)
        assert program("run", "sh", "-c", f"exit {code}").returncode == code
        assert final(program)["exit"]["code"] == code

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV])
    def test_signals(self, tmp_path: Path, number: signal.Signals) -> None:
        program = portable(tmp_path)
        assert program("run", "sh", "-c", f"kill -{number.value} $$").returncode == 128 + number
        assert final(program)["exit"] == {"code": 128 + number, "signal": number.name, "reason": None}

    def test_not_found(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        done = program("run", "no-such-command")
        assert (done.returncode, done.stdout) == (127, "")
        assert done.stderr == "vestige: can't run `no-such-command`: No such file or directory\n"
        assert named(program, "failed")[0]["errno"] == errno.ENOENT
        assert final(program)["exit"]["code"] == 127

    def test_not_executable(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        path = program.folder / "text"
        path.write_text("true\n")
        assert program("run", "./text").returncode == 126
        assert final(program)["exit"]["code"] == 126

    def test_a_script_without_a_first_line_is_run_by_sh(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        path = program.folder / "script"
        path.write_text('echo "got $1"\n')
        path.chmod(0o755)
        assert program("run", "./script", "a b").stdout == "got a b\n"


class TestStreams:
    def test_bytes_pass_unchanged_and_are_kept(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        script = "import os; os.write(1, bytes(range(256)) * 5000); os.write(2, b'\\0\\xff' * 3)"
        running = popen(program, sys.executable, "-c", script, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stdout, stderr = running.communicate(timeout=60)
        assert (stdout, stderr) == (bytes(range(256)) * 5000, b"\0\xff" * 3)
        (folder,) = program.runs
        assert ((folder / "stdout").read_bytes(), (folder / "stderr").read_bytes()) == (stdout, stderr)
        assert final(program)["streams"]["stdout"]["length"] == 1_280_000

    def test_stdin_reaches_the_command(self, tmp_path: Path) -> None:
        assert portable(tmp_path)("run", "cat", input="some words").stdout == "some words"

    def test_one_pipe_for_both_keeps_the_order(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo e$i >&2; done"
        done = program(
            "run", "sh", "-c", script, capture_output=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.stdout == "".join(f"{i}\ne{i}\n" for i in range(1, 10))
        streams = final(program)["streams"]
        assert (streams["stderr"]["merged"], streams["stdout"]["length"]) == (True, len(done.stdout))

    def test_a_file_is_handed_through_and_noted(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        path = program.folder / "log"
        path.write_text("before\n")
        with path.open("a") as log:
            program("run", "echo", "after", capture_output=False, stdout=log)
        assert path.read_text() == "before\nafter\n"
        stdout = final(program)["streams"]["stdout"]
        assert (stdout["kind"], stdout["captured"], stdout["path"]) == ("file", False, str(path))
        assert (stdout["offset"], stdout["length"]) == (7, 6)

    @pytest.mark.parametrize(("capture", "kept"), [("none", []), ("stdout", ["stdout"]), ("stderr", ["stderr"])])
    def test_choice_of_streams(self, tmp_path: Path, capture: str, kept: list[str]) -> None:
        program = portable(tmp_path)
        done = program("run", "--capture", capture, "sh", "-c", "echo a; echo b >&2")
        assert (done.stdout, done.stderr) == ("a\n", "b\n")
        (folder,) = program.runs
        assert sorted({"stdout", "stderr"} & {entry.name for entry in folder.iterdir()}) == kept

    def test_a_reader_that_goes_away_ends_the_command(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        script = f"{sys.executable} -m vestige run yes | head -1; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=program.folder, env=program.environ, capture_output=True, text=True, check=True
        )
        assert done.stdout == "y\n141\n"
        assert final(program)["exit"]["signal"] == "SIGPIPE"

    def test_closed_streams(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        script = f"{sys.executable} -m vestige run sh -c 'echo x; exit 5' >&- 2>&-; echo $?"
        done = subprocess.run(
            ["sh", "-c", script], cwd=program.folder, env=program.environ, capture_output=True, text=True, check=True
        )
        assert done.stdout == "5\n"
        assert final(program)["streams"]["stdout"]["kind"] == "closed"

    def test_a_child_left_behind_goes_on_writing(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        go = program.folder / "go"
        script = f"(while [ ! -e {go} ]; do sleep 0.02; done; echo late) & echo early"
        running = popen(program, "sh", "-c", script, stdout=subprocess.PIPE)
        assert running.stdout
        assert running.wait(30) == 0
        assert running.stdout.readline() == b"early\n"
        go.touch()
        with running.stdout:
            assert running.stdout.read() == b"late\n"
        assert "sh" in [survivor["name"] for survivor in final(program)["survivors"]]

    def test_a_child_left_behind_that_never_rests_is_not_waited_for(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        running = popen(program, "sh", "-c", "yes & echo $! >&2", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert running.stdout
        assert running.stderr
        with running.stdout, running.stderr:
            child = int(running.stderr.readline())
            reader = threading.Thread(target=processes.read_slowly, args=(running.stdout,))
            reader.start()
            try:
                assert running.wait(10) == 0
            finally:
                os.kill(child, signal.SIGKILL)
                reader.join()

    def test_a_terminal_stays_the_terminal(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        control, terminal = pty.openpty()
        running = popen(program, "-q", "sh", "-c", "test -t 1 && tty", stdin=terminal, stdout=terminal, stderr=terminal)
        assert running.wait(30) == 0
        assert os.read(control, 100).decode().strip() == os.ttyname(terminal)
        os.close(terminal)
        os.close(control)
        assert final(program)["streams"]["stdout"]["kind"] == "terminal"


def test_a_pipe_that_nobody_holds_at_the_end_is_at_its_end() -> None:
    """The word to finish may come together with the end: a process was left behind for a pipe that nobody held."""
    read, write = os.pipe()
    for _ in range(100):
        with contextlib.closing(Silent()) as notes:
            piped = relay.Relay(relay.Target("stdout", write, "pipe", captured=True), -1, notes)
            os.close(piped.sink)
            piped.finish()
            assert piped.ended
    os.close(read)
    os.close(write)


class Silent(relay.Notes):
    """Notes nothing, since nothing is kept."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
    def test_a_signal_sent_to_vestige_reaches_the_command(self, tmp_path: Path, number: signal.Signals) -> None:
        program = portable(tmp_path)
        script = f"trap 'echo caught; exit 9' {number.value}; echo ready; while :; do sleep 0.02; done"
        running = popen(program, "sh", "-c", script, stdout=subprocess.PIPE)
        assert running.stdout
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(number)
        assert running.communicate(timeout=30)[0] == b"caught\n"
        assert running.returncode == 9

    def test_ctrl_c_on_the_terminal_reaches_the_command_once(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        script = "n=0; trap 'n=$((n+1))' INT; echo ready; while [ $n = 0 ]; do sleep 0.05; done; sleep 0.3; echo n=$n"
        pid, control = pty.fork()
        if pid == 0:  # pragma: no cover - the child
            os.chdir(program.folder)
            call = [sys.executable, "-m", "vestige", "run", "-q", "sh", "-c", script]
            os.execve(sys.executable, call, program.environ)  # noqa: S606 - no shell is wanted
        seen = b""
        while b"ready" not in seen:
            seen += os.read(control, 100)
        os.write(control, b"\x03")
        while b"n=" not in seen:
            seen += os.read(control, 100)
        os.waitpid(pid, 0)
        os.close(control)
        assert b"n=1\r\n" in seen

    def test_the_command_is_in_the_same_process_group(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        running = popen(program, "sh", "-c", "ps -o pgid= -p $$", stdout=subprocess.PIPE, start_new_session=True)
        assert int(running.communicate(timeout=30)[0]) == running.pid

    def test_held_back_and_ignored_signals_are_as_without_us(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        call = (
            "import signal, os, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
        )
        status = ["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"]
        done = subprocess.run(
            [sys.executable, "-c", call, sys.executable, "-m", "vestige", "run", *status],
            cwd=program.folder, env=program.environ, capture_output=True, text=True, check=True,
        )  # fmt: skip
        blocked, ignored = (int(line.split()[1], 16) for line in done.stdout.splitlines())
        of_libc = 1 << 31 | 1 << 32  # 32 and 33 are glibc's own: its posix_spawn ignores them
        assert (blocked, ignored & ~of_libc) == (0, 1)


class TestRecord:
    def test_every_figure_is_marked_for_what_it_is(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", sys.executable, "-c", "x = bytearray(80_000_000); import time; time.sleep(0.5)")
        record = final(program)
        figures = record["resources"]
        assert record["completeness"]["observer"] == "portable"
        assert figures["wall"]["method"] == "exact"
        assert 0.5 < figures["wall"]["value"] < 30
        for name in ("cpu", "memory_peak", "processes"):
            assert figures[name]["method"] in ("sampled", "bound")
            assert figures[name]["lower"] <= figures[name]["value"]
        assert figures["memory_peak"]["value"] > 80_000_000

    def test_a_daemon_is_seen_and_waited_for(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        done = program("run", "--wait", "sh", "-c", "(setsid sleep 0.6 >/dev/null 2>&1 &) ; exit 4")
        assert done.returncode == 4
        record = final(program)
        assert record["survivors"] == []
        assert record["resources"]["wall"]["value"] > 0.6
        names = [process["name"] for process in json.loads(program("show", "--processes", "--json").stdout)]
        assert "sleep" in names

    def test_without_waiting_it_is_named(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "sh", "-c", "(setsid sleep 3 >/dev/null 2>&1 &) ; sleep 0.3")
        (survivor,) = final(program)["survivors"]
        assert survivor["argv"] == ["sleep", "3"]
        os.kill(survivor["pid"], signal.SIGKILL)

    def test_events_are_numbered_and_timed(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        program("run", "sh", "-c", "echo x; sleep 0.2")
        events = program.events()
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert [event["t"] for event in events] == sorted(event["t"] for event in events)
        assert {event["via"] for event in events} == {"portable"}
        assert (events[0]["event"], events[-1]["event"]) == ("begin", "end")

    def test_a_killed_observer_leaves_a_run_that_can_be_finalised(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        running = popen(program, "sleep", "30")
        until(lambda: any("exec" in path.read_text() for path in program.folder.glob(EVENTS)), "the first look")
        (pid,) = (event["pid"] for event in named(program, "start"))
        running.kill()
        running.wait(30)
        os.kill(pid, signal.SIGKILL)
        record = final(program)
        assert record["status"] == "interrupted"
        assert record["exit"]["code"] is None

    def test_a_full_disk_does_not_reach_the_command(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        code = (
            "import errno, os, sys\n"
            "from vestige.observe import journal, relay\n"
            "real = os.write\n"
            "class Full:\n"
            "    def __getattr__(self, name): return getattr(os, name)\n"
            "    def write(self, fd, data):\n"
            "        if fd > 2: raise OSError(errno.ENOSPC, 'No space left on device')\n"
            "        return real(fd, data)\n"
            "journal.os = relay.os = Full()\n"
            "from vestige.observe.portable import main\n"
            "sys.exit(main(sys.argv[1:]))\n"
        )
        folder = program.folder / "run"
        folder.mkdir()
        order = Order(["sh", "-c", "echo out; echo err >&2; exit 6"], folder=str(folder), run_id="x")
        done = subprocess.run(
            [sys.executable, "-c", code, *order.words()],
            env=program.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (6, "out\n", "err\n")


class TestOrder:
    @pytest.mark.parametrize(
        "order",
        [
            Order(["true"]),
            Order(["a", "--", "-b", ""], folder="/x y", run_id="1", trace="off", capture="none", wait=True),
            Order(["a"], folder="/x", run_id="1", finish=("p", "--finish", "q"), finish_waits=True),
        ],
    )
    def test_words_and_back(self, order: Order) -> None:
        again = observer.read_order(order.words())
        assert {name: getattr(again, name) for name in Order.__slots__} == {
            name: getattr(order, name) for name in Order.__slots__
        }

    @pytest.mark.parametrize(
        "words", [[], ["run"], ["run", "--"], ["walk", "--", "x"], ["run", "--dir"], ["run", "-x", "y"]]
    )
    def test_other_words_are_refused(self, words: list[str]) -> None:
        with pytest.raises(UsageError):
            observer.read_order(words)


def test_it_follows_the_command_into_the_background(tmp_path: Path) -> None:
    """A command that stops itself alone, as `less` does, must show as stopped to the shell."""
    program = portable(tmp_path)
    call = f"{sys.executable} -m vestige run -q sh -c 'echo up; kill -TSTP $$; echo again'"
    pid, control = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        os.chdir(program.folder)
        script = f"set -m; {call}; echo stopped=$?; fg >/dev/null; echo back=$?"
        os.execve("/bin/bash", ["bash", "--norc", "-c", script], program.environ)  # noqa: S606 - the shell is here
    seen = b""
    deadline = time.monotonic() + 30
    while b"back=" not in seen and time.monotonic() < deadline:
        seen += os.read(control, 1000)
    os.waitpid(pid, 0)
    os.close(control)
    stopped = f"stopped={128 + signal.SIGTSTP}".encode()  # as without us
    assert seen.index(stopped) < seen.index(b"\nagain") < seen.index(b"back=0")
