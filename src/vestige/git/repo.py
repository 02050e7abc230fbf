"""The one place that calls git.

The environment is scrubbed of what points Git at another repository, words for paths are never patterns, lists are
separated by NUL, long ones go through stdin. Strings are as Python's `os` gives them, paths are relative to the top.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import GitError
from vestige.record.head import Head, head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# `git rev-parse --local-env-vars`, less GIT_CONFIG_COUNT (how containers set safe.directory), and what changes output
_FOREIGN = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_DIFF_OPTS",
    "GIT_DIR", "GIT_EXTERNAL_DIFF", "GIT_GLOB_PATHSPECS", "GIT_GRAFT_FILE", "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}  # fmt: skip
_OURS = {
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",  # only looking never takes the index's lock
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_ALWAYS = ("-c", "core.fsmonitor=false")  # a monitor may be late, and git may leave it running with our pipe
_FEW = 100  # paths that git may be given as words: it compares every entry of the index with each of them
_MOST_WORDS = 64 << 10  # B
_SECOND = 1_000_000_000  # ns
_SAID = 300  # letters of git's own words in a message
_FATAL = 128  # git's exit code where it could not do its work
_UNMERGED = "2"  # the stage of our own side
_SUBMODULE = "160000"
_LINK = "120000"
_STAMP = re.compile(r"  ctime: .*?\n  mtime: (\d+):(\d+)\n.*?\n  size: (\d+)\tflags: \w+\n", re.DOTALL)


class Answer(NamedTuple):
    """What a call of git came to."""

    code: int
    out: bytes
    err: bytes

    @property
    def words(self) -> str:
        """What it said on stderr, or else its exit code or what killed it, on one line."""
        lines = self.err.decode("utf-8", "replace").splitlines()
        said = "; ".join(line.removeprefix("fatal: ").removeprefix("error: ").strip() for line in lines if line.strip())
        return said[:_SAID] or (f"exit code {self.code}" if self.code >= 0 else f"killed by signal {-self.code}")


class Entry(NamedTuple):
    """A file as a tree or an index has it."""

    mode: str  # "100644", "100755", "120000" (a link), "160000" (a submodule)
    id: str  # of the blob, or of the submodule's commit
    mark: str = ""  # "skip-worktree" or "assume-unchanged": Git is told not to look at the file

    @property
    def is_submodule(self) -> bool:
        """Whether it stands for another repository."""
        return self.mode == _SUBMODULE

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == _LINK


@dataclass(frozen=True)
class Repository:
    """A repository with a work tree. All paths here are absolute."""

    top: str  # the top folder of the work tree
    git_dir: str  # what belongs to this work tree
    common_dir: str  # what belongs to all work trees of the repository
    hooks: str

    def git(
        self,
        *words: str,
        given: bytes | None = None,
        variables: Mapping[str, str] | None = None,
        may_fail: bool = False,
        keeping: int | None = None,
    ) -> Answer:
        """Call git at the top of the work tree.

        Args:
            words: of its command line.
            given: its stdin.
            variables: on top of `environment()`.
            may_fail: its exit code is looked at by the caller, unless it was killed.
            keeping: a descriptor that it keeps open for as long as it lives.

        Raises:
            GitError: it can't be started, or it fails and must not.
        """
        environ = environment() | dict(variables or {})
        answer = call(("git", *_ALWAYS, *words), folder=self.top, given=given, environ=environ, keeping=keeping)
        if answer.code < 0 or (answer.code and not may_fail):  # one that was killed has answered nothing
            raise GitError(f"`git {_command(words)}` failed in {self.top}: {answer.words}")
        return answer

    @cached_property
    def config(self) -> dict[str, tuple[str, ...]]:
        """Everything configured: all values of each name, the later ones win; first and last part in lower case."""
        found: dict[str, tuple[str, ...]] = {}
        for item in split(self.git("config", "-z", "--list").out):
            name, equals, value = item.partition("\n")
            found[name] = (*found.get(name, ()), value if equals else "true")
        return found

    def is_set(self, name: str) -> bool:
        """Say whether a boolean of the config is true."""
        return (self.config.get(name) or ("",))[-1].lower() in ("true", "yes", "on", "1")

    @property
    def head(self) -> Head:
        """What is checked out."""
        found = head(self.top)
        return found if found.commit is not None else self._told_head()

    def _told_head(self) -> Head:
        """Return what git says is checked out: nothing is committed yet, or references are kept in another format."""
        branch = os.fsdecode(self.git("symbolic-ref", "-q", "HEAD", may_fail=True).out).strip("\n")
        return Head(branch if branch.startswith("refs/heads/") else None, self.commit_of("HEAD"))

    def commit_of(self, revision: str) -> str | None:
        """Return the hash of the commit that a revision stands for, None if there is no such."""
        if "\0" in revision:
            return None
        words = ("rev-parse", "-q", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        return self.git(*words, may_fail=True).out.decode("ascii", "replace").strip() or None

    def is_ancestor(self, one: str, other: str) -> bool:
        """Say whether `other` has `one` in its history."""
        return self.says_yes("merge-base", "--is-ancestor", one, other)

    def says_yes(self, *words: str, variables: Mapping[str, str] | None = None) -> bool:
        """Call git for an exit code that says yes (0) or no (1). Raises GitError for any other."""
        answer = self.git(*words, variables=variables, may_fail=True)
        if answer.code not in (0, 1):
            raise GitError(f"`git {words[0]}` failed in {self.top}: {answer.words}")
        return answer.code == 0

    def tree(self, revision: str, paths: Sequence[str] | None = None) -> dict[str, Entry]:
        """Return the files of a commit or tree: all of them, or at least those of `paths` that there are."""
        answer = self.git("ls-tree", "-r", "-z", "--full-tree", revision, *_as_words(paths))
        return {path: Entry(mode, oid) for (mode, _, oid), path in _listed(answer.out)}

    def parents(self, commit: str) -> list[str]:
        """Return the hashes of a commit's parents."""
        return self.git("rev-parse", f"{commit}^@").out.decode().split()

    def changes(self, one: str, other: str) -> dict[str, Entry | None]:
        """Return the files that are not the same in two commits, as the other has them; None where it has not."""
        answer = self.git("diff-tree", "-r", "-z", "--no-renames", one, other)
        return {change.path: change.after if change.is_there else None for change in _changes(answer.out)}

    def index(self, paths: Sequence[str] | None = None, path: str | None = None) -> dict[str, Entry]:
        """Return the tracked files: all of them, or at least those of `paths`; of a conflict, our side.

        The index is that of the work tree, or the one at `path`.
        """
        variables = {} if path is None else {"GIT_INDEX_FILE": path}
        answer = self.git("ls-files", "-z", "-s", "-v", *_as_words(paths), variables=variables)
        return {
            path: Entry(mode, oid, _mark(letter))
            for (letter, mode, oid, stage), path in _listed(answer.out)
            if stage in ("0", _UNMERGED)
        }

    def deleted(self) -> list[str]:
        """Return the tracked files that are not in the work tree, though they should be."""
        return split(self.git("ls-files", "-z", "--deleted").out)

    def stamps(self, paths: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return time (ns) and size (B) that tracked files had when the index last compared them with their blobs.

        Of the size the index has 32 bits; where the time is a whole second, it was written by a git that keeps no more.
        """
        found: dict[str, tuple[int, int]] = {}
        lines = iter(os.fsdecode(self.git("ls-files", "-z", "--debug", *_as_words(paths)).out).split("\0"))
        path = next(lines)
        for text in lines:  # what belongs to an entry stands before the next one's path
            stamp = _STAMP.match(text)
            if stamp is None:
                raise GitError(f"`git ls-files --debug` in {self.top} says what this vestige can't read")
            found[path] = int(stamp[1]) * _SECOND + int(stamp[2]), int(stamp[3])
            path = text[stamp.end() :]
        return found

    def differing(
        self, commit: str | None, paths: Sequence[str], *, configured: Sequence[str] = ()
    ) -> dict[str, Entry | None]:
        """Return those of the tracked `paths` whose content in index or work tree is not that of `commit`.

        Each with what the commit has of it, None where that is nothing. Where only the times tell, the file is read.
        `configured` goes before the command that may read files just written, as `-c` and a value.
        """
        asked = set(paths)
        options = ("-z", "--no-renames", "--ignore-submodules=dirty")
        against, words = commit or self.empty_tree, _as_words(paths)
        staged = self.git(
            "diff-index", "--cached", *options, against, *words
        )  # without `--cached` it looks at all files
        found = {item.path: item.before if item.was_there else None for item in _changes(staged.out)}
        changed = [
            item for item in _changes(self.git(*configured, "diff-files", *options, *words).out) if item.path in asked
        ]
        for item in changed:
            found.setdefault(item.path, item.before)
        for path, oid in self.content_ids(item.path for item in changed if item.is_touched):
            then = found[path]
            if then is not None and then.id == oid:
                del found[path]
        return {path: entry for path, entry in found.items() if path in asked}

    def content_ids(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the blob ids that files in the work tree would get, filters applied.

        Links and folders have none.
        """
        whole = {path: os.path.join(self.top, path) for path in paths}
        files = [path for path, full in whole.items() if os.path.isfile(full) and not os.path.islink(full)]
        if files:
            given = b"".join(_as_line(path) for path in files)
            yield from zip(
                files, self.git("hash-object", "--stdin-paths", given=given).out.decode().split(), strict=True
            )

    def changed(self, before: str, after: str) -> list[Change]:
        """Return what differs between two commits or trees."""
        return list(_changes(self.git("diff-tree", "-r", "-z", "--no-renames", before, after).out))

    def follow(self, changes: Sequence[Change], index: str | None = None) -> None:
        """Take changes into the index, where it has of a file what stood there before. Raises GitError."""
        variables = {} if index is None else {"GIT_INDEX_FILE": index}
        has = self.index([change.path for change in changes], index)
        lines = (
            f"{change.after.mode} {change.after.id} 0\t{change.path}"
            for change in changes
            if has.get(change.path) == (change.before if change.was_there else None)
        )
        self.git("update-index", "-z", "--index-info", given=join(lines), variables=variables)

    def ignored(self, paths: Iterable[str]) -> set[str]:
        """Return those of the untracked `paths` that Git is told to ignore."""
        given = join(f"./{path}" for path in paths)  # or else `:` at the beginning is magic
        if not given:
            return set()
        plain = {"GIT_LITERAL_PATHSPECS": "0"}  # which this command does not know
        answer = self.git("check-ignore", "-z", "--stdin", given=given, variables=plain, may_fail=True)
        if answer.code >= _FATAL:
            raise GitError(f"`git check-ignore` failed in {self.top}: {answer.words}")
        return {path.removeprefix("./") for path in split(answer.out)}

    def as_checked_out(self, blob: str, path: str, *, target: str) -> None:
        """Write what a blob would be at `path` in a work tree, filters applied, into the file `target`."""
        with open(target, "wb") as file:
            file.write(self.git("cat-file", "--filters", f"--path={path}", blob).out)

    def blob(self, revision: str, path: str, *, most: int) -> bytes | None:
        """Return the content of a file in a commit, None if there is none, or one of more than `most` bytes."""
        name = f"{revision}:{path}"
        size = self.git("cat-file", "-s", name, may_fail=True)
        if size.code or int(size.out) > most:
            return None
        return self.git("cat-file", "blob", name).out

    def small_blobs(self, ids: Iterable[str], *, most: int) -> dict[str, bytes]:
        """Return the content of those blobs that have no more than `most` bytes, by their ids."""
        given = "".join(f"{oid}\n" for oid in sorted(set(ids))).encode()
        if not given:
            return {}
        known = self.git("cat-file", "--batch-check", given=given).out.decode("ascii", "replace").splitlines()
        found = (line.split(" ") for line in known)
        small = [words[0] for words in found if words[1] == "blob" and int(words[2]) <= most]
        given = "".join(f"{oid}\n" for oid in small).encode()
        return dict(_blobs(self.git("cat-file", "--batch", given=given).out)) if given else {}

    @cached_property
    def empty_tree(self) -> str:
        """The hash of a tree without files, in the repository's own kind of hash."""
        return self.git("hash-object", "-t", "tree", "--stdin", given=b"").out.decode().strip()


class Change(NamedTuple):
    """A file that differs, as `diff-index` and `diff-tree` list it."""

    before: Entry
    after: Entry
    path: str

    @property
    def was_there(self) -> bool:
        """Whether there was a file before."""
        return self.before.mode.strip("0") != ""

    @property
    def is_there(self) -> bool:
        """Whether there is a file now."""
        return self.after.mode.strip("0") != ""

    @property
    def is_touched(self) -> bool:
        """Whether only the file's times and size say that its content may be another: then git leaves out the id."""
        return self.before.mode == self.after.mode and not self.after.id.strip("0")


def _command(words: Sequence[str]) -> str:
    """Return the name of the command in words for git, which may begin with options."""
    return next(word for before, word in zip(("", *words), words, strict=False) if "-c" not in (before, word))


def discover(folder: str) -> Repository:
    """Return the repository around a folder. Raises GitError, in git's words: none, a bare one, somebody else's."""
    asked = (("--show-toplevel",), ("--absolute-git-dir",), ("--git-common-dir",), ("--git-path", "hooks"))
    lines = _rev_parse(folder, *(word for words in asked for word in words))
    if len(lines) != len(asked):  # a line feed in a path
        lines = ["\n".join(_rev_parse(folder, *words)) for words in asked]
    return Repository(*(os.path.normpath(os.path.join(folder, line)) for line in lines))


def _rev_parse(folder: str, *words: str) -> list[str]:
    answer = call(("git", "rev-parse", *words), folder=folder, environ=environment())
    if answer.code:
        raise GitError(f"no Git work tree can be used at {folder}: {answer.words}")
    return os.fsdecode(answer.out).removesuffix("\n").split("\n")


def call(
    words: Sequence[str],
    *,
    folder: str,
    environ: Mapping[str, str],
    given: bytes | None = None,
    keeping: int | None = None,
) -> Answer:
    """Call a program of Git's family; `given` is its stdin, `keeping` a descriptor that it inherits.

    Raises GitError if it can't be started.
    """
    kept = () if keeping is None else (keeping,)
    try:
        done = subprocess.run(
            words, cwd=folder, env=environ, input=given or b"", capture_output=True, check=False, pass_fds=kept
        )
    except FileNotFoundError as error:
        what = f"`{words[0]}` is not installed, or not in PATH" if os.path.isdir(folder) else f"{folder} is gone"
        raise GitError(what) from error
    except (OSError, ValueError) as error:
        raise GitError(f"can't start `{words[0]}` in {folder}: {error}") from error
    return Answer(done.returncode, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    """Return the environment for calls of git whose output is read."""
    return users_environment() | _OURS


def users_environment() -> dict[str, str]:
    """Return the environment for what the user has written, hooks say: all of it, but what points elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def split(out: bytes) -> list[str]:
    """Return what a list separated by NUL holds."""
    return os.fsdecode(out).split("\0")[:-1]


def join(items: Iterable[str]) -> bytes:
    """Return a list separated by NUL."""
    return b"".join(os.fsencode(item) + b"\0" for item in items)


def _as_line(path: str) -> bytes:
    """Return a path as a line of a list that knows no NUL: quoted where it could be taken for something else."""
    raw = os.fsencode(path)
    if not raw.startswith(b'"') and b"\n" not in raw:
        return raw + b"\n"
    return b'"' + b"".join(b"\\%03o" % byte for byte in raw) + b'"\n'


def _as_words(paths: Sequence[str] | None) -> tuple[str, ...]:
    """Return paths as words for git; none, which means all, where they are too many for it."""
    if paths is None or len(paths) > _FEW or sum(map(len, paths)) > _MOST_WORDS:
        return ()
    return ("--", *paths)


def _listed(out: bytes) -> Iterator[tuple[list[str], str]]:
    """Yield the fields before the tab, and the path, of each entry of `ls-tree` or `ls-files -s`."""
    for item in split(out):
        fields, _, path = item.partition("\t")
        yield fields.split(" "), path


def _blobs(out: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield id and content of each object that `cat-file --batch` wrote."""
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        oid, _, size = out[at:end].decode("ascii").split(" ")
        at = end + 1 + int(size) + 1
        yield oid, out[end + 1 : at - 1]


def _mark(letter: str) -> str:
    """Return what a letter of `ls-files -v` says of a file."""
    return "skip-worktree" if letter in "Ss" else "assume-unchanged" if letter.islower() else ""


def _changes(out: bytes) -> Iterator[Change]:
    items = iter(split(out))
    for fields, path in zip(items, items, strict=True):
        before, after, old, new, _ = fields.removeprefix(":").split(" ")
        yield Change(Entry(before, old), Entry(after, new), path)
