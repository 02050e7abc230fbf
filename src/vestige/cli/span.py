"""`vestige span`: a command as a named part of the run around it. It becomes the command: nothing stands between."""

from __future__ import annotations

import errno
import os
import signal
import sys

from vestige import exit_codes
from vestige.errors import UsageError

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from typing import NoReturn

USAGE = "usage: vestige span [-a KEY=VALUE]... NAME [--] COMMAND [ARGUMENT]..."
EXAMPLES = (
    ("vestige span fetch -- curl -O https://example.org/data.csv", "in a script under `vestige run`: one of its parts"),
    ("vestige span -a fold=3 train -- python train.py --fold 3", "with something to tell it by"),
    ("vestige show --spans", "what each part took"),
)
ROWS = (("-a, --attribute KEY=VALUE", "what to keep with it; may be given more than once"),)


def help_page() -> str:
    """Return the text of `vestige span --help`."""
    lines = [
        USAGE,
        "",
        "Run a command as a named part of the run around it. Outside of a run it just runs the command.",
    ]
    lines += ["", *(f"  {option}   {meaning}" for option, meaning in ROWS), "", "examples:"]
    lines += [line for example, meaning in EXAMPLES for line in (f"  {example}", f"      {meaning}")]
    return "\n".join(
        [*lines, "", "The exit code is the command's, 127 if it was not found, 126 if it can't be executed."]
    )


def main(words: list[str]) -> int:
    """Become the command in `words`; return an exit code only where that can't be."""
    try:
        attributes, rest = _attributes(words)
        if rest[:1] in (["-h"], ["--help"]):
            print(help_page())
            return exit_codes.OK
        name, command = _parts(rest)
    except UsageError as error:
        print(f"vestige: {error}", file=sys.stderr)
        return exit_codes.NOT_STARTED
    return _execute(name, command, attributes)


def _attributes(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return what the options before the name say, and the words from the name on. Raises UsageError."""
    found: dict[str, str] = {}
    while words and words[0].startswith("-") and words[0] not in ("-h", "--help"):
        option, separator, pair = words[0].partition("=")
        if option not in ("-a", "--attribute") or (separator and option == "-a"):
            raise UsageError(f"unknown option `{words[0]}`: `vestige span --help` shows examples")
        if not separator:
            pair, words = (words[1] if words[1:] else ""), words[1:]
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise UsageError(f"`{option}` takes KEY=VALUE, as in `-a fold=3`")
        found[key], words = value, words[1:]
    return found, words


def _parts(words: list[str]) -> tuple[str, list[str]]:
    name, command = words[:1], words[1:]
    command = command[1:] if command[:1] == ["--"] else command
    if not name or not command:
        raise UsageError("a name and a command are needed: `vestige span NAME -- COMMAND`")
    return name[0], command


def _execute(name: str, command: list[str], attributes: dict[str, str]) -> int:
    from vestige.spans.span import begin  # noqa: PLC0415 - not for the help page

    opened = begin(name, kind="command", until_exit=True, attributes=attributes)
    if opened is not None:
        os.environ["VESTIGE_SPAN"] = opened.id
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        _become(command)
    except (OSError, ValueError) as error:
        if opened is not None:
            opened.end(error)
        is_missing = isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR)
        reason = "command not found" if is_missing else getattr(error, "strerror", None) or str(error)
        print(f"vestige: {command[0]}: {reason}", file=sys.stderr)
        return exit_codes.NOT_FOUND if is_missing else exit_codes.NOT_EXECUTABLE


def _become(command: list[str]) -> NoReturn:
    """Execute it; a script without `#!` by the shell, as every shell does. Raises OSError, ValueError."""
    try:
        os.execvp(command[0], command)  # noqa: S606 - it is what the user asked for
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        import shutil  # noqa: PLC0415 - rare

        os.execv("/bin/sh", ["sh", shutil.which(command[0]) or command[0], *command[1:]])  # noqa: S606
