"""What a commit that was killed has left in a repository is cleared up by the next command that looks at runs there."""

from __future__ import annotations

from vestige import invocation, settings
from vestige.cli import printing
from vestige.errors import GitError
from vestige.git.journal import is_pending
from vestige.record.head import git_folder


def clear_up() -> None:
    """Finish or undo what was left in the repository around the current folder; what can't be is said on stderr."""
    folder = invocation.cwd()
    top = None if folder is None else settings.git_top_level(folder)
    if top is None or not is_pending(git_folder(top)):
        return
    from vestige.git import transaction  # noqa: PLC0415 - only where there is something

    try:
        transaction.recover(top)
    except GitError as error:
        printing.say(f"a commit was left half done: {error}")
