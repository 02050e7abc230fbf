"""Datasets of git-annex and DataLad for tests: made once by the real tools, and copied for each test."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness import repositories
from harness.repositories import Repository
from vestige.git.datasets import annexed

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.command import Vestige

_LIMIT = 120.0


@dataclass(frozen=True)
class Dataset(Repository):
    """A dataset, its own checks by the tools that it belongs to."""

    def at(self, folder: str) -> Dataset:
        """Return the same for another work tree."""
        return Dataset(super().at(folder).vestige)

    def with_variables(self, **variables: str) -> Dataset:
        """Return the same with more in the environment."""
        return Dataset(super().with_variables(**variables).vestige)

    def call(self, *words: str, fails: bool = False, given: str | None = None) -> str:
        """Call any program in the dataset, and return what it printed."""
        done = subprocess.run(
            words, cwd=self.top, env=self.vestige.variables, capture_output=True, check=False,
            input=b"" if given is None else os.fsencode(given), timeout=_LIMIT,
        )  # fmt: skip
        assert bool(done.returncode) is fails, (words, done.stdout, done.stderr)
        return os.fsdecode(done.stdout)

    def datalad(self, *words: str, fails: bool = False) -> str:
        """Call DataLad."""
        return self.call("datalad", *words, fails=fails)

    def annex(self, *words: str, fails: bool = False) -> str:
        """Call git-annex."""
        return self.call("git", "annex", *words, fails=fails)

    def key(self, name: str, revision: str = "HEAD") -> str | None:
        """Return the key that a commit has for a file, None if it has content."""
        return annexed.key_in(os.fsencode(self.git("cat-file", "blob", f"{revision}:{name}")))

    def mode(self, name: str, revision: str = "HEAD") -> str:
        """Return the mode that a commit has for a file: `120000` for a locked one."""
        return self.git("ls-tree", revision, "--", name).partition(" ")[0]

    def is_locked(self, name: str) -> bool:
        """Say whether a file in the work tree is a link to annexed content that is there."""
        found = annexed.annexed(self.path(name), pointers=False)
        return found is not None and found.is_there

    def drop(self, *names: str) -> None:
        """Let git-annex forget the content of files."""
        self.annex("drop", "--force", "--quiet", *names)

    def assert_sound(self) -> None:
        """DataLad has nothing to save, git-annex and Git find no fault, and no commit is in the making."""
        said = self.datalad("status", "--recursive")
        assert "nothing to save" in said, said
        assert self.state().status == ()
        self.annex("fsck", "--quiet")
        self.assert_whole()

    def uncommitted(self, script: str, *options: str, **more: Any) -> None:
        """Run a script with `--commit` that must come to no commit, since nothing differs."""
        before = self.git("rev-parse", "HEAD")
        done = self.sh(script, *options, **more)
        assert (done.returncode, done.stderr) == (0, b""), done
        assert self.outcome["status"] == "unchanged"
        assert self.git("rev-parse", "HEAD") == before


@dataclass
class Templates:
    """Datasets by name, made when they are first asked for."""

    folder: str
    made: dict[str, str] = field(default_factory=dict)

    def copy(self, name: str, make: Callable[[Dataset], None], vestige: Vestige) -> Dataset:
        """Return a copy, in the working folder of `vestige`, of what `make` makes in an empty folder."""
        variables = vestige.variables | {"GIT_CONFIG_NOSYSTEM": "1"}
        variables.pop("VESTIGE_STORE")
        home = vestige.home
        with open(os.path.join(home, ".gitconfig"), "w", encoding="utf-8") as file:
            file.write(repositories.CONFIG)
        if name not in self.made:
            top = os.path.join(self.folder, name)
            os.mkdir(top)
            make(Dataset(dataclasses.replace(vestige, folder=top, variables=variables)))
            _let_the_second_end()
            self.made[name] = top
        shutil.copytree(self.made[name], vestige.folder, symlinks=True, dirs_exist_ok=True)
        copy = Dataset(dataclasses.replace(vestige, variables=variables))
        _settle(copy)
        return copy


def _let_the_second_end() -> None:
    """Git reads a file of the same second as its index anew whenever it writes one: git-annex's filter is called."""
    time.sleep(1 - time.time() % 1)


def _settle(copy: Dataset) -> None:
    """Let Git and git-annex know the inodes of a copy.

    git-annex, where it sees another inode of its sentinal, knows an unlocked file by size and second alone.
    """
    copy.git("status")
    for above, _, names in os.walk(copy.path(".git")):
        if "sentinal.cache" in names:
            inode = os.stat(os.path.join(above, "sentinal")).st_ino
            with open(os.path.join(above, "sentinal.cache"), "r+", encoding="ascii") as file:
                rest = file.read().partition(" ")[2]
                file.seek(0)
                file.write(f"{inode} {rest}")
                file.truncate()


def datalad(dataset: Dataset, *words: str) -> None:
    """Make a DataLad dataset with `in` ("in\\n"), `folder/one`, `folder/two`, and `code.py`, which is in Git."""
    dataset.datalad("create", "--force", *words, ".")
    dataset.write(".gitattributes", dataset.read(".gitattributes") + "*.py annex.largefiles=nothing\n")
    _fill(dataset)
    dataset.datalad("save", "--message", "first")


def text2git(dataset: Dataset) -> None:
    """Make one of which DataLad puts text into Git; `data` is not text."""
    dataset.write("data", "\0\1\2binary\n")
    datalad(dataset, "--cfg-proc", "text2git")


def plain(dataset: Dataset) -> None:
    """Make a repository of git-annex alone."""
    dataset.git("init", "--quiet")
    dataset.annex("init", "--quiet")
    dataset.write(".gitattributes", "*.py annex.largefiles=nothing\n")
    _fill(dataset)
    dataset.annex("add", "--quiet", ".")
    dataset.git("commit", "--quiet", "--message", "first")


def nested(dataset: Dataset) -> None:
    """Make a dataset with subdatasets `sub`, `sub/subsub` and `plain/deep`, each with files as `datalad` has them."""
    datalad(dataset)
    for name in ("sub", "sub/subsub", "plain/deep"):
        os.makedirs(dataset.path(os.path.dirname(name) or "."), exist_ok=True)
        dataset.datalad("create", "--dataset", "sub" if name == "sub/subsub" else ".", name)
        _fill(dataset.at(name))
    dataset.datalad("save", "--recursive", "--message", "filled")


def _fill(dataset: Dataset) -> None:
    dataset.write("in", "in\n")
    dataset.write("folder/one", "one\n")
    dataset.write("folder/two", "two\n")
    dataset.write("code.py", "pass\n")
