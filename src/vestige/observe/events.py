"""What a recorder saw: an `events.jsonl` (docs/reference/events.md) as an `Observation`.

`observe(path)` reads the events one by one in the order of their `seq` and keeps what the record needs: a `Life` for
every process, the time series thinned to a bounded length, and the few events that occur once. `output(path)` yields
the pieces of captured output. Text stays in its written form (`vestige.text`); a figure that is absent, of a wrong type
or out of range is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from vestige.errors import StoreError
from vestige.lines import Lines, open_regular
from vestige.observe import calls
from vestige.observe.calls import Calls
from vestige.observe.fields import Fields
from vestige.observe.lives import Figures, Killed, Lives, Usage
from vestige.observe.observation import (
    Begin,
    Cgroup,
    Cost,
    End,
    Failed,
    Mark,
    Observation,
    StreamEnd,
    StreamStart,
    Takeover,
    Trace,
)
from vestige.observe.series import Sample, Series
from vestige.observe.touches import EVENTS, Touches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FORMAT = 1
_MARKS = ("io_uring", "handle", "chroot", "pivot_root", "mount", "unshare", "setns", "memfd")
_KINDS = ("pipe", "file", "terminal", "socket", "device", "closed")


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of captured output."""

    seq: int
    t: int  # ns, last byte
    since: int  # ns, first byte
    stream: str
    offset: int
    length: int


def observe(path: str) -> Observation:
    """Read one `events.jsonl`; a missing one is an empty observation.

    Raises StoreError when it is there but can't be read.
    """
    try:
        with open_regular(path) as file:
            lines = Lines(file)
            collector = _Collector()
            for event in lines:
                collector.take(Fields(event))
            return collector.observation(lines.unreadable)
    except FileNotFoundError:
        return Observation()
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Uses:
    """What processes did with files and sockets."""

    touches: Touches
    calls: Calls
    marks: Mapping[str, Mark]


def uses_of(path: str, *, is_meant: Callable[[int, int | None, int], bool], shift: int) -> Uses:
    """Read what some processes of an `events.jsonl` did, as another run's clock has it.

    `is_meant` is told the pid, its start in clock ticks since boot and t in ns; `shift` is added to every t.
    Raises StoreError when the file can't be read.
    """
    collector = _Collector()
    try:
        with open_regular(path) as file:
            for event in map(Fields, Lines(file)):
                pid, t = event.count("pid"), event.count("t")
                # what came of a connect names that connect, and no process
                if t is not None and (pid is None or is_meant(pid, event.count("start"), t)):
                    collector.take_use(event, max(t + shift, 0))
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error
    return Uses(collector.touches, collector.calls, collector.marks)


def output(path: str) -> Iterator[Output]:
    """Yield the pieces of captured output in the order in which they were seen.

    Raises StoreError when the file can't be read.
    """
    try:
        with open_regular(path) as file:
            for event in map(Fields, Lines(file)):
                piece = _output(event) if event.word("event") == "output" else None
                if piece is not None:
                    yield piece
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error


@dataclass(slots=True)
class _Collector:
    """Takes events in order of `seq` and sums them up."""

    found: dict[str, Any] = field(default_factory=dict)
    lives: Lives = field(default_factory=Lives)
    series: Series = field(default_factory=Series)
    touches: Touches = field(default_factory=Touches)
    calls: Calls = field(default_factory=Calls)
    marks: dict[str, Mark] = field(default_factory=dict)
    last: int = 0

    def take(self, event: Fields) -> None:
        t = event.count("t")
        handler = _HANDLERS.get(event.word("event"))
        if t is None or handler is None:
            return
        self.last = max(self.last, t)
        handler(self, event, t)

    def take_use(self, event: Fields, t: int) -> None:
        """Take what an event says of files and sockets, and nothing else of it."""
        kind = event.word("event")
        if kind == "exec":
            self.touches.take(event, t)
        elif kind == "final":
            return  # the end of the other run
        elif _HANDLERS.get(kind) in _OF_USES:
            _HANDLERS[kind](self, event, t)

    def observation(self, unreadable: int) -> Observation:
        return Observation(
            **self.found,
            lives=self.lives.all(),
            series=self.series.samples(),
            touches=self.touches,
            calls=self.calls,
            marks=self.marks,
            last=self.last,
            unreadable=unreadable,
        )

    def once(self, name: str, value: object) -> None:
        """Keep the first of what can be only once."""
        self.found.setdefault(name, value)


