"""What can go wrong in the bench itself."""

from __future__ import annotations


class BenchError(Exception):
    """A measurement could not be made; the message says which, and what to do."""
