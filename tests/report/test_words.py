"""Text of a record on a terminal: a command that can be typed, nothing that the terminal obeys."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.words import command, safe, shortened


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (("ls", "-l"), "ls -l"),
        (("grep", "a b", "it's", ""), """grep 'a b' 'it'"'"'s' ''"""),
        (("cat", '"\\377"'), r'cat "\377"'),  # bytes that are no UTF-8: quoted already, as Git writes them
        (("echo", "\x1b[31m\n"), r"echo '\x1b[31m\n'"),
        ((), ""),
    ],
)
def test_a_command_as_it_could_be_typed(argv: tuple[str, ...], shown: str) -> None:
    assert command(argv) == shown


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126))))
def test_a_shell_reads_the_same_words(argv: list[str]) -> None:
    words = [word for word in argv if not word.startswith('"')]
    assert shlex.split(command(words)) == words


@given(st.text())
def test_no_text_steers_the_terminal(text: str) -> None:
    assert safe(text).isprintable()
    assert safe(text) == text or not text.isprintable()


def test_half_a_character_is_written_out() -> None:
    assert safe("a\udcffb\u202e\x07") == r"a\udcffb\u202e\x07"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("abcd", 4, "abcd"), ("abcde", 4, "abc…"), ("abcd", 1, "…"), ("abcd", 0, "…"), ("", 0, ""), ("abcd", 9, "abcd")],
)
def test_text_is_cut_to_a_width(text: str, width: int, shown: str) -> None:
    assert shortened(text, width) == shown
