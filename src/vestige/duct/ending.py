"""While the command runs, and after it: looks, the machine, then the files and the summary from the finished record."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige._version import VERSION
from vestige.duct import looks, system
from vestige.duct.gather import Gatherer
from vestige.duct.reports import percent
from vestige.duct.summary import summary
from vestige.errors import VestigeError
from vestige.record import start
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.con_duct.paths import Paths
    from vestige.duct.info import Head
    from vestige.duct.messages import Messages
    from vestige.duct.observer import Observer
    from vestige.duct.options import Options
    from vestige.duct.recording import Recording

_FIRST = 0.005  # s: the recorder needs some to start the command
_LATEST = 0.2  # s between looks for a command that is not there yet
_NAP = 0.02  # s, where the kernel can't wake us
_PATIENCE = 0.5  # s: a recorder that has no events by then was never started


class Ending:
    """One run from the command's start to the last word about it."""

    def __init__(
        self,
        options: Options,
        messages: Messages,
        *,
        paths: Paths,
        head: Head,
        write_info: Callable[[dict[str, object]], None],
    ) -> None:
        self._options = options
        self._messages = messages
        self._paths = paths
        self._head = head
        self._write_info = write_info
        self._memory = system.memory_total()
        self._system = system.describe(os.environ) if options.has_system else None
        self._environment = system.environment(os.environ) if options.has_system else None
        self._asked: system.Asked | None = None
        self._gatherer: Gatherer | None = None
        self._status = 0
        self._ended = 0.0

    def await_end(self, observer: Observer, run_folder: str) -> None:
        """Look at the command until the observer has ended, and the command too."""
        tree = Tree(observer.pid)
        gatherer = self._gatherer = Gatherer(
            self._options,
            pids=tree.pids,
            path=self._paths.usage if self._options.has_samples else None,
            memory=self._memory,
        )
        gatherer.soon(_FIRST)
        if self._options.has_system:
            self._asked = system.Asked()
        self._try_to_write(self._head.info(self._head.execution(), system=self._system, environment=self._environment))
        self._status = _await(observer, gatherer)
        if os.WIFSIGNALED(self._status):
            _outlive(run_folder)
        self._ended = time.time()
        self._report(gatherer)

    def finish(self, run_folder: str) -> int:
        """Write the files as they stay, say how it ended, and return the exit code."""
        recording = self._read(run_folder)
        code = self._code(recording)
        wall = recording.wall if recording else self._ended - (self._head.started or self._ended)
        if recording is not None:
            if recording.observation.failed is not None:
                return self._not_started(code)
            self._warn(recording)
        execution = {**self._head.execution(), **self._figures(code, recording)}
        execution["num_reports"] = self._rewrite(recording)
        if self._asked is not None and self._system is not None:
            self._system["processor"] = self._asked.processor()
        gpus = None if self._asked is None else self._asked.gpus()
        more = _more(recording)
        self._try_to_write(
            self._head.info(execution, system=self._system, environment=self._environment, gpus=gpus, more=more)
        )
        limit = self._options.fail_time
        if code != 0 and (wall < limit or limit < 0):
            words = f" in less than {limit} seconds" if limit > 0 else ""
            self._messages.say("INFO", f"Removing log files since command failed{words}.")
            self._remove()
        else:
            self._messages.say("INFO", self._summary(execution))
        return code

    def _code(self, recording: Recording | None) -> int:
        """Return the command's exit code: that of the observer, or as it was seen where that was killed before."""
        seen = recording.code() if recording is not None and os.WIFSIGNALED(self._status) else None
        return exit_codes.shell_code(self._status) if seen is None else seen

    def _warn(self, recording: Recording) -> None:
        """Say what output is missing from the files, because the disk was full, say."""
        end = recording.observation.end
        if end is None:
            self._messages.say("WARNING", "the recorder's last events are lost: figures and output may not be whole")
            return
        for name, stream in end.streams.items():
            if stream.reason is not None and self._options.captures(name):
                self._messages.say("WARNING", f"{name} is not kept whole: {stream.reason}")

    def _not_started(self, code: int) -> int:
        reason = "command not found" if code == exit_codes.NOT_FOUND else "can't be executed"
        self._messages.say("ERROR", f"{self._options.argv[0]}: {reason}")
        self._remove()
        return code

    def _read(self, run_folder: str) -> Recording | None:
        from vestige.duct import recording  # noqa: PLC0415 - 20 ms that the command need not wait for
        from vestige.record.place import EVENTS_NAME  # noqa: PLC0415

        outer = os.environ.get(start.RUN_VARIABLE)
        try:
            found = recording.read(os.path.join(run_folder, EVENTS_NAME), None if outer is None else from_os(outer))
        except VestigeError as error:
            self._messages.say("WARNING", f"exact figures are missing: {error}")
            return None
        if found.observation.begin is None:
            self._messages.say("WARNING", "nothing was recorded: figures are those of looks, output is not kept")
            return None
        return found

    def _report(self, gatherer: Gatherer) -> None:
        try:
            gatherer.write()
        except OSError as error:
            self._messages.say("ERROR", f"can't write {self._paths.usage}: {error.strerror}")

    def _rewrite(self, recording: Recording | None) -> int:
        """Write usage.jsonl as it stays and return its number of lines."""
        gatherer = self._gatherer
        if gatherer is None or not self._options.has_samples:
            return 0
        if recording is None:
            return gatherer.lines
        from vestige.duct import usage  # noqa: PLC0415

        exact = usage.Exact(recording, gatherer, window=self._options.sample_interval, memory=self._memory)
        try:
            return usage.rewrite(self._paths.usage, exact)
        except (OSError, ValueError) as error:
            self._messages.say("ERROR", f"can't write {self._paths.usage}: {error}")
            return gatherer.lines

    def _figures(self, code: int, recording: Recording | None) -> dict[str, object]:
        """Return what `execution_summary` says now that it is over."""
        looked = self._gatherer.whole if self._gatherer is not None and self._gatherer.whole.looks else None
        begun = self._head.started or self._ended
        figures: dict[str, object] = {"exit_code": code, "start_time": begun, "end_time": self._ended}
        figures["wall_clock_time"] = self._ended - begun
        if looked is not None:
            figures |= {f"peak_{name}": getattr(looked.peak, name) for name in _NAMES}
            figures |= {f"average_{name}": float(getattr(looked.mean, name)) for name in _NAMES}
            figures |= {"peak_rss": int(looked.peak.rss), "peak_vsz": int(looked.peak.vsz)}
            figures["num_samples"] = looked.looks
        if recording is None:
            return figures
        return figures | _exact(recording, figures, window=self._options.sample_interval, memory=self._memory)

    def _summary(self, execution: dict[str, object]) -> str:
        try:
            return summary(self._options.summary_format, execution, colours=self._options.colors)
        except VestigeError as error:  # the run is over: what can be said is said
            from vestige.duct.options import SUMMARY  # noqa: PLC0415

            self._messages.say("ERROR", str(error))
            return summary(SUMMARY, execution, colours=self._options.colors)

    def _try_to_write(self, content: dict[str, object]) -> None:
        try:
            self._write_info(content)
        except OSError as error:
            self._messages.say("ERROR", f"can't write {self._paths.info}: {error.strerror}")

    def _remove(self) -> None:
        try:
            self._paths.remove()
        except VestigeError as error:
            self._messages.say("ERROR", str(error))


