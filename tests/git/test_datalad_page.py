"""The page that holds vestige beside DataLad: every behaviour once, and every test that it names is there."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "reference" / "datalad.md"
ROW = re.compile(r"\| (?P<number>\d+) \| (?P<theirs>.+?) \| (?P<ours>.+?) \| (?P<tests>.*?) \|")
ROWS = [found for line in PAGE.read_text().splitlines() if (found := ROW.fullmatch(line))]
BEHAVIOURS = 80


def test_every_behaviour_is_there_once() -> None:
    assert [int(row["number"]) for row in ROWS] == list(range(1, BEHAVIOURS + 1))
    table = [line for line in PAGE.read_text().splitlines() if re.match(r"\| *\d", line)]
    assert len(table) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["number"])
def test_its_verdict_is_one_of_three_with_a_reason_where_it_differs(row: re.Match[str]) -> None:
    verdict, _, words = row["ours"].partition(":")
    assert verdict in ("*better*", "*left out*") or re.match(r"\*same\*([;,] .+)?$", row["ours"])
    assert verdict not in ("*better*", "*left out*") or words.strip()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["number"])
def test_the_tests_that_it_names_are_there(row: re.Match[str]) -> None:
    named = row["tests"].split(" ")
    assert named
    for name in named:
        file, _, test = name.strip("`").partition("::")
        assert test in named_in(file), name


@functools.cache
def named_in(file: str) -> set[str]:
    found = set()
    for node in ast.parse((HERE / file).read_text()).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        front = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {f"{front}{item.name}" for item in inner if isinstance(item, ast.FunctionDef)}
    return found
