"""What vestige costs and how right it is, beside GNU time, con-duct, psrecord and strace, measured side by side.

    python bench/run.py [--quick] [--only NAME]... [--out FILE]

It installs vestige from this checkout, and its peers, into a virtual environment of its own in a temporary folder.
With `--only` the sections of these names are renewed in docs/bench.md, all others stay as they are.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import accuracy
import benching
import collecting
import committing
import cost
import duct_cases
import duct_listing
import listing
import machine
import measure
import overhead
import page
import pages
import peers
import pipelines
import searching
import serving
import table
import telemetry
import throughput
import tracing
from errors import BenchError
from installation import CHECKOUT, Installation, install
from workloads import Workloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from machine import Clock
    from table import Section

SECTIONS: dict[str, Callable[[Workloads], Section]] = {
    "start": overhead.start,
    "short": overhead.short_processes,
    "compile": overhead.compiling,
    "compute": overhead.computing,
    "tracing": tracing.tracing,
    "output": throughput.output,
    "sampling": cost.sampling,
    "memory": cost.memory,
    "hyperfine": benching.benching,
    "listing": listing.listing,
    "pages": pages.pages,
    "history": searching.searching,
    "serve": serving.serving,
    "duct-ls": duct_listing.listing,
    "commit": committing.committing,
    "kedro": pipelines.kedro,
    "collector": collecting.collecting,
    "telemetry": telemetry.telemetry,
    "accuracy": accuracy.accuracy,
    "duct": duct_cases.duct,
}
DOCUMENT = os.path.join(CHECKOUT, "docs", "bench.md")
HOW_TO_READ = """\
Everything in one table was measured in the same minutes, in turn: A B C, A B C, …. A ratio is taken within each round,
so that a slow minute of the machine falls on both sides of it; shown is the median and, in brackets, the range of the
middle half of the rounds (of all, where there are fewer than five). A budget is met or missed by the median. CPU is
what wait4 says of the whole process tree, the recorder included. Ratios carry over to other machines better than times
do. A ratio of a few per cent from 1 is no more certain than its range; where the machine had other work to do, trust
the CPU column rather than the time."""


def main(words: Sequence[str]) -> int:
    """Measure what is asked for and write it down."""
    arguments = _parser().parse_args(words)
    troubles: list[BenchError] = []
    try:
        document = _document(arguments, troubles)
    except BenchError as error:
        troubles.append(error)
    else:
        _write(document, arguments.out or ("-" if arguments.quick else DOCUMENT))
    for trouble in troubles:
        print(f"bench: {trouble}", file=sys.stderr)
    return 1 if troubles else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="measure vestige and its peers side by side")
    parser.add_argument("--quick", action="store_true", help="few rounds of small things: to see that all works")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(SECTIONS), help=", ".join(SECTIONS))
    parser.add_argument("--out", metavar="FILE", help="default: docs/bench.md, or `-` (stdout) with --quick")
    return parser


def _document(arguments: argparse.Namespace, troubles: list[BenchError]) -> str:
    """Return the page; sections that can't be measured are told in `troubles`, and stay as they were."""
    measure.become_subreaper()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: terminated"))  # not without removing the folder
    with tempfile.TemporaryDirectory(prefix="vestige-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - some of what is measured runs as another user
        _say("installing vestige and its peers")
        made = install(folder)
        begun = machine.clock()
        sections = list(_sections(Workloads(made, arguments.quick), arguments.only or list(SECTIONS), troubles))
        if (arguments.only or troubles) and not (arguments.out or arguments.quick):
            return _renewed(begun, sections, arguments)
        return "\n\n".join(_parts(made, begun, sections, arguments)) + "\n"


def _renewed(begun: Clock, sections: list[Section], arguments: argparse.Namespace) -> str:
    """Return the documentation's page with these sections."""
    with open(DOCUMENT, encoding="utf-8") as file:
        before = file.read()
    return page.renewed(before, sections, made=f"{_made(arguments)}. {machine.description()}. {machine.load(begun)}.")


def _made(arguments: argparse.Namespace) -> str:
    options = " --quick" * arguments.quick + "".join(f" --only {name}" for name in arguments.only or ())
    return f"Made on {time.strftime('%Y-%m-%d', time.gmtime())} by `python bench/run.py{options}`"


def _sections(work: Workloads, names: Iterable[str], troubles: list[BenchError]) -> Iterable[Section]:
    for name in names:
        _say(f"measuring: {name}")
        begun = time.monotonic()
        try:
            yield SECTIONS[name](work)
        except BenchError as error:
            troubles.append(error)
        _say(f"           {time.monotonic() - begun:.0f} s")


def _parts(made: Installation, begun: Clock, sections: list[Section], arguments: argparse.Namespace) -> list[str]:
    parts_only = arguments.quick or arguments.only
    programs = table.Table(("", "called as", "version"), tuple(_program(made, peer) for peer in peers.NAMED), words=3)
    return [
        "# What it costs, and how right it is",
        _made(arguments) + (". These are parts only." if parts_only else " (`make bench`)."),
        f"{machine.description()}. {machine.load(begun)}. {_tracing(made)}.",
        "## How to read this",
        HOW_TO_READ,
        table.one(programs),
        "## Budgets",
        table.budgets(sections),
        *map(table.markdown, sections),
    ]


def _tracing(made: Installation) -> str:
    """Say whether vestige's figures are those of a recorder that sees every process."""
    with measure.scene(made.room) as where:
        measure.run([peers.VESTIGE.words(["true"], where.folder)], where)
        seen = peers.vestige_record(where.folder)["completeness"]
    return "vestige traced every process" if seen["trace"] == "on" else f"vestige did not trace: {seen['trace_reason']}"


def _program(made: Installation, peer: peers.Peer) -> tuple[str, str, str]:
    return peer.name, f"`{peer.form}`", made.version(peer)


def _write(document: str, target: str) -> None:
    if target == "-":
        print(document, end="")
        return
    with open(target, "w", encoding="utf-8") as file:
        file.write(document)
    _say(f"written: {target}")


def _say(words: str) -> None:
    print(f"bench: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if platform.system() != "Linux":
        sys.exit("bench: this needs Linux")
    sys.exit(main(sys.argv[1:]))
