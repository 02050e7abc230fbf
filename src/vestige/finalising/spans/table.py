"""From the lines that processes wrote to the spans of a run: whose they are, what is around them, what they used."""

from __future__ import annotations

import bisect
import itertools
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.finalising import ending
from vestige.finalising.spans import used
from vestige.finalising.spans.around import Around
from vestige.finalising.spans.places import Places
from vestige.record.model import Span, SpanError
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.finalising.processes import Family
    from vestige.observe.lives import Life
    from vestige.record.model import FileUse
    from vestige.spans.lines import Lines, Written

_MOST_FILES = 10_000  # of one span: the parts of a partitioned dataset
_NO_CONTENT = ("listed", "probed", "pseudo")


def table(lines: Lines, relations: Family, uses: Sequence[FileUse]) -> list[Span]:
    """Return the spans of a run in the order in which they began."""
    observation = relations.observation
    begin = observation.begin
    if not lines.spans or begin is None or begin.monotonic_ns is None:
        return []
    last = math.inf if observation.end is None else begin.monotonic_ns + observation.end.t
    written = sorted((span for span in lines.spans.values() if span.began <= last), key=lambda span: span.began)
    places = Places(relations)
    around = Around(written, places, begin.monotonic_ns)
    row = _Row(relations, begin.monotonic_ns, places, around, _Paths(uses))
    return [row.of(span) for span in written]


@dataclass(frozen=True, slots=True)
class _Row:
    """All that is needed to tell what a span was."""

    relations: Family
    monotonic: int  # ns, what the recorder's clock counts from
    places: Places
    around: Around
    paths: _Paths

    def of(self, span: Written) -> Span:
        """Return one of them."""
        place, end = self.around.place(span), self.around.end(span)
        life = None if place is None else place.life
        error = _error(span, life)
        is_whole = span.ended is not None or (span.is_command and end is not None)
        return Span(
            id=span.id,
            name=span.name,
            start=self._seconds(span.began),
            end=None if end is None else self._seconds(end),
            kind=span.kind,
            parent=self.around.parent(span),
            status="error" if error else "ok" if is_whole else "unfinished",
            error=error,
            process=None if place is None else place.line,
            thread=span.count("thread"),
            alone=self.around.is_alone(span),
            cpu=used.cpu_of_command(span, life, self.places) if span.is_command else used.cpu(span, self.around),
            memory_peak=used.memory_of_command(life, self.places, self.relations)
            if span.is_command
            else used.memory(span, self.around),
            memory_start=span.count("resident"),
            memory_end=span.left("resident"),
            read_bytes=used.moved("read_bytes", span, self.around),
            written_bytes=used.moved("write_bytes", span, self.around),
            read_chars=used.moved("read_chars", span, self.around),
            written_chars=used.moved("write_chars", span, self.around),
            files=tuple(self._files(span)),
            attributes=span.attributes(),
        )

    def _seconds(self, moment: int) -> float:
        return self.relations.observation.seconds(moment - self.monotonic)

    def _files(self, span: Written) -> Iterator[int]:
        named = span.attributes().get("paths")
        paths = [path for path in named if isinstance(path, str)] if isinstance(named, list) else []
        found = (line for path in filter(os.path.isabs, paths) for line in self.paths.under(from_os(path)))
        return itertools.islice(dict.fromkeys(found), _MOST_FILES)


class _Paths:
    """The files that the run used, by all their names and by folder."""

    def __init__(self, uses: Sequence[FileUse]) -> None:
        named = ((line, use) for line, use in enumerate(uses) if _has_content(use))
        self._sorted = sorted({(name, line) for line, use in named for name in (use.path, *use.names)})

    def under(self, path: str) -> Iterator[int]:
        """Yield the lines of a file, or of all files in a folder."""
        inside = f"{path.rstrip('/')}/"
        for first, belongs in ((path, path.__eq__), (inside, lambda other: other.startswith(inside))):
            for at in range(bisect.bisect_left(self._sorted, (first, -1)), len(self._sorted)):
                other, line = self._sorted[at]
                if not belongs(other):
                    break
                yield line


def _has_content(use: FileUse) -> bool:
    state = use.after or use.before
    return use.kind not in _NO_CONTENT and (state is None or state.type != "directory")


def _error(span: Written, life: Life | None) -> SpanError | None:
    """Return what a span ended by: as it says, or as the command that it is did."""
    told = span.error()
    if told is not None:
        return SpanError(*told)
    if not span.is_command or life is None:
        return None
    code, signal = ending.of_process(life)
    if signal is not None:
        return SpanError("signal", signal)
    return SpanError("exit", f"exit code {code}") if code else None
