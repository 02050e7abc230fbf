"""`vestige rerun` and `verify` that SIGTERM or SIGHUP ends in the middle: what they leave behind, and how they end."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from harness.waiting import until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from harness.repositories import Repository

# The first time it is done at once; later it writes the name of its process, and stays.
STAYS = "sort in > out; if test -e {folder}/again; then {first} echo $$ > {folder}/pid; {then}; fi"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])


class Ended:
    """A command that was ended by a signal while it ran the command of a run again."""

    def __init__(self, repository: Repository, folder: Path, words: list[str], number: int) -> None:
        self.repository = repository
        self.pid_file = folder / "pid"
        folder.joinpath("again").touch()
        folder.joinpath("tmp").mkdir()
        self.temporary = folder / "tmp"
        there = repository.with_variables(TMPDIR=str(self.temporary)).vestige
        process = there.start_bare(there.executable, *words)
        until(self._named, "the command")
        process.send_signal(number)
        self.err = self._err(process)
        self.code = process.returncode

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    def _named(self) -> bool:
        return self.pid_file.exists() and self.pid_file.read_text().endswith("\n")

    def _err(self, process: subprocess.Popen[bytes]) -> str:
        return process.communicate(timeout=30)[1].decode()


def recorded(repository: Repository, folder: Path, then: str = "exec sleep 1000", *, first: str = "") -> None:
    """Commit a run whose shell is the very process that vestige starts, then and when it is run again."""
    assert repository.run(STAYS.format(folder=folder, first=first, then=then)).returncode == 0


def ending(repository: Repository) -> str | None:
    """Return the signal that ended the last run, whose record is made final by whoever asks."""
    shown = repository.vestige.call("show", "--json", "last")
    signalled: str | None = json.loads(shown.stdout)["exit"]["signal"]
    return signalled


@pytest.fixture(name="beside")
def given_beside(tmp_path: Path) -> Path:
    """A folder beside the repository."""
    folder = tmp_path / "beside"
    folder.mkdir()
    return folder


@SIGNALS
@pytest.mark.parametrize("words", [["rerun"], ["verify", "--yes"]], ids=" ".join)
def test_nothing_is_left_and_the_command_got_the_signal(
    repository: Repository, beside: Path, words: list[str], number: int
) -> None:
    recorded(repository, beside)
    before = repository.state()
    ended = Ended(repository, beside, words, number)
    assert ended.code == -number, ended.err
    assert os.listdir(ended.temporary) == []
    assert len(repository.git("worktree", "list").splitlines()) == 1
    assert repository.state() == before
    until(lambda: not os.path.exists(f"/proc/{ended.pid}"), "its end")
    assert ending(repository) == signal.Signals(number).name


class TestVerify:
    def test_one_that_goes_on_with_its_output_is_not_waited_for(self, repository: Repository, beside: Path) -> None:
        """A shell that is ended leaves what it has started, as it does without vestige."""
        recorded(repository, beside, "wait", first=f"sleep 1000 & echo $! > {beside}/child;")
        ended = Ended(repository, beside, ["verify", "--yes"], signal.SIGTERM)
        assert ended.code == -signal.SIGTERM
        child = int((beside / "child").read_text())
        os.kill(child, signal.SIGKILL)  # it was there
        assert os.listdir(ended.temporary) == []


class TestRerun:
    @SIGNALS
    def test_elsewhere_it_is_said_where_things_stand(self, repository: Repository, beside: Path, number: int) -> None:
        recorded(repository, beside)
        ended = Ended(repository, beside, ["rerun", "--onto=", "--branch", "check"], number)
        assert ended.code == -number
        assert "git checkout main" in ended.err
        assert repository.git("branch", "--show-current") == "check"
        assert repository.git("status", "--porcelain") == "?? out"  # what the command had written by then
