"""Output of the command on its way out: handed through, or relayed byte for byte with a copy in the run folder."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import select
import signal
import stat
import struct
import sys
import termios
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vestige.text import from_bytes

if TYPE_CHECKING:
    from vestige.observe.journal import Journal
    from vestige.record.model import StreamKind

_PIECE = 1 << 16
_STREAMS = {"stdout": 1, "stderr": 2}


@dataclass(frozen=True, slots=True)
class Target:
    """Where one stream of the command goes, and what is done with it."""

    name: Literal["stdout", "stderr"]
    descriptor: int
    kind: StreamKind
    captured: bool
    path: str | None = None  # text, of a file
    offset: int | None = None  # bytes, where in the file the command begins
    append: bool = False
    identity: tuple[int, int] = (-1, -1)  # device and inode

    def described(self) -> dict[str, object]:
        """Return the form that stands in the event `begin`."""
        form: dict[str, object] = {"kind": self.kind, "captured": self.captured}
        if self.kind == "file":
            form |= {"path": self.path, "offset": self.offset, "append": self.append}
        return _without_none(form)


def _target(name: Literal["stdout", "stderr"], capture: str) -> Target:
    descriptor = _STREAMS[name]
    try:
        status = os.fstat(descriptor)
    except OSError:
        return Target(name, descriptor, "closed", captured=False)
    kind = _kind(descriptor, status.st_mode)
    identity = (status.st_dev, status.st_ino)
    if kind != "file":
        return Target(name, descriptor, kind, captured=_wanted(name, kind, capture), identity=identity)
    append = bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)
    offset = status.st_size if append else os.lseek(descriptor, 0, os.SEEK_CUR)
    path = _path(descriptor)
    return Target(name, descriptor, kind, captured=False, path=path, offset=offset, append=append, identity=identity)


def _kind(descriptor: int, mode: int) -> StreamKind:
    if os.isatty(descriptor):
        return "terminal"
    if stat.S_ISFIFO(mode):
        return "pipe"
    if stat.S_ISREG(mode):
        return "file"
    return "socket" if stat.S_ISSOCK(mode) else "device"


def _wanted(name: str, kind: StreamKind, capture: str) -> bool:
    if capture == "auto":
        return kind == "pipe"
    return capture in ("all", name) and kind in ("pipe", "terminal", "socket")


def _path(descriptor: int) -> str | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return from_bytes(os.readlink(f"/proc/self/fd/{descriptor}".encode()))
    except OSError:
        return None


@dataclass
class _Piece:
    """Output that came in one go, not yet written down."""

    stream: str
    offset: int
    length: int
    since: int  # ns
    until: int  # ns


class Notes:
    """Writes `output` events: what came when, neighbouring pieces of one stream merged."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._guard = threading.Lock()
        self._open: _Piece | None = None

    def add(self, stream: str, offset: int, length: int) -> None:
        """Note a piece of captured output."""
        now = self._journal.now()
        with self._guard:
            piece = self._open
            gap = max(10_000_000, now // 1000)  # ns: keeps the number of events bounded, however long the run
            if piece and piece.stream == stream and now - piece.until < gap and now - piece.since < 10 * gap:
                piece.length += length
                piece.until = now
                return
            self._flush()
            self._open = _Piece(stream, offset, length, now, now)

    def close(self) -> None:
        """Write down what is still open."""
        with self._guard:
            self._flush()

    def _flush(self) -> None:
        piece, self._open = self._open, None
        if piece:
            self._journal.write(
                "output", stream=piece.stream, offset=piece.offset, length=piece.length, since=piece.since
            )


class Relay:
    """One pipe of the command's output, read here and written to where it would have gone, in a thread."""

    def __init__(self, target: Target, copy: int, notes: Notes) -> None:
        self.target = target
        self.passed = 0  # bytes written to the target
        self.reason: str | None = None  # why the copy is not whole
        self.ended = False  # nobody holds the pipe any more, or nobody reads
        self._copy = copy  # descriptor of the file in the run folder, -1: none
        self._copied = 0  # bytes
        self._notes = notes
        self._source, self.sink = os.pipe()
        self._awake, self._wake = os.pipe()
        os.set_blocking(self._source, False)
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Relay what is in the pipe and stop, though others may still hold it open: then `ended` stays False."""
        os.close(self._wake)
        self._thread.join()
        os.close(self._awake)
        if self._copy >= 0:
            os.close(self._copy)

    def linger(self) -> None:
        """Go on relaying until nobody holds the pipe, in a process of our own: no copy any more."""
        os.set_blocking(self._source, True)
        while piece := os.read(self._source, _PIECE):
            if not self._pass_on(piece):
                return

    def _pump(self) -> None:
        while not self.ended and self._awake not in select.select([self._source, self._awake], [], [])[0]:
            self._take_one()
        last = self.passed + (0 if self.ended else _waiting_in(self._source))  # others may go on writing for ever
        while not self.ended and self.passed < last:
            self._take_one()
        if not self.ended:
            self._take_one()  # the end, unless others hold the pipe

    def _take_one(self) -> None:
        piece = self._read()
        if piece is not None:
            self._take(piece)

    def _read(self) -> bytes | None:
        """Return what is there, b"" at the end, None where nothing is there now."""
        try:
            return os.read(self._source, _PIECE)
        except BlockingIOError:
            return None

    def _take(self, piece: bytes) -> None:
        if piece and self._pass_on(piece):
            self._keep(piece)
            return
        self.ended = True
        os.close(self._source)  # if the reader went away, the command shall get SIGPIPE as without us

    def _pass_on(self, piece: bytes) -> bool:
        """Write to where the command would have written; False: nobody reads there any more."""
        rest = memoryview(piece)
        while rest:
            try:
                written = os.write(self.target.descriptor, rest)
            except BlockingIOError:  # somebody else made it non-blocking
                select.select([], [self.target.descriptor], [])
                continue
            except OSError as error:
                self.reason = f"the reader went away: {error.strerror}"
                return False
            rest = rest[written:]
            self.passed += written
        return True

    def _keep(self, piece: bytes) -> None:
        if self._copy < 0 or self.reason:
            return
        try:
            written = os.write(self._copy, piece)
        except OSError as error:
            self.reason = f"can't write the copy: {error.strerror}"
            return
        self._notes.add(self.target.name, self._copied, written)
        self._copied += written
        if written < len(piece):
            self.reason = "can't write the copy: no space left on device"


def _waiting_in(pipe: int) -> int:
    """Return how many bytes stand in a pipe."""
    held = fcntl.ioctl(pipe, termios.FIONREAD, bytes(struct.calcsize("i")))
    (waiting,) = struct.unpack("i", held)
    return int(waiting)


class Streams:
    """Both output streams of the command: `merged` where they are one pipe, which keeps their order."""

    def __init__(self, targets: tuple[Target, Target], relays: dict[int, Relay], notes: Notes) -> None:
        self.targets = targets
        self._relays = relays  # by descriptor of the command; merged: the same one twice
        self._notes = notes

    @property
    def merged(self) -> bool:
        """Whether both are one descriptor and all is in `stdout`."""
        return len(self._distinct()) < len(self._relays)

    def described(self) -> dict[str, object]:
        """Return the form that stands in the event `begin`."""
        return {target.name: target.described() for target in self.targets}

    def moves(self) -> list[tuple[int, int]]:
        """Return which descriptor of ours becomes which one of the command."""
        return [(relay.sink, descriptor) for descriptor, relay in self._relays.items()]

    def let_go(self) -> None:
        """Close the command's ends of the pipes here."""
        for relay in self._distinct():
            os.close(relay.sink)

    def finish(self) -> None:
        """Relay what is still in the pipes and write down what came when."""
        for relay in self._distinct():
            relay.finish()
        self._notes.close()

    def ends(self) -> dict[str, object]:
        """Return the form that stands in the event `end`."""
        return {target.name: _without_none(self._end(target)) for target in self.targets}

    def linger(self) -> None:
        """Leave a process behind for each pipe that something still holds, so that it can go on writing."""
        for relay in self._distinct():
            if relay.ended or os.fork():
                continue
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            try:
                relay.linger()
            finally:
                os._exit(0)

    def _distinct(self) -> list[Relay]:
        return list(dict.fromkeys(self._relays.values()))

    def _end(self, target: Target) -> dict[str, object]:
        relay = self._relays.get(target.descriptor)
        if relay and relay.target.name == target.name:
            return {"bytes": relay.passed, "captured": target.captured, "reason": relay.reason}
        if target.kind == "file" and target.offset is not None:
            with contextlib.suppress(OSError):
                return {"bytes": max(0, os.fstat(target.descriptor).st_size - target.offset), "captured": False}
        return {"captured": target.captured}


def look(capture: str, *, everything: bool = False) -> tuple[Target, Target]:
    """Look at this process's stdout and stderr and decide what is to be done with each.

    `everything`: what is wanted is captured whatever it goes to, each stream by itself.
    """
    targets = _target("stdout", capture), _target("stderr", capture)
    return tuple(_apart(target, capture) for target in targets) if everything else targets  # type: ignore[return-value]


def _apart(target: Target, capture: str) -> Target:
    """Return a target that is captured if it is there and wanted, and is not one with another."""
    wanted = capture in ("auto", "all", target.name) and target.kind != "closed"
    return dataclasses.replace(target, captured=wanted, identity=(-1, -1))


def open_streams(targets: tuple[Target, Target], folder: str | None, journal: Journal) -> Streams:
    """Make a relay for each stream that is to be captured; without a folder nothing is."""
    notes = Notes(journal)
    relays: dict[int, Relay] = {}
    # no descriptor or thread to be had: the rest is handed through uncaptured
    with contextlib.suppress(OSError, RuntimeError):
        for target in targets if folder is not None else ():
            if target.captured:
                shared = relays.get(targets[0].descriptor) if _same_place(*targets) else None
                relays[target.descriptor] = shared or Relay(target, _copy(folder or "", target.name), notes)
    stdout, stderr = (dataclasses.replace(target, captured=target.descriptor in relays) for target in targets)
    return Streams((stdout, stderr), relays, notes)


def _same_place(stdout: Target, stderr: Target) -> bool:
    return stdout.identity == stderr.identity != (-1, -1)


def _copy(folder: str, name: str) -> int:
    return os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)


def _without_none(form: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in form.items() if value is not None}
