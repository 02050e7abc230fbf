"""One run, one commit: exactly the files that the run changed, and the record of it in the message."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from vestige.errors import StoreError, VestigeError
from vestige.git import heads, repo, transaction
from vestige.git.datasets import adjusted, links
from vestige.git.datasets.annexed import OBJECTS
from vestige.git.datasets.overwritten import overwritten
from vestige.git.levels import USED, WRITTEN
from vestige.git.message import message
from vestige.git.operands import operand
from vestige.git.plan import plan
from vestige.git.selection import is_steady
from vestige.git.transaction import Change, Made, RefusedError
from vestige.record.amend import with_commit
from vestige.record.model import Commit, LeftOut
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.git.heads import Move
    from vestige.git.levels import Level
    from vestige.git.message import Message
    from vestige.git.plan import Plan
    from vestige.git.repo import Repository
    from vestige.git.selection import Selection
    from vestige.git.transaction import Transaction
    from vestige.record.model import CommitOptions, Record
    from vestige.store.runs import RunFolder

_NAMED = 5  # files in a reason
_FULL_BUCKET = 27  # loose objects in one of 256 folders: where `git gc --auto` sets to work (gc.auto 6700)


def commit(run: RunFolder, record: Record, options: CommitOptions, *, anew: bool = True) -> Commit:
    """Make the commit of a run that has ended; what could not be done is in the result, with the reason.

    Unless `anew`, one that there is already is taken: who made it may have died before it could be noted.
    """
    reason = _refusal(record, options)
    if reason is not None:
        return Commit("refused", reason=reason, left_out=tuple(_damage(run, record)))
    try:
        repository = repo.discover(operand(record.code.top if record.code else record.cwd))
        with transaction.begun(repository) as begun:
            result = _Making(run, record, options, begun).commit(anew=anew)
        _collect_garbage(repository)
    except RefusedError as error:
        return Commit("refused", reason=str(error))
    except VestigeError as error:
        return Commit("failed", reason=str(error))
    return result


def commit_and_note(run: RunFolder, record: Record, options: CommitOptions, *, anew: bool = True) -> Record:
    """Make the commit of a run, keep what came of it in its record, and return that; `anew` as for `commit`.

    An earlier commit of the run is forgotten for another one only. Where the record can't be written, that is part of
    the reason in what is returned.
    """
    made = commit(run, record, options, anew=anew)
    if made.status != "committed" and record.commit is not None and record.commit.status == "committed":
        return replace(record, commit=made)
    try:
        return with_commit(run.path, record, made)
    except StoreError as error:
        reason = "; ".join(filter(None, (made.reason, str(error))))
        return replace(record, commit=replace(made, reason=reason))


def _refusal(record: Record, options: CommitOptions) -> str | None:
    """Return why a run is not to be committed, None if it is."""
    save = options.on_failure == "save"
    if record.status != "ended" and not save:
        return "nobody saw how the command ended; `vestige commit` commits what it has done"
    if record.exit.code and not save:
        return f"the command failed with exit code {record.exit.code}; `vestige commit` commits all the same"
    state = record.completeness
    if not options.outputs and not options.explicit and (state is None or state.files == "none"):
        why = f" ({state.trace_reason})" if state is not None and state.trace_reason else ""
        return f"nobody saw which files it changed{why}; name them with `-o`"
    return None


def _damage(run: RunFolder, record: Record) -> Iterator[LeftOut]:
    """Yield what a run overwrote in git-annex's store, which stays there if there is no commit, as far as is known."""
    with suppress(VestigeError):
        written = [use for use in links.through(run.files(WRITTEN)) if any(OBJECTS in name for name in use.names)]
        if not written:
            return
        repository = repo.discover(operand(record.code.top if record.code else record.cwd))
        top = repository.top
        uses = {os.path.relpath(os.fsdecode(to_bytes(use.path)), top): use for use in written}
        for item in overwritten(repository, uses):
            yield LeftOut(from_os(os.path.relpath(item.content, top)), item.words(is_taken=False))


