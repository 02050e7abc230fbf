"""`.env` files: what each line sets, as python-dotenv 1.2 has it, and which lines are named as unreadable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.con_duct import dotenv_text

AROUND = {"HOME": "/home/me", "EMPTY": ""}


def parsed(text: str) -> tuple[dict[str, str], list[int]]:
    return dotenv_text.parse(text, AROUND)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# A=1\n  # B=2\n", {}),
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\rC=3\r\nD=4", {"A": "1", "B": "2", "C": "3", "D": "4"}),
        ("\n\n  A = 1  \n\n", {"A": "1"}),
        ("export A=1\nexport\tB=2\nexported=3", {"A": "1", "B": "2", "exported": "3"}),
        ("A=", {"A": ""}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A", {}),
        ("A\nB=2", {"B": "2"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=1\nA", {}),
        ("A=a b # c", {"A": "a b"}),
        ("A=a#b", {"A": "a#b"}),
        ("A=#b", {"A": "#b"}),
        ("A=a=b", {"A": "a=b"}),
        ("A=it's", {"A": "it's"}),
        ("A=a\\nb", {"A": "a\\nb"}),
        ("'A B'=1", {"A B": "1"}),
        ("A'=1", {"A'": "1"}),
        ("A='a  # b' # c", {"A": "a  # b"}),
        (r"A='it\'s \\ \n'", {"A": r"it's \ \n"}),
        ("A='C:\\\\'\nB='x'", {"A": "C:\\", "B": "x"}),
        ("A='C:\\\\'\nB='", {"A": "C:\\"}),
        ('A="a  # b"# c', {"A": "a  # b"}),
        (r'A="\a\b\f\n\r\t\v\"\'\\\x"', {"A": "\a\b\f\n\r\t\v\"'\\\\x"}),
        ('A="one\ntwo\r\nthree"\nB=2', {"A": "one\ntwo\r\nthree", "B": "2"}),
        ("A='one\ntwo'\nB=2", {"A": "one\ntwo", "B": "2"}),
        ("A=''\nB=\"\"", {"A": "", "B": ""}),
        ("A=${HOME}/x", {"A": "/home/me/x"}),
        ("A='${HOME}'\nB=\"${HOME}\"", {"A": "/home/me", "B": "/home/me"}),
        ("A=${NONE}", {"A": ""}),
        ("A=${NONE:-x y}", {"A": "x y"}),
        ("A=${EMPTY:-x}", {"A": ""}),
        ("A=1\nB=${A}${A}", {"A": "1", "B": "11"}),
        ("HOME=/other\nB=${HOME}", {"HOME": "/other", "B": "/home/me"}),
        ("A=$HOME $ ${", {"A": "$HOME $ ${"}),
        ("A=${A}x\nA=${A}y", {"A": "xy"}),
        ("A=ü", {"A": "ü"}),
    ],
)
def test_what_a_file_sets(text: str, found: dict[str, str]) -> None:
    assert parsed(text)[0] == found


@pytest.mark.parametrize(
    ("text", "found", "bad"),
    [
        ("A='a", {}, [1]),
        ('A=1\n\nB="b\nC=3', {"A": "1", "C": "3"}, [3]),
        ("A B=1\nC=3", {"C": "3"}, [1]),
        ("A='a'b\r\nC=3", {"C": "3"}, [1]),
        ("A= 'a\nC=3", {"C": "3"}, [1]),
        ("=1\n=2\nC=3", {"C": "3"}, [1, 2]),
        ("'A=1\nC=3", {"C": "3"}, [1]),
        ("''=1", {}, [1]),
        ("=\n" * 50, {}, list(range(1, 21))),
    ],
)
def test_lines_that_cannot_be_read_are_named_and_the_others_count(
    text: str, found: dict[str, str], bad: list[int]
) -> None:
    assert parsed(text) == (found, bad)


@given(st.text(st.sampled_from("AB='\"\\#$\n\r {}:-nü"), max_size=30))
def test_any_text_is_read_without_an_error(text: str) -> None:
    found, bad = parsed(text)
    assert all(name and "=" not in name for name in found if "'" not in text)
    assert all(1 <= line <= text.count("\n") + 1 for line in bad)


@pytest.mark.parametrize(
    ("text", "bad"),
    [("A='" + "\\'" * 20_000, [1]), ('A="' + "\\\\" * 20_000, [1]), ("=" * 40_000, [1]), ("A" * 40_000, [])],
)
def test_long_lines_are_read_in_one_go(text: str, bad: list[int]) -> None:
    assert parsed(text) == ({}, bad)
