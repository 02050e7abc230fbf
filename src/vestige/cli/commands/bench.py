"""`vestige bench`: commands run many times, in turn, and compared."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing, stores
from vestige.cli.progress import Progress
from vestige.compare import bench
from vestige.compare.comparison import compare
from vestige.compare.spread import measured
from vestige.errors import UsageError
from vestige.report import bench_text
from vestige.report.compare_words import sentence
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

    from vestige.compare.bench import Bench
    from vestige.compare.spread import Measured

EXAMPLES = """\
examples:
  vestige bench -- python3 train.py                     ten times: mean, spread, CPU, memory, I/O
  vestige bench -n 30 --warmup 3 -- ./a.out             after three runs that don't count
  vestige bench --vs 'gzip -k9 f' -- gzip -k1 f         two commands, in turn: which is faster, and why
  vestige bench --prepare 'rm -f f.gz' -- gzip -k f     something before every run, for `sh -c`
  vestige bench -- sh -c 'sort f | uniq'                what needs a shell
  vestige bench --no-keep --csv -- make -j2             runs are removed afterwards; for a spreadsheet
  vestige ls --tag bench                                they are runs like any others; each command has a tag of its own
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige bench`."""
    parser.add_argument("command", nargs="*", metavar="CMD", help="the command, after `--`; no shell is between")
    parser.add_argument("-n", "--runs", type=int, default=10, metavar="N", help="runs of each command; default: 10")
    parser.add_argument("--warmup", type=int, default=0, metavar="N", help="runs of each before those that count")
    parser.add_argument("--prepare", metavar="CMD", help="a line for `sh -c`, before every run")
    parser.add_argument(
        "--vs", action="append", default=[], metavar="CMD", help="another command, as one word; may be repeated"
    )
    parser.add_argument("--ignore-failure", action="store_true", help="go on after an exit code other than 0")
    parser.add_argument("--no-keep", action="store_true", help="remove the runs afterwards")
    parser.add_argument("--trace", choices=("auto", "off"), help="`off`: nothing of vestige's on the command's path")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, with the names of `hyperfine --export-json`")
    form.add_argument("--csv", action="store_true", help="as CSV, with the columns of `hyperfine --export-csv`")
    form.add_argument("--markdown", action="store_true", help="as a table in Markdown")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run them and show what came of it."""
    progress = _Count()
    made = bench.bench(_order(arguments), progress)
    progress.clear()
    try:
        _show(made, arguments)
    finally:
        if arguments.no_keep:
            bench.forget(made)
    if made.interrupted is not None:
        raise made.interrupted
    return exit_codes.FAILED if made.failure is not None else exit_codes.OK


class _Count(Progress):
    """Tells how many runs are done."""

    def __call__(self, done: int, total: int) -> None:
        """Take note of `done` of `total` runs."""
        if self._is_wanted:
            self._show(f"vestige: run {done + 1} of {total}; Ctrl-C ends it with what there is")


def _order(arguments: argparse.Namespace) -> bench.Order:
    if not arguments.command:
        raise UsageError("there is no command: `vestige bench -- CMD`")
    if arguments.runs < 1 or arguments.warmup < 0:
        raise UsageError("`--runs` needs a number from 1 on, `--warmup` one from 0 on")
    return bench.Order(
        commands=(tuple(arguments.command), *map(_words, arguments.vs)),
        runs=arguments.runs,
        warmup=arguments.warmup,
        prepare=arguments.prepare,
        ignore_failure=arguments.ignore_failure,
        keep=not arguments.no_keep,
        trace=arguments.trace,
        store=arguments.store,
    )


def _words(line: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"`--vs {line}` can't be split into words: {error}") from error
    if not words:
        raise UsageError("`--vs` needs a command")
    return words


def _show(made: Bench, arguments: argparse.Namespace) -> None:
    found = [
        measured(bench.written(words), made.tag(place), runs)
        for place, (words, runs) in enumerate(zip(made.order.commands, made.runs, strict=True))
        if runs
    ]
    if found:
        _print(made, found, arguments)
    if made.failure is not None:
        sys.stderr.flush()
        os.write(2, made.failure.output)
        hint = "; `--ignore-failure` goes on all the same" if made.failure.may_go_on else ""
        printing.say(f"{safe(made.failure.command)} {made.failure.what}{hint}")
    if made.interrupted is not None:
        printing.say("interrupted: this is what there is")


def _print(made: Bench, found: list[Measured], arguments: argparse.Namespace) -> None:
    if arguments.json:
        printing.print_json(bench_text.as_json(found))
    elif arguments.csv:
        print(bench_text.as_csv(found), end="")
    elif arguments.markdown:
        print(bench_text.markdown(found), end="")
    else:
        for line in bench_text.lines(found, printing.paint()):
            print(printing.fit(line))
        _explain(made)


def _explain(made: Bench) -> None:
    """Print why one took longer than the other, and how to see more."""
    if len(made.sides) > 1:
        comparison = compare(made.sides)
        for explanation in comparison.explanations:
            print(printing.fit(sentence(comparison, explanation)))
        if not made.order.keep:
            return
        words = " ".join(f"tag:{made.tag(place)}" for place in range(len(made.sides)))
        printing.say(f"`vestige compare {words}` shows more")
