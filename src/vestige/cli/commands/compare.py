"""`vestige compare`: runs side by side, and why one took longer."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from vestige import api, exit_codes, invocation
from vestige.cli import leftovers, printing, result_file, stores
from vestige.compare import naming
from vestige.compare.comparison import compare
from vestige.errors import RecordError, UsageError
from vestige.quantity import LEGEND
from vestige.record.model import FIGURES
from vestige.report import compare_json, compare_markdown, compare_text
from vestige.report.compare_words import ratio, title

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from vestige.compare.comparison import Comparison

EXAMPLES = """\
examples:
  vestige compare                       the last run with the one of the same command before it
  vestige compare 7f3a 91c2             two runs; the first is what the others are held against
  vestige compare last~2 last~1 last    many: a table
  vestige compare tag:old tag:new       all runs with a tag as one side: noise is known from three runs on
  vestige compare 7f3a 91c2 --vs last   two runs on one side, one on the other
  vestige compare HEAD~1 HEAD           runs that commits record (`git:v1.2` where an id begins alike)
  vestige compare last .duct/logs/x_    a log of con-duct, by its path
  vestige compare last~1 last -o x.html    a page of its own; also .md and .json
  vestige compare tag:main tag:new --fail-over 1.1    exit code 3 where it takes 10 % longer, noise aside
"""

_LIMIT = re.compile(r"(?:([a-z_]+)=)?([0-9]+(?:\.[0-9]+)?)")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige compare`."""
    parser.add_argument(
        "runs", nargs="*", metavar="RUN",
        help="as `vestige show` takes them; `tag:TAG`, a revision of Git, a log of con-duct; default: `last`",
    )  # fmt: skip
    parser.add_argument(
        "--vs", nargs="+", action="append", default=[], metavar="RUN", help="runs of another side; may be repeated"
    )
    parser.add_argument(
        "--fail-over", action="append", default=[], metavar="[FIGURE=]RATIO",
        help="exit code 3 where a figure (default: wall) is more than so many times the first side's, noise aside",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything, as JSON")
    form.add_argument("--markdown", action="store_true", help="as Markdown")
    form.add_argument("-o", "--output", metavar="FILE", help="into a file: .html, .md or .json")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Compare them."""
    limits = dict(map(_limit, arguments.fail_over))
    if arguments.output:
        _form(arguments.output)  # before anything is read
    leftovers.clear_up()
    groups = [arguments.runs or ["last"], *arguments.vs]
    sides = naming.sides(api.all_kept(arguments.store), invocation.cwd(), groups)
    found = compare(sides)
    _show(found, arguments)
    over = list(_over(found, limits))
    for words in over:
        printing.say(words)
    return exit_codes.OVER_LIMIT if over else exit_codes.OK


def _show(found: Comparison, arguments: argparse.Namespace) -> None:
    if arguments.output:
        result_file.write(arguments.output, _FORMS[_form(arguments.output)](found))
    elif arguments.json:
        printing.print_json(compare_json.as_json(found))
    elif arguments.markdown:
        print(compare_markdown.markdown(found), end="")
    else:
        for line in compare_text.lines(found, printing.paint()):
            print(printing.fit(line))
        printing.say(LEGEND)


def _form(path: str) -> str:
    """Return the ending of a file's name. Raises UsageError where it tells no form."""
    ending = os.path.splitext(path)[1].lower()
    if ending not in _FORMS:
        raise UsageError(f"`--output` can't be `{path}`; its name ends in {', '.join(_FORMS)}")
    return ending


def _page(found: Comparison) -> Iterator[str]:
    from vestige.pages import comparison  # noqa: PLC0415 - only for a page

    return comparison.page(found)


_FORMS: dict[str, Callable[[Comparison], Iterable[str]]] = {
    ".html": _page,
    ".md": lambda found: [compare_markdown.markdown(found)],
    ".json": lambda found: [json.dumps(compare_json.as_json(found), indent=1, allow_nan=False), "\n"],
}


def _limit(words: str) -> tuple[str, float]:
    match = _LIMIT.fullmatch(words)
    name = "wall" if match is None else match.group(1) or "wall"
    if match is None or name not in FIGURES:
        raise UsageError(f"`--fail-over` can't be `{words}`; write 1.1, or memory_peak=1.2")
    return name, float(match.group(2))


def _over(found: Comparison, limits: dict[str, float]) -> Iterator[str]:
    """Yield in words which figures are over their limits, and not by noise alone.

    Raises RecordError where one is not known: that is no pass.
    """
    for name, most in limits.items():
        row = found.figure(name)
        if row is None or not all(sample.values for sample in row.samples):
            raise RecordError(f"`--fail-over {name}={most:g}`: not all runs know their {title(name)}")
        for side, against in zip(found.sides, row.against, strict=True):
            if against is not None and against.verdict == "more" and (against.ratio is None or against.ratio > most):
                yield f"{title(name)} of {side.name} is {ratio(against)} that of {found.sides[0].name}: over {most:g}"
