"""What `ls`, `pp` and `plot` of the drop-in have in common: options, log lines, exit codes, a stdout that may close."""

from __future__ import annotations

import argparse
import os
import sys

from vestige import exit_codes
from vestige._version import VERSION
from vestige.con_duct import dotenv
from vestige.duct.messages import Messages
from vestige.duct.options import LEVELS
from vestige.duct.version import CON_DUCT
from vestige.errors import UsageError, VestigeError

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Work = Callable[[argparse.Namespace, Messages], int]

_FAILED = 1  # con-duct's own for whatever is wrong but the options
_BAD_WORDS = 2


def parser(name: str, purpose: str, examples: Iterable[tuple[str, str]]) -> argparse.ArgumentParser:
    """Return a parser with what every subcommand knows. Without values from `.env`: these are set in `call`."""
    shown = "\n".join(f"  {example}\n      {meaning}" for example, meaning in examples)
    made = argparse.ArgumentParser(
        prog=f"vestige duct {name}", description=f"{purpose}\n\nexamples:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter, add_help=False,
    )  # fmt: skip
    made.add_argument("-h", "--help", action="help", help="this page")
    words = f"con-duct {name} {CON_DUCT} (vestige {VERSION})"
    made.add_argument("--version", action="version", version=words, help="say which con-duct this stands for")
    made.add_argument(
        "-l", "--log-level", type=str.upper, choices=LEVELS, default=os.environ.get("DUCT_LOG_LEVEL", "INFO"),
        metavar="LEVEL", help=f"what is said on stderr: {', '.join(LEVELS)} [DUCT_LOG_LEVEL]",
    )  # fmt: skip
    made.add_argument("-q", "--quiet", action="store_true", help="the same as `-l NONE`")
    return made


def call(words: list[str], make: Callable[[], argparse.ArgumentParser], work: Work, logger: str) -> int:
    """Read the words and do the work; return the exit code. Everything that is expected to go wrong is one line."""
    said = dotenv.load(os.environ)
    try:
        arguments = make().parse_args(words)
    except SystemExit as end:  # argparse has said what is wrong, or shown the help
        return _ended(end)
    level = "NONE" if arguments.quiet else arguments.log_level
    if level not in LEVELS:  # what comes from the environment is not among the parser's choices
        _say(f"vestige duct: error: DUCT_LOG_LEVEL: {level!r} is none of {', '.join(LEVELS)}\n")
        return _FAILED
    for kind, text in said:
        Messages(level, _say).say(kind, text)
    messages = Messages(level, _say, logger)
    try:
        return work(arguments, messages)
    except UsageError as error:
        messages.say("ERROR", str(error))
        return _BAD_WORDS
    except VestigeError as error:
        messages.say("ERROR", str(error))
        return _FAILED
    except BrokenPipeError:
        close_stdout()
        return exit_codes.BROKEN_PIPE


def _ended(end: SystemExit) -> int:
    """Return the exit code of argparse; whoever reads the help may have gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        close_stdout()
        return exit_codes.BROKEN_PIPE
    return end.code if isinstance(end.code, int) else _FAILED


def write(text: str) -> None:
    """Write to stdout, in its own encoding; what that lacks is escaped. Raises BrokenPipeError, VestigeError."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        close_stdout()
        raise VestigeError(f"can't write to stdout: {error.strerror}") from error


def close_stdout() -> None:
    """Let what is still to be written go nowhere: the interpreter would try again at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, sys.stdout.fileno())


def _say(line: str) -> None:
    sys.stderr.write(line)
