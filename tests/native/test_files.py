"""The files of the recorder: small, nothing goes round in a circle, and docs/design.md shows them as they are."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
LONGEST = 300  # lines


def test_nothing_goes_round_in_a_circle() -> None:
    """A file and its header are one: so neither headers nor what they promise need each other."""
    TopologicalSorter(known()).prepare()


def test_no_file_is_long() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in NATIVE.glob("*.[ch]")}
    assert [name for name, count in lines.items() if count > LONGEST] == []


def test_each_header_says_in_its_first_line_what_it_is() -> None:
    first = {path.name: path.read_text(encoding="utf-8").partition("\n")[0] for path in NATIVE.glob("*.h")}
    assert [name for name, line in first.items() if not line.startswith("/* ")] == []


def test_a_file_knows_only_those_below_it_in_the_design() -> None:
    order = [name for row in rows_of_the_design() for name in row]
    assert sorted(order) == sorted(known())
    floors = {name: floor for floor, row in enumerate(rows_of_the_design()) for name in row}
    upward = [(one, other) for one, others in known().items() for other in others if floors[one] > floors[other]]
    assert upward == []


def known() -> dict[str, set[str]]:
    """Return the names that each knows, by what it includes; `arguments` is both arguments.c and arguments.h."""
    found: dict[str, set[str]] = {}
    for path in NATIVE.glob("*.[ch]"):
        included = re.findall(r'^#include "(\w+)\.h"', path.read_text(encoding="utf-8"), re.MULTILINE)
        found.setdefault(path.stem, set()).update(name for name in included if name != path.stem)
    return found


def rows_of_the_design() -> list[list[str]]:
    """Return the names of each row of the table of native files."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("### The native files")[2]
    rows = re.findall(r"^\| (`\w+`.*?) \|", text.partition("\n## ")[0], re.MULTILINE)
    return [re.findall(r"`(\w+)`", row) for row in rows]
