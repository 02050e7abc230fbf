"""Tables as text: cells, columns, rows."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from contents.versions import compared
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige.contents.comparison import Comparison
from vestige.contents.tolerance import Tolerance

if TYPE_CHECKING:
    import random


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ("a,b\n1,x\n", 'a,b\r\n"1","x"', "stored in another way"),
        ("a,b\n1,x\n", "a;b\n1;x\n", "another delimiter"),
        ("a\tb\n1\tx\n", "a,b\n1,x\n", "another delimiter"),
        ("a,b\n1,2\n", "\ufeffa,b\n1,2\n", "stored in another way"),
        ("a\n1.0\n", "a\n1\n", "stored in another way"),
        ("a\n1e3\n-0.0\nNaN\n", "a\n1000.0\n0\nnan\n", "stored in another way"),
        ("a,b\n1,0.1\n", "a,b\n1,0.1000000000001\n", "numbers within relative 1e-09 (up to 1e-12 apart)"),
        ("1,0.1\n", "1,0.1000000000001\n", "numbers within relative 1e-09 (up to 1e-12 apart)"),
    ],
)
def test_equal(then: str, now: str, detail: str) -> None:
    assert compared(then, now, "x.csv") == Comparison("equal", "csv", detail)


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ("a,b\n1,x\n2,y\n", "a,b\n1,x\n2,z\n", "row 3, column 'b': 'y' then, 'z' now"),
        ("1,5\n2,6\n", "1,5\n2,7\n", "row 2, column 2: 6 then, 7 now; relative difference up to 0.14"),
        (
            "a\n1.5\n2.5\n",
            "a\n1.6\n2.6\n",
            "row 2, column 'a': 1.5 then, 1.6 now; 2 cells differ; relative difference up to 0.063",
        ),
        ("a\n1\n", "a\n1\n2\n", "2 rows then, 3 now"),
        ("a\n1\n", "a\n0\n1\n", "2 rows then, 3 now; first row 2, column 'a': 1 then, 0 now; relative"),
        ("a,b\n1,2\n", "a,b\n1,2,3\n", "row 2: 2 cells then, 3 now"),
        ("a,b\n1,2\n", "a,c\n1,2\n", "row 1, column 'b': 'b' then, 'c' now"),
        ("a,b\n1,2\n", "a,b,c\n1,2,3\n", "column 'c' only now"),
        ("a,b\n1,2\n", "b\n2\n", "column 'a' only then"),
        ("zip,x\n01067,1\n", "zip,x\n1067,1\n", "row 2, column 'zip': '01067' then, '1067' now"),
        ("a\n1_0\n", "a\n10\n", "row 2, column 'a': '1_0' then, '10' now"),
        ("a\n1e999\n", "a\n2e999\n", "row 2, column 'a': '1e999' then, '2e999' now"),
        ("a,b\n,1\n", "a,b\nnan,1\n", "row 2, column 'a': '' then, 'nan' now"),
        ("a\n1000000000000\n", "a\n1000000000001\n", "row 2, column 'a': 1000000000000 then, 1000000000001 now"),
    ],
)
def test_different(then: str, now: str, detail: str) -> None:
    found = compared(then, now, "x.csv")
    assert (found.verdict, found.kind) == ("different", "csv")
    assert (found.detail or "").startswith(detail)


@pytest.mark.parametrize(
    ("then", "now", "reason"),
    [
        ("a,b\n1,x\n2,y\n", "a,b\n2,y\n1,x\n", "order of rows"),
        ("a,b\n1,x\n2,y\n", "b,a\nx,1\ny,2\n", "order of columns"),
        ("a,at\n1,2024-01-31\n", "a,at\n1,2024-02-01\n", "a date"),
        ("a,seconds\n1,0.5\n", "a,seconds\n1,0.75\n", "a duration"),
        ("a,b\n1,x\n2,y\n", "a,b\n2,x\n1,y\n", None),
    ],
)
def test_reasons(then: str, now: str, reason: str | None) -> None:
    found = compared(then, now, "x.tsv")
    assert (found.verdict, found.reason) == ("different", reason)


def test_tolerance() -> None:
    assert compared("a\n1.0\n", "a\n1.1\n", "x.csv", Tolerance(relative=0.1)).verdict == "equal"
    assert compared("a\n1\n", "a\n2\n", "x.csv", Tolerance(relative=0.9)).verdict == "different"


def test_what_is_no_table() -> None:
    huge = "a\n" + "x" * 200_000
    assert compared(huge, huge + "y", "x.csv").kind == "text"
    assert compared(b"a\0\n", b"b\0\n", "x.csv").kind == "bytes"
    assert compared("a,b\n1,2\n".encode("utf-16"), "a,b\n1,3\n".encode("utf-16"), "x.csv").kind == "bytes"
    assert compared(b"a,b\n\xff,2\n", b"a,b\n\xff,3\n", "x.csv").kind == "csv"


CELLS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["", " ", "a", "01", "1_0", "nan", ",", '"', "\n", "2024-01-31"]),
)
TABLES = st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=5))


def written(rows: list[list[str]], delimiter: str = ",", quoting: int = csv.QUOTE_ALL) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return file.getvalue()


@settings(deadline=None)
@given(TABLES)
def test_quotes_do_not_matter(rows: list[list[str]]) -> None:
    rows = [["first", "second", "third"][: len(rows[0])], *rows] if rows else rows
    then, now = written(rows), written(rows, quoting=csv.QUOTE_MINIMAL)
    assert compared(then, now, "x.csv").verdict == ("identical" if then == now else "equal")


@settings(deadline=None)
@given(TABLES, TABLES)
def test_verdict_is_symmetric(then: list[list[str]], now: list[list[str]]) -> None:
    assert compared(written(then), written(now), "x.csv").verdict in {"identical", "equal", "different"}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(), st.text("abc", max_size=3)), min_size=2, max_size=6), st.randoms())
def test_order_of_rows_shows(rows: list[tuple[int, str]], chance: random.Random) -> None:
    shuffled = chance.sample(rows, len(rows))
    then, now = (written([["n", "s"], *([str(n), s] for n, s in order)]) for order in (rows, shuffled))
    found = compared(then, now, "x.csv")
    assert (found.verdict == "identical") == (rows == shuffled)
    assert found.reason == (None if rows == shuffled else "order of rows")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=4))
def test_other_rows_are_no_order(rows: list[tuple[int, int]]) -> None:
    swapped = [(rows[0][0], rows[1][1]), (rows[1][0], rows[0][1]), *rows[2:]]
    then, now = (written([["n", "m"], *([str(n), str(m)] for n, m in order)]) for order in (rows, swapped))
    shuffled = rows != swapped and sorted(rows) == sorted(swapped)
    assert compared(then, now, "x.csv").reason == ("order of rows" if shuffled else None)
