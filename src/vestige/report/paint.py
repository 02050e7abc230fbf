"""Colours for a terminal, or none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours, or none: everything reads the same without."""

    colours: bool = False

    def bold(self, text: str) -> str:
        """Return text for a headline."""
        return self._in("1", text)

    def dim(self, text: str) -> str:
        """Return text that stands back."""
        return self._in("2", text)

    def bad(self, text: str) -> str:
        """Return text that tells of a failure."""
        return self._in("31", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text else text


PLAIN = Paint()
