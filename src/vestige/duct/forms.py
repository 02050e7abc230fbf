"""Rows of names and values as text, in each of the forms of con-duct's `ls` but the table."""

from __future__ import annotations

import importlib
import json
from json.encoder import encode_basestring_ascii as quoted

from vestige.duct.fields import SHAPED
from vestige.errors import VestigeError
from vestige.text import printable

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any

    Row = dict[str, Any]

_LONGEST_LINE = 40  # letters; longer text may be folded at its blanks
_LONGEST_WORD = 400
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./- ")


def summaries(rows: Sequence[Row]) -> str:
    """Return a paragraph for each row, its prefix first."""
    return "".join(_summary(row) for row in rows)


def in_json(rows: Sequence[Row]) -> str:
    """Return a list of objects on one line."""
    return json.dumps(rows) + "\n"


def in_json_lines(rows: Sequence[Row]) -> str:
    """Return a list of objects, a line for each name: as `json.dumps` with an indent of 2, which is slow."""
    if not rows:
        return "[]\n"
    return "[\n  " + ",\n  ".join(map(_object, rows)) + "\n]\n"


def in_yaml(rows: Sequence[Row]) -> str:
    """Return a list of mappings, names sorted. Raises VestigeError where PyYAML is missing."""
    try:
        yaml = importlib.import_module("yaml")  # 20 ms, and not installed everywhere
    except ImportError as error:
        raise VestigeError("`-f yaml` needs PyYAML: `pip install PyYAML`, or choose `-f json_pp`") from error
    if not rows:
        return "[]\n\n"
    pairs = _Yaml(yaml)
    return (
        "".join("- " + "\n  ".join(pairs.line(name, row[name]) for name in sorted(row)) + "\n" for row in rows) + "\n"
    )


def _summary(row: Row) -> str:
    return "".join(
        f"{'' if name == 'prefix' else chr(9)}{name.replace('_', ' ').title()}: {_shown(name, value)}\n"
        for name, value in row.items()
    )


def _shown(name: str, value: object) -> str:
    """Return a value without what a terminal would obey; what is shaped already has nothing but its own colours."""
    text = str(value)
    return text if name in SHAPED or text.isprintable() else printable(text)


def _object(row: Row) -> str:
    return "{\n    " + ",\n    ".join(f"{quoted(name)}: {_value(value)}" for name, value in row.items()) + "\n  }"


def _value(value: object) -> str:
    if type(value) is str:
        return quoted(value)
    if isinstance(value, list):
        return json.dumps(value, indent=2).replace("\n", "\n    ")  # line feeds within texts are escaped
    return json.dumps(value)


class _Yaml:
    """Lines `name: value`, as PyYAML writes them; it is asked about everything but short, plain text."""

    def __init__(self, yaml: ModuleType) -> None:
        self._yaml = yaml
        self._resolvers: dict[str, list[tuple[str, Any]]] = yaml.Dumper.yaml_implicit_resolvers
        self._known: dict[tuple[str, str], str] = {}

    def line(self, name: str, value: object) -> str:
        if not isinstance(value, str):
            return self._asked(name, value)
        known = self._known.get((name, value))
        if known is None:
            known = f"{name}: {value}" if self._is_plain(value) else self._asked(name, value)
            self._known[name, value] = known
        return known

    def _is_plain(self, text: str) -> bool:
        """Say whether a text stands without quotes: no sign in it means anything, and it is no number, date or word."""
        longest = _LONGEST_LINE if " " in text else _LONGEST_WORD
        if not 0 < len(text) <= longest or not _PLAIN.issuperset(text) or text[0] in " -" or text[-1] == " ":
            return False
        resolvers = self._resolvers.get(text[0], []) + self._resolvers.get("", [])
        return (
            "  " not in text and not text.startswith("...") and not any(pattern.match(text) for _, pattern in resolvers)
        )

    def _asked(self, name: str, value: object) -> str:
        written = self._yaml.dump([{name: value}], default_flow_style=False)
        return str(written).removeprefix("- ").removesuffix("\n")


FORMS: dict[str, Callable[[Sequence[Row]], str]] = {
    "summaries": summaries,
    "json": in_json,
    "json_pp": in_json_lines,
    "yaml": in_yaml,
}
