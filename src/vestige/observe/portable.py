"""The observer where there is no recorder: Python, psutil and wait4. macOS, or Linux without a compiler.

It takes the same order as the recorder, keeps the same exit codes and writes the same `events.jsonl`. What it sees it
sees by looking from time to time: a process that lives for less than a look is missing, and figures of processes are
samples. Only the totals of wait4 are exact. It stays beside the command in the same process group; a `kill -9` of it
ends the observation, and the command's pipes with it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from vestige import exit_codes
from vestige._version import VERSION
from vestige.errors import UsageError
from vestige.observe import inherited, relay
from vestige.observe.journal import Journal
from vestige.observe.recorder import NO_DENIAL, Order
from vestige.record import place
from vestige.text import from_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vestige.observe.sampler import Sampler

_LINUX = sys.platform.startswith("linux")
_FORWARDED = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGWINCH,
    signal.SIGCONT,
}
_FROM_TERMINAL = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGCONT}
_JOB_CONTROL = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
_MAXRSS_UNIT = 1024 if _LINUX else 1  # getrusage(2): kilobytes on Linux, bytes on macOS
_STDERR = 2
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)


def observe(order: Order) -> int:
    """Run the command of `order`, observe it, start its finisher, and return the exit code for a shell.

    Where the network was to be denied the command does not run.
    """
    if order.deny_network:
        return _refused(order)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a reader that goes away is an error of write here, no end
    mask = _block()
    targets = relay.look(order.capture, everything=order.relay == "all")
    _fill_standard_descriptors()
    journal = _journal(order.folder)
    run = _Run(order, journal, relay.open_streams(targets, order.folder, journal), mask)
    run.write_begin()
    code = run.command()
    run.write_end()
    journal.close()
    run.streams.linger()
    finished = _finish(order, mask)
    return exit_codes.NOT_COMMITTED if code == 0 and finished and "--commit" in order.finish else code


def main(words: list[str]) -> int:
    """Take the command line of the recorder, for a parent that is Python: `run OPTION... -- COMMAND...`."""
    inherited.give_back_locale()
    return observe(read_order(words))


def read_order(words: list[str]) -> Order:
    """Return the order that `Order.words` wrote. Raises UsageError."""
    order = Order([])
    options = iter(words[1:])
    for word in options:
        if word == "--":
            order.argv = list(options)
        elif word == "--wait":
            order.wait = True
        else:
            _take_option(order, word, next(options, None))
    if words[:1] != ["run"] or not order.argv:
        raise UsageError("the observer is called by vestige itself: `vestige run COMMAND`")
    return order


def _take_option(order: Order, word: str, value: str | None) -> None:
    fields = {"--dir": "folder", "--id": "run_id", "--trace": "trace", "--capture": "capture", "--io-uring": "io_uring",
              "--relay": "relay", "--session": "session"}  # fmt: skip
    if value is None or word not in {*fields, "--deny-network", "--finish", "--finish-mode", "--version"}:
        raise UsageError(f"unknown option `{word}` or no value for it")
    if word in fields:
        setattr(order, fields[word], value)
    elif word == "--deny-network":
        order.deny_network = value == "on"
    elif word == "--finish":
        order.finish = (*order.finish, value)
    elif word == "--finish-mode":
        order.finish_waits = value == "wait"


class _SpawnOptions(TypedDict):
    file_actions: list[tuple[int, int, int]]
    setsigmask: set[signal.Signals]
    setsigdef: set[signal.Signals]
    setsid: bool


@dataclass
class _Totals:
    """What wait4 said, over all that was reaped."""

    user_us: int = 0
    system_us: int = 0
    maxrss: int = 0
    minor_faults: int = 0
    major_faults: int = 0
    blocks_in: int = 0
    blocks_out: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0

    def known(self) -> dict[str, int]:
        """Return the totals; the largest resident size only where one was seen."""
        return {name: value for name, value in vars(self).items() if value or name != "maxrss"}

    def add(self, figures: Mapping[str, int]) -> None:
        """Add the figures of one child."""
        for name, value in figures.items():
            setattr(self, name, max(self.maxrss, value) if name == "maxrss" else getattr(self, name) + value)


@dataclass
class _Run:
    """The command from its start to its end."""

    order: Order
    journal: Journal
    streams: relay.Streams
    mask: set[signal.Signals]  # what was held back before us, and is for the command
    pid: int = -1
    status: int | None = None
    totals: _Totals = field(default_factory=_Totals)

    def command(self) -> int:
        """Start the command, wait for it and return its exit code."""
        _adopt_orphans()
        moment = self.journal.now()
        try:
            self.pid = _spawn(self.order, self.streams.moves(), self.mask)
        except OSError as error:
            return self._failed(error)
        finally:
            self.streams.let_go()
        self.journal.write("start", pid=self.pid, t=moment)  # before the fork: it may have run for a while by now
        sampler = self._sampler()
        while not self._over():
            self._handle(*_next_signal())
        if sampler:
            sampler.finish()
        self.streams.finish()
        return exit_codes.shell_code(self.status or 0)

    def write_begin(self) -> None:
        """Write the first events: what is run, and that nothing is traced."""
        ago = self.journal.now()  # every `t` counts from there
        self.journal.write(
            "begin",
            format=1,
            vestige=VERSION,
            id=self.order.run_id,
            argv=[from_bytes(os.fsencode(word)) for word in self.order.argv],
            cwd=_cwd(),
            realtime_ns=time.time_ns() - ago,
            monotonic_ns=self.journal.begun_ns,
            boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ago if sys.platform == "linux" else None,
            clock_ticks=os.sysconf("SC_CLK_TCK"),
            page_size=os.sysconf("SC_PAGE_SIZE"),
            pids={"front": os.getpid()},
            observer="portable",
            streams=self.streams.described(),
            merged=self.streams.merged,
        )
        off = self.order.trace == "off"
        reason = "turned off" if off else "the portable observer can't trace"
        self.journal.write("trace", state="off" if off else "unavailable", reason=reason)

    def write_end(self) -> None:
        """Write the last event: totals, streams, and what the observation cost."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        self.journal.write(
            "end",
            status=self.status,
            **self.totals.known(),
            streams=self.streams.ends(),
            dropped=self.journal.dropped,
            cost={
                "user_us": round(own.ru_utime * 1e6),
                "system_us": round(own.ru_stime * 1e6),
                "maxrss": own.ru_maxrss * _MAXRSS_UNIT,
            },
        )

    def _sampler(self) -> Sampler | None:
        if self.order.folder is None:
            return None
        try:
            from vestige.observe.sampler import Sampler  # noqa: PLC0415 - psutil takes longer than to start the command
        except ImportError:
            return None  # no psutil: the totals of wait4 remain

        sampler = Sampler(self.journal)
        sampler.start()
        return sampler

    def _failed(self, error: OSError) -> int:
        self.streams.finish()
        self.journal.write("failed", errno=error.errno, stage="exec")
        _say(f"vestige: can't run `{self.order.argv[0]}`: {error.strerror}\n")
        return exit_codes.NOT_FOUND if error.errno == errno.ENOENT else exit_codes.NOT_EXECUTABLE

    def _over(self) -> bool:
        """Reap what has ended; say whether the run is over."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return True
            if pid == 0:
                return self.status is not None and not self.order.wait
            if os.WIFSTOPPED(status):
                self._stopped(pid, os.WSTOPSIG(status))
                continue
            self._reaped(pid, status, usage)

    def _reaped(self, pid: int, status: int, usage: resource.struct_rusage) -> None:
        figures = _figures(usage)
        self.journal.write("reap", pid=pid, status=status, **figures)
        self.totals.add(figures)
        if pid == self.pid:
            self.status = status

    def _stopped(self, pid: int, number: int) -> None:
        """Follow the command into the background, so that the shell sees the job stopped."""
        if pid != self.pid:
            return
        self.journal.write("stop", pid=pid, signal=number)
        if number in _JOB_CONTROL and _in_foreground():
            os.kill(os.getpid(), number)  # the default action, which Python leaves in place
            self.journal.write("continue", pid=pid, signal=signal.SIGCONT)

    def _handle(self, number: int, from_terminal: bool) -> None:
        if number != signal.SIGCHLD and not from_terminal and self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _refused(order: Order) -> int:
    """Say that the command may not start, and take back the run folder that was made for it."""
    if order.folder is not None:
        with contextlib.suppress(OSError):
            place.take_back(order.folder)
    _say(f"vestige: {NO_DENIAL}\n")
    return exit_codes.NOT_STARTED


def _journal(folder: str | None) -> Journal:
    if folder is not None:
        with contextlib.suppress(OSError):  # the command runs all the same
            return Journal(os.path.join(folder, place.EVENTS_NAME))
    return Journal(None)


def _fill_standard_descriptors() -> None:
    """Open what was handed to us closed, lest a file of ours becomes a stream; the command still gets it closed."""
    with contextlib.suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)) <= _STDERR:
            pass
        os.close(descriptor)


def _cwd() -> str | None:
    try:
        return from_bytes(os.getcwdb())
    except OSError:
        return None


def _adopt_orphans() -> None:
    """Become the parent of what loses its own (Linux), so that daemons are counted too."""
    if not _LINUX:
        return
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _block() -> set[signal.Signals]:
    """Hold back the signals that are waited for, and return what was held back before."""
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # were it ignored, wait4 would know nothing
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_FORWARDED, signal.SIGCHLD})
    return {signal.Signals(number) for number in before}


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal; return it, and whether it came from the terminal, so that the command has it already."""
    awaited = {*_FORWARDED, signal.SIGCHLD}
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(awaited)
        return info.si_signo, info.si_code > 0  # SI_USER is 0, SI_QUEUE and SI_TKILL are below: sigaction(2)
    number = signal.sigwait(awaited)  # macOS does not say who sent it
    return number, number in _FROM_TERMINAL and _in_foreground()


