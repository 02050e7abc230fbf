"""`vestige report` from the command line: real runs, real files, honest mistakes."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.front import front

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_becomes_a_file_named_after_it(tmp_path: Path) -> None:
    program = front(tmp_path)
    assert program("run", "sh", "-c", "echo hello; exit 3").returncode == 3
    done = program("report")
    (name,) = [name for name in os.listdir(program.folder) if name.endswith(".html")]
    assert re.fullmatch(r"vestige-[0-9a-f]{8}\.html", name)
    assert done.stderr == f"vestige: {name} is written\n"
    text = (program.folder / name).read_text(encoding="utf-8")
    assert "exit 3" in text
    assert "echo hello" in text
    assert program("report", "-o", "-", "last").stdout == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no run `nowhere`"),
        (("last", "-o", "missing/run.html"), "can't write missing/run.html"),
        (("last",) * 8, "more than 7 runs"),
    ],
)
def test_mistakes_leave_no_file(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    program = front(tmp_path)
    program("run", "true")
    before = set(os.listdir(program.folder))
    done = program("report", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert set(os.listdir(program.folder)) == before


def test_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    program = front(tmp_path)
    program("run", "true")
    program("show")  # now it is final
    for found in tmp_path.rglob("processes.jsonl"):
        found.write_bytes(b'{"pid": "<script>"}\n')
    done = program("report")
    assert done.returncode == 2
    assert done.stderr.startswith("vestige: ")
    assert done.stderr.count("\n") == 1


def test_history_advises_in_one_line(tmp_path: Path) -> None:
    program = front(tmp_path)
    program("run", "true")
    assert "From history" not in program("report", "-o", "-").stdout
    for _ in range(5):
        assert program("run", "true").returncode == 0
    text = program("report", "-o", "-").stdout
    assert re.search(r"From history:</b> <code>--mem=\d+M would do: 6 runs, p99 \+ 20 %</code>", text)


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    program = front(tmp_path)
    program("run", "true")
    pipe = program.folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["timeout", "20", "cat", pipe], stdout=subprocess.PIPE) as reading:
        assert program("report", "-o", "pipe").returncode == 0
        assert reading.communicate()[0].startswith(b"<!doctype html>")
    assert stat.S_ISFIFO(os.lstat(pipe).st_mode)


def test_a_link_stays_one_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    program = front(tmp_path)
    program("run", "true")
    (program.folder / "private.html").touch(0o600)
    (program.folder / "link.html").symlink_to("private.html")
    assert program("report", "-o", "link.html").returncode == 0
    assert os.readlink(program.folder / "link.html") == "private.html"
    assert stat.S_IMODE((program.folder / "private.html").stat().st_mode) == 0o600
    assert (program.folder / "private.html").read_text().startswith("<!doctype html>")


def test_what_stands_in_stdout_stays(tmp_path: Path) -> None:
    program = front(tmp_path)
    program("run", "true")
    with open(program.folder / "all", "ab") as file:
        file.write(b"before\n")
        file.flush()
        assert program("report", "-o", "/dev/stdout", capture_output=False, stdout=file).returncode == 0
        file.write(b"after\n")
    text = (program.folder / "all").read_bytes()
    assert text.startswith(b"before\n<!doctype html>")
    assert text.endswith(b"after\n")


@pytest.mark.parametrize("command", ["report", "compare"])
def test_without_space_the_page_before_stands(tmp_path: Path, command: str) -> None:
    program = front(tmp_path)
    for _ in range(2):
        program("run", "true")
        program("show")
    (program.folder / "page.html").write_text("before")
    words = [sys.executable, "-m", "vestige", command, "-o", "page.html"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 2; exec "$@"', "sh", *words],
        cwd=program.folder, env=program.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "vestige: can't write page.html: File too large\n")
    assert (program.folder / "page.html").read_text() == "before"
    assert not list(program.folder.glob("*.part"))
