"""JSON out, and only out, for the first record of a run: the `json` package costs 11 ms to import, this nothing."""

from __future__ import annotations

try:
    from _json import encode_basestring_ascii as _quoted
except ImportError:  # not CPython

    def _quoted(text: str, /) -> str:
        return '"' + "".join(_escaped(character) for character in text) + '"'


_FIRST_BEYOND_BASIC_PLANE = 0x10000


def dumps(value: object) -> bytes:
    """Return a tree of dict, list, tuple, str, int, float, bool and None as one line of ASCII JSON.

    Raises ValueError for NaN and infinities, TypeError for anything that is not JSON.
    """
    return (_text(value) + "\n").encode("ascii")


def _text(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_text(item)}" for key, item in value.items()) + "}"
    raise TypeError(f"{type(value).__name__} is not JSON")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of {type(key).__name__} is not JSON")
    return _quoted(key)


def _number(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN without importing math
        raise ValueError(f"{value} is not JSON")
    return float.__repr__(value)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if 0x20 <= code < 0x7F:  # noqa: PLR2004 - printable ASCII
        return character
    if code < _FIRST_BEYOND_BASIC_PLANE:
        return f"\\u{code:04x}"
    high, low = divmod(code - _FIRST_BEYOND_BASIC_PLANE, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
