"""The summary after a run: a template over the figures, with con-duct's conversions."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from vestige.duct.units import date, duration, size
from vestige.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RED, _GREEN = 31, 32
_UNKNOWN = "-"


def summary(template: str, values: Mapping[str, object], *, colours: bool) -> str:
    """Return the template filled in. Raises UsageError where it names what there is not, or can't be read."""
    try:
        return _Formatter(colours=colours).vformat(template, (), values)
    except KeyError as error:
        raise UsageError(f"the summary format names {error}, there are {', '.join(values)}") from error
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise UsageError(f"the summary format can't be read: {error}") from error


class _Formatter(string.Formatter):
    """Python's own, with more conversions; what is not known is a dash whatever its format."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def convert_field(self, value: Any, conversion: str | None) -> Any:  # noqa: ANN401 - the base class takes any
        if conversion in _COLOURED:
            return self._painted(_UNKNOWN if value is None else value, good=_is_good(value, conversion))
        if conversion in _WORDED:
            if value is None:
                return self._painted(_UNKNOWN, good=False)
            text = _WORDED[conversion](float(value))
            return self._painted(text, good=True) if conversion == "S" else text
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401
        if value is None:
            return _UNKNOWN
        spec, combined, conversion = format_spec.partition("!")
        if combined and len(spec) <= 1:  # `!` as the fill character
            spec, conversion = format_spec, ""
        try:
            text = str(super().format_field(value, spec))
        except ValueError:  # a number's format for a text: the text as it is
            return str(value)
        return str(self.convert_field(text, conversion)) if conversion else text

    def _painted(self, value: Any, *, good: bool) -> Any:  # noqa: ANN401
        return f"\033[1;{_GREEN if good else _RED}m{value}\033[0m" if self._colours else value


def _is_good(value: object, conversion: str) -> bool:
    """Say whether a value is shown in green: an exit code of 0, what is true, what is known."""
    if conversion == "E":
        return not value and value is not None
    return bool(value) if conversion == "X" else value is not None


_COLOURED = ("E", "X", "N")
_WORDED: dict[str | None, Callable[[float], str]] = {"S": size, "P": "{:.2f}%".format, "T": duration, "D": date}
