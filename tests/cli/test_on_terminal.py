"""What only shows on a terminal: the summary after a run, tables, colours."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.front import Front, front, portable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(program: Front, *words: str, **variables: str) -> str:
    """Return what `vestige` shows on a terminal of 100 columns, line ends as the terminal makes them taken back."""
    control, terminal = pty.openpty()
    call = [sys.executable, "-m", "vestige", *words]
    environ = {**program.environ, "TERM": "xterm", "COLUMNS": "100", **variables}
    environ.pop("NO_COLOR", None) if "NO_COLOR" not in variables else None
    running = subprocess.Popen(
        call, cwd=program.folder, env=environ, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    seen = b""
    try:
        while piece := os.read(control, 10_000):
            seen += piece
    except OSError:
        pass  # EIO: nobody has the terminal open any more
    os.close(control)
    running.wait(60)
    return seen.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("observer", [front, portable])
class TestSummary:
    def test_full_by_default(self, tmp_path: Path, observer: Callable[[Path], Front]) -> None:
        program = observer(tmp_path)
        seen = ESCAPE.sub("", on_terminal(program, "run", "sh", "-c", "echo out; exit 3"))
        lines = seen.splitlines()
        assert lines[0] == "out"
        assert re.fullmatch(r"vestige [0-9a-f]{8}  sh -c 'echo out; exit 3'  ·  exit 3  ·  .*", lines[1])
        assert [line.split()[0] for line in lines[2:6]] == ["cpu", "memory", "largest", "processes"]
        assert lines[-1].startswith("  vestige show ")
        assert program.record()["status"] == "ended"

    @pytest.mark.parametrize(("words", "count"), [(("--summary", "line"), 1), (("--summary", "none"), 0), (("-q",), 0)])
    def test_as_asked(
        self, tmp_path: Path, observer: Callable[[Path], Front], words: tuple[str, ...], count: int
    ) -> None:
        assert len(on_terminal(observer(tmp_path), "run", *words, "true").splitlines()) == count

    def test_as_wished_by_config_and_environment(self, tmp_path: Path, observer: Callable[[Path], Front]) -> None:
        program = observer(tmp_path)
        (program.folder / "vestige.toml").write_text('summary = "line"\n')
        assert len(on_terminal(program, "run", "true").splitlines()) == 1
        assert on_terminal(program, "run", "true", VESTIGE_SUMMARY="none") == ""

    def test_no_colour_where_none_is_wanted(self, tmp_path: Path, observer: Callable[[Path], Front]) -> None:
        program = observer(tmp_path)
        assert "\x1b" in on_terminal(program, "run", "true")
        assert "\x1b" not in on_terminal(program, "run", "true", NO_COLOR="1")
        assert "\x1b" not in on_terminal(program, "run", "true", TERM="dumb")

    def test_a_summary_asked_for_on_a_pipe_has_no_colours(
        self, tmp_path: Path, observer: Callable[[Path], Front]
    ) -> None:
        done = observer(tmp_path)("run", "--summary", "full", "sh", "-c", "echo err >&2")
        assert done.stderr.startswith("err\nvestige ")
        assert "\x1b" not in done.stderr


def test_a_table_is_cut_to_the_terminal(tmp_path: Path) -> None:
    program = front(tmp_path)
    program("run", "echo", "x" * 300)
    shown = ESCAPE.sub("", on_terminal(program, "ls"))
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert "…" in shown
    assert "x" * 300 in program("ls").stdout


def test_what_is_not_recorded_is_said_on_a_terminal_only(tmp_path: Path) -> None:
    program = portable(tmp_path)
    (program.folder / ".vestige").mkdir()
    (program.folder / ".vestige" / "runs").write_text("in the way")
    nowhere = {"XDG_STATE_HOME": "/dev/null/nowhere"}
    assert on_terminal(program, "run", "echo", "x", **nowhere).startswith("vestige: not recorded: ")
    assert on_terminal(program, "run", "-q", "echo", "x", **nowhere) == "x\n"
    assert program("run", "echo", "x", env=nowhere).stderr == ""
