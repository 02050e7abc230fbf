"""`vestige duct ls`: con-duct's listing of logs, its options, formats and exit codes."""

from __future__ import annotations

import gc
import os
import sys

from vestige.con_duct.prefixes import INFO_NAME, found
from vestige.duct import subcommand
from vestige.duct.catalogue import Catalogue
from vestige.duct.fields import DEFAULT, FIELDS, shapes
from vestige.duct.options import OFF, PREFIX
from vestige.text import printable

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from vestige.duct.messages import Messages

    Row = dict[str, Any]

FORMATS = ("auto", "pyout", "summaries", "json", "json_pp", "yaml")
EXAMPLES = (
    ("vestige duct ls", "all of .duct/logs, or of DUCT_OUTPUT_PREFIX"),
    ("vestige duct ls runs/*info.json -F command exit_code peak_rss", "these logs, these fields"),
    ("vestige duct ls --sort-by peak_rss --reverse", "the largest first"),
    ("vestige duct ls -e 'exit_code != 0'", "what went wrong"),
    ("vestige duct ls -e \"re.search('train', command) and peak_rss > 2e9\"", "by command and memory"),
    ("vestige duct ls -f json | python -m json.tool", "for programs"),
)  # fmt: skip
_NONE_OF_OURS = "no path ends in info.json: nothing is listed"


def main(words: list[str]) -> int:
    """List the logs that `words` ask for and return the exit code."""
    gc.disable()  # there are no cycles, and looking for them takes a third of the time
    return subcommand.call(words, make_parser, _list, "con_duct.ls")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = subcommand.parser("ls", "List logs of con-duct, and of vestige duct.", EXAMPLES)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="info.json files; default: all that DUCT_OUTPUT_PREFIX stands for"
    )
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        metavar="|".join(FORMATS),
        default="auto",
        help="auto and pyout: a table; the others as they are called",
    )
    parser.add_argument(
        "-F", "--fields", nargs="+", metavar="FIELD", choices=FIELDS, default=list(DEFAULT),
        help=f"what to show; the prefix always comes first: {', '.join(sorted(FIELDS))}",
    )  # fmt: skip
    parser.add_argument(
        "--colors", action="store_true", default=_wants_colours(), help="green and red for well and ill [DUCT_COLORS]"
    )
    parser.add_argument(
        "-e", "--eval-filter", metavar="EXPRESSION",
        help="only logs of which this is true: Python's comparisons, arithmetic and logic over the fields, `re`, and "
        "methods of strings",
    )  # fmt: skip
    parser.add_argument("--reverse", action="store_true", help="the last first")
    parser.add_argument(
        "--sort-by", nargs="+", metavar="FIELD", choices=FIELDS,
        help="by raw values; later fields where earlier ones are the same; what has no value comes last",
    )  # fmt: skip
    return parser


def _wants_colours() -> bool:
    return os.environ.get("DUCT_COLORS", "").lower() not in OFF


def _list(arguments: argparse.Namespace, messages: Messages) -> int:
    keep = None
    if arguments.eval_filter is not None:
        from vestige.duct.filter import compiled  # noqa: PLC0415 - only where it is needed

        keep = compiled(arguments.eval_filter)
    paths = arguments.paths or found(os.environ.get("DUCT_OUTPUT_PREFIX", PREFIX))
    chosen = [path for path in paths if path.endswith(INFO_NAME)]
    if arguments.paths and not chosen:
        messages.say("WARNING", _NONE_OF_OURS)
    logs = Catalogue(chosen, messages)
    is_table = arguments.format in ("auto", "pyout")
    make = _Rows(arguments.fields, colours=arguments.colors and not is_table)
    kept = logs if keep is None else _kept(logs, keep)
    rows = [make(log) for log in kept] if not arguments.sort_by else _sorted(kept, make, arguments.sort_by, messages)
    if arguments.reverse:
        rows.reverse()
    subcommand.write(_table(rows, colours=arguments.colors) if is_table else _form(arguments.format)(rows))
    return 1 if logs.unreadable else 0


def _kept(logs: Catalogue, keep: Callable[[Row], object]) -> Iterator[Row]:
    """Yield the logs of which an expression is true; those of which it can't be said are named."""
    for log in logs:
        try:
            holds = keep(log)
        except Exception as error:  # noqa: BLE001 - whatever an expression may raise over whatever is in a log
            logs.refuse(f"{log['prefix']}{INFO_NAME}", printable(str(error)))
            continue
        if holds:
            yield log


class _Rows:
    """Makes rows of logs: the chosen fields that a log has, in their form, the prefix first."""

    def __init__(self, fields: Sequence[str], *, colours: bool) -> None:
        forms = shapes(colours=colours)
        self._fields = [(field, forms.get(field)) for field in dict.fromkeys(fields) if field != "prefix"]

    def __call__(self, log: Row) -> Row:
        row = {"prefix": log["prefix"]}
        for field, form in self._fields:
            if field in log:
                row[field] = log[field] if form is None else form(log[field])
        return row


def _sorted(logs: Iterator[Row] | Catalogue, make: _Rows, fields: Sequence[str], messages: Messages) -> list[Row]:
    from vestige.duct import order  # noqa: PLC0415 - only where it is needed

    keyed = [(order.key(log, fields), make(log)) for log in logs]
    for place, field in enumerate(fields):
        if keyed and all(order.is_missing(key[place]) for key, _ in keyed):
            messages.say("WARNING", f"no log has a value of {field!r}: sorting by it changes nothing")
    keyed.sort(key=lambda pair: pair[0])
    return [row for _, row in keyed]


def _form(name: str) -> Callable[[Sequence[Row]], str]:
    from vestige.duct.forms import FORMS  # noqa: PLC0415 - most want the table

    return FORMS[name]


def _table(rows: list[Row], *, colours: bool) -> str:
    from vestige.duct import table  # noqa: PLC0415

    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    width = os.get_terminal_size(sys.stdout.fileno()).columns or None if sys.stdout.isatty() else None
    lines = table.lines(rows, width=width, bold=terminal, colours=colours and terminal)
    return "".join(line + "\n" for line in lines)
