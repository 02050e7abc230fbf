"""`vestige verify`: repeat runs in a scratch work tree and compare what comes out."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import printing, stores
from vestige.cli.consent import agree
from vestige.contents.comparison import Tolerance
from vestige.errors import GitError, RunNotFoundError, UsageError
from vestige.git import repo
from vestige.git.reruns import ranges, run_commits
from vestige.git.reruns.ours import Ours
from vestige.git.verifying.originals import Original, of_commit, of_run
from vestige.git.verifying.verify import last_original, repeat
from vestige.report import verify as report
from vestige.words import command, safe

if TYPE_CHECKING:
    import argparse

    from vestige.git.repo import Repository
    from vestige.git.verifying.verify import Repetition
    from vestige.store.runs import RunFolder, Runs

EXAMPLES = """\
examples:
  vestige verify                     repeat the last run elsewhere: do its outputs come out again?
  vestige verify 7f3a                an earlier run
  vestige verify HEAD                the run whose record is in a commit
  vestige verify main~5..main        all runs of a range, each from the state before it
  vestige verify --times 5           what varies from one repetition to the next?
  vestige verify --tolerance 1e-6    numbers may be that far apart, relative to each other

Nothing in your work tree is touched: the commit before the run is checked out elsewhere. Outputs are compared byte for
byte, then by content: JSON, CSV, Parquet, PNG, NumPy, gzip, text. Exit code 0: all came out again; 3: not all.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige verify`."""
    parser.add_argument("target", nargs="?", metavar="RUN|REV|RANGE", help="default: the last run")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="repeat it N times")
    parser.add_argument("--tolerance", type=float, default=Tolerance().relative, metavar="X", help="default: 1e-9")
    parser.add_argument("--keep", action="store_true", help="leave the scratch work trees, and say where they are")
    parser.add_argument(
        "-y", "--yes", action="store_true", help="run commands that others have recorded, and such as write outside"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Repeat them, one after the other, and say what came of each."""
    if arguments.times < 1:
        raise UsageError("`--times` is 1 or more")
    found = [_repeated(original, arguments) for original in _originals(arguments)]
    if arguments.json:
        printing.print_json_list(report.as_json(repetitions) for repetitions in found)
    repeats = all(repetition.repeats for repetitions in found for repetition in repetitions)
    return exit_codes.OK if repeats else exit_codes.NOT_REPEATED


def _repeated(original: Original, arguments: argparse.Namespace) -> list[Repetition]:
    tolerance = Tolerance(relative=arguments.tolerance)
    store = api.kept(arguments.store).stores[0].path
    repetitions = []
    for _ in range(arguments.times):
        repetition = repeat(original, tolerance=tolerance, store=store, keep=arguments.keep, outside=arguments.yes)
        repetitions.append(repetition)
        if arguments.keep:
            printing.say(f"kept: {repetition.tree}")
    if not arguments.json:
        for line in report.lines(repetitions, printing.paint()):
            print(line)
    return repetitions


def _originals(arguments: argparse.Namespace) -> list[Original]:
    """Return what is meant: a run by its id, else what the records in commits say."""
    runs = api.kept(arguments.store)
    ours = Ours(runs)
    if arguments.target is None:
        return [_of_run(last_original(runs), ours, arguments)]
    with suppress(RunNotFoundError):
        return [_of_run(runs.find(arguments.target), ours, arguments)]
    return _of_commits(arguments, runs, ours)


def _of_run(run: RunFolder, ours: Ours, arguments: argparse.Namespace) -> Original:
    record = run.load()
    if not arguments.yes and not ours.has(run):
        printing.say(f"{safe(run.short_id)}: {command(record.argv)}")
        agree("this command", "from a store that came with the repository")
    return of_run(run, record)


def _of_commits(arguments: argparse.Namespace, runs: Runs, ours: Ours) -> list[Original]:
    repository = repo.discover(os.getcwd())
    part = ranges.resolve(repository, arguments.target)
    if part is None:
        raise UsageError(f"`{arguments.target}` is neither a run that is kept nor a commit")
    commits = run_commits.run_commits(repository, part)
    for commit in commits:
        if commit.problem is not None:
            printing.say(f"{commit.id[:10]} is passed over: {safe(commit.problem)}")
    recorded = [commit for commit in commits if commit.recorded is not None]
    if not recorded:
        raise GitError(f"no commit in {part.words} holds the record of a run")
    own = {commit.id: commit.recorded.run for commit in recorded if commit.recorded and ours.made(commit)}
    foreign = [commit for commit in recorded if commit.id not in own]
    if foreign and not arguments.yes:
        for commit in foreign:
            printing.say(f"{commit.id[:10]}: {safe(commit.recorded.cmd if commit.recorded else '')}")
        agree("this command" if len(foreign) == 1 else f"these {len(foreign)} commands", "from the messages of commits")
    return [_of_commit(repository, commit.id, own.get(commit.id), runs) for commit in recorded]


def _of_commit(repository: Repository, commit: str, run: str | None, runs: Runs) -> Original:
    """Return the run of a commit, with all that is known of it if it was made here."""
    if run is not None:
        folder = runs.find(run)
        return of_run(folder, folder.load())
    message = run_commits.read(repository, commit)
    if message is None:
        raise GitError(f"{commit[:10]} holds no record of a run any more")
    return of_commit(repository, commit, message)
