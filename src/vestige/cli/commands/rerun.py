"""`vestige rerun`: run again what commits have recorded."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from vestige import api, exit_codes, invocation
from vestige.cli import printing, stores
from vestige.cli.consent import agree
from vestige.con_duct.reading import knows_words
from vestige.errors import GitError, RunNotFoundError, StoreError, UsageError
from vestige.git import repo
from vestige.git.operands import operand
from vestige.git.reruns import again, ranges, rerun, script, unsaved
from vestige.git.reruns.again import Wish
from vestige.git.reruns.details import details
from vestige.git.reruns.ours import Ours
from vestige.git.reruns.replay import Replay
from vestige.report import rerun as report
from vestige.report.tables import Column
from vestige.words import command, safe

if TYPE_CHECKING:
    import argparse

    from vestige.git.repo import Repository
    from vestige.git.reruns.ranges import Range
    from vestige.git.reruns.replay import Done
    from vestige.git.reruns.rerun import Plan
    from vestige.record.model import Record
    from vestige.store.runs import RunFolder

EXAMPLES = """\
examples:
  vestige rerun                           run again what the last commit has recorded
  vestige rerun main~5..main              every run of a range, oldest first, on top of what is checked out
  vestige rerun --since= --report         all runs in the history: what would be done?
  vestige rerun --since= --onto= -b new   make them again from the beginning, on a branch of its own
  vestige rerun 7f3a                      a run by its id
  vestige rerun main~5..main --script -   the commands as a shell script

