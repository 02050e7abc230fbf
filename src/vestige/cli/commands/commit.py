"""`vestige commit`: make the Git commit of a run that is kept."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import printing, stores
from vestige.errors import GitError, UsageError
from vestige.git.commit import commit_and_note
from vestige.git.verifying.verify import last_original
from vestige.record.codec import record_to_json
from vestige.record.model import CommitOptions
from vestige.report import commit as report
from vestige.text import from_os

if TYPE_CHECKING:
    import argparse

    from vestige.record.model import Record

EXAMPLES = """\
examples:
  vestige commit                  commit what the last run changed, and how it came about
  vestige commit 7f3a -m "clean"  an earlier one, with another message
  vestige commit -o model.bin     with an output that Git ignores
  vestige run make && vestige commit    decide after you have seen the result; `vestige verify` may stand between
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige commit`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="default: the last run")
    parser.add_argument("-m", "--message", metavar="TEXT", help="instead of the run's own")
    parser.add_argument("-i", "--input", dest="inputs", action="append", default=[], metavar="GLOB", help="one more")
    parser.add_argument(
        "-o", "--output", dest="outputs", action="append", default=[], metavar="GLOB", help="one more, ignored or not"
    )
    parser.add_argument("--explicit", action="store_true", help="only what -o names")
    parser.add_argument("--sidecar", choices=("auto", "yes", "no"), help="the record in a file of its own")
    parser.add_argument("--strict", action="store_true", help="not if the run used files with uncommitted changes")
    parser.add_argument("--commit-inputs", action="store_true", help="take such files in")
    parser.add_argument("--allow-empty", action="store_true", help="even if no file differs")
    parser.add_argument("--again", action="store_true", help="even if the run is committed already")
    parser.add_argument("--json", action="store_true", help="as JSON")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Make it; a run that failed, or whose end nobody saw, is committed all the same: it is asked for by name."""
    runs = api.kept(arguments.store)
    folder = last_original(runs) if arguments.run is None else runs.find(arguments.run)
    record = folder.load()
    _check(record, again=arguments.again)
    if arguments.message is not None:
        record = dataclasses.replace(record, message=from_os(arguments.message))
    record = commit_and_note(folder, record, _options(record, arguments), anew=arguments.again)
    made = record.commit
    if made is None:
        raise AssertionError("it was noted")
    if arguments.json:
        printing.print_json(record_to_json(record)["commit"])
    elif made.status in ("committed", "unchanged"):
        for line in report.page(record):
            print(line)
    if made.status not in ("committed", "unchanged"):
        raise GitError(f"not committed: {made.reason}")
    return exit_codes.OK


def _check(record: Record, *, again: bool) -> None:
    if record.status == "running":
        raise UsageError("the run goes on; it can be committed when it has ended")
    done = record.commit
    if done is not None and done.status == "committed" and not again:
        raise UsageError(f"the run is committed already, as {done.commit}; `--again` makes another commit")


def _options(record: Record, arguments: argparse.Namespace) -> CommitOptions:
    known = record.options.commit or CommitOptions()
    return dataclasses.replace(
        known,
        inputs=(*known.inputs, *map(from_os, arguments.inputs)),
        outputs=(*known.outputs, *map(from_os, arguments.outputs)),
        explicit=known.explicit or arguments.explicit,
        sidecar=arguments.sidecar or known.sidecar,
        on_failure="save",
        strict=arguments.strict,
        commit_inputs=known.commit_inputs or arguments.commit_inputs,
        allow_empty=known.allow_empty or arguments.allow_empty,
    )