def _begin(collector: _Collector, event: Fields, _: int) -> None:
    streams = {name: _stream_start(event.inner("streams").inner(name)) for name in ("stdout", "stderr")}
    collector.once(
        "begin",
        Begin(
            format=event.count("format"),
            vestige=event.text("vestige"),
            id=event.text("id"),
            argv=event.texts("argv") or (),
            cwd=event.text("cwd"),
            realtime_ns=event.count("realtime_ns"),
            monotonic_ns=event.count("monotonic_ns"),
            boottime_ns=event.count("boottime_ns"),
            clock_ticks=event.count("clock_ticks") or None,
            observer="portable" if event.word("observer") == "portable" else "recorder",
            streams={name: stream for name, stream in streams.items() if stream is not None},
            merged=event.flag("merged"),
        ),
    )


def _stream_start(stream: Fields) -> StreamStart | None:
    for kind in _KINDS:
        if stream.word("kind") == kind:
            return StreamStart(kind, stream.flag("captured"), stream.text("path"), stream.count("offset"))  # type: ignore[arg-type]
    return None


def _trace(collector: _Collector, event: Fields, _: int) -> None:
    words: tuple[Literal["on", "off", "unavailable"], ...] = ("on", "off", "unavailable")
    for state in words:
        if event.word("state") == state:
            trace = Trace(state, event.text("reason"), event.count("errno"), event.flag("no_new_privs"))
            collector.found["trace"] = trace  # the last word counts: it may fail after it was tried


def _start(collector: _Collector, event: Fields, t: int) -> None:
    collector.once("started", t)
    pid = event.count("pid")
    if pid is not None:
        collector.once("command", pid)
        collector.lives.forked(pid, t)


def _failed(collector: _Collector, event: Fields, _: int) -> None:
    collector.once("failed", Failed(event.count("errno"), event.text("stage")))


def _exec(collector: _Collector, event: Fields, t: int) -> None:
    pid = event.count("pid")
    if pid is None:
        return
    collector.touches.take(event, t)
    life = collector.lives.executing(pid, event.count("start"), event.count("ppid"), t)
    argv = event.texts("argv")
    argc = event.count("argc")
    life.path = event.text("path")
    life.argv = argv
    life.argv_truncated = event.flag("truncated") or (argv is not None and argc is not None and len(argv) < argc)
    life.setuid = event.flag("setuid")
    life.replaced_hwm = max(life.replaced_hwm, event.inner("prior").count("hwm") or 0)


def _call(collector: _Collector, event: Fields, t: int) -> None:
    collector.calls.take(event, t)


def _mark(collector: _Collector, event: Fields, _: int) -> None:
    what = event.word("what")
    if what in _MARKS:
        mark = collector.marks.get(what, Mark())
        refused = event.flag("refused")
        collector.marks[what] = Mark(mark.allowed + (not refused), mark.refused + refused)


def _touch(collector: _Collector, event: Fields, t: int) -> None:
    collector.touches.take(event, t)


def _exit(collector: _Collector, event: Fields, t: int) -> None:
    pid = event.count("pid")
    if pid is not None:
        code = event.raw.get("status")
        life = collector.lives.exiting(pid, event.count("start"), event.count("ppid"), t)
        life.exit_argument = code if type(code) is int else None
        life.figures = life.figures.or_more(_figures(event))


def _gone(collector: _Collector, event: Fields, t: int) -> None:
    pid = event.count("pid")
    if pid is not None:
        first = event.count("first_t")
        life = collector.lives.missing(pid, event.count("start"), event.count("ppid"), t, first)
        life.name = life.name or event.text("comm")
        life.wait_status = event.count("status") if life.wait_status is None else life.wait_status
        life.figures = life.figures.or_more(_figures(event))


def _survivor(collector: _Collector, event: Fields, t: int) -> None:
    pid = event.count("pid")
    if pid is not None:
        life = collector.lives.surviving(pid, event.count("start"), event.count("ppid"), t)
        life.name = life.name or event.text("comm")
        life.figures = life.figures.or_more(_figures(event))


def _kill(collector: _Collector, event: Fields, t: int) -> None:
    target = event.count("target")
    if target is not None:
        collector.lives.killing(target, Killed(t, event.count("signal")), _figures(event))


def _reap(collector: _Collector, event: Fields, t: int) -> None:
    pid = event.count("pid")
    if pid is not None:
        collector.lives.reaped(pid, t, event.count("status"), _usage(event))


