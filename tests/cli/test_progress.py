"""A word about hashing that lasts, and Ctrl-C while it does."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from harness.kept import read_record
from harness.written import folder, simple

from vestige.cli import finish
from vestige.cli.progress import Progress
from vestige.provenance import hashing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_work_that_lasts(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)
    progress = Progress()
    progress(1, 1000)
    assert capsys.readouterr().err == ""
    clock[0] += 2
    progress(500_000_000, 2_000_000_000)
    shown = "vestige: hashing files, 25 % of 2.00 GB; Ctrl-C leaves it for later"
    assert capsys.readouterr().err == f"\r{shown}\r"
    progress.clear()
    assert capsys.readouterr().err == f"\r{' ' * len(shown)}\r"
    progress.clear()
    assert capsys.readouterr().err == ""


def test_no_terminal_no_word(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: False)
    progress = Progress()
    clock[0] += 10
    progress(1, 2)
    progress.clear()
    assert capsys.readouterr().err == ""


def test_ctrl_c_leaves_the_run_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    run = folder(tmp_path, simple())
    with monkeypatch.context() as patch:
        patch.setattr(hashing, "hashed", interrupted)
        assert finish.main(["--summary", "line", run]) == 0
    assert "vestige: interrupted; the run is kept" in capsys.readouterr().err
    assert read_record(f"{run}/record.json").status == "running"
    assert sorted(os.listdir(run)) == ["events.jsonl", "record.json"]
    assert finish.main(["--summary", "none", run]) == 0
    assert read_record(f"{run}/record.json").status == "ended"
