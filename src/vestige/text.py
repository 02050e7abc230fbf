"""Any bytes as text and back, the way Git writes odd paths.

Linux paths and arguments are bytes. JSON holds Unicode only. Valid UTF-8 that does not begin with a double quote stays
as it is; anything else becomes the whole in double quotes with three-digit octal escapes (git-config(1),
`core.quotePath`), which no valid reader of JSON rejects and nobody can mistake. `native/json.c` writes the same form.
"""

from __future__ import annotations

import os

_QUOTE = 0x22
_BACKSLASH = 0x5C
_PRINTABLE = range(0x20, 0x7F)


def from_bytes(raw: bytes) -> str:
    """Return `raw` as text that `to_bytes` turns back into exactly `raw`."""
    if not raw.startswith(b'"'):
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return '"' + "".join(_escaped(byte) for byte in raw) + '"'


def to_bytes(text: str) -> bytes:
    """Return the bytes that `text` stands for.

    Text that begins with a quote but is not well quoted (a foreign hand wrote it) stands for itself.
    """
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':  # noqa: PLR2004 - two quotes at the least
        return text.encode("utf-8", "surrogatepass")
    try:
        return _unquoted(text[1:-1])
    except ValueError:
        return text.encode("utf-8", "surrogatepass")


def from_os(name: str) -> str:
    """Return a string as Python's `os` functions give it, in whatever encoding the locale has, as text."""
    return from_bytes(os.fsencode(name))


def printable(text: str) -> str:
    """Return text that a terminal shows and does not obey: control characters and lone surrogates are escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _escaped(byte: int) -> str:
    if byte in (_QUOTE, _BACKSLASH):
        return "\\" + chr(byte)
    return chr(byte) if byte in _PRINTABLE else f"\\{byte:03o}"


def _unquoted(inner: str) -> bytes:
    """Return what stands between the quotes. Raises ValueError where `_escaped` would not have written it."""
    raw = bytearray()
    at = 0
    while at < len(inner):
        if inner[at] != "\\":
            raw.append(_plain(inner[at]))
            at += 1
        elif inner[at + 1 : at + 2] in ('"', "\\"):
            raw.append(ord(inner[at + 1]))
            at += 2
        else:
            raw.append(_octal(inner[at + 1 : at + 4]))  # ValueError past 255
            at += 4
    return bytes(raw)


def _plain(char: str) -> int:
    if char == '"' or ord(char) not in _PRINTABLE:
        raise ValueError
    return ord(char)


def _octal(digits: str) -> int:
    if len(digits) != 3 or digits.strip("01234567"):  # noqa: PLR2004 - `int` alone takes `1_2`, `+1` and `o1`, too
        raise ValueError
    return int(digits, 8)
