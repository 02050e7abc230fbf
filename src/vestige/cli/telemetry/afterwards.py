"""What comes after a command, when all it had to say is said."""

from __future__ import annotations

import os
import sys

from vestige import exit_codes
from vestige.telemetry import surroundings

_ASK_AFTER = ("ls", "show", "telemetry")  # somebody is looking, and nothing is waiting
_NOT_COUNTED = ("count", "forget", "off")  # actions of `vestige telemetry`


def after(words: list[str], *, name: str, code: int, error: type[BaseException] | None) -> None:
    """Count the command `name`, called with `words` after it; ask, where that is right."""
    action = words[0] if name == "telemetry" and words else ""
    if action in _NOT_COUNTED or surroundings.is_refused(os.environ):
        return
    from vestige.telemetry import own  # noqa: PLC0415 - ten milliseconds, for those alone who have not said no

    counting = own.here()
    own.count_command(counting, name, code, error)
    if code != exit_codes.OK or name not in _ASK_AFTER or sys.stdout is None or not sys.stdout.isatty():
        return
    from vestige.telemetry import asking  # noqa: PLC0415 - it loads all that could be sent, for nobody to see
    from vestige.words import safe  # noqa: PLC0415

    if not asking.is_terminal():
        return
    for trouble in () if name == "telemetry" else counting.standing.troubles:
        print(f"vestige: telemetry: {safe(trouble)}", file=sys.stderr)
    asking.ask(counting)
