"""Bytes, seconds and moments in con-duct's words."""

from __future__ import annotations

import time

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_THOUSAND = 1000
_MINUTE, _HOUR = 60, 3600


def size(count: float) -> str:
    """Return bytes with a decimal unit: `3.0 MB`, `999 Bytes`, `1 Byte`."""
    if abs(count) < _THOUSAND:
        return f"{int(count)} Byte" + ("" if abs(count) == 1 else "s")
    power = 1
    while power < len(_UNITS) and abs(count) >= _THOUSAND ** (power + 1):
        power += 1
    return f"{count / _THOUSAND**power:.1f} {_UNITS[power - 1]}"


def duration(seconds: float) -> str:
    """Return seconds as con-duct writes them: `1.21s`, `1m 2.0s`, `1h 2m 3.0s`."""
    if seconds < _MINUTE:
        return f"{seconds:.2f}s"
    hours, minutes = int(seconds // _HOUR), int(seconds % _HOUR // _MINUTE)
    rest = f"{minutes}m {seconds % _MINUTE:.1f}s"
    return f"{hours}h {rest}" if hours else rest


def date(moment: float) -> str:
    """Return seconds since 1970 as a local date: `Nov 22, 2026 06:15 AM`."""
    try:
        return time.strftime("%b %d, %Y %I:%M %p", time.localtime(moment))
    except (ValueError, OverflowError, OSError):
        return str(moment)
