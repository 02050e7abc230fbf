"""Waiting for something to become true, with a limit that only a hang reaches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LIMIT = 30.0


def until(look: Callable[[], T | None], what: str, *, limit: float = LIMIT, pause: float = 0.005) -> T:
    """Return the first true answer of `look`, or raise TimeoutError after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit} s for {what}")
        time.sleep(pause)
