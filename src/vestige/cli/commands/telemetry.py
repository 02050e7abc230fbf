"""`vestige telemetry`: what is counted, what holds, what would be sent; on, local, off."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vestige.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

EXAMPLES = """\
examples:
  vestige telemetry                       what holds here, which rule says so, where everything lies
  vestige telemetry stats                 your own use: commands, outcomes, durations, versions
  vestige telemetry preview               the exact bytes of the next report
  vestige telemetry on                    say yes; it shows what is sent and to whom
  vestige telemetry off                   nothing is counted; what was sent is deleted
  vestige telemetry kedro --off           switch kedro-telemetry off in this project
  vestige telemetry count command name=train   count an event of this project's own schema

Nothing is sent unless you say yes, at a terminal, to a collector that is named there.
"""

ACTIONS = {
    "status": ("showing", "what holds here and which rule says so (the default)"),
    "stats": ("showing", "what was counted: your own use"),
    "preview": ("showing", "the exact bytes of the next reports"),
    "log": ("showing", "every byte that was sent, to whom, when, and the answer"),
    "on": ("choosing", "say yes"),
    "local": ("choosing", "count here and send nothing"),
    "off": ("choosing", "count nothing, forget everything"),
    "forget": ("choosing", "remove counts, spool and log, and have what was sent deleted"),
    "send": ("posting", "send what waits now, instead of some time in the week"),
    "count": ("posting", "count one event: EVENT [KEY=VALUE]..."),
    "kedro": ("kedro", "what kedro-telemetry does in this project, and why"),
}
_TAKES = {  # each option, and the actions that take it
    "json": ("status", "stats", "log"),
    "weeks": ("stats",),
    "collector": ("on",),
    "dry_run": ("send",),
    "switch_off": ("kedro",),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige telemetry`."""
    listed = "; ".join(f"`{name}`: {meaning}" for name, (_, meaning) in ACTIONS.items())
    parser.add_argument("action", nargs="?", default="status", choices=ACTIONS, metavar="ACTION", help=listed)
    parser.add_argument("words", nargs="*", metavar="WORD", help="for `count`: the event, then its fields as KEY=VALUE")
    parser.add_argument(
        "--project",
        metavar="DIR",
        help="that of the project around DIR, with a schema of its own, instead of vestige's",
    )
    parser.add_argument("--json", action="store_true", help="for `status`, `stats`, `log`: for programs")
    parser.add_argument("--weeks", type=int, metavar="N", help="for `stats`: only the last N weeks")
    parser.add_argument("--collector", metavar="URL", help="for `on`: to whom, instead of the collector of the schema")
    parser.add_argument("--dry-run", action="store_true", help="for `send`: print the requests instead")
    parser.add_argument("--off", dest="switch_off", action="store_true", help="for `kedro`: switch it off here")


def execute(arguments: argparse.Namespace) -> int:
    """Do the one action."""
    action: str = arguments.action
    if arguments.words and action != "count":
        raise UsageError(f"`vestige telemetry {action}` takes no `{arguments.words[0]}`")
    for option, actions in _TAKES.items():
        if getattr(arguments, option) and action not in actions:
            raise UsageError(
                f"`vestige telemetry {action}` takes no `--{option.replace('switch_', '').replace('_', '-')}`"
            )
    module = importlib.import_module(f"vestige.cli.telemetry.{ACTIONS[action][0]}")
    do: Callable[[argparse.Namespace], int] = getattr(module, action)
    return do(arguments)