def _in_foreground() -> bool:
    """Say whether this is the foreground job of a shell with job control."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp() != os.getsid(0)
    except OSError:
        return False
    finally:
        os.close(terminal)


def _spawn(order: Order, moves: Sequence[tuple[int, int]], mask: set[signal.Signals]) -> int:
    """Start the command with its streams, signals and environment, and return its pid. Raises OSError."""
    environ = dict(os.environ)
    if order.folder is not None and order.run_id is not None:
        environ |= {"VESTIGE_RUN": order.folder, "VESTIGE_RUN_ID": order.run_id}
    options: _SpawnOptions = {
        "file_actions": [(os.POSIX_SPAWN_DUP2, sink, descriptor) for sink, descriptor in moves],
        "setsigmask": mask,
        "setsigdef": {signal.SIGPIPE, signal.SIGXFSZ},
        "setsid": order.session == "new",
    }
    try:
        return os.posix_spawnp(order.argv[0], order.argv, environ, **options)
    except OSError as error:
        script = shutil.which(order.argv[0])
        if error.errno != errno.ENOEXEC or script is None:
            raise
        return os.posix_spawn("/bin/sh", ["sh", script, *order.argv[1:]], environ, **options)  # as execvp(3) does


def _figures(usage: resource.struct_rusage) -> dict[str, int]:
    figures = {
        "user_us": round(usage.ru_utime * 1e6),
        "system_us": round(usage.ru_stime * 1e6),
        "minor_faults": usage.ru_minflt,
        "major_faults": usage.ru_majflt,
        "blocks_in": usage.ru_inblock,
        "blocks_out": usage.ru_oublock,
        "voluntary_switches": usage.ru_nvcsw,
        "involuntary_switches": usage.ru_nivcsw,
    }
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if usage.ru_maxrss > own:  # a child begins with its parent's peak: only what is above that is its own
        figures["maxrss"] = usage.ru_maxrss * _MAXRSS_UNIT
    return figures


def _finish(order: Order, mask: set[signal.Signals]) -> int:
    """Start the program that finalises the run, wait for it if it is to be waited for, and return its exit code."""
    if not order.finish or order.folder is None:
        return 0
    argv = [*order.finish, order.folder]
    with contextlib.suppress(OSError):  # the next `vestige ls` finalises
        if order.finish_waits:
            _, status = os.waitpid(os.posix_spawn(argv[0], argv, os.environ, setsigmask=mask), 0)
            return exit_codes.shell_code(status)
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        apart = sys.platform == "linux"  # elsewhere Python may not be able to
        os.posix_spawn(argv[0], argv, os.environ, file_actions=nowhere, setsigmask=mask, setsid=apart)
    return 0


def _say(line: str) -> None:
    """Tell what the command can't tell itself, since it never started."""
    with contextlib.suppress(OSError):
        os.write(_STDERR, line.encode("utf-8", "surrogateescape"))
