"""Where telemetry keeps what it has: all of it in the user's own folders, nothing in any project."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.settings import user_file, user_state

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Places:
    """The paths; none of them need exist."""

    answers: str  # what the user said: the one file of configuration
    state: str  # the folder of all that is below

    @property
    def counters(self) -> str:
        """A folder for each schema, a file for each week in it."""
        return os.path.join(self.state, "counters")

    @property
    def spool(self) -> str:
        """Reports that wait to be sent."""
        return os.path.join(self.state, "spool")

    @property
    def deletions(self) -> str:
        """Reports that a collector has yet to be asked to delete."""
        return os.path.join(self.state, "deletions.json")

    @property
    def log(self) -> str:
        """Every request that was sent, and what came back."""
        return os.path.join(self.state, "log.jsonl")

    @property
    def due(self) -> str:
        """A file whose time of modification is when there is something to do."""
        return os.path.join(self.state, "due")

    @property
    def lock(self) -> str:
        """What whoever changes any of this holds."""
        return os.path.join(self.state, "lock")

    def make(self, folder: str) -> None:
        """Make one of the folders, for the user alone. Raises OSError."""
        os.makedirs(self.state, _PRIVATE, exist_ok=True)
        os.makedirs(folder, _PRIVATE, exist_ok=True)


def of_user(environ: Mapping[str, str]) -> Places | None:
    """Return the places of the user whose environment this is; None without a home."""
    config, state = user_file(environ), user_state(environ)
    if config is None or state is None:
        return None
    return Places(os.path.join(os.path.dirname(config), "telemetry.json"), os.path.join(state, "telemetry"))
