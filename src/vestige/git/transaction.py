"""One commit: objects first, then branch and index together, or neither.

All is prepared beside the index: an index of HEAD with the files of this commit, of which the tree is made, and the
index that the user will have afterwards, with whatever else was staged. Git's own `index.lock` is held meanwhile. Then
the branch moves, if it still is where it was, and the prepared index takes the place of the old one. A process that
dies in between leaves a journal, and whoever holds the lock next finishes (the branch had moved) or undoes (it had
not). Objects that no commit names are left to `git gc`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from vestige.errors import GitError
from vestige.git import hooks, lock, repo
from vestige.git.datasets import annex
from vestige.git.datasets.annex import Staging
from vestige.git.datasets.overwritten import take_out
from vestige.git.journal import Journal, Landing, is_pending
from vestige.git.lock import HeldError
from vestige.git.repo import join, split
from vestige.record.head import git_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from vestige.git.datasets.overwritten import Overwritten
    from vestige.git.repo import Repository
    from vestige.record.head import Head

_IN_PROGRESS = {
    "MERGE_HEAD": "a merge is in progress",
    "CHERRY_PICK_HEAD": "a cherry-pick is in progress",
    "REVERT_HEAD": "a revert is in progress",
    "rebase-merge": "a rebase is in progress",
    "rebase-apply": "a rebase is in progress",
}
LEFTOVERS = b"Remaining changes after command execution\n"
_UNSTEADY = "its outputs changed while they were committed"
_PUT_OFF = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class RefusedError(GitError):
    """The repository is in a state in which no commit should be made."""


class Made(NamedTuple):
    """A commit that was made."""

    commit: str
    files: int  # that differ from what was checked out


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit is to hold."""

    paths: tuple[str, ...]  # relative to the top, as they are in the work tree: added, changed or gone
    message: bytes
    gitlinks: dict[str, str] = field(default_factory=dict)  # submodules, and the commits that they are at
    new: Mapping[str, bytes] = field(default_factory=dict)  # files to be made for this commit, and what they hold
    is_steady: Callable[[Container[str]], bool] = lambda _: True  # whether the files, but these, are what they were
    allow_empty: bool = False
    beside: str | None = None  # the command itself has committed: where HEAD stood before, the first parent of a merge
    overwritten: tuple[Overwritten, ...] = ()  # of `paths`, those whose new content is in git-annex's store


@contextlib.contextmanager
def begun(repository: Repository) -> Iterator[Transaction]:
    """Hold the repository for one commit, after clearing up what an earlier process left behind.

    Raises GitError, and RefusedError where no commit should be made now.
    """
    with _wording(repository), lock.held(repository.git_dir) as held:
        Journal(repository, held.folder).recover()
        reason = in_progress(repository)
        if reason is not None:
            raise RefusedError(f"{reason}; when it is done, `vestige commit` makes the commit")
        journal = Journal(repository, held.folder)
        try:
            journal.begin()
            yield Transaction(repository, journal, held.descriptor)
        finally:
            if not journal.has_landed:
                journal.undo()


def land(prepared: Sequence[Transaction]) -> None:
    """Let the branches move to what is prepared, innermost first; Ctrl-C waits for these few milliseconds.

    Where a process dies in between, whoever comes next to an outer repository lets its branch follow. Raises GitError,
    OSError.
    """
    waiting = signal.pthread_sigmask(signal.SIG_BLOCK, _PUT_OFF)
    try:
        for count, each in reversed(list(enumerate(prepared))):
            each.announce(prepared[:count])
        for each in prepared:
            each.land()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, waiting)
    for each in prepared:
        hooks.after(each.repository)


def recover(top: str) -> None:
    """Finish or undo the commit of a process that died, in the work tree with this top folder.

    Where there is nothing to do this costs one look; a commit that is under way is left alone. Raises GitError.
    """
    git_dir = git_folder(top)
    if not is_pending(git_dir):
        return
    repository = repo.discover(top)
    with contextlib.suppress(HeldError), _wording(repository), lock.held(repository.git_dir, patience=0) as held:
        Journal(repository, held.folder).recover()


