"""The time series of a run, kept to a bounded length: neighbouring samples merge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST = 8_000  # samples kept in memory
_ALONE = 0.99  # the share of one process from which the sum of resident sizes is the answer to 1 %


class Sample(NamedTuple):
    """One look at all processes, or several merged. Times are ns since `begin`, sizes bytes."""

    since: int
    t: int
    looks: int
    processes: int
    threads: int | None
    cpu_ns: int
    rss_min: int
    rss_mean: int
    rss_max: int
    pss: int | None
    top_rss: int | None
    read_bytes: int | None
    write_bytes: int | None
    read_chars: int | None
    write_chars: int | None

    def shared_once(self) -> int | None:
        """Return the memory with shared pages counted once: PSS, or RSS where one process holds all but 1 % of it."""
        if self.pss is not None:
            return self.pss
        alone = self.top_rss is not None and self.top_rss >= _ALONE * self.rss_max
        return self.rss_max if alone else None


def merged(first: Sample, second: Sample) -> Sample:
    """Return two neighbours as one: totals of the later, extremes and mean of both."""
    looks = first.looks + second.looks
    return Sample(
        since=first.since,
        t=max(first.t, second.t),
        looks=looks,
        processes=max(first.processes, second.processes),
        threads=_largest(first.threads, second.threads),
        cpu_ns=max(first.cpu_ns, second.cpu_ns),
        rss_min=min(first.rss_min, second.rss_min),
        rss_mean=(first.rss_mean * first.looks + second.rss_mean * second.looks) // looks,
        rss_max=max(first.rss_max, second.rss_max),
        pss=_largest(first.shared_once(), second.shared_once()),
        top_rss=None,
        read_bytes=_largest(first.read_bytes, second.read_bytes),
        write_bytes=_largest(first.write_bytes, second.write_bytes),
        read_chars=_largest(first.read_chars, second.read_chars),
        write_chars=_largest(first.write_chars, second.write_chars),
    )


def thinned(samples: list[Sample], longest: int) -> list[Sample]:
    """Return at most `longest` samples, merging neighbours pair by pair as often as it takes."""
    while len(samples) > longest:
        pairs = [merged(first, second) for first, second in zip(samples[::2], samples[1::2], strict=False)]
        samples = pairs + samples[len(samples) - len(samples) % 2 :]
    return samples


@dataclass(slots=True)
class Series:
    """The samples so far."""

    _samples: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Take one more."""
        self._samples.append(sample)
        if len(self._samples) > LONGEST:
            self._samples = thinned(self._samples, LONGEST)

    def samples(self) -> tuple[Sample, ...]:
        """Return all samples in order of time."""
        return tuple(sorted(self._samples, key=lambda sample: sample.since))


def _largest(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return max(first, second)