The result is committed if it differs from what is there. Commands that were not run here before are shown, and run
after a yes. The exit code is that of the first command that failed and did not fail before, 2 if a record could not be
read, else 0.
"""

_NAMED = 5  # files in a message


class _Target(NamedTuple):
    """What is to be run again: a range of commits, or a run of which there is no commit."""

    repository: Repository | None
    part: Range | None
    run: RunFolder | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige rerun`."""
    parser.add_argument("target", nargs="?", metavar="REV|RANGE|RUN", help="default: HEAD")
    parser.add_argument("--since", metavar="REV", help="all runs after this commit; empty: all in the history")
    parser.add_argument("--onto", metavar="REV", help="check this out first; empty: what the first run began with")
    parser.add_argument("-b", "--branch", metavar="NAME", help="make this branch and do it there")
    parser.add_argument("-m", "--message", metavar="TEXT", help="for the commits, instead of their own")
    parser.add_argument("--script", metavar="FILE", help="write the commands as a shell script (`-`: to stdout)")
    parser.add_argument("--report", "--dry-run", action="store_true", help="show what would be done, run nothing")
    parser.add_argument("--json", action="store_true", help="with --report: as JSON")
    parser.add_argument(
        "--explicit", action="store_true", help="commit only recorded outputs, and don't ask for a clean tree"
    )
    parser.add_argument(
        "--assume-ready", choices=("inputs", "outputs", "both"), help="fetch no inputs, make no outputs writable"
    )
    parser.add_argument(
        "--on-failure", choices=("nothing", "save"), default="nothing", help="save: commit all the same, and go on"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="run what others have recorded, without asking")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Find what is meant, decide what to do with it, then show or do it."""
    if arguments.json and not arguments.report:
        raise UsageError("`--json` goes with `--report`")
    if arguments.report and arguments.script is not None:
        raise UsageError("`--report` and `--script` are two things")
    wish = Wish(
        message=arguments.message,
        explicit=arguments.explicit,
        assume_ready=arguments.assume_ready,
        save_failures=arguments.on_failure == "save",
        store=arguments.store,
    )
    target = _target(arguments)
    if target.run is not None:
        return _rerun_kept(target.run, wish, arguments)
    if target.repository is None or target.part is None:
        raise AssertionError("one or the other was found")
    plan = rerun.plan(target.repository, target.part, onto=arguments.onto, branch=arguments.branch)
    if arguments.report:
        return _print_report(target.repository, plan, as_json=arguments.json)
    if arguments.script is not None:
        return _write_script(target.repository, plan, arguments.script)
    return _rerun(target.repository, plan, wish, arguments)


def _target(arguments: argparse.Namespace) -> _Target:
    """Return what is meant: a commit goes before a run of the same name. Raises UsageError, GitError."""
    words = arguments.target
    run = None if words is None else _run(words, arguments.store)
    try:
        repository = repo.discover(_here())
        part = ranges.resolve(repository, words, arguments.since)
    except GitError:
        if run is None:
            raise
        part = None
    if part is None and run is None:
        raise UsageError(f"`{words}` is neither a commit nor a run that is kept")
    if part is None and run is not None:
        return _of_run(run, arguments.since)
    if run is not None and part is not None:
        printing.say(f"`{safe(words)}` is taken for the commit {report.short(part.tip)}; the run is {safe(run.path)}")
    return _Target(repository, part)


def _here() -> str:
    folder = invocation.cwd()
    if folder is None:
        raise GitError("the current folder is gone; there is no repository around it")
    return folder


def _run(words: str, store: str | None) -> RunFolder | None:
    with suppress(RunNotFoundError, StoreError, UsageError):
        return api.kept(store).find(words)
    return None


def _of_run(run: RunFolder, since: str | None) -> _Target:
    """Return the commit of a run, or the run itself where there is none."""
    record = run.load()
    if record.status == "running":
        raise UsageError("the run goes on; it can be made again when it has ended")
    commit = None if record.commit is None else record.commit.commit
    if commit is None or record.code is None:
        return _Target(None, None, run)
    repository = repo.discover(operand(record.code.top))
    part = ranges.resolve(repository, commit, since)
    if part is None:
        raise GitError(f"{commit}, the commit of run {run.short_id}, is not in {repository.top} any more")
    printing.say(f"run {safe(run.short_id)} is the commit {report.short(commit)} in {safe(repository.top)}")
    return _Target(repository, part)


def _print_report(repository: Repository, plan: Plan, *, as_json: bool) -> int:
    if as_json:
        printing.print_json_list(report.as_json(plan, lambda commit: details(repository, commit)))
    else:
        printing.print_table([Column("ACTION"), Column("COMMIT"), Column("COMMAND")], list(report.rows(plan)))
    return exit_codes.OK


def _write_script(repository: Repository, plan: Plan, path: str) -> int:
    recipes = (again.recipe(repository, step.commit) for step in plan.runs)
    lines = list(script.script(repository, recipes, words=f"{plan.part.words} ({plan.part.tip})"))
    _tell_problems(plan)
    if path.strip() == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(script.content(lines))
        return exit_codes.OK
    try:
        script.write(lines, path)
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from error
    return exit_codes.OK


def _tell_problems(plan: Plan) -> None:
    for commit in plan.problems:
        printing.say(f"{report.short(commit.id)} can't be run again: {safe(commit.problem or '')}")


def _rerun(repository: Repository, plan: Plan, wish: Wish, arguments: argparse.Namespace) -> int:
    if not wish.explicit:
        _check_saved(repository, plan)
    if not arguments.yes:
        _ask(plan, Ours(api.kept(arguments.store)))
    replay = Replay(repository, plan, wish)
    try:
        code = _carry_out(replay)
    except BaseException:
        printing.say(report.standing(replay.before, repository.head))
        raise
    if code == exit_codes.OK and plan.problems:
        return exit_codes.FAILED
    return code


def _check_saved(repository: Repository, plan: Plan) -> None:
    """Raise UsageError where what is not committed would get into the results, or in the way."""
    if plan.moves:
        found = unsaved.tracked(repository)
    else:
        recipes = (again.recipe(repository, step.commit) for step in plan.runs)
        found = unsaved.unsaved(repository, {path for recipe in recipes for path in unsaved.named(repository, recipe)})
    if found:
        names = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
        why = "other commits are to be checked out" if plan.moves else "the runs use or change them"
        raise UsageError(f"not committed: {names}; {why}. Commit them, or go on all the same with `--explicit`")


def _ask(plan: Plan, ours: Ours) -> None:
    """Show the commands and ask, unless all of them were run here before. Raises UsageError where nobody agrees."""
    if all(ours.made(step.commit) for step in plan.runs):
        return
    for step in plan.runs:
        for line in report.command(step.commit):
            print(line, file=sys.stderr)
    what = "this command" if len(plan.runs) == 1 else f"these {len(plan.runs)} commands"
    agree(what, "from the messages of commits")


def _carry_out(replay: Replay) -> int:
    """Do it, say what came of each commit, and return the exit code."""
    code = exit_codes.OK
    for done in replay.steps():
        line = report.result(done)
        if line is not None:
            printing.say(line)
        code = code or _code(done)
        if done.verdict == "refused" or (done.verdict == "failed" and not replay.wish.save_failures):
            printing.say(report.standing(replay.before, replay.repository.head))
            return code
    now = replay.repository.head
    if replay.is_beside or (replay.plan.onto is not None and now.branch is None):
        printing.say(report.result_without_branch(replay.before, now, is_beside=replay.is_beside))
    return code


def _code(done: Done) -> int:
    if done.verdict == "refused":
        return exit_codes.NOT_COMMITTED
    if done.verdict != "failed" or done.again is None:
        return exit_codes.OK
    return done.again.code or exit_codes.FAILED


def _rerun_kept(run: RunFolder, wish: Wish, arguments: argparse.Namespace) -> int:
    """Run a run again that no commit holds."""
    given = {"--since": arguments.since, "--onto": arguments.onto, "--branch": arguments.branch,
             "--script": arguments.script, "--report": arguments.report or None}  # fmt: skip
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"no commit holds run {run.short_id}: `{option}` has nothing to go by")
    record = run.load()
    if not knows_words(record):
        raise UsageError(f"run {run.short_id} can't be made again: con-duct kept its command as text, not as words")
    if not arguments.yes and not Ours(api.kept(arguments.store)).has(run):
        print(f"  {command(record.argv)}", file=sys.stderr)
        agree("this command", "from a store that came with the repository")
    made = again.kept_again(record, wish)
    printing.say(_kept_words(run, record, made))
    if made.verdict == "refused":
        return exit_codes.NOT_COMMITTED
    return (made.code or exit_codes.FAILED) if made.verdict == "failed" else exit_codes.OK


def _kept_words(run: RunFolder, record: Record, made: again.Again) -> str:
    name = f"{safe(run.short_id)} -> {safe(made.run.short_id)}"
    if made.verdict == "failed":
        return f"{name}, exit code {made.code}" + (f", {record.exit.code} then" if record.exit.code else "")
    if made.verdict == "refused":
        return f"{name}, not committed: {safe(made.reason or '')}"
    return name
