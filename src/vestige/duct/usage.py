"""usage.jsonl when the run is over: its reports once more, with what the recorder knows better than the looks."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
from typing import TYPE_CHECKING, Any

from vestige.duct.looks import elapsed, moment, share
from vestige.duct.reports import percent
from vestige.record import place
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.duct.gather import Gatherer
    from vestige.duct.recording import Recording
    from vestige.observe.lives import Life
    from vestige.record.model import Process

    Pairs = list[tuple[Process, Life]]

_MOST_ADDED = 2_000  # processes between two looks, the largest: a line must stay one that can be read
_LONGEST_COMMAND = 1 << 16  # characters


class Exact:
    """Puts what is known exactly into the lines of one run, one after the other."""

    def __init__(self, recording: Recording, gatherer: Gatherer, *, window: float, memory: int) -> None:
        self._recording = recording
        self._window = window
        self._memory = memory
        self._started = recording.started or 0.0
        self._peak = recording.value("memory_peak")
        self._peak_moment = min(recording.peak_moment(), recording.wall)
        known = list(recording.processes())
        self._commands = {process.pid: process.argv for process, _ in known if process.argv}
        self._largest_in = _by_line(known, gatherer)
        self._looked = set(gatherer.largest)
        self._added = _worth_adding(known, self._looked)
        self._to_end = sorted(known, key=lambda pair: _end(pair[0]), reverse=True)

    def lines(self, given: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the lines; the last one reaches to the run's end. Without any there is one, if a process was seen."""
        begin = 0.0
        wall = self._recording.wall
        for number, (line, last) in enumerate(_with_last(given, self._to_end)):
            end = wall if last else min(max(_seconds(line["timestamp"]) - self._started, begin), wall)
            self._raise(line, number)
            while self._to_end and (last or _end(self._to_end[-1][0]) <= end):
                self._close(line, *self._to_end.pop())
            self._sums(line, begin, end, last=last)
            if last:
                line["timestamp"] = moment(self._started + wall)
            yield line
            begin = end

    def _sums(self, line: dict[str, Any], begin: float, end: float, *, last: bool) -> None:
        seen = self._recording.stretch(begin, end, window=self._window)
        totals, averages = line["totals"], line["averages"]
        rss = totals["rss"] if seen.rss is None else seen.rss
        if self._peak is not None and (begin < self._peak_moment <= end or (last and self._peak_moment > end)):
            rss = self._peak
        mean = averages.get("rss", rss) if seen.mean_rss is None else seen.mean_rss
        vsz = max([totals["vsz"], *(process["vsz"] or 0 for process in line["processes"].values())])
        looks = max(seen.looks, line.get("num_samples", 0), 1)
        line["totals"] = _sum(seen.pcpu, rss, vsz, self._memory)
        line["averages"] = {**_sum(seen.mean_pcpu, mean, averages.get("vsz", vsz), self._memory), "num_samples": looks}
        line["num_samples"] = looks

    def _raise(self, line: dict[str, Any], number: int) -> None:
        """Put the peak of each process where the most of it was seen."""
        for process, life in self._largest_in.get(number, ()):
            entry = line["processes"].get(str(process.pid))
            if entry is not None:
                entry["rss"] = max(entry["rss"], _held(process, entry["rss"]))
                entry["vsz"] = max(entry["vsz"], life.figures.vm_peak or 0)
                entry["pmem"] = round(percent(entry["rss"], self._memory), 1)

    def _close(self, line: dict[str, Any], process: Process, life: Life) -> None:
        """Give a process that ended its last figures, or name it if nobody looked at it."""
        entry = line["processes"].get(str(process.pid))
        if (life.pid, life.start or -1) in self._looked:
            if entry is not None:
                entry |= self._ending(process)
                if process.argv and entry["cmd"] == self._inherited(process):  # looked at before it executed anything
                    entry["cmd"] = _line(process.argv)
        elif id(life) in self._added:
            line["processes"].setdefault(str(process.pid), self._unseen(process, life))

    def _ending(self, process: Process) -> dict[str, Any]:
        """Return age and CPU of a process as they were at its end."""
        end = self._recording.wall if process.end is None else process.end
        used = process.cpu.value
        if used is None:
            return {}
        return {
            "pcpu": share(used, end - process.start),
            "etime": elapsed(end - process.start),
            "timestamp": moment(self._started + end),
        }

    def _unseen(self, process: Process, life: Life) -> dict[str, Any]:
        held = _held(process, 0)
        return {
            "pcpu": 0.0,
            "pmem": round(percent(held, self._memory), 1),
            "rss": held,
            "vsz": life.figures.vm_peak or held,
            "timestamp": moment(self._started + process.start),
            "etime": "00:00",
            "stat": {},
            "cmd": self._command(process),
            **self._ending(process),
        }

    def _command(self, process: Process) -> str:
        """Return a command line: a process that executes nothing of its own has its parent's."""
        return _line(process.argv) if process.argv else self._inherited(process) or f"[{process.name or '?'}]"

    def _inherited(self, process: Process) -> str:
        return _line(self._commands.get(process.parent or -1, ()))


def _line(words: Sequence[str]) -> str:
    return b" ".join(map(to_bytes, words)).decode("utf-8", "replace")[:_LONGEST_COMMAND].replace("\n", " ")


def rewrite(path: str, exact: Exact) -> int:
    """Write usage.jsonl anew and return how many lines it has. Raises OSError; then the old one stands."""
    count = 0

    def texts() -> Iterator[bytes]:
        nonlocal count
        with open(path, encoding="utf-8") as file:
            for line in exact.lines(json.loads(line) for line in file if line.strip()):
                count += 1
                yield (json.dumps(line) + "\n").encode()

    temporary = place.write_temporary(path, texts())
    os.replace(temporary, path)
    return count


def _with_last(given: Iterable[dict[str, Any]], seen: object) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield each line and whether it is the last; one without a look where there is none and something was seen."""
    before = None
    for line in given:
        if before is not None:
            yield before, False
        before = line
    if before is None and seen:
        before = {"timestamp": "", "num_samples": 0, "processes": {}, "totals": {"rss": 0, "vsz": 0}, "averages": {}}
    if before is not None:
        yield before, True


def _by_line(known: Pairs, gatherer: Gatherer) -> dict[int, Pairs]:
    """Return processes by the line in which the most memory of them was seen."""
    found: dict[int, Pairs] = {}
    for process, life in known:
        seen = gatherer.largest.get((life.pid, life.start or -1))
        if seen is not None:
            found.setdefault(seen[1], []).append((process, life))
    return found


def _end(process: Process) -> float:
    return math.inf if process.end is None else process.end


def _worth_adding(known: Pairs, looked: set[tuple[int, int]]) -> set[int]:
    unseen = [(process, life) for process, life in known if (life.pid, life.start or -1) not in looked]
    unseen.sort(key=lambda pair: _held(pair[0], 0), reverse=True)
    return {id(life) for _, life in unseen[:_MOST_ADDED]}


def _held(process: Process, otherwise: int) -> int:
    """Return the most memory of a process, as far as that is certain."""
    peak = process.memory_peak
    return int(peak.value) if peak.value is not None and peak.method in ("exact", "bound") else otherwise


def _sum(pcpu: float, rss: float, vsz: float, memory: int) -> dict[str, Any]:
    return {"pmem": percent(rss, memory), "pcpu": round(pcpu, 2), "rss": int(rss), "vsz": int(vsz)}


def _seconds(timestamp: str) -> float:
    return dt.datetime.fromisoformat(timestamp).timestamp()
