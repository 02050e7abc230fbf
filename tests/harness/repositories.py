"""A Git repository of a test, with `vestige` in it: what it holds, and what a commit must leave as it was."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import recorded
from vestige.git import datalad

if TYPE_CHECKING:
    from harness.command import Vestige

CONFIG = """\
[user]
    name = Ada
    email = ada@example.org
[init]
    defaultBranch = main
[gc]
    auto = 0
[maintenance]
    auto = false
[advice]
    detachedHead = false
"""
_LIMIT = 60.0


@dataclass(frozen=True)
class State:
    """All that Git and the work tree have, so that before can be held against after."""

    head: str
    branch: str
    staged: str  # `git diff --cached`, whole
    unstaged: str  # `git diff`, whole
    status: tuple[str, ...]  # `git status --porcelain=v2 --untracked-files=all`
    files: dict[str, tuple[int, bytes]]  # mode and content of all in the work tree


@dataclass(frozen=True)
class Commit:
    """One commit as Git has it."""

    hash: str
    parents: tuple[str, ...]
    files: dict[str, str]  # path: how it differs from the first parent, as `A`, `D`, `M`, `T`
    message: bytes

    @property
    def run(self) -> datalad.RunMessage:
        """The run record in the message, which must be there."""
        found = datalad.parse(self.message, lambda _: None)
        assert found is not None, self.message
        return found

    @property
    def vestige(self) -> dict[str, Any]:
        """What vestige adds to the run record."""
        assert self.run.record.vestige is not None
        return self.run.record.vestige


@dataclass(frozen=True)
class Repository:
    """A repository with a work tree, and `vestige` called at its top."""

    vestige: Vestige

    @property
    def top(self) -> str:
        """The top folder of the work tree."""
        return self.vestige.folder

    @property
    def store(self) -> str:
        """Where the runs are: in the work tree unless the environment says otherwise."""
        return self.vestige.variables.get("VESTIGE_STORE") or os.path.join(self.top, ".vestige")

    def at(self, folder: str) -> Repository:
        """Return the same for another work tree."""
        return Repository(dataclasses.replace(self.vestige, folder=os.path.join(self.top, folder)))

    def with_variables(self, **variables: str) -> Repository:
        """Return the same with more in the environment."""
        together = self.vestige.variables | variables
        return Repository(dataclasses.replace(self.vestige, variables=together))

    def path(self, *names: str) -> str:
        """Return the path of a file in the work tree."""
        return os.path.join(self.top, *names)

    def git_path(self, name: str) -> str:
        """Return where Git keeps something of its own."""
        return os.path.join(self.top, self.git("rev-parse", "--git-path", name))

    def write(self, name: str, content: str = "", *, mode: int = 0o644) -> str:
        """Write a file, with the folders above it, and return its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def hook(self, name: str, script: str) -> None:
        """Install a hook."""
        self.write(os.path.join(".git", "hooks", name), f"#!/bin/sh\n{script}\n", mode=0o755)

    def read(self, name: str) -> str:
        """Return what a file holds."""
        with open(self.path(name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def git(self, *words: str, given: str | None = None, fails: bool = False) -> str:
        """Call git as the user would, and return what it printed, without the line feed at the end."""
        return self._said(*words, given=given, fails=fails).removesuffix("\n")

    def _said(self, *words: str, given: str | None = None, fails: bool = False) -> str:
        done = subprocess.run(
            ("git", *words), cwd=self.top, env=self.vestige.variables, capture_output=True, check=False,
            input=b"" if given is None else os.fsencode(given), timeout=_LIMIT,
        )  # fmt: skip
        assert bool(done.returncode) is fails, (words, done.stdout, done.stderr)
        return os.fsdecode(done.stdout)

    def save(self, message: str = "by hand") -> str:
        """Commit all there is as the user would, and return the commit's hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def run(
        self, *command: str | bytes, options: tuple[str, ...] = (), **more: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command with `--commit`."""
        return self.vestige.run(*command, options=("--commit", *options), **more)

    def sh(self, script: str, *options: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a shell script with `--commit`."""
        return self.run("sh", "-c", script, options=options, **more)

    def committed(self, script: str, *options: str, **more: Any) -> Commit:
        """Run a shell script with `--commit` that must leave one commit on top of what was there."""
        before = self.git("rev-parse", "--verify", "--quiet", "HEAD") if self.has_commits else None
        done = self.sh(script, *options, **more)
        assert (done.returncode, done.stderr) == (0, b""), (done, self.outcome)
        made = self.commit()
        assert list(made.parents) == ([before] if before else [])
        return made

    def config(self, name: str, *values: str) -> None:
        """Set a name of the repository's config."""
        self.git("config", name, *values)

    def later(self, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Call `vestige commit`."""
        return self.vestige.call("commit", *words, **more)

    @property
    def has_commits(self) -> bool:
        """Whether there is a commit at all."""
        words = ("git", "rev-parse", "--verify", "--quiet", "HEAD")
        return not subprocess.run(
            words, cwd=self.top, env=self.vestige.variables, stdout=subprocess.DEVNULL, check=False
        ).returncode

    def commit(self, revision: str = "HEAD") -> Commit:
        """Return a commit."""
        identity, *parents = self.git("rev-list", "--parents", "--max-count=1", revision).split()
        words = ("diff-tree", "-r", "-z", "--no-renames", "--name-status", "--no-commit-id")
        changes = self.git(*words, *([parents[0], identity] if parents else ["--root", identity])).split("\0")[:-1]
        message = os.fsencode(self._said("cat-file", "commit", identity).partition("\n\n")[2])
        return Commit(identity, tuple(parents), dict(zip(changes[1::2], changes[::2], strict=True)), message)

    def runs(self) -> list[str]:
        """Return the run folders, oldest first."""
        folder = os.path.join(self.store, "runs")
        return sorted((os.path.join(folder, name) for name in os.listdir(folder)), key=recorded.order)

    @property
    def record(self) -> dict[str, Any]:
        """The record of the last run as it lies there."""
        return recorded.load(self.runs()[-1]).record

    @property
    def outcome(self) -> dict[str, Any]:
        """What came of the last run's commit, which must be said."""
        made: dict[str, Any] | None = self.record["commit"]
        assert made is not None
        return made

    @property
    def left_out(self) -> dict[str, str]:
        """What is not in the last run's commit, and why."""
        return {item["path"]: item["reason"] for item in self.outcome["left_out"]}

    def state(self, *outputs: str) -> State:
        """Return all there is, but for what is said of `outputs`."""
        words = ("--no-ext-diff", "--no-color", "--binary", "--no-renames", "--ignore-submodules=none")
        rest = ["--", ".", *(f":(exclude,literal){path}" for path in outputs)]
        asked = ("--porcelain=v2", "-z", "--no-renames", "--untracked-files=all")
        status = self.git("--no-optional-locks", "status", *asked).split("\0")
        return State(
            head=self.git("rev-parse", "HEAD") if self.has_commits else "",
            branch=self.git("rev-parse", "--symbolic-full-name", "HEAD") if self.has_commits else "",
            staged=self.git("diff", "--cached", *words, *rest),
            unstaged=self.git("diff", *words, *rest),
            status=tuple(line for line in status if line and line.split(" ", _status_fields(line))[-1] not in outputs),
            files={path: content for path, content in self.files().items() if path not in outputs},
        )

    def assert_whole(self) -> None:
        """Nothing of a commit in the making is left, and Git finds no fault."""
        assert not os.path.exists(self.git_path("index.lock"))
        assert self.left_behind() in ([], ["commit.lock"])
        self.git("fsck", "--strict", "--connectivity-only")

    def left_behind(self) -> list[str]:
        """Return what of a commit in the making is in `.git`."""
        folder = self.git_path("vestige")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Return mode and content of all in the work tree; what a link holds is its target."""
        found = {}
        for above, folders, names in os.walk(self.top):
            folders[:] = [name for name in folders if name not in (".git", ".vestige")]
            links = [name for name in folders if os.path.islink(os.path.join(above, name))]
            for path in (os.path.join(above, name) for name in [*names, *links]):
                mode = os.lstat(path).st_mode
                found[os.path.relpath(path, self.top)] = (mode, _content(path, mode))
        return found


def make(
    vestige: Vestige, *, named_store: bool = False, unborn: bool = False, init: tuple[str, ...] = ()
) -> Repository:
    """Make a repository in the working folder of `vestige`, with a store in its work tree or beside it.

    Unless it is `unborn`, one commit holds `in` ("in\\n"), `folder/one` and `folder/two`.
    """
    with open(os.path.join(vestige.home, ".gitconfig"), "w", encoding="utf-8") as file:
        file.write(CONFIG)
    variables = vestige.variables | {"GIT_CONFIG_NOSYSTEM": "1"}
    if not named_store:
        variables.pop("VESTIGE_STORE")
    made = Repository(dataclasses.replace(vestige, variables=variables))
    made.git("init", "--quiet", *init)
    if unborn:
        return made
    made.write("in", "in\n")
    made.write("folder/one", "one\n")
    made.write("folder/two", "two\n")
    made.save("first")
    return made


def _status_fields(line: str) -> int:
    """Return how many fields stand before the path, in an entry of `git status --porcelain=v2`."""
    return {"1": 8, "2": 9, "u": 10}.get(line[0], 1)


def _content(path: str, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return os.fsencode(os.readlink(path))
    if not stat.S_ISREG(mode):
        return b""
    with open(path, "rb") as file:
        return file.read()
