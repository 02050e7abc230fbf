"""Which logs a template for prefixes stands for."""

from __future__ import annotations

import os

from vestige.con_duct.paths import NAMES

INFO_NAME = NAMES["info"]


def found(prefix: str) -> list[str]:
    """Return the paths of the logs that a template for prefixes stands for, sorted.

    As in con-duct these are all that begin as the template does; where it makes a folder for each, those in folders.
    """
    begin, brace, rest = os.path.expanduser(prefix).partition("{")
    if not brace:
        return [begin + INFO_NAME] if os.path.lexists(begin + INFO_NAME) else []
    if "/" in rest or "*" in begin or "?" in begin or "[" in begin:
        return _globbed(begin, rest)
    folder, start = os.path.split(begin)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return []
    begin = begin[: len(begin) - len(start)]
    chosen = sorted(name for name in names if name.endswith(INFO_NAME) and name.startswith(start))
    return [begin + name for name in chosen if start.startswith(".") or not name.startswith(".")]


def _globbed(begin: str, rest: str) -> list[str]:
    import glob  # noqa: PLC0415 - few templates need it
    import re  # noqa: PLC0415

    pattern = re.sub(r"\{[^}]*\}", "*", "{" + rest) if "/" in rest else "*"
    return sorted(glob.glob(begin + pattern + INFO_NAME))
