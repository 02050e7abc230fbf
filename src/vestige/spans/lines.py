"""The lines that the processes of a run wrote of their spans, taken together: `spans/PID.jsonl`.

They are the command's own words: cut, foreign or hostile ones are counted and passed over, and there is a limit to all.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.lines import open_regular, parse
from vestige.spans.file import FOLDER, FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SPANS = 200_000
_MOST_FILES = 100_000
_LONGEST = 64 << 10  # B: the writer keeps to 16 kB
_LONGEST_NAME = 500
_LARGEST = 1 << 62
_DEEPEST = 8


@dataclass(slots=True)
class Life:
    """A process that wrote spans: its pid, and its start in clock ticks since boot, which tells it from others."""

    pid: int
    start: int | None


@dataclass(slots=True)
class Written:
    """A span as its two lines tell it."""

    life: Life
    id: str
    name: str
    kind: str
    parent: str | None  # its own word: may be of nobody
    began: int  # ns of CLOCK_MONOTONIC
    begin: dict[str, Any]
    ended: int | None = None
    end: dict[str, Any] = field(default_factory=dict)

    @property
    def is_command(self) -> bool:
        """Say whether it lasts as long as its process: that of `vestige span`."""
        return self.begin.get("until") == "exit"

    @property
    def is_apart(self) -> bool:
        """Say whether it belongs to no other of its kind, but those that it names."""
        return self.begin.get("apart") is True

    def attributes(self) -> dict[str, Any]:
        """Return what the program said of it last."""
        found = self.end.get("attributes", self.begin.get("attributes"))
        return {_word(name): _shallow(value) for name, value in found.items()} if isinstance(found, dict) else {}

    def error(self) -> tuple[str, str] | None:
        """Return the class and the words of what it ended by."""
        found = self.end.get("error")
        return (_word(found.get("type")), _word(found.get("message"))) if isinstance(found, dict) else None

    def count(self, name: str) -> int | None:
        """Return a figure of its begin line."""
        return number(self.begin, name)

    def left(self, name: str) -> int | None:
        """Return a figure of its end line."""
        return number(self.end, name)

    def grown(self, *names: str) -> int | None:
        """Return by how much the sum of figures grew; None where one is missing."""
        pairs = [(number(self.begin, name), number(self.end, name)) for name in names]
        if any(None in pair for pair in pairs):
            return None
        return max(sum((after or 0) - (before or 0) for before, after in pairs), 0)


@dataclass(slots=True)
class Lines:
    """All of a run."""

    spans: dict[str, Written] = field(default_factory=dict)
    peaks: list[tuple[Life, int]] = field(default_factory=list)  # B, VmHWM as read before it was set back
    lost: int = 0  # lines that were not written, or can't be read


def lines_of(folder: str) -> Lines:
    """Return what was written of the spans of a run; nothing where there is nothing."""
    found = Lines()
    for path in _files(os.path.join(folder, FOLDER)):
        lost = 0
        life: Life | None = None
        for line in _objects(path, found):
            lost = max(lost, number(line, "lost") or 0)
            if life is None:
                life = _life(line)
            if life is None:
                found.lost += 1
            elif line.get("event") != "process":
                _take(line, life, found)
        found.lost += lost
    return found


def number(line: dict[str, Any], name: str) -> int | None:
    """Return a whole number from 0 on; None for anything else."""
    value = line.get(name)
    return value if type(value) is int and 0 <= value < _LARGEST else None


def _shallow(value: object, levels: int = _DEEPEST) -> object:
    """Return JSON that can be written again: no deeper than a few levels."""
    if isinstance(value, list | dict) and levels == 0:
        return "…"
    if isinstance(value, list):
        return [_shallow(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {_word(name): _shallow(item, levels - 1) for name, item in value.items()}
    return _word(value) if isinstance(value, str) else value


def _word(value: object) -> str:
    """Return text that any file can hold: without halves of surrogate pairs."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _files(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in itertools.islice(entries, _MOST_FILES):
                if entry.name.endswith(".jsonl"):
                    yield entry.path
    except OSError:
        return


def _objects(path: str, found: Lines) -> Iterator[dict[str, Any]]:
    try:
        with open_regular(path) as file:
            while text := file.readline(_LONGEST):
                line = parse(text)
                if line is not None:
                    yield line
                elif text.strip() and text.endswith(b"\n"):  # without: the last, cut by the end of its process
                    found.lost += 1
    except OSError:
        found.lost += 1


def _life(line: dict[str, Any]) -> Life | None:
    """Return the process that the first line of a file tells of."""
    pid = number(line, "pid")
    return Life(pid, number(line, "start")) if pid is not None and line.get("format") == FORMAT else None


def _take(line: dict[str, Any], life: Life, found: Lines) -> None:
    """Take in the beginning of a span, or its end."""
    name, moment = line.get("id"), number(line, "t")
    if not isinstance(name, str) or moment is None:
        found.lost += 1
        return
    hwm = number(line, "hwm") or 0
    if hwm:
        found.peaks.append((life, hwm))
    peak = number(line, "peak") or 0
    if peak:
        found.peaks.append((life, peak))
    if line.get("event") == "end":
        _finish(found.spans.get(name), line, moment, life)
    elif line.get("event") == "begin" and name not in found.spans and len(found.spans) < MOST_SPANS:
        parent = line.get("parent")
        found.spans[name] = Written(
            life,
            _word(name[:_LONGEST_NAME]),
            _word(line.get("name"))[:_LONGEST_NAME],
            _word(line.get("kind"))[:_LONGEST_NAME],
            parent if isinstance(parent, str) else None,
            moment,
            line,
        )
    else:
        found.lost += 1


def _finish(span: Written | None, line: dict[str, Any], moment: int, life: Life) -> None:
    """Note the end of a span, as told by the process that began it."""
    if span is not None and span.ended is None and span.life is life:
        span.ended, span.end = max(moment, span.began), line
