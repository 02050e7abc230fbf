"""What a file says beside its content: named where it differs, and no difference of the content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.contents.finding import STORED, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 5  # names in one line
_LONGEST = 40  # characters of a name


def other(then: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Return what is not the same although the content is."""
    names = [name for name in {**then, **now} if name not in then or name not in now or then[name] != now[name]]
    if not names:
        return STORED
    words = ", ".join(shortened(name, _LONGEST) for name in names[:_MOST])
    return f"other metadata: {words}" + (", …" if len(names) > _MOST else "")
