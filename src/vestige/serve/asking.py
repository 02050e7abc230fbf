"""What somebody types to find runs: an expression as `vestige ls --where` takes it, or just words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import UsageError
from vestige.history import where
from vestige.history.where import Expression
from vestige.record.place import short_id

if TYPE_CHECKING:
    from vestige.history.where import Column, Test

LONGEST = 1000  # letters
_SEARCHED = ("message", "host", "branch", "slurm_job")  # besides the command, the tags and the id
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
        return Expression(words, Words(tuple(words.casefold().split())))


@dataclass(frozen=True, slots=True)
class Words:
    """Each of some words occurs in what is known of a run by name; as a part of an expression, see `where.Node`."""

    words: tuple[str, ...]

    def test(self, column: Column) -> Test:
        """Return what says of a position whether they all occur there; most are found in the command, or nowhere."""
        commands, tags, ids = column("command"), column("tags"), column("id")
        others = [column(name) for name in _SEARCHED]

        def holds(at: int) -> bool:
            text = commands[at].casefold()
            missing = [word for word in self.words if word not in text]
            if not missing:
                return True
            known = (values[at] for values in others)
            rest = "\n".join([*filter(None, known), *tags[at]]).casefold()
            return all(word in rest or _begins(ids[at], word) for word in missing)

        return holds


def _begins(run_id: str, word: str) -> bool:
    """Say whether an id, or the eight digits by which people call it, begins so."""
    return len(word) >= _ID_LETTERS and (run_id.startswith(word) or short_id(run_id).startswith(word))
