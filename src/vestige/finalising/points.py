"""From the samples of the recorder to the lines of `usage.jsonl`, and many points as fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.finalising.processes import SECOND
from vestige.observe.series import thinned
from vestige.record.model import Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vestige.observe.observation import Observation

LONGEST = 2_000  # points; DESIGN: the size of a record does not grow with the length of the run


def points(observation: Observation) -> Iterator[Point]:
    """Yield at most `LONGEST` points in order of time."""
    for sample in thinned(list(observation.series), LONGEST):
        yield Point(
            start=observation.seconds(sample.since),
            end=observation.seconds(sample.t),
            samples=sample.looks,
            processes=sample.processes,
            threads=sample.threads,
            cpu=sample.cpu_ns / SECOND,
            rss_min=sample.rss_min,
            rss_mean=sample.rss_mean,
            rss_max=sample.rss_max,
            pss=sample.shared_once(),
            read_bytes=sample.read_bytes,
            written_bytes=sample.write_bytes,
            read_chars=sample.read_chars,
            written_chars=sample.write_chars,
        )


def bounded(points: Iterable[Point], *, most: int = 2 * LONGEST) -> tuple[Point, ...]:
    """Return at most so many points, however many there are: neighbours are merged, nothing is left out."""
    kept: list[Point] = []
    for point in points:
        kept.append(point)
        if len(kept) > most:
            pairs = zip(kept[::2], kept[1::2], strict=False)
            kept = [_merged(first, second) for first, second in pairs] + kept[len(kept) - len(kept) % 2 :]
    return tuple(kept)


def _merged(point: Point, other: Point) -> Point:
    """Return two neighbouring points as one: totals of the later, extremes and mean of both."""
    looks = point.samples + other.samples
    return type(point)(
        start=point.start,
        end=max(point.end, other.end),
        samples=looks,
        processes=max(point.processes, other.processes),
        threads=_larger(point.threads, other.threads),
        cpu=max(point.cpu, other.cpu),
        rss_min=min(point.rss_min, other.rss_min),
        rss_mean=(point.rss_mean * point.samples + other.rss_mean * other.samples) // max(looks, 1),
        rss_max=max(point.rss_max, other.rss_max),
        pss=_larger(point.pss, other.pss),
        read_bytes=_larger(point.read_bytes, other.read_bytes),
        written_bytes=_larger(point.written_bytes, other.written_bytes),
        read_chars=_larger(point.read_chars, other.read_chars),
        written_chars=_larger(point.written_chars, other.written_chars),
    )


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
