"""A command run as con-duct runs it: vestige's recorder around it, con-duct's files beside it.

The recorder keeps the run. This process says what con-duct says, passes signals on, looks at the processes from time to
time, as ps would, and writes the files when the run is over. If it is killed, the command and the recorder go on:
only the files stay as they were by then.

On the way to the command: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum: 5 ms
import os
import sys
import time

from vestige import exit_codes, invocation
from vestige.con_duct.paths import Paths, conflict, fill_prefix
from vestige.duct import info
from vestige.duct.observer import Observer
from vestige.duct.version import DUCT_VERSION
from vestige.errors import RecorderError, StoreError
from vestige.observe import inherited, recorder
from vestige.record import place, start

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from vestige.duct.messages import Messages
    from vestige.duct.options import Options

_PASSED = (
    _signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT, _signal.SIGUSR1, _signal.SIGUSR2,
)  # fmt: skip
_EMPTY_RUN = 1
_STREAMS = {"stdout": 1, "stderr": 2}


def run(options: Options, messages: Messages, finish: tuple[str, ...]) -> int:
    """Run the command of `options` and return con-duct's exit code; `finish` makes vestige's record final.

    Raises UsageError, ConfigError, StoreError, RecorderError: then the command was not started.
    """
    paths = Paths(fill_prefix(options.output_prefix, os.getpid()))
    taken = paths.taken()
    if taken and not options.clobber:
        messages.say("ERROR", conflict(taken))
        return _EMPTY_RUN
    refusal = _refusal(options.argv[0])
    if refusal:
        paths.make_folder()
        messages.say("ERROR", f"{options.argv[0]}: {refusal[1]}")
        return refusal[0]
    inherited.give_back_locale()
    with_files = _Files(options, paths)
    try:
        with_files.make(finish)
        observer = _start(options, messages, with_files)
    except BaseException:  # Ctrl-C as well: nothing stays of a command that was never started
        with_files.take_back()
        raise
    try:
        return _end(options, messages, files=with_files, observer=observer)
    finally:
        with_files.tidy()


def _refusal(program: str) -> tuple[int, str] | None:
    """Return the exit code and the reason where a command can't be started, as far as that can be known before."""
    if os.path.dirname(program):
        places = [program]
    else:
        places = [os.path.join(folder, program) for folder in os.get_exec_path() if program]
    there = [path for path in places if os.path.exists(path)]
    if not there:
        return exit_codes.NOT_FOUND, "command not found"
    if not any(os.access(path, os.X_OK) and os.path.isfile(path) for path in there):
        reason = "is a directory" if all(map(os.path.isdir, there)) else "permission denied"
        return exit_codes.NOT_EXECUTABLE, reason
    return None


