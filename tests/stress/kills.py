"""Kill parts of vestige a thousand times under running commands, and count the commands that noticed.

    python tests/stress/kills.py --kills 1000 --seed 1

The exit code is 0 if no command was harmed and every record is right.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import command, victims
from harness.kills import SCALES, TARGETS, Arena, Case, Outcome, cases

_COLUMNS = ("kills", "too late", "not begun", "harmed", "record wrong")
_BATCH = 100  # runs in one store


def main() -> int:
    """Play the kills of the command line and print what became of them."""
    request = _request()
    say(f"{request.kills} kills, --seed {request.seed}")
    table: Counter[tuple[str, str]] = Counter()
    todo = list(cases(request.kills, seed=request.seed, loads=request.load or tuple(SCALES)))
    with tempfile.TemporaryDirectory(prefix="vestige-kills-") as folder:
        compiled = _prepare(folder)
        for first in range(0, len(todo), _BATCH):
            _play(_arena(folder, compiled, first), todo[first : first + _BATCH], table)
            say(f"{min(first + _BATCH, len(todo))} of {len(todo)}: {_total(table, 'harmed')} harmed")
    _print(table)
    return 1 if _total(table, "harmed") or _total(table, "record wrong") else 0


def say(text: str) -> None:
    """Say something beside the result."""
    sys.stderr.write(text + "\n")


def _request() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--load", action="append", choices=sorted(SCALES), help="only this load; may be repeated")
    return parser.parse_args()


def _prepare(folder: str) -> victims.Victims:
    tools = os.path.join(folder, "tools")
    os.mkdir(tools)
    command.install(tools)
    return victims.compile_all(tools)


def _arena(folder: str, compiled: victims.Victims, number: int) -> Arena:
    home = os.path.join(folder, f"batch-{number}")
    work = os.path.join(home, "work")
    os.makedirs(work)
    variables = command.environment(tools=compiled.folder, home=home)
    return Arena(command.Vestige(os.path.join(compiled.folder, "vestige"), work, home, variables), compiled)


def _play(arena: Arena, todo: list[Case], table: Counter[tuple[str, str]]) -> None:
    outcomes = [_played(arena, case) for case in todo]
    arena.finalise()
    for outcome in outcomes:
        fault = "" if outcome.harm else arena.record_fault(outcome)
        if fault:
            say(f"record wrong: {fault}: {outcome.case} {outcome.folder}")
        _count(table, outcome, fault)


def _played(arena: Arena, case: Case) -> Outcome:
    outcome = arena.play(case)
    if outcome.harm:
        say(f"harmed: {outcome.harm}: {case} {outcome.folder}")
    return outcome


def _count(table: Counter[tuple[str, str]], outcome: Outcome, fault: str) -> None:
    row = _row(outcome.case.targets)
    table[row, "kills"] += 1
    table[row, "too late"] += outcome.late
    table[row, "not begun"] += not outcome.started
    table[row, "harmed"] += bool(outcome.harm)
    table[row, "record wrong"] += bool(fault)


def _row(targets: tuple[str, ...]) -> str:
    return "+".join(sorted(targets))


def _total(table: Counter[tuple[str, str]], column: str) -> int:
    return sum(count for (_, name), count in table.items() if name == column)


def _print(table: Counter[tuple[str, str]]) -> None:
    rows = [_row(targets) for targets in TARGETS]
    lines = [f"{'killed':<16}" + "".join(f"{column:>14}" for column in _COLUMNS)]
    lines += [f"{row:<16}" + "".join(f"{table[row, column]:>14}" for column in _COLUMNS) for row in rows]
    lines += [f"{'all':<16}" + "".join(f"{_total(table, column):>14}" for column in _COLUMNS)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
