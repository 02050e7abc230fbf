"""What somebody may have meant."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like `word`, or None if none is near. Dashes before it make none alike."""
    import difflib  # noqa: PLC0415 - only when there is an error

    bare = {name.lstrip("-"): name for name in known}
    close = difflib.get_close_matches(word.lstrip("-"), bare, n=1, cutoff=0.6)
    return bare[close[0]] if close else None