class _Files:
    """What one call makes: the run folder, and con-duct's files beside it."""

    def __init__(self, options: Options, paths: Paths) -> None:
        self.paths = paths
        self.head = info.Head(options.argv, paths, options.message)
        self.order = recorder.Order(options.argv)
        self._options = options
        self._temporary: str | None = None  # a store that goes when the run is over
        self._made: list[str] = []
        self._linked: list[str] = []  # streams that are no more than a link in the run folder

    @property
    def folder(self) -> str:
        """The run folder."""
        return self.order.folder or ""

    def make(self, finish: tuple[str, ...]) -> None:
        """Make everything that is there while the command runs. Raises StoreError and what `open_run` does."""
        self.paths.make_folder()
        if self._options.clobber:
            self.paths.remove()  # never written over: an older run may keep the same file
        self.order = self._open()
        self.order.relay = "all"
        self.order.session = "new" if self._options.mode == "new-session" else "same"
        if self._temporary is None:
            self.order.finish = finish
            # inside another run, what finalises this one would be named there as left behind
            self.order.finish_waits = start.RUN_VARIABLE in os.environ
            self.head.run_id, self.head.run_folder = self.order.run_id, self.order.folder
        try:
            self._make_files()
        except OSError as error:
            why = f"can't write {error.filename}: {error.strerror}"
            raise StoreError(f"{why}; choose another place with `-p`") from error

    def _open(self) -> recorder.Order:
        request = invocation.Request()
        request.argv = self._options.argv
        request.message = self._options.message or None
        request.tags = ["duct"]
        request.capture = self._options.capture_outputs
        request.commit = False
        request.wait = False
        folder = invocation.cwd()
        chosen = invocation.load_settings(folder)
        kept_in = invocation.store(None, chosen, os.environ, folder)
        stdin = start.stream_kind(0)

        def open_in(store: place.Store) -> recorder.Order:
            return invocation.open_run(
                request, chosen=chosen, store=store, environ=os.environ, folder=folder, stdin=stdin
            )

        try:
            return open_in(kept_in)
        except StoreError:  # the files are what was asked for: the run is recorded for them alone
            import tempfile  # noqa: PLC0415 - hardly ever

            self._temporary = tempfile.mkdtemp(prefix="vestige-duct-")
            return open_in(place.Store(self._temporary, "option"))

    def _make_files(self) -> None:
        for name in _STREAMS:
            if self._options.captures(name):
                self._make_stream(name, getattr(self.paths, name))
        self._make(self.paths.usage)
        self._made.append(self.paths.info)
        self.write_info(self.head.info(self.head.execution(), system=None, environment=None))

    def _make_stream(self, name: str, path: str) -> None:
        """Make the file that the recorder writes its copy to: one file under two names, or behind a link."""
        self._make(path)
        inside = os.path.join(self.folder, name)
        try:
            os.link(path, inside)
        except OSError:  # another file system, or one without links
            os.symlink(os.path.abspath(path), inside)
            self._linked.append(name)

    def _make(self, path: str) -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        self._made.append(path)

    def write_info(self, content: dict[str, object]) -> None:
        """Write info.json. Raises OSError; then the old one stands."""
        place.write_atomically(self.paths.info, info.text(content))

    def take_back(self) -> None:
        """Remove everything that was made for a command that was not started."""
        for path in (*self._made, *(os.path.join(self.folder, name) for name in _STREAMS if self.folder)):
            _remove(path)
        self.tidy()
        try:
            place.take_back(self.folder)
        except OSError:  # there is none, or it is listed as a run that never began
            return

    def keep_streams(self) -> None:
        """Put copies of the captured streams into the run folder, where these are only links. Raises OSError."""
        for name in self._linked:
            import shutil  # noqa: PLC0415 - hardly ever

            inside = os.path.join(self.folder, name)
            shutil.copyfile(inside, f"{inside}.new")
            os.replace(f"{inside}.new", inside)

    def tidy(self) -> None:
        """Remove what nobody asked for."""
        if self._temporary is not None:
            import shutil  # noqa: PLC0415 - hardly ever

            shutil.rmtree(self._temporary, ignore_errors=True)


def _start(options: Options, messages: Messages, files: _Files) -> Observer:
    """Start the observer, and the command with it. Raises RecorderError."""
    messages.say("INFO", f"duct {DUCT_VERSION} is executing {info.command_line(options.argv)!r}...")
    messages.say("INFO", f"Log files will be written to {files.paths.prefix}")
    files.head.started = time.time()
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _PASSED)
    try:
        observer = Observer(_spawn(options, files.order, before))
        _pass_signals(observer, files.folder, messages)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    return observer


def _end(options: Options, messages: Messages, *, files: _Files, observer: Observer) -> int:
    """Wait for the command's end, write the files and return its exit code, whatever else goes wrong."""
    try:
        from vestige.duct.ending import Ending  # noqa: PLC0415 - the command runs by now

        ending = Ending(options, messages, paths=files.paths, head=files.head, write_info=files.write_info)
        ending.await_end(observer, files.folder)
        observer.over = True
        _keep_streams(files, messages)
        return ending.finish(files.folder)
    except Exception as error:  # noqa: BLE001 - no fault of ours is the command's
        messages.say("ERROR", f"the files are not complete: {type(error).__name__}: {error}")
        return exit_codes.shell_code(observer.wait() or 0)


