"""Every command but `run`: find it, parse, call it, and turn whatever happens into an exit code. The catch point."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from vestige import exit_codes
from vestige._version import VERSION
from vestige.errors import Terminated, UsageError, VestigeError
from vestige.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "run": "run a command and keep what it used",
    "duct": "run a command as con-duct does, with its options and files",
    "ls": "list runs",
    "show": "show a run: figures, processes, files, the series, its output",
    "plot": "draw CPU and memory over time, in the terminal or as an image",
    "report": "write a run as a page: one HTML file that needs nothing else",
    "serve": "show all runs in a browser, also those that go on",
    "compare": "hold runs against each other, and say why one took longer",
    "bench": "run commands many times, and compare time, memory and I/O",
    "why": "say which run wrote a file, and from what",
    "used-by": "say which runs read a file, and what came of it",
    "query": "ask all runs in SQL",
    "stats": "say what each command takes: median, spread, trend over all its runs",
    "suggest": "say what to ask Slurm for: memory, time, CPUs, from what earlier runs took",
    "commit": "make the Git commit of a run that is kept",
    "rerun": "run again what commits have recorded",
    "verify": "repeat a run elsewhere and compare what comes out",
    "span": "run a command as a named part of the run around it",
    "import": "take logs of con-duct into the store",
    "rm": "remove runs",
    "gc": "remove or thin old runs by rules; first says which",
    "collector": "take telemetry reports of a project's users and show pages of them",
    "init": "make a store for runs here",
    "telemetry": "say what is counted of vestige's use, show it, say yes or no to sending it",
    "doctor": "say what this machine allows, what not, and what would change it",
    "scenarios": "run one Kedro pipeline under each tool that watches such, and compare what they tell",
    "demo": "copy an example project, run it and show the result",
    "help": "show this page, or the one of a command",
}

_OPTIONS = ("--help", "--version")
_HELP = ("-h", "--help", "help")
_OWN_WORDS = ("duct", "span")  # what follows may be any command: they have parsers of their own
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NUMBERS: dict[object, str] = {int: "a whole number", float: "a number"}

_EPILOG = """\
examples:
  vestige run python train.py       run it exactly as it is, keep what it used
  vestige ls --failed               which runs went wrong
  vestige show                      all about the last run
  vestige show 7f3a --processes     every process of a run, by the start of its id
  vestige why report.pdf            which run wrote a file, and from what

`vestige COMMAND --help` shows more examples. Runs are kept in `.vestige`, as plain text files.
"""


class Command(Protocol):
    """What a module in `vestige.cli.commands` offers."""

    EXAMPLES: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""

    def execute(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of leaving, and says what is wrong in one line."""

    def parse(self, words: list[str]) -> argparse.Namespace:
        """Return the arguments in `words`. Raises UsageError, with what may have been meant."""
        arguments, unknown = self.parse_known_args(words)
        if not unknown:
            return arguments
        near = nearest(unknown[0].partition("=")[0], self._option_string_actions)
        if near is None and any(action.metavar == "CMD" for action in self._get_positional_actions()):
            raise UsageError(f"unknown option `{unknown[0]}`: a command with options stands after `--`")
        hint = f"did you mean `{near}`?" if near else f"`{self.prog} --help` shows examples"
        kind = "option" if unknown[0].startswith("-") else "argument"
        raise UsageError(f"unknown {kind} `{unknown[0]}`: {hint}")

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found."""
        raise UsageError(f"{message}; `{self.prog} --help` shows examples")

    # These two say in vestige's words, the same as those of `vestige run`, what argparse would say in Python's
    # ("argument --last: invalid int value: 'x'").

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        near = nearest(str(value), map(str, action.choices))
        hint = f"did you mean `{near}`?" if near else "allowed are " + ", ".join(map(str, action.choices))
        raise UsageError(f"`{_name(action)}` can't be `{value}`: {hint}")

    def _get_value(self, action: argparse.Action, arg_string: str) -> object:
        wanted = _NUMBERS.get(action.type)
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError:
            if wanted is None:
                raise
            raise UsageError(f"`{_name(action)}` can't be `{arg_string}`: it takes {wanted}") from None


def main(words: list[str]) -> int:
    """Run the command line `words`, count it, and return the exit code."""
    _heed_signals()
    raised: list[type[BaseException]] = []
    try:
        code = guarded(lambda: _noted(words, raised))
        _count(words, code, raised)
    except Terminated as ended:
        return _die(ended.number)
    return code


def guarded(call: Callable[[], int]) -> int:
    """Return what `call` returns, or the exit code for what it raised, said in one line on stderr.

    Raises Terminated.
    """
    try:
        code = call()
        sys.stdout.flush()
    except VestigeError as error:
        return _failed(str(error))
    except BrokenPipeError:
        _forget_stdout()
        return exit_codes.BROKEN_PIPE
    except Terminated:
        raise
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost edge: a traceback helps nobody, a file to paste does
        if isinstance(error, OSError) and error.errno in _FULL:
            _forget_stdout()
            return _failed(f"can't write the output: {error.strerror}")
        return _unexpected(error)
    return code


def _heed_signals() -> None:
    """Let what would end this process at once end it as Ctrl-C does: nothing is left behind, nothing goes on alone."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # not where `nohup` has it ignored
            signal.signal(number, _terminated)


