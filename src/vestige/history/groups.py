"""Which runs are of one kind: the command line without what changes from run to run.

Kept are the program and its script, subcommands and the names of options; left out is what they are given: a number
becomes `N`, a path its last part with its numbers as `N`, a long word of letters and digits (a hash, an id) `X`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 200  # letters of a group
_VERSION = re.compile(r"(?<=[a-z])[0-9.]+$")
_NUMBER = re.compile(r"[0-9]+(?:[.,:][0-9]+)*(?:e[+-]?[0-9]+)?", re.IGNORECASE)
_ID = re.compile(r"(?=[^\s/]*[0-9])[0-9a-f]{7,}(?:-[0-9a-f]{4,})*", re.IGNORECASE)
_OPTION = re.compile(r"-{0,2}[a-z_][\w.-]*", re.IGNORECASE)
_WORDS = 40  # of a command line that count; what is beyond are lists of files
_LETTERS = 300  # of a word


def program(argv: Sequence[str]) -> str:
    """Return what a command is called: without its folder, and `python3.11` as `python`."""
    return _VERSION.sub("", _last_part(argv[0])) if argv else ""


def group(argv: Sequence[str]) -> str:
    """Return what runs of the same kind have in common."""
    if not argv:
        return ""
    words = [program(argv), *(_general(word[:_LETTERS]) for word in argv[1:_WORDS])]
    return safe(" ".join(words))[:LONGEST]


def _general(word: str) -> str:
    """Return a word without numbers, ids and folders; of `--out=/data/7.npz` `--out=N.npz`."""
    option, sign, value = word.partition("=")
    if sign and _OPTION.fullmatch(option):
        return f"{option}={_general(value)}"
    return _NUMBER.sub("N", _ID.sub("X", _last_part(word)))


def _last_part(word: str) -> str:
    """Return the last part of a path, and anything else as it is: a script for a shell is no path."""
    if any(character.isspace() for character in word):
        return word
    return word.rstrip("/").rpartition("/")[2] or word