class _Making:
    """The commit of one run in the making, while the lock of the outermost repository is held."""

    def __init__(self, run: RunFolder, record: Record, options: CommitOptions, begun: Transaction) -> None:
        self.run = run
        self.record = record
        self.options = options
        self.begun = begun
        self.gitlinks: dict[str, dict[str, str]] = {}  # by the name of the level that has the submodule
        self.prepared: list[Transaction] = []  # commits that no branch is at yet, the innermost first
        self.merged: set[str] = set()  # names of levels with a submodule in which a merge was made
        self.files = 0
        self.notes: list[str] = []

    def commit(self, *, anew: bool) -> Commit:
        """Make it, that of the innermost submodule first. Raises GitError, RecordError."""
        beside = self._moved_from()
        uses = links.through(self.run.files({*WRITTEN, *USED}))
        planned = plan(self.begun.repository, self.record, self.options, uses)
        known = None if anew else self._known(self.begun, self.record.code.commit if self.record.code else None)
        if known is not None:
            return self._result(planned, known)
        if self.options.strict and planned.uncommitted:
            raise RefusedError(f"it used files with uncommitted changes: {_names(planned.uncommitted)}")
        text = message(self.begun.repository, self.record, self.options, planned, uses)
        *inner, (main, selection) = planned.innermost_first()
        moves = {level.name: _checked(level, heads.move(level)) for level, _ in inner}
        with ExitStack() as stack:  # all or none are free for a commit, locked from the outside in
            held = {level.name: stack.enter_context(transaction.begun(level.repository)) for level, _ in inner[::-1]}
            self._surround([self.begun, *held.values()])
            for level, selected in inner:
                parent = planned.levels.parent(level)
                known = None if anew else self._known(held[level.name], _gitlink(parent, level))
                made = known or self._commit_inner(held[level.name], level, selected, text, moves[level.name])
                self._note_inner(parent, level, made, moves[level.name])
            made = self._commit_main(main, selection, text, beside)
            self._land()
        return self._result(planned, made)

    def _surround(self, begun: list[Transaction]) -> None:
        """Let each of the repositories, the outermost first, know of those inside of it."""
        tops = [each.repository for each in begun]
        for each in begun:
            inner = [other for other in tops if other.top.startswith(f"{each.repository.top}/")]
            if inner:
                each.surround(inner)

    def _land(self) -> None:
        transaction.land(self.prepared)
        self.prepared = []

    def _known(self, begun: Transaction, before: str | None) -> Made | None:
        """Return the commit of this run in the history of what is checked out, found by its id in the record."""
        from vestige.git.reruns.ranges import Range  # noqa: PLC0415 - only where a commit is tried again
        from vestige.git.reruns.run_commits import run_commits  # noqa: PLC0415

        repository, now = begun.repository, begun.head.commit
        if now is None:
            return None
        history = run_commits(repository, Range(now, now, () if before is None else (before,)))
        found = [item for item in history if item.recorded is not None and item.recorded.run == self.record.id]
        if not found:
            return None
        commit, parents = found[-1].id, found[-1].parents
        base = parents[-1] if parents else repository.empty_tree
        return Made(commit, len(repository.changed(base, commit)))

    def _commit_inner(
        self, begun: Transaction, level: Level, selection: Selection, text: Message, move: Move | None
    ) -> Made | None:
        """Commit in a submodule."""
        beside = move.before if move is not None and move.by_commits and move.before != begun.head.commit else None
        made = self._made(begun, level, self._change(level, selection, text), beside)
        if made is not None and (beside is not None or level.name in self.merged):
            self.merged.add(level.name)
        return made

    def _note_inner(self, parent: Level, level: Level, made: Made | None, move: Move | None) -> None:
        """Note where a submodule stands now, for the repository around it, if that is not where it stood."""
        is_new = bool(level.written) and _gitlink(parent, level) is None
        tip = made.commit if made is not None else adjusted.tip(level.repository) if move or is_new else None
        if tip is not None:
            name = os.path.relpath(level.repository.top, parent.repository.top)
            self.gitlinks.setdefault(parent.name, {})[name] = tip
        if made is not None:
            self.files += made.files
            self.merged |= {parent.name} if level.name in self.merged else set()

    def _commit_main(self, level: Level, selection: Selection, text: Message, beside: str | None) -> Made | None:
        allow_empty = self.options.allow_empty or bool(self.files)
        change = replace(self._change(level, selection, text), allow_empty=allow_empty)
        if text.sidecar is not None:
            change = replace(change, new={text.sidecar: text.content})
        return self._made(self.begun, level, change, beside)

    def _made(self, begun: Transaction, level: Level, change: Change, beside: str | None) -> Made | None:
        """Make a commit, as a merge if the command itself has committed here or further inside, as DataLad does."""
        if beside is None and level.name in self.merged:
            beside = begun.head.commit
        basis = adjusted.basis(begun.head.branch)
        if basis is None:
            made = begun.prepare(replace(change, beside=beside))
            self.prepared += [begun] if made is not None else []
            return made
        self._land()  # what is further inside: git-annex makes this commit anew when it is there
        try:
            return adjusted.commit(begun, basis, change, beside)
        except adjusted.NotPropagatedError as error:
            self.notes.append(str(error))
            return error.made

    def _change(self, level: Level, selection: Selection, text: Message) -> Change:
        return Change(
            paths=selection.paths,
            message=text.text,
            gitlinks=self.gitlinks.get(level.name, {}),
            overwritten=selection.overwritten,
            is_steady=lambda taken: is_steady(level, selection, but=taken),
        )

    def _result(self, planned: Plan, made: Made | None) -> Commit:
        branch = adjusted.basis(self.begun.head.branch) or self.begun.head.branch
        notes = [*self.notes, *([_unchanged(self.record)] if made is None else [])]
        return Commit(
            "unchanged" if made is None else "committed",
            commit=None if made is None else made.commit,
            branch=None if branch is None else from_os(branch),
            files=0 if made is None else made.files + self.files,
            reason="; ".join(notes) or None,
            left_out=planned.left_out,
            uncommitted=planned.uncommitted,
        )

    def _moved_from(self) -> str | None:
        """Return where HEAD stood before, if the command itself has committed. Raises RefusedError.

        Commits of other runs, and of the user, may have come in meanwhile: they are no business of this run.
        """
        code, now = self.record.code, self.begun.head
        branch = None if now.branch is None else from_os(now.branch)
        if code is None or (code.commit, code.branch) in ((now.commit, branch), (None, None)):
            return None  # it did not move, or could not be read then
        if code.branch != branch:
            who = "the command" if self._wrote_head() else "somebody"
            raise RefusedError(f"{who} switched from {_called(code.branch)} to {_called(branch)} while it ran")
        if code.commit is None or now.commit is None or not self._wrote_head():
            return None
        if adjusted.basis(now.branch) is not None:
            return code.commit  # git-annex makes the commits on such a branch anew
        if not self.begun.repository.is_ancestor(code.commit, now.commit):
            raise RefusedError(f"the command rewrote the history of {_called(branch)}")
        return code.commit

    def _wrote_head(self) -> bool:
        """Say whether a process of the run moved HEAD or its branch."""
        repository, branch = self.begun.repository, self.begun.head.branch
        names = [(repository.git_dir, "HEAD"), (repository.git_dir, "logs/HEAD")]
        if branch is not None:
            names += [(repository.common_dir, branch), (repository.common_dir, f"logs/{branch}")]
        moved = {from_os(os.path.realpath(os.path.join(*parts))) for parts in names}
        return any(use.path in moved and use.writers for use in self.run.files())


