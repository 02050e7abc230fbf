"""A repository of a test whose history holds runs that nobody has kept: written into commit messages by hand."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.git.datalad import RunRecord, compose

if TYPE_CHECKING:
    from harness.repositories import Repository

YES = "--yes"


@dataclass(frozen=True)
class History:
    """A repository, the runs that are written into it, and what becomes of them."""

    repository: Repository

    def git(self, *words: str, **more: Any) -> str:
        """Call git as the user would."""
        return self.repository.git(*words, **more)

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    @property
    def branch(self) -> str:
        """What is checked out, `HEAD` for no branch."""
        return self.git("rev-parse", "--abbrev-ref", "HEAD")

    def id(self, revision: str) -> str:
        """Return the hash of a commit."""
        return self.git("rev-parse", "--verify", f"{revision}^{{commit}}")

    def has(self, revision: str) -> bool:
        """Say whether there is such a commit."""
        words = ("git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        done = subprocess.run(words, cwd=self.repository.top, stdout=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def count(self, revisions: str) -> int:
        """Return how many commits a range has."""
        return int(self.git("rev-list", "--count", revisions))

    def ran(self, cmd: str, *, text: str = "by hand", **record: Any) -> str:
        """Run a shell command, commit all that it changes with the record of it, and return the commit's hash."""
        folder = self.repository.path(record.get("pwd", "."))
        os.makedirs(folder, exist_ok=True)
        code = subprocess.run(("sh", "-c", cmd), cwd=folder, env=self.repository.vestige.variables, check=False)
        return self.recorded(RunRecord(cmd, **{"exit": code.returncode, **record}), text=text)

    def recorded(self, record: RunRecord, *, text: str = "by hand") -> str:
        """Commit all there is with a run record, and return the commit's hash."""
        return self.said(compose(text, record))

    def said(self, message: bytes, *, parents: tuple[str, ...] | None = None) -> str:
        """Commit all there is with a message, on the branch, and return the commit's hash."""
        self.git("add", "--all")
        tree = self.git("write-tree")
        above = (self.head,) if parents is None else parents
        words = [word for parent in above for word in ("-p", parent)]
        commit = self.git("commit-tree", *words, "-F", "-", tree, given=os.fsdecode(message))
        self.git("reset", "--quiet", "--soft", commit)
        return commit

    def wrote(self, name: str, content: str = "by hand\n") -> str:
        """Commit a file that no run has made."""
        self.repository.write(name, content)
        return self.repository.save(f"write {name}")

    def merge(self, *branches: str, words: tuple[str, ...] = ()) -> str:
        """Merge branches into what is checked out."""
        self.git("merge", "--quiet", "--no-ff", "-m", f"merge {' '.join(branches)}", *words, *branches)
        return self.head

    def rerun(self, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Call `vestige rerun`."""
        return self.repository.vestige.call("rerun", *words, **more)

    def reran(self, *words: str, code: int = 0, **more: Any) -> list[str]:
        """Call it with `--yes`, and return the lines that it says."""
        done = self.rerun(YES, *words, **more)
        assert done.returncode == code, done
        return [line.removeprefix("vestige: ") for line in os.fsdecode(done.stderr).splitlines()]

    def refused(self, *words: str, **more: Any) -> str:
        """Call it; it must do nothing, and say why in one line, which is returned."""
        before = self.state()
        done = self.rerun(*words, **more)
        assert done.returncode == 2, done
        assert self.state() == before
        (line,) = os.fsdecode(done.stderr).splitlines()
        return line.removeprefix("vestige: ")

    def state(self) -> object:
        """Return all that must be as it was where nothing was done."""
        return self.repository.state(), self.git("for-each-ref")

    def chain(self, revision: str = "HEAD") -> list[str]:
        """Return the commits of which a run is said to be a rerun."""
        return list(self.repository.commit(revision).run.record.chain)
