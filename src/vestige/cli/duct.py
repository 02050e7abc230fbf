"""`vestige duct`: the drop-in for con-duct. A command line of its own, since what follows may be any command at all."""

from __future__ import annotations

import os

from vestige import exit_codes
from vestige._version import VERSION
from vestige.con_duct import dotenv
from vestige.duct import options
from vestige.duct.messages import Messages
from vestige.duct.version import CON_DUCT
from vestige.errors import UsageError, VestigeError

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from vestige.duct.options import Options

# The first word, and the module whose `main(words)` takes those after it. Anything else is a command to run; one that
# is called like these: `vestige duct run ls`, `vestige duct -- ls`.
SUBCOMMANDS = {
    "ls": "vestige.duct.listing",
    "plot": "vestige.duct.plotting",
    "pp": "vestige.duct.pretty",
}
_RUN = "run"
_FAILED = 1  # con-duct's own code for what is no fault of the command line
_BAD_WORDS = 2
_STDERR = 2


def main(words: list[str]) -> int:
    """Take what follows `vestige duct` and return the exit code."""
    if words and words[0] in SUBCOMMANDS:
        import importlib  # noqa: PLC0415 - the short way is that of a command

        return int(importlib.import_module(SUBCOMMANDS[words[0]]).main(words[1:]))
    return run(words[1:] if words[:1] == [_RUN] else words)


def run(words: list[str]) -> int:
    """Run the command in `words`, as `duct` does: no word of them is a subcommand."""
    try:
        said = dotenv.load(os.environ)
        chosen = options.parse(words, os.environ)
        if chosen.help:
            return _show_help()
        if chosen.version:
            print(f"con-duct run {CON_DUCT} (vestige {VERSION})")
            return exit_codes.OK
        messages = Messages(chosen.level, _write)
        for level, text in said:
            messages.say(level, text)
        return _run(chosen, messages)
    except UsageError as error:
        _write(f"usage: vestige duct [OPTION]... [--] COMMAND [ARGUMENT]...\nvestige duct: error: {error}\n")
        return _BAD_WORDS
    except VestigeError as error:
        _write(f"vestige duct: error: {error}\n")
        return _FAILED
    except KeyboardInterrupt:  # before the command was started: after that Ctrl-C is the command's
        return exit_codes.INTERRUPTED


def _run(chosen: Options, messages: Messages) -> int:
    if chosen.attach is not None:
        from vestige.duct import attach  # noqa: PLC0415 - no way of a command

        return attach.attach(chosen, messages)
    from vestige.cli.run import finisher  # noqa: PLC0415
    from vestige.duct import running  # noqa: PLC0415

    return running.run(chosen, messages, finisher("none", commit=False))


def _show_help() -> int:
    from vestige.duct import subcommand  # noqa: PLC0415 - no way of a command

    try:
        subcommand.write(options.help_page() + "\n")
    except BrokenPipeError:
        subcommand.close_stdout()
        return exit_codes.BROKEN_PIPE
    return exit_codes.OK


def _write(line: str) -> None:
    """Say it where the terminal is; one that is gone or full is no matter of the command's."""
    try:
        os.write(_STDERR, line.encode("utf-8", "surrogateescape"))
    except OSError:
        return
