r"""The text of a `.env` file, in the syntax of python-dotenv 1.2.

`KEY=value`, also after `export`; values bare, in single quotes (`\'` and `\\` are escapes) or double ones (`\n` and its
like, too), the latter two over several lines; comments; `${NAME}` and `${NAME:-default}` everywhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATEMENT = re.compile(
    r"""\s*(?:export[^\S\r\n]+)?
    (?:
        (?P<comment>\#[^\r\n]*)
        |
        (?:'(?P<quoted>[^']+)'|(?P<key>(?!')[^=\#\s]+))[^\S\r\n]*
        (?:=[^\S\r\n]*(?:'(?P<single>(?:\\.|[^'\\])*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<bare>(?![^\S\r\n]*['"])[^\r\n]*)))?
        [^\S\r\n]*(?:\#[^\r\n]*)?
    )
    [^\S\r\n]*(?:\r\n|\n|\r|$)""",
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"\s*")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")
_VARIABLE = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")
_MOST_NAMED = 20  # lines that can't be read
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def parse(text: str, environ: Mapping[str, str]) -> tuple[dict[str, str], list[int]]:
    """Return the variables that `text` sets, `${NAME}` in them replaced, and the lines that can't be read, from 1.

    What is in `environ` goes before what the file itself sets.
    """
    found: dict[str, str] = {}
    bad: list[int] = []
    at = _end(_BLANK, text, 0)
    while at < len(text):
        match = _STATEMENT.match(text, at)
        if match is None:
            if len(bad) < _MOST_NAMED:
                bad.append(text.count("\n", 0, at) + 1)
            at = _end(_LINE, text, at)
        else:
            key, value = match["quoted"] or match["key"], _value(match)
            if key and value is not None:
                found[key] = _filled(value, {**found, **environ})
            elif key:
                found.pop(key, None)  # a name alone takes back what was set
            at = match.end()
        at = _end(_BLANK, text, at)
    return found, bad


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return len(text) if match is None else match.end()


def _value(match: re.Match[str]) -> str | None:
    """Return a value without its quotes, None where there is no `=`."""
    if match["single"] is not None:
        return re.sub(r"\\([\\'])", r"\1", match["single"])
    if match["double"] is not None:
        return re.sub(r"\\([\\'\"abfnrtv])", lambda part: _ESCAPES.get(part[1], part[1]), match["double"])
    return None if match["bare"] is None else re.sub(r"\s+#.*", "", match["bare"]).rstrip()


def _filled(value: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda part: variables.get(part[1], part[2] or ""), value)
