"""What somebody types to find runs: an expression as `vestige ls --where` takes it, or just words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vestige.errors import UsageError
from vestige.history import where
from vestige.history.where import All, Comparison, Either, Expression
from vestige.record.place import short_id

if TYPE_CHECKING:
    from vestige.history.where import Compare

LONGEST = 1000  # letters
_SEARCHED = ("command", "message", "host", "branch", "slurm_job")
_ID_LETTERS = 4  # from which on a word may be the start of an id
_GRAMMAR = re.compile(r"[=<>~()]|\b(?:and|or|not|is)\b")
EXAMPLES = {  # name: what it stands for
    "failed": "failed",
    "running": "status = running",
    "of today": "started > 24h",
    "over 1 GB": "peak_memory > 1GB",
    "over a minute": "wall > 1min",
}


def expression(words: str) -> Expression | None:
    """Return the condition that is meant, None for all runs. Raises UsageError."""
    if len(words) > LONGEST:
        raise UsageError(f"what is to be found has more than {LONGEST} letters")
    if not words:
        return None
    try:
        return where.parse(words)
    except UsageError:
        if _GRAMMAR.search(words):
            raise
        return _with_each(words.casefold().split())


def _with_each(words: list[str]) -> Expression:
    """Return the condition that each word occurs in what is known of a run by name."""
    return Expression(" ".join(words), All(tuple(map(_with, words))))


def _with(word: str) -> Either:
    fields = (Comparison(field, _has(word)) for field in _SEARCHED)
    return Either((*fields, Comparison("tags", _any_has(word)), Comparison("id", _begins(word))))


def _has(word: str) -> Compare:
    return lambda value: word in value.casefold()


def _begins(word: str) -> Compare:
    """Return whether an id, or the eight digits by which people call it, begins so."""
    return lambda value: len(word) >= _ID_LETTERS and (value.startswith(word) or short_id(value).startswith(word))


def _any_has(word: str) -> Compare:
    return lambda tags: any(word in tag.casefold() for tag in tags)
