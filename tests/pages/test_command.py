"""`vestige report` from the command line: real runs, real files, honest mistakes."""

from __future__ import annotations

import os
import re
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
