"""Which lines of a text differ, and whether only what differs between any two runs does."""

from __future__ import annotations

import io

import pytest
from contents.versions import compared
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vestige.contents import volatile
from vestige.contents.text import changes
from vestige.contents.tolerance import Tolerance

DEFAULT = Tolerance()


@pytest.mark.parametrize(
    ("then", "now", "detail"),
    [
        ("a\nb\nc\n", "a\nB\nc\n", "line 2: 'b' then, 'B' now"),
        ("a\nb\nc\nd\n", "a\nB\nc\nD\n", "line 2: 'b' then, 'B' now; 2 lines differ"),
        ("a\nb\n", "a\nx\ny\nb\n", "from line 2: 0 lines then, 2 lines now"),
        ("a\nb\nc\n", "a\nc\n", "from line 2: 1 line then, 0 lines now"),
        ("a\n", "", "from the first line: 1 line then, 0 lines now"),
        ("a", "a\n", "line 1: 'a' then, 'a\\n' now"),
        ("aaaa\n", "aaaa\naaaa\n", "from line 2: 0 lines then, 1 line now"),
        ("x" * 500 + "1", "x" * 500 + "2", f"line 1: '…{'x' * 12}1' then, '…{'x' * 12}2' now"),
        ("é\n", "è\n", "line 1: 'é' then, 'è' now"),
        (b"\xff\n", b"\xfe\n", "line 1: '\\xff' then, '\\xfe' now"),
    ],
)
def test_lines(then: str, now: str, detail: str) -> None:
    found = compared(then, now, "x.txt")
    assert (found.verdict, found.kind, found.detail) == ("different", "text", detail)


@pytest.mark.parametrize(
    ("then", "now", "reason"),
    [
        ("at 2024-01-31T12:00:00Z.", "at 2024-02-01T00:13:00Z.", "a timestamp"),
        ("2024-01-31 12:00:00,123 INFO", "2024-01-31 12:00:00,987 INFO", "a timestamp"),
        ("Wed Jan 31 12:00:00 2024", "Thu Feb  1 12:00:07 2024", "a timestamp"),
        ("Wed, 31 Jan 2024 12:00:00 GMT", "Thu, 01 Feb 2024 12:00:00 GMT", "a timestamp"),
        ("time=1706700000", "time=1706700001.5", "a timestamp"),
        ("run_20240131T120000", "run_20240131T120001", None),
        ("run 20240131T120000", "run 20240131T120001", "a timestamp"),
        ("D:20240131120000+01'00'", "D:20240131120001+01'00'", "a timestamp"),
        ("on 2024-01-31", "on 2024-02-01", "a date"),
        ("on 31.01.2024", "on 01.02.2024", "a date"),
        ("[12:00:00] x", "[12:00:01] x", "a time of day"),
        ("0:00:01.5 elapsed", "0:00:02.25 elapsed", "a time of day"),
        ("<o at 0x7f3a00112233>", "<o at 0x7f3a00112244>", "a memory address"),
        (
            "id 123e4567-e89b-12d3-a456-426614174000",
            "id 123e4567-e89b-12d3-a456-426614174001",
            "a UUID",
        ),
        ("in /tmp/tmpab12cd34/x.csv", "in /tmp/tmpzz12cd34/x.csv", "a temporary path"),
        ("in /home/me/repo/data/x.csv", "in /tmp/scratch/data/x.csv", "a temporary path"),
        ("in /home/me/repo/data/x.csv", "in /home/you/repo/data/x.csv", "a path"),
        ("in /home/me/repo/data/x.csv", "in /home/me/repo/data/y.csv", None),
        ("took 1.5 s", "took 12 s", "a duration"),
        ("took 1.5 s", "took 120 ms", "a duration"),
        ("10 it/s", "12.5 it/s", "a speed"),
        ("pid 12", "pid 4711", "a process id"),
        ("loss 0.1", "loss 0.1000000000001", "rounded numbers"),
        ("loss 0.1", "loss 0.2", None),
        ("7 rows", "8 rows", None),
        ("a b  c", "a b c", "white space"),
        ("a\r\nb\r\n", "a\nb\n", "line endings"),
        ("a\nb\n", "b\na\n", "order of lines"),
        ("2024-01-31 12:00:00 took 1 s\n", "2024-01-31 12:00:01 took 2 s\n", "a duration and a timestamp"),
        ("2024-01-31 12:00:00 5 rows\n", "2024-01-31 12:00:01 6 rows\n", None),
    ],
)
def test_reasons(then: str, now: str, reason: str | None) -> None:
    found = compared(then, now, "x.log")
    assert (found.verdict, found.reason) == ("different", reason)


def test_reason_in_a_long_line() -> None:
    around = " some words, " * 20_000
    found = compared(f"{around}2024-01-31{around}", f"{around}2024-02-02{around}", "x.html")
    assert found.reason == "a date"


def test_reason_in_bytes() -> None:
    found = compared(b"%PDF\0\n(D:20240131120000Z)\n\0", b"%PDF\0\n(D:20240131120007Z)\n\0", "x.pdf")
    assert (found.kind, found.reason) == ("bytes", "a timestamp")


@pytest.mark.parametrize("unit", ["1", "1.", "/a", "/", "0x", "12:", "-", "a-1e", "1e", " 1", "2024-01-", "/tmp/", "("])
def test_hostile_lines_take_no_time(unit: str) -> None:
    line = unit * 100_000
    assert volatile.explained(line + "x", line[1:] + "y", DEFAULT) is None  # the time limit of the test would tell


def drawn() -> bytes:
    figure, file = pytest.importorskip("matplotlib.figure").Figure(), io.BytesIO()
    figure.subplots().plot([1, 2, 3])
    figure.savefig(file, format="svg")
    return file.getvalue()


def test_svg_of_matplotlib() -> None:
    found = compared(drawn(), drawn(), "x.svg")
    assert (found.verdict, found.reason) == ("different", "a generated id and a timestamp")


LINES = st.lists(st.sampled_from([b"", b"a", b"b", b"ab", b"\r"]), max_size=6)


@settings(deadline=None)
@given(LINES, LINES)
@example([b"a"], [b"a", b"a"])
def test_what_is_left_out_is_the_same(then: list[bytes], now: list[bytes]) -> None:
    one, other = b"\n".join(then), b"\n".join(now)
    found = changes(one, other, DEFAULT)
    if one != other:
        rows, other_rows = one.splitlines(keepends=True), other.splitlines(keepends=True)
        assert b"\r" in one + other or rows[: found.first - 1] == other_rows[: found.first - 1]
        assert found.then or found.now
    forth, back = (changes(*pair, DEFAULT) for pair in ((one, other), (other, one)))
    assert (forth.then, forth.now, forth.differing) == (back.now, back.then, back.differing)