def _keep_streams(files: _Files, messages: Messages) -> None:
    try:
        files.keep_streams()
    except OSError as error:
        messages.say("WARNING", f"the output is not kept in the run as well: {error.strerror}")


def _spawn(options: Options, order: recorder.Order, mask: set[int]) -> int:
    """Start the observer and return its pid. Raises RecorderError."""
    hidden = [descriptor for name, descriptor in _STREAMS.items() if not options.shows(name)]
    actions = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in hidden]

    def spawn(*words: str) -> int:
        return os.posix_spawn(
            words[0],
            [*words, *order.words()],
            os.environ,
            file_actions=actions,
            setsigmask=mask,
            setsigdef=(_signal.SIGPIPE, _signal.SIGXFSZ),
            setsid=order.session == "new",
        )

    try:
        return spawn(recorder.path(os.environ))
    except OSError:  # none was built, or for another machine
        try:
            return spawn(*recorder.portable(sys.executable))
        except OSError as error:
            raise RecorderError(f"can't start an observer with {sys.executable}: {error.strerror}") from error


def _pass_signals(observer: Observer, folder: str, messages: Messages) -> None:
    """From now on pass signals on to the command; a signal that is ignored here stays so."""
    passing = _Passing(observer, folder, messages)
    for number in _PASSED:
        if number == _signal.SIGINT:
            _signal.signal(number, passing.interrupt)
        elif _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, passing.pass_on)


class _Passing:
    """Signals on their way to the command. con-duct dies of all but SIGINT and leaves an orphan without a record."""

    def __init__(self, observer: Observer, folder: str, messages: Messages) -> None:
        self._observer = observer
        self._folder = folder
        self._messages = messages
        self._interrupts = 0

    def pass_on(self, number: int, _frame: object) -> None:
        """Hand a signal to the observer; to the command itself where that was killed and it lives on."""
        if self._observer.lives:
            _send(self._observer.pid, number)
        else:
            self._send(number)

    def interrupt(self, number: int, frame: object) -> None:
        """Pass SIGINT on twice, then kill, then leave."""
        self._interrupts += 1
        if self._interrupts == 1:
            self._messages.say("INFO", "Received SIGINT, passing to command")
            self.pass_on(number, frame)
        elif self._interrupts == 2:  # noqa: PLR2004
            self._messages.say("INFO", "Received second SIGINT, again passing to command")
            self.pass_on(number, frame)
        elif self._interrupts == 3:  # noqa: PLR2004
            self._messages.say("WARNING", "Received third SIGINT, forcefully killing command process")
            self._send(_signal.SIGKILL)
        else:
            self._messages.say("CRITICAL", "Exiting duct, skipping cleanup")
            os._exit(1)

    def _send(self, number: int) -> None:
        """Signal the command itself, whose pid is its own until the run is over."""
        pid = None if self._observer.over else _command(self._folder)
        if pid is not None:
            _send(pid, number)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:  # it has ended, or is another user's by now
        return


def _command(folder: str) -> int | None:
    """Return the pid of the command, as the recorder wrote it down.

    Called when a signal comes, perhaps in the middle of an import: importing anything, `json` say, fails then.
    """
    try:
        with open(os.path.join(folder, place.EVENTS_NAME), "rb") as file:
            events = (line.replace(b" ", b"") for line in file)
            started = next((event for event in events if b'"event":"start"' in event), b"")
    except OSError:
        return None
    digits = started.partition(b'"pid":')[2].partition(b",")[0].rstrip(b"}\n")
    return int(digits) if digits.isdigit() else None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
