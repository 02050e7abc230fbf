"""In which order logs are listed: by raw values, as people read them (`run2` before `run10`), what is missing last."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Key = tuple[int, Any]

_PIECES = re.compile(r"\d+|\D+").findall
_LONGEST_NUMBER = 18  # digits; longer ones are text
_NUMBER, _TEXT, _OTHER, _MISSING = range(4)
_NOTHING: Key = (_MISSING, ())


def key(log: Mapping[str, Any], fields: Sequence[str]) -> tuple[Key, ...]:
    """Return what a log is sorted by: these fields, one after the other, and its prefix last."""
    return (*(_rank(log.get(field)) for field in fields), _rank(log["prefix"]))


def is_missing(part: Key) -> bool:
    """Say whether a part of a key stands for no value."""
    return part[0] == _MISSING


def _rank(value: object) -> Key:
    if isinstance(value, str):
        return (_TEXT, _natural(value)) if value else _NOTHING
    if value is None or value != value:  # noqa: PLR0124 - NaN is not itself
        return _NOTHING
    if isinstance(value, int | float):
        return (_NUMBER, value)
    return (_OTHER, _natural(json.dumps(value, sort_keys=True)))


def _natural(text: str) -> tuple[str, ...]:
    """Return text in pieces that compare as people would: numbers by their size, and before anything else."""
    return tuple(f"0{int(piece):0{_LONGEST_NUMBER}}" if _is_number(piece) else f"1{piece}" for piece in _PIECES(text))


def _is_number(piece: str) -> bool:
    return len(piece) <= _LONGEST_NUMBER and piece[0].isdecimal()
