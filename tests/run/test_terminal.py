"""On a real terminal, driven as a person would drive it."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pexpect
import pytest
from harness import processes
from harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc", "bash")

ROWS, COLUMNS = 24, 91
CTRL_D = "\x04"
PROMPT = "PROMPT> "


def spawn(vestige: Vestige, *words: str | bytes) -> pexpect.spawn[bytes]:
    """Start a command on a terminal of its own."""
    texts = [os.fsdecode(word) for word in words]
    environ = {name: value for name, value in vestige.variables.items() if name not in {"LINES", "COLUMNS"}}
    return pexpect.spawn(
        texts[0], texts[1:], timeout=30, dimensions=(ROWS, COLUMNS), cwd=vestige.folder, env=environ, echo=False
    )  # type: ignore[arg-type,unused-ignore]


def spoken(terminal: pexpect.spawn[bytes]) -> bytes:
    """Read to the end and return what was on the terminal."""
    terminal.expect(pexpect.EOF)
    said = terminal.before
    assert isinstance(said, bytes)
    return said


def code(terminal: pexpect.spawn[bytes]) -> int | None:
    """Return the exit code as a shell shows it."""
    terminal.wait()
    return terminal.exitstatus if terminal.signalstatus is None else 128 + terminal.signalstatus


@pytest.fixture
def shell(vestige: Vestige) -> Iterator[pexpect.spawn[bytes]]:
    """Give an interactive bash with job control."""
    bash = spawn(vestige, "bash", "--norc", "--noprofile", "--noediting", "-i")
    bash.expect(r"[$#] ")
    bash.sendline(
        f"PS1='{PROMPT[:3]}''{PROMPT[3:]}'; bind 'set enable-bracketed-paste off' 2>/dev/null; set +o history"
    )
    bash.expect_exact(PROMPT)
    yield bash
    bash.sendline("kill -9 $(jobs -p) 2>/dev/null")
    bash.sendline("exit; exit")
    bash.expect(pexpect.EOF)
    bash.close()


def told(shell: pexpect.spawn[bytes], line: str) -> str:
    """Have the shell run a line, and return what it printed up to the next prompt."""
    shell.sendline(line)
    shell.expect_exact(PROMPT)
    assert isinstance(shell.before, bytes)
    return shell.before.decode()


def exit_code(shell: pexpect.spawn[bytes]) -> int:
    return int(told(shell, "echo =$?=").partition("=")[2].partition("=")[0])


def test_it_is_the_terminal_and_has_its_size(vestige: Vestige, victims: Victims) -> None:
    terminal = spawn(vestige, *vestige.words(victims.terminal))
    terminal.expect_exact("tty 1 1 1\r\n")
    terminal.expect_exact(f"size {ROWS}x{COLUMNS}\r\n")
    terminal.sendline("quit")
    spoken(terminal)
    assert code(terminal) == 5


def test_it_is_the_very_same_terminal(vestige: Vestige) -> None:
    bare = spawn(vestige, "bash", "-c", "tty; stty -a; readlink /proc/self/fd/{0,1,2}")
    number = re.compile(rb"/dev/pts/\d+")
    expected = number.sub(b"TTY", spoken(bare))
    seen = spawn(vestige, *vestige.words("bash", "-c", "tty; stty -a; readlink /proc/self/fd/{0,1,2}", options=("-q",)))
    assert number.sub(b"TTY", spoken(seen)) == expected


def test_the_terminals_settings_are_as_before(vestige: Vestige) -> None:
    terminal = spawn(
        vestige, "bash", "-c", "stty -a; echo ==; vestige run -q true; stty -a; echo ==; vestige run -q stty -a"
    )
    before, after, within = spoken(terminal).split(b"==\r\n")
    assert before == after == within


def test_a_change_of_size_arrives(vestige: Vestige, victims: Victims) -> None:
    terminal = spawn(vestige, *vestige.words(victims.terminal))
    terminal.expect_exact(f"size {ROWS}x{COLUMNS}\r\n")
    for rows, columns in ((30, 77), (50, 200)):
        terminal.setwinsize(rows, columns)
        terminal.expect_exact(f"size {rows}x{columns}\r\n")
    terminal.sendline("quit")
    spoken(terminal)


@pytest.mark.needs("ls")
def test_colours(vestige: Vestige) -> None:
    os.mkdir(vestige.path("folder"))
    bare = spoken(spawn(vestige, "ls", "--color=auto"))
    assert b"\x1b[" in bare
    assert spoken(spawn(vestige, *vestige.words("ls", "--color=auto", options=("-q",)))) == bare


def test_a_progress_bar_passes_unchanged(vestige: Vestige) -> None:
    script = r"for i in 1 2 3; do printf '\r\033[K%3d%%|##' $((i*33)) >&2; sleep 0.02; done; echo >&2"
    bare = spoken(spawn(vestige, "bash", "-c", script))
    assert spoken(spawn(vestige, *vestige.words("bash", "-c", script, options=("-q",)))) == bare


def test_order_of_both_streams_on_the_terminal(vestige: Vestige, victims: Victims) -> None:
    seen = spoken(spawn(vestige, *vestige.words(victims.alternate, "200", options=("-q",))))
    assert [int(line.split()[1]) for line in seen.splitlines()] == list(range(200))


def test_the_summary_is_on_the_terminal_only(vestige: Vestige) -> None:
    terminal = spawn(
        vestige, "bash", "-c", "vestige run sh -c 'echo out; echo err >&2' >out 2>err; echo =; vestige run true"
    )
    between, summary = spoken(terminal).split(b"=\r\n", 1)
    assert between == b""
    assert b"vestige" in summary
    assert b"true" in summary
    for name, expected in (("out", b"out\n"), ("err", b"err\n")):
        with open(vestige.path(name), "rb") as file:
            assert file.read() == expected


@pytest.mark.parametrize("option", ["-q", "--summary=none"])
def test_no_summary_where_none_is_wanted(vestige: Vestige, option: str) -> None:
    assert spoken(spawn(vestige, *vestige.words("true", options=(option,)))) == b""


def test_the_summary_comes_before_the_next_prompt(shell: pexpect.spawn[bytes]) -> None:
    assert "vestige show" in told(shell, "vestige run true")


def test_no_colour_where_none_is_wanted(vestige: Vestige) -> None:
    terminal = spawn(vestige, "bash", "-c", "NO_COLOR=1 vestige run true")
    assert b"\x1b" not in spoken(terminal)


def test_ctrl_c_is_handled_once_by_the_command(vestige: Vestige, victims: Victims) -> None:
    terminal = spawn(vestige, *vestige.words(victims.terminal))
    terminal.expect_exact("size")
    for times in (1, 2, 3):
        terminal.sendintr()
        terminal.expect_exact(f"interrupts {times}\r\n")
    terminal.sendline("quit")
    assert b"interrupts" not in spoken(terminal)
    assert code(terminal) == 5


def test_ctrl_c_ends_a_command_with_130(vestige: Vestige) -> None:
    terminal = spawn(vestige, *vestige.words("sh", "-c", "echo ready; exec sleep 100"))
    terminal.expect_exact("ready")
    terminal.sendintr()
    spoken(terminal)
    assert code(terminal) == 130
    assert vestige.last().record["exit"]["signal"] == "SIGINT"


def test_ctrl_c_stops_a_loop_of_the_shell(shell: pexpect.spawn[bytes]) -> None:
    shell.sendline("for i in 1 2 3; do vestige run -q bash -c 'echo round; sleep 100'; done; echo over")
    shell.expect_exact("round")
    shell.sendintr()
    shell.expect_exact(PROMPT)
    assert b"round" not in (shell.before or b"")


def test_ctrl_backslash_ends_a_command_with_131(vestige: Vestige) -> None:
    terminal = spawn(vestige, *vestige.words("sh", "-c", "ulimit -c 0; echo ready; exec sleep 100"))
    terminal.expect_exact("ready")
    terminal.sendcontrol("\\")
    spoken(terminal)
    assert code(terminal) == 131


@pytest.mark.parametrize("option", ["", "--capture all "], ids=["as it is", "captured"])
def test_ctrl_z_and_fg(shell: pexpect.spawn[bytes], victims: Victims, option: str) -> None:
    shell.sendline(f"vestige run -q {option}{victims.terminal}")
    shell.expect_exact("size")
    shell.sendcontrol("z")
    shell.expect_exact("Stopped")
    shell.expect_exact(PROMPT)
    assert "Stopped" in told(shell, "jobs")
    shell.sendline("fg")
    shell.expect_exact("terminal")
    shell.sendline("quit")
    shell.expect_exact(PROMPT)
    assert exit_code(shell) == 5


def test_ctrl_z_then_bg_then_the_end(shell: pexpect.spawn[bytes], vestige: Vestige) -> None:
    # it waits without starting anything: a shell whose vforked child is stopped before its exec can't be stopped itself
    os.mkfifo(vestige.path("gate"))
    shell.sendline("vestige run -q sh -c 'echo ready; read word <gate; exit 6'")
    shell.expect_exact("ready")
    shell.sendcontrol("z")
    shell.expect_exact("Stopped")
    shell.expect_exact(PROMPT)
    told(shell, "bg")
    assert "Running" in told(shell, "jobs")
    told(shell, "echo >gate; wait %1; echo =$?=")
    assert vestige.last().code == 6


def test_a_background_command_runs(shell: pexpect.spawn[bytes], vestige: Vestige) -> None:
    told(shell, "vestige run -q sh -c 'exit 8' &")
    assert "=8=" in told(shell, "wait $!; echo =$?=")
    assert vestige.last().code == 8


def test_a_background_command_that_wants_the_keyboard_is_stopped(shell: pexpect.spawn[bytes]) -> None:
    told(shell, "vestige run -q cat &")
    until(lambda: "Stopped" in told(shell, "jobs"), "the stop")
    shell.sendline("fg")
    shell.expect_exact("cat")
    shell.sendline("hello")
    shell.expect_exact("hello")
    shell.send(CTRL_D)
    shell.expect_exact(PROMPT)
    assert exit_code(shell) == 0


def test_the_shell_has_its_terminal_back(shell: pexpect.spawn[bytes]) -> None:
    told(shell, "vestige run -q sh -c 'exit 3'")
    assert exit_code(shell) == 3
    assert "=sane=" in told(shell, "read -t 20 word <<< sane; echo =$word=")


def test_in_a_pipeline_the_keyboard_goes_to_the_command(shell: pexpect.spawn[bytes]) -> None:
    shell.sendline("vestige run -q sh -c 'read word; echo got $word' | cat; echo ${PIPESTATUS[@]}")
    shell.sendline("hello")
    shell.expect_exact("got hello")
    shell.expect_exact("0 0")
    shell.expect_exact(PROMPT)


def test_kill_of_the_front_while_stopped_leaves_the_command_stopped_and_unharmed(
    shell: pexpect.spawn[bytes], vestige: Vestige
) -> None:
    shell.sendline("vestige run -q sh -c 'echo ready; read word; echo $word >said; exit 6'")
    shell.expect_exact("ready")
    folder = vestige.new_folder()
    command, front = vestige.command_pid(folder), vestige.pids(folder)["front"]
    shell.sendcontrol("z")
    shell.expect_exact("Stopped")
    os.kill(front, signal.SIGKILL)
    until(lambda: processes.is_gone(front), "the death of the front")
    assert processes.state(command) == "T"
    os.kill(command, signal.SIGKILL)
    assert vestige.finalised(folder).record["exit"]["signal"] == "SIGKILL"


def test_a_hang_up_reaches_the_command(vestige: Vestige) -> None:
    script = "trap 'echo hung up >said; exit 4' HUP; echo ready; while :; do sleep 0.01; done"
    terminal = spawn(vestige, *vestige.words("bash", "-c", script))
    terminal.expect_exact("ready")
    os.close(terminal.child_fd)
    assert vestige.finalised(vestige.new_folder()).code == 4
    terminal.wait()
    terminal.child_fd = -1


@pytest.mark.needs("less")
def test_less(vestige: Vestige) -> None:
    with open(vestige.path("long"), "w", encoding="ascii") as file:
        file.writelines(f"line {number}\n" for number in range(1000))
    terminal = spawn(vestige, *vestige.words("less", "long"))
    terminal.expect_exact("line 10")
    terminal.send("G")
    terminal.expect_exact("line 999")
    terminal.send("?line 500\r")
    terminal.expect_exact("line 500")
    terminal.send("q")
    spoken(terminal)
    assert code(terminal) == 0


@pytest.mark.needs("less")
def test_less_behind_a_pipe(shell: pexpect.spawn[bytes]) -> None:
    shell.sendline("seq 5000 | vestige run -q less; echo over")
    shell.expect_exact("20")
    shell.send("G")
    shell.expect_exact("5000")
    shell.send("q")
    shell.expect_exact("over")
    shell.expect_exact(PROMPT)


@pytest.mark.needs("vi")
def test_vi(vestige: Vestige) -> None:
    terminal = spawn(vestige, *vestige.words("vi", "-u", "NONE", "file"))
    terminal.expect_exact("file")
    terminal.send("ihello from vi\x1b")
    terminal.expect_exact("hello from vi")
    terminal.send(":wq\r")
    spoken(terminal)
    assert code(terminal) == 0
    with open(vestige.path("file"), "rb") as file:
        assert file.read() == b"hello from vi\n"


@pytest.mark.needs("vi")
def test_vi_stopped_and_continued(shell: pexpect.spawn[bytes], vestige: Vestige) -> None:
    shell.sendline("vestige run -q vi -u NONE file")
    shell.expect_exact("file")
    shell.send("ifirst\x1b")
    shell.expect_exact("first")
    shell.sendcontrol("z")
    shell.expect_exact(PROMPT)
    shell.sendline("fg")
    shell.expect_exact("first")
    shell.send("A and second\x1b:wq\r")
    shell.expect_exact(PROMPT)
    with open(vestige.path("file"), "rb") as file:
        assert file.read() == b"first and second\n"


def test_capture_all_copies_what_the_terminal_showed(vestige: Vestige, victims: Victims) -> None:
    terminal = spawn(vestige, *vestige.words(victims.terminal, options=("--capture", "all", "-q")))
    terminal.expect_exact("tty 1 1 1\r\n")
    terminal.expect_exact(f"size {ROWS}x{COLUMNS}\r\n")
    terminal.setwinsize(30, 77)
    terminal.expect_exact("size 30x77\r\n")
    terminal.sendintr()
    terminal.expect_exact("interrupts 1\r\n")
    terminal.sendline("quit")
    spoken(terminal)
    assert code(terminal) == 5
    copied = vestige.last().captured("stdout")
    assert b"tty 1 1 1" in copied
    assert b"interrupts 1" in copied


def test_capture_all_keeps_the_last_words_where_another_holds_the_terminal(vestige: Vestige) -> None:
    """A pty says how much can be read at once, and holds more: the rest was shown, and missing in the copy."""
    script = "sleep 1000 & echo $!; head -c 60000 /dev/zero | tr '\\0' a"
    terminal = spawn(vestige, *vestige.words("sh", "-c", script, options=("--capture", "all", "-q")))
    shown = b""
    while shown.count(b"a") < 60000:
        shown += terminal.read_nonblocking(4096, timeout=30)
        time.sleep(0.02)
    os.kill(int(shown.split()[0]), signal.SIGKILL)
    assert spoken(terminal) == b""
    assert code(terminal) == 0
    assert vestige.last().captured("stdout") == shown


def test_capture_all_gives_the_terminal_back(shell: pexpect.spawn[bytes]) -> None:
    before = told(shell, "stty -g")
    told(shell, "vestige run -q --capture all sh -c 'stty raw -echo; exit 3'")
    assert exit_code(shell) == 3
    assert told(shell, "stty -g") == before


def test_capture_all_gives_the_terminal_back_when_the_front_is_killed(
    shell: pexpect.spawn[bytes], vestige: Vestige
) -> None:
    before = told(shell, "stty -g")
    shell.sendline("vestige run -q --capture all sh -c 'echo ready; sleep 1; echo unharmed >said'")
    shell.expect_exact("ready")
    os.kill(vestige.pids(vestige.new_folder())["front"], signal.SIGKILL)
    shell.expect_exact("Killed")
    shell.expect_exact(PROMPT)
    until(lambda: os.path.exists(vestige.path("said")), "the end of the command")
    assert told(shell, "stty -g") == before


def test_a_terminal_is_not_captured_unless_asked(vestige: Vestige) -> None:
    spoken(spawn(vestige, *vestige.words("echo", "hello", options=("-q",))))
    run = vestige.last()
    stdout = run.record["streams"]["stdout"]
    assert (stdout["kind"], stdout["captured"]) == ("terminal", False)
    assert not os.path.exists(os.path.join(run.folder, "stdout"))


def test_sessions_and_groups_are_as_bare(shell: pexpect.spawn[bytes]) -> None:
    for prefix in ("", "vestige run -q "):
        said = told(shell, f"{prefix}ps -o pid,pgid,sid,tpgid,stat,comm --no-headers")
        own = next(line.split() for line in said.splitlines() if line.rstrip().endswith(" ps"))
        assert own[1] == own[3]
        assert own[2] != own[1]
        assert "+" in own[4]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("unshare=1", id="no unshare"),
        pytest.param("clone:0&32768=11", id="no process by CLONE_PARENT"),
    ],
)
def test_a_captured_terminal_where_something_is_refused(vestige: Vestige, victims: Victims, rule: str) -> None:
    words = vestige.words("sh", "-c", "echo said; exit 3", options=("-q", "--capture", "all"))
    terminal = spawn(vestige, victims.deny, rule, "--", *words)
    assert spoken(terminal) == b"said\r\n"
    assert code(terminal) == 3