def in_progress(repository: Repository) -> str | None:
    """Return what git is in the middle of, so that no commit should be made now; None if there is nothing."""
    there = (name for name in _IN_PROGRESS if os.path.lexists(os.path.join(repository.git_dir, name)))
    return next((_IN_PROGRESS[name] for name in there), None)


@contextlib.contextmanager
def _wording(repository: Repository) -> Iterator[None]:
    """Raise GitError for what the system says."""
    try:
        yield
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        raise GitError(f"can't commit in {repository.top}: {error.strerror}{where}") from error


class Transaction:
    """What is under way in one repository. `head` is what is checked out while it lasts."""

    def __init__(self, repository: Repository, journal: Journal, lock: int) -> None:
        self.repository = repository
        self.head: Head = repository.head
        self._base = self.head.commit or repository.empty_tree
        self._journal = journal
        self._lock = lock  # a descriptor
        self._has_pointers = False
        self._prepared: Landing | None = None

    def commit(self, change: Change) -> Made | None:
        """Make the commit; None where no file differs. Raises GitError, OSError: then all is as it was."""
        made = self.prepare(change)
        if made is not None:
            land([self])
        return made

    def surround(self, inner: Iterable[Repository]) -> None:
        """Note the submodules in which commits of the same run are made."""
        self._journal.note_inner(os.path.relpath(each.top, self.repository.top) for each in inner)

    def prepare(self, change: Change) -> Made | None:
        """Write all that the commit needs, for `land`; None where no file differs. Raises GitError, OSError."""
        new = [path for path in change.new if not os.path.lexists(os.path.join(self.repository.top, path))]
        if new:
            self._journal.note(new)
        self._write(change.new)
        staging = self._taken_in(change)
        self._has_pointers = bool(staging.pointers)
        index, upcoming = self._indexes(change, staging)
        if not change.is_steady(staging.taken):
            raise RefusedError(_UNSTEADY)
        self._let_hook_look(index, upcoming)
        words = ("diff-index", "--cached", "--name-only", "-z", "--no-renames", self._base)
        differing = [path for path in split(self._with(index, *words)) if path not in change.new]
        if not differing and not change.allow_empty and change.beside is None:
            return None
        commit = self._objects(index, change, differing)
        self._prepared = Landing(self._base, commit, upcoming)
        return Made(commit, len(differing))

    def announce(self, inner: Sequence[Transaction]) -> None:
        """Note that the branch is about to move, after those of submodules."""
        inside = {os.path.relpath(each.repository.top, self.repository.top): each.prepared.commit for each in inner}
        inside = {name: commit for name, commit in inside.items() if not name.startswith(os.pardir)}
        self._prepared = replace(self.prepared, inside=inside)
        self._journal.landing(self._prepared)

    def land(self) -> None:
        """Move the branch, then let the new index take its place."""
        self._move_branch(self.prepared.commit)
        self._journal.landed(self.prepared.index)

    @property
    def prepared(self) -> Landing:
        """What `prepare` has made."""
        if self._prepared is None:
            raise AssertionError("nothing is prepared")
        return self._prepared

    def _write(self, new: Mapping[str, bytes]) -> None:
        for path, content in new.items():
            whole = os.path.join(self.repository.top, path)
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "wb") as file:
                file.write(content)

    def _taken_in(self, change: Change) -> Staging:
        """Give git-annex, in a dataset, what is its own; it writes in an index of its own too."""
        paths = (*change.paths, *change.new)
        if not annex.is_used(self.repository):
            return Staging(paths)
        if not change.is_steady(()):
            raise RefusedError(_UNSTEADY)
        take_out(self.repository, change.overwritten)
        index = self._journal.prepared("annex")
        with contextlib.suppress(FileNotFoundError):
            _copy_index(self._journal.index, index)
        staging = annex.take_in(self.repository, change.paths, commit=self.head.commit, index=index)
        return staging._replace(plain=(*staging.plain, *change.new))

    def _indexes(self, change: Change, staging: Staging) -> tuple[str, str]:
        """Return the index of the commit and the one that the user will have: the same if nothing else is staged."""
        own, upcoming = self._journal.prepared("commit"), self._journal.prepared("upcoming")
        with contextlib.suppress(FileNotFoundError):  # an index is made by the first `git add`
            _copy_index(self._journal.index, own)
        if os.path.exists(own) and self._is_staged(own):
            _copy_index(own, upcoming)
            self._stage(upcoming, change, staging)
            self._with(own, "read-tree", "--reset", self._base)
        self._stage(own, change, staging)
        return own, upcoming if os.path.exists(upcoming) else own

    def _is_staged(self, index: str) -> bool:
        """Say whether an index has anything else than what is checked out."""
        words = ("diff-index", "--cached", "--quiet", self._base)
        return not self.repository.says_yes(*words, variables={"GIT_INDEX_FILE": index})

    def _stage(self, index: str, change: Change, staging: Staging) -> None:
        """Put the files as they are into an index; filters and attributes of the repository apply.

        git-annex's own filter would decide again what is annexed, by other rules: for pointers alone it is right.
        """
        words = ("update-index", "-z", "--add", "--remove", "--replace", "--stdin")
        if staging.plain or not os.path.exists(index):
            self._with(index, *words, given=join(staging.plain))
        if staging.pointers:
            self._with(index, *words, given=join(staging.pointers), filtered=True)
        if change.gitlinks:
            lines = (f"160000 {commit} 0\t{path}" for path, commit in change.gitlinks.items())
            self._with(index, "update-index", "-z", "--index-info", given=join(lines))

    def _let_hook_look(self, index: str, upcoming: str) -> None:
        """Let `pre-commit` look at the commit; what it changes in there, the user's index will have as well."""
        if not hooks.is_there(self.repository, "pre-commit"):
            return
        before = self._tree(index)
        hooks.before(self.repository, index)
        after = self._tree(index)
        if upcoming != index and before != after:
            self.repository.follow(self.repository.changed(before, after), upcoming)

    def _objects(self, index: str, change: Change, differing: Sequence[str]) -> str:
        """Write tree and commit, and the one of what the command left uncommitted beside its own commits."""
        tree = self._tree(index)
        message = hooks.message(self.repository, change.message, index)
        parents = [self.head.commit] if self.head.commit else []
        if change.beside is not None:
            last = [self.object(tree, parents, LEFTOVERS)] if differing else parents
            parents = [change.beside, *last]
        return self.object(tree, parents, message)

    def release(self) -> None:
        """Give Git's lock back where nothing was committed: what comes now is done by others."""
        if not self._journal.has_landed:
            self._journal.undo()

    def object(self, tree: str, parents: Sequence[str], message: bytes) -> str:
        """Write a commit that no branch has yet, and return its hash. Raises GitError."""
        signed = ["-S"] if self.repository.is_set("commit.gpgsign") else []
        words = [*signed, *(word for parent in parents for word in ("-p", parent)), "-F", "-", tree]
        answer = self.repository.git("-c", "i18n.commitEncoding=UTF-8", "commit-tree", *words, given=message)
        return answer.out.decode().strip()

    def _move_branch(self, commit: str) -> None:
        """Move the branch; while git is at it, nobody may take the lock, even if this process is killed."""
        before = self.head.commit or "0" * len(commit)
        words = ("update-ref", "-m", "commit: vestige run", "HEAD", commit, before)
        try:
            self.repository.git(*words, keeping=self._lock)
        except GitError:  # killed when it had done its work?
            if self.repository.head.commit != commit:
                raise

    def _tree(self, index: str) -> str:
        return self._with(index, "write-tree", filtered=self._has_pointers).decode().strip()

    def _with(self, index: str, *words: str, given: bytes | None = None, filtered: bool = False) -> bytes:
        """Call git with an index; it reads files of the last second again whenever it writes one, `write-tree` too.

        They would go through git-annex's filter, which takes as long to start as all of this.
        """
        options = annex.NO_FILTER if annex.is_used(self.repository) and not filtered else ()
        return self.repository.git(*options, *words, given=given, variables={"GIT_INDEX_FILE": index}).out


def _copy_index(index: str, copy: str) -> None:
    """Copy an index with its time: git reads again what is no older than the index itself (its `racy-git.txt`)."""
    shutil.copy2(index, copy)