def _checked(level: Level, move: Move | None) -> Move | None:
    """Return how HEAD of a submodule was moved. Raises RefusedError if its history was rewritten."""
    now = level.repository.head
    if move is None or None in (move.before, now.commit) or adjusted.basis(now.branch) is not None:
        return move
    if move.by_commits and not level.repository.is_ancestor(move.before or "", now.commit or ""):
        raise RefusedError(f"the command rewrote the history of {_called(now.branch)} in {from_os(level.name)}")
    return move


def _gitlink(parent: Level, level: Level) -> str | None:
    """Return the commit that a repository has recorded of a submodule."""
    commit = parent.repository.head.commit
    name = os.path.relpath(level.repository.top, parent.repository.top)
    entry = parent.repository.tree(commit, [name]).get(name) if commit else None
    return entry.id if entry is not None and entry.is_submodule else None


def _unchanged(record: Record) -> str:
    """Say that there is nothing to commit, and of how much that can be said."""
    words = "no file differs from what is committed"
    state = record.completeness
    if state is None or state.files != "partial":
        return words
    return f"{words}, of those that were seen: {'; '.join(gap.reason for gap in state.gaps)}"


def _called(branch: str | None) -> str:
    return "no branch" if branch is None else f"`{branch.removeprefix('refs/heads/')}`"


def _names(paths: tuple[str, ...]) -> str:
    rest = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _collect_garbage(repository: Repository) -> None:
    """Let git tidy up, as it does after commits of its own, when there are so many loose objects that it would."""
    with suppress(OSError):
        if len(os.listdir(os.path.join(repository.common_dir, "objects", "17"))) >= _FULL_BUCKET:
            words = ("git", "maintenance", "run", "--auto", "--quiet")
            subprocess.Popen(
                words, cwd=repository.top, env=repo.environment(), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