_NAMES = ("rss", "vsz", "pmem", "pcpu")


class Tree:
    """The processes of a run: everything below the recorder, which is below the guard, which is below the front."""

    def __init__(self, front: int) -> None:
        self._front = front
        self._own: set[int] = set()  # guard and recorder: children that are none of the command's

    def pids(self) -> list[int]:
        """Return the processes of the run as they are now."""
        guards = [pid for pid in looks.children(self._front) if looks.name(pid).startswith(_HELPERS)]
        if not guards:  # the portable observer has no helpers, a run that is about to begin no command
            return [] if looks.name(self._front).startswith(_HELPERS) else looks.below([self._front])
        self._own.update(pid for guard in guards for pid in looks.children(guard) if _is_helper(pid))
        found = looks.below(guards)
        return [pid for pid in found if pid not in self._own and not _is_launching(pid, self._own)]


_HELPERS = "vestige-"


def _is_helper(pid: int) -> bool:
    return looks.name(pid).startswith(_HELPERS)


def _is_launching(pid: int, recorders: set[int]) -> bool:
    """Say whether this is the command before it has executed anything: a copy of the recorder, by name and all."""
    return any(looks.same_image(pid, recorder) for recorder in recorders)


def _await(observer: Observer, gatherer: Gatherer) -> int:
    """Wait for the observer, looking when it is time, and return its wait status."""
    try:
        descriptor = os.pidfd_open(observer.pid)
    except (AttributeError, OSError):  # before Linux 5.3, macOS
        return _await_napping(observer, gatherer)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    delay = _FIRST
    while not poll.poll(1000 * gatherer.until_next()):
        delay = _look(gatherer, delay)
        if gatherer.whole.looks == 1:
            from vestige.duct import recording, usage  # noqa: F401, PLC0415 - 50 ms that nobody waits for now
    os.close(descriptor)
    return observer.wait() or 0