def _terminated(number: int, _: object) -> NoReturn:
    raise Terminated(number)


def _die(number: int) -> int:
    """End by a signal after all, as whoever sent it expects to see."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return exit_codes.SIGNALLED + number


def _failed(words: str) -> int:
    print(f"vestige: {words}", file=sys.stderr)
    return exit_codes.FAILED


def _unexpected(error: Exception) -> int:
    from vestige.cli.report_file import write_report  # noqa: PLC0415 - only when there is one

    print(f"vestige: unexpected {type(error).__name__}: {error}; {write_report(error)}", file=sys.stderr)
    return exit_codes.UNEXPECTED


def _name(action: argparse.Action) -> str:
    """Return what people type, or what stands for it on the help page."""
    return action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)


def parser_of(name: str) -> Parser:
    """Return the parser of one command."""
    command = _command(name)
    parser = Parser(
        prog=f"vestige {name}",
        description=COMMANDS[name][0].upper() + COMMANDS[name][1:],
        epilog=command.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.configure(parser)
    return parser


def top_page() -> str:
    """Return the text of `vestige --help`."""
    rows = [f"  {name:<9} {meaning}" for name, meaning in COMMANDS.items()]
    head = ["usage: vestige COMMAND ...", "       vestige --version", ""]
    return "\n".join([*head, "Run any command exactly as it is and keep what it leaves behind.", "", "commands:",
                      *rows, "", _EPILOG]).rstrip()  # fmt: skip


def _run(words: list[str]) -> int:
    name = words[0] if words else "--help"
    if name in _HELP:
        return _help(words[1:])
    if name in ("-V", "--version"):
        print(f"vestige {VERSION}")
        return exit_codes.OK
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    if name in _OWN_WORDS:
        return int(importlib.import_module(f"vestige.cli.{name}").main(words[1:]))
    arguments = parser_of(name).parse(words[1:])
    return _command(name).execute(arguments)


def _noted(words: list[str], raised: list[type[BaseException]]) -> int:
    try:
        return _run(words)
    except BaseException as error:
        raised.append(type(error))
        raise


def _count(words: list[str], code: int, raised: list[type[BaseException]]) -> None:
    """Count the command; no fault of that is any matter of the command's."""
    try:
        from vestige.cli.telemetry import afterwards  # noqa: PLC0415 - when all else is done

        asked = words[0] if words else "help"
        name = {"-h": "help", "--help": "help", "-V": "version", "--version": "version"}.get(asked, asked)
        afterwards.after(words[1:], name=name, code=code, error=next(iter(raised), None))
    except Exception:  # noqa: BLE001 - the outermost edge
        return


def _help(words: list[str]) -> int:
    """Show the page of the command in `words`, or that of all."""
    name = words[0] if words and words[0] not in _HELP else "help"
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    if name == "run":
        from vestige.cli.run_options import help_page  # noqa: PLC0415 - only for this page

        print(help_page())
    elif name == "duct":
        from vestige.duct.options import help_page as duct_page  # noqa: PLC0415 - only for this page

        print(duct_page())
    elif name == "span":
        from vestige.cli.span import help_page as span_page  # noqa: PLC0415 - only for this page

        print(span_page())
    else:
        print(top_page() if name == "help" else parser_of(name).format_help().rstrip())
    return exit_codes.OK


def _command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"vestige.cli.commands.{name.replace('-', '_')}"))


def _unknown(name: str) -> str:
    what = "option" if name.startswith("-") else "command"
    near = nearest(name, _OPTIONS if name.startswith("-") else COMMANDS)
    hint = f"did you mean `{near}`?" if near else "`vestige --help` lists them; to run a command: `vestige run COMMAND`"
    return f"unknown {what} `{name}`: {hint}"


def _forget_stdout() -> None:
    """Point stdout at nothing: what is still in its buffer would raise once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
