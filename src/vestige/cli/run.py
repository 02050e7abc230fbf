"""`vestige run`: make the run folder and become the recorder. No Python stays while the command runs.

Every import here stands between the user and the command: none beyond what the interpreter has loaded already.
"""

from __future__ import annotations

import os
import sys

from vestige import exit_codes, invocation
from vestige.cli import run_options
from vestige.errors import RecorderError, StoreError, VestigeError
from vestige.observe import inherited, recorder
from vestige.record import start

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from vestige.invocation import Request
    from vestige.settings import Settings

_SITE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_FINISH = (  # Ctrl-C ends it at once and without a word: the next `vestige ls` finalises
    "import sys, _signal; _signal.signal(_signal.SIGINT, _signal.SIG_DFL); "
    f"sys.path.append({_SITE!r}); from vestige.cli.finish import main; sys.exit(main(sys.argv[1:]))"
)
_STDIN, _STDERR = 0, 2


def main(words: list[str]) -> int:
    """Run the command in `words`, what follows `run`; return only if vestige could not become the recorder."""
    try:
        request = run_options.parse(words)
        if request.help:
            return _help()
        inherited.give_back_locale()
        if request.dry_run is not None:
            return _show_plan(request)
        code = _skipped(request) if request.if_changed else None
        if code is not None:
            return code
        order = _order(request)
    except VestigeError as error:
        print(f"vestige: {error}", file=sys.stderr)
        return exit_codes.NOT_STARTED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    return _become_recorder(order)


def _help() -> int:
    from vestige.cli import dispatch  # noqa: PLC0415 - the short way ends here

    return dispatch.main(["help", "run"])


def _show_plan(request: Request) -> int:
    from vestige.cli import dry_run  # noqa: PLC0415 - nothing is run

    return dry_run.main(request)


def _skipped(request: Request) -> int | None:
    """Return the exit code where `--if-changed` finds a run that stands for this one."""
    try:
        from vestige.cli import if_changed  # noqa: PLC0415 - half of vestige: only where it is asked for

        return if_changed.skipped(request)
    except VestigeError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours is no reason not to run the command
        if not request.quiet and os.isatty(_STDERR):
            print(f"vestige: not skipped: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def _order(request: Request) -> recorder.Order:
    """Decide everything and make the run folder; without any place for it the command runs unrecorded."""
    try:
        return _recorded(request)
    except VestigeError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours is no reason not to run the command
        return _unrecorded(request, f"{type(error).__name__}: {error}")


def _recorded(request: Request) -> recorder.Order:
    folder = invocation.cwd()
    chosen = invocation.load_settings(folder)
    request.deny_network = invocation.denies_network(request, chosen)
    if invocation.needs_preparation(request, chosen, folder):
        from vestige.git.prepare import prepare  # noqa: PLC0415 - only where something is declared for a commit

        prepare(request, folder or "")
    store = invocation.store(request.store, chosen, os.environ, folder)
    summary = _summary(request, chosen)
    try:
        order = invocation.open_run(
            request,
            chosen=chosen,
            store=store,
            environ=os.environ,
            folder=folder,
            stdin=start.stream_kind(_STDIN),
        )
    except StoreError as error:
        if store.named:
            raise
        return _unrecorded(request, str(error))
    order.finish = finisher(summary, commit=bool(request.commit))
    # inside another run, what finalises this one would be named there as left behind
    nested = start.RUN_VARIABLE in os.environ
    order.finish_waits = summary != "none" or nested or invocation.wants_commit(request, chosen)
    return order


def _unrecorded(request: Request, reason: str) -> recorder.Order:
    """Return the order to run the command and nothing else; vestige's words go to a terminal only.

    Raises RecorderError where the network was to be denied, or a commit to be made: that takes a run that is recorded.
    """
    promised = "the network can't be denied" if request.deny_network else "there can be no commit"
    if request.deny_network or request.commit:
        raise RecorderError(f"{promised}, since the run can't be recorded: {reason}")
    if not request.quiet and os.isatty(_STDERR):
        print(f"vestige: not recorded: {reason}", file=sys.stderr)
    return recorder.Order(request.argv)


def _summary(request: Request, chosen: Settings) -> str:
    """What to print afterwards: on a terminal, or wherever stderr goes if this command line asked for it."""
    if request.quiet:
        return "none"
    wanted = request.summary or (chosen.summary if os.isatty(_STDERR) else "none")
    return "problems" if wanted == "none" and request.commit else wanted


def finisher(summary: str, *, commit: bool) -> tuple[str, ...]:
    """Return the program that finalises the run: this Python without its site-packages, half the start-up time."""
    if not sys.executable:
        return ()  # embedded somewhere: the next `vestige ls` finalises
    no_bytecode = ("-B",) if sys.dont_write_bytecode else ()  # `-I` makes it deaf to PYTHONDONTWRITEBYTECODE
    words = (sys.executable, "-I", "-S", *no_bytecode, "-c", _FINISH, "--summary", summary)
    return (*words, "--commit") if commit else words


def _become_recorder(order: recorder.Order) -> int:
    """Replace this process by the recorder; where there is none, observe from here."""
    program = recorder.path(os.environ)
    try:
        _give_back_signals()
        os.execv(program, [program, *order.words()])  # noqa: S606 - to become it is the point
    except OSError:
        from vestige.observe import portable  # noqa: PLC0415 - only without a recorder

        return portable.observe(order)


def _give_back_signals() -> None:
    """Undo Python's own ignoring of SIGPIPE and SIGXFSZ, which a new program would inherit."""
    import _signal  # type: ignore[import-not-found]  # noqa: PLC0415 - `signal` imports enum: 5 ms

    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
