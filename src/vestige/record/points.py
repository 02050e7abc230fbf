"""From the samples of the recorder to the lines of `usage.jsonl`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestige.observe.series import thinned
from vestige.record.model import Point
from vestige.record.processes import SECOND, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vestige.observe.events import Observation

LONGEST = 2_000  # points; DESIGN: the size of a record does not grow with the length of the run


def points(observation: Observation) -> Iterator[Point]:
    """Yield at most `LONGEST` points in order of time."""
    for sample in thinned(list(observation.series), LONGEST):
        yield Point(
            start=seconds(sample.since, observation),
            end=seconds(sample.t, observation),
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