def _await_napping(observer: Observer, gatherer: Gatherer) -> int:
    delay = _FIRST
    while observer.wait(os.WNOHANG) is None:
        if gatherer.until_next() <= 0:
            delay = _look(gatherer, delay)
        time.sleep(min(gatherer.until_next(), _NAP))
    return observer.wait() or 0


def _outlive(run_folder: str) -> None:
    """Wait for the end of a run whose front was killed: guard and recorder go on with the command, if it was begun."""
    from vestige.finalising.standing import is_running  # noqa: PLC0415
    from vestige.record.place import EVENTS_NAME  # noqa: PLC0415 - hardly ever

    events = os.path.join(run_folder, EVENTS_NAME)
    patience = time.monotonic() + _PATIENCE
    with contextlib.suppress(VestigeError):  # what is known by now is all there will be
        while is_running(run_folder) and (os.path.exists(events) or time.monotonic() < patience):
            time.sleep(_NAP)


def _look(gatherer: Gatherer, delay: float) -> float:
    """Look once; where nobody is there yet, again before long. Return how long that was."""
    if not gatherer.look() and gatherer.whole.looks == 0:
        gatherer.soon(delay)
        return min(2 * delay, _LATEST)
    return delay


def _exact(recording: Recording, figures: dict[str, object], *, window: float, memory: int) -> dict[str, object]:
    """Return the figures that the recorder knows better than looks do."""
    whole = recording.stretch(0.0, recording.wall, window=window)
    peak = recording.value("memory_peak")
    began = recording.started
    largest = max((life.figures.vm_peak or 0 for life in recording.observation.lives), default=0)
    better: dict[str, object] = {"wall_clock_time": recording.wall}
    if began is not None:
        better |= {"start_time": began, "end_time": began + recording.wall}
    if peak is not None:
        better |= {"peak_rss": int(peak), "peak_pmem": percent(peak, memory)}
    looked, vsz = figures.get("num_samples"), figures.get("peak_vsz")
    mean = whole.mean_rss
    if looked is None and peak is not None:  # over before anybody looked: what it held at its end is all there is
        mean = peak if mean is None else mean
        largest = largest or int(peak)  # no smaller than that, as in usage.jsonl
        better["average_vsz"] = float(largest)
    if mean is not None:
        better |= {"average_rss": float(mean), "average_pmem": percent(mean, memory)}
        better["num_samples"] = max(whole.looks, looked if isinstance(looked, int) else 1)
    if largest:
        better["peak_vsz"] = max(largest, vsz if isinstance(vsz, int) else 0)
    if recording.value("cpu") is not None and recording.wall > 0:
        better |= {"peak_pcpu": round(whole.pcpu, 2), "average_pcpu": round(whole.mean_pcpu, 2)}
    return better


def _more(recording: Recording | None) -> dict[str, object]:
    """Return what con-duct has no place for."""
    more: dict[str, object] = {"vestige_version": VERSION}
    if recording is None:
        return more
    names = {
        "cpu_user_seconds": "cpu_user",
        "cpu_system_seconds": "cpu_system",
        "processes_total": "processes",
        "storage_read_bytes": "read_bytes",
        "storage_written_bytes": "written_bytes",
    }
    more |= {key: recording.value(name) for key, name in names.items()}
    peak = recording.resources["memory_peak"]
    return more | {"peak_rss_method": peak.method, "peak_rss_lower": peak.lower, "peak_rss_upper": peak.upper}