def _sample(collector: _Collector, event: Fields, t: int) -> None:
    seen = sample(event, t)
    if seen is not None:
        collector.series.add(seen)


def sample(event: Fields, t: int) -> Sample | None:
    """Return a look at all processes, as one event tells of it; None where it does not."""
    rss = event.counts("rss")
    if rss is None or len(rss) != 3:  # noqa: PLR2004 - min, mean, max
        return None
    since = event.count("since")
    return Sample(
        since=t if since is None else min(since, t),
        t=t,
        looks=event.count("count") or 1,
        processes=event.count("processes") or 0,
        threads=event.count("threads"),
        cpu_ns=event.count("cpu_ns") or 0,
        rss_min=rss[0],
        rss_mean=rss[1],
        rss_max=rss[2],
        pss=event.count("pss"),
        top_rss=event.inner("top").count("rss"),
        read_bytes=event.count("read_bytes"),
        write_bytes=event.count("write_bytes"),
        read_chars=event.count("read_chars"),
        write_chars=event.count("write_chars"),
    )


def _takeover(collector: _Collector, event: Fields, t: int) -> None:
    collector.once("takeover", Takeover(t, event.text("reason")))


def _end(collector: _Collector, event: Fields, t: int) -> None:
    streams = event.inner("streams")
    pressure = event.inner("pressure")
    collector.once(
        "end",
        End(
            t=t,
            status=event.count("status"),
            usage=_usage(event),
            streams={name: _stream_end(streams.inner(name)) for name in ("stdout", "stderr") if name in streams.raw},
            pss_skipped=event.count("pss_skipped"),
            dropped=event.count("dropped"),
            lost=event.count("lost"),
            unlisted=event.count("unlisted"),
            repeats=event.count("repeats"),
            cost=_cost(event.inner("cost")) if "cost" in event.raw else None,
            pressure={key: value for key in ("cpu", "memory", "io") if (value := pressure.count(key)) is not None},
            cgroup=_cgroup(event.inner("cgroup")) if "cgroup" in event.raw else None,
            oom_kills=event.count("oom_kills"),
        ),
    )


def _stream_end(stream: Fields) -> StreamEnd:
    captured = stream.raw.get("captured")
    return StreamEnd(stream.count("bytes"), captured if isinstance(captured, bool) else None, stream.text("reason"))


def _cost(cost: Fields) -> Cost:
    return Cost(cost.count("user_us"), cost.count("system_us"), cost.count("maxrss"), cost.count("guard_maxrss"))


def _cgroup(group: Fields) -> Cgroup:
    return Cgroup(group.flag("own"), group.count("memory_peak"), group.count("oom_kills"), group.count("cpu_us"))


def _figures(event: Fields) -> Figures:
    return Figures(
        cpu_ns=event.count("cpu_ns"),
        hwm=event.count("hwm"),
        read_chars=event.count("read_chars"),
        write_chars=event.count("write_chars"),
        read_bytes=event.count("read_bytes"),
        write_bytes=event.count("write_bytes"),
        wait_ns=event.count("wait_ns"),
        vm_peak=event.count("vm_peak"),
    )


def _usage(event: Fields) -> Usage:
    return Usage(
        user_us=event.count("user_us"),
        system_us=event.count("system_us"),
        maxrss=event.count("maxrss"),
        minor_faults=event.count("minor_faults"),
        major_faults=event.count("major_faults"),
        voluntary_switches=event.count("voluntary_switches"),
        involuntary_switches=event.count("involuntary_switches"),
    )


def _output(event: Fields) -> Output | None:
    seq, t, offset, length = (event.count(key) for key in ("seq", "t", "offset", "length"))
    stream = event.word("stream")
    if seq is None or t is None or offset is None or length is None or stream not in ("stdout", "stderr"):
        return None
    since = event.count("since")
    return Output(seq, t, t if since is None else since, stream, offset, length)


_OF_USES = (_touch, _call, _mark)
_HANDLERS: dict[str, Callable[[_Collector, Fields, int], None]] = {
    "begin": _begin,
    "trace": _trace,
    "start": _start,
    "failed": _failed,
    "exec": _exec,
    "exit": _exit,
    "gone": _gone,
    "survivor": _survivor,
    "kill": _kill,
    "reap": _reap,
    "sample": _sample,
    "takeover": _takeover,
    "end": _end,
    "mark": _mark,
    **dict.fromkeys(EVENTS, _touch),
    **dict.fromkeys(calls.EVENTS, _call),
}
