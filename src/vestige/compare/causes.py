"""What a difference in time went into, and what else differs that fits it: rules, each with its threshold here.

A run's time is split into three: work on the CPU, waiting for a CPU, and waiting for something else::

    wall = cpu / together + run_queue_wait / together + rest        together = max(1, cpu / wall)

The difference of two runs is the difference of these parts, so the figures support it, whatever it came from. What it
came from no figure tells: what differs beside it is named as that, a hint, in the order in which it is likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vestige.compare.differences import Difference
    from vestige.compare.figures import Row, Verdict
    from vestige.compare.parts import Part

Went = Literal["work", "together", "starved", "storage", "asleep"]
Outcome = Literal["slower", "faster", "equal", "unknown"]

# Thresholds: all of them, and nowhere else
SHARE = 0.25  # of the difference: less of it is not named
GREW = 1.2  # times: input, cores
MANY = 1.5  # times: processes
COLD = 2.0  # times: what came from storage, while as much was read
READ_ALIKE = 0.2  # part: as much was read
FEWEST_BYTES = 1_000_000  # B, from or to storage
FEWEST_FAULTS = 10  # pages from storage
FEWEST_PROCESSES = 5
MOST_OF_IT = 0.5  # of the difference: a part of the run in which most of it lies
MOST_HINTS = 4
MOST_NAMED = 3  # differences of one topic


@dataclass(frozen=True, slots=True)
class Spent:
    """A part of the difference in time."""

    what: Went
    seconds: float  # more on the side that took longer


@dataclass(frozen=True, slots=True)
class Hint:
    """Something else that differs, and may have to do with it or not."""

    what: str  # "data", "parameters", "code", "software", "cold", "processes", "cores", "busy", "memory", …
    then: float | None = None  # a figure, of the first side
    now: float | None = None
    names: tuple[Difference, ...] = ()
    part: str | None = None  # of the run: a node


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a side took longer than the first, or less long, as far as figures tell."""

    side: int
    outcome: Outcome
    seconds: float | None  # by how much it took longer, s; below 0: less long
    spent: tuple[Spent, ...]  # the largest first; of the difference, whichever side took longer
    hints: tuple[Hint, ...]


class Times(NamedTuple):
    """Where the time of a side went, s."""

    wall: float
    work: float  # CPU, over those at work together
    starved: float  # ready to run, but without a CPU
    rest: float
    together: float  # CPUs at work at the same time, at least 1


@dataclass(frozen=True, slots=True)
class Pair:
    """A side beside the first: median figures by name, and all that differs."""

    then: Mapping[str, float]
    now: Mapping[str, float]
    differences: tuple[Difference, ...]
    parts: tuple[Part, ...]
    side: int

    def grew(self, name: str, times: float, least: float) -> bool:
        """Say whether a figure grew or shrank by that many times and that much."""
        then, now = self.then.get(name), self.now.get(name)
        if then is None or now is None or abs(now - then) < least:
            return False
        low, high = min(then, now), max(then, now)
        return high >= times * low

    def more(self, name: str) -> float:
        """Return by how much a figure grew, 0 where it is not known."""
        then, now = self.then.get(name), self.now.get(name)
        return 0.0 if then is None or now is None else now - then


def explain(verdict: Verdict, pair: Pair) -> Explanation:
    """Return what the time of a side went into; `verdict` is that of the wall times."""
    seconds = pair.more("wall") if "wall" in pair.then and "wall" in pair.now else None
    if verdict in ("alike", "noise") or seconds is None:
        return Explanation(pair.side, "equal" if seconds is not None else "unknown", seconds, (), ())
    spent = tuple(_spent(pair, seconds))
    hints = sorted(_hints(pair, seconds), key=lambda hint: _likelihood(hint, spent))[:MOST_HINTS]
    return Explanation(pair.side, "slower" if seconds > 0 else "faster", seconds, spent, tuple(hints))


def medians(rows: Sequence[Row], side: int) -> dict[str, float]:
    """Return the figures of a side by name."""
    known = ((row.name, row.samples[side].figure) for row in rows)
    return {name: float(figure.value) for name, figure in known if figure is not None and figure.value is not None}


def times(known: Mapping[str, float]) -> Times | None:
    """Return where the time went; None where too little is known."""
    wall, cpu = known.get("wall"), known.get("cpu")
    if wall is None or cpu is None or wall <= 0:
        return None
    together = max(1.0, cpu / wall)
    starved = min(known.get("run_queue_wait", 0.0) / together, max(0.0, wall - cpu / together))
    return Times(wall, cpu / together, starved, max(0.0, wall - cpu / together - starved), together)


def _spent(pair: Pair, seconds: float) -> Iterator[Spent]:
    """Yield what makes up a good part of the difference, the largest first."""
    then, now = times(pair.then), times(pair.now)
    if then is None or now is None:
        return
    shares = {what: share(then, now, pair) for what, share in SHARES.items()}
    sign = 1 if seconds > 0 else -1
    for what, part in sorted(shares.items(), key=lambda item: -sign * item[1]):
        if part * sign >= SHARE * abs(seconds):
            yield Spent(what, part * sign)


def _work(then: Times, _: Times, pair: Pair) -> float:
    """Return the time that more CPU work takes with as many CPUs as before."""
    return pair.more("cpu") / then.together


def _together(then: Times, now: Times, pair: Pair) -> float:
    """Return the time that the same work takes longer with fewer CPUs at once, queueing for one aside."""
    total = pair.now["cpu"] * (1 / now.together - 1 / then.together)
    waited = min(max(0.0, total), max(0.0, pair.more("run_queue_wait") / then.together))
    return total - waited


def _starved(then: Times, now: Times, pair: Pair) -> float:
    queued = pair.more("run_queue_wait") / then.together
    return min(queued, max(now.starved - then.starved, now.wall - then.wall)) if queued > 0 else queued


def _storage(then: Times, now: Times, pair: Pair) -> float:
    return now.rest - then.rest if used_storage(pair) else 0.0


def _asleep(then: Times, now: Times, pair: Pair) -> float:
    return 0.0 if used_storage(pair) else now.rest - then.rest


SHARES: dict[Went, Callable[[Times, Times, Pair], float]] = {
    "work": _work,
    "starved": _starved,
    "together": _together,
    "storage": _storage,
    "asleep": _asleep,
}


def used_storage(pair: Pair) -> bool:
    """Say whether storage was used more, or less, than on the other side: bytes, or pages that had to be fetched."""
    return (
        pair.grew("read_bytes", MANY, FEWEST_BYTES)
        or pair.grew("written_bytes", MANY, FEWEST_BYTES)
        or pair.grew("page_faults_major", COLD, FEWEST_FAULTS)
    )


def is_cold(pair: Pair) -> bool:
    """Say whether as much was read, and much more, or less, of it came from storage."""
    then, now = pair.then.get("read_chars"), pair.now.get("read_chars")
    alike = then is not None and now is not None and abs(now - then) <= READ_ALIKE * max(then, now)
    return alike and (
        pair.grew("read_bytes", COLD, FEWEST_BYTES) or pair.grew("page_faults_major", COLD, FEWEST_FAULTS)
    )


def _hints(pair: Pair, seconds: float) -> Iterator[Hint]:
    """Yield what else differs."""
    yield from _grown(pair)
    if is_cold(pair):
        yield _figure("cold", "read_bytes", pair)
    for what, name in (("busy", "pressure_cpu"), ("memory", "pressure_memory")):
        if pair.more(name) * seconds > 0 and abs(pair.more(name)) >= SHARE * abs(seconds):
            yield _figure(what, name, pair)
    for topic in ("command", "parameters", "code", "software", "machine", "environment", "inputs"):
        named = tuple(each for each in pair.differences if each.topic == topic)
        if named and not (topic == "inputs" and _has_more_data(pair)):
            yield Hint(topic, names=named[:MOST_NAMED])
    yield from _place(pair, seconds)


def _grown(pair: Pair) -> Iterator[Hint]:
    if _has_more_data(pair):
        changed = tuple(each for each in pair.differences if each.topic == "inputs")
        largest = sorted(changed, key=lambda each: -max((size or 0 for size in each.sizes), default=0))
        yield _figure("data", "input_bytes", pair, tuple(largest[:MOST_NAMED]))
    if pair.grew("processes", MANY, FEWEST_PROCESSES):
        yield _figure("processes", "processes", pair)
    if pair.grew("cores_allowed", GREW, 0):
        yield _figure("cores", "cores_allowed", pair)


def _has_more_data(pair: Pair) -> bool:
    return pair.grew("input_bytes", GREW, 1)


def _figure(what: str, name: str, pair: Pair, names: tuple[Difference, ...] = ()) -> Hint:
    return Hint(what, pair.then.get(name), pair.now.get(name), names)


def _place(pair: Pair, seconds: float) -> Iterator[Hint]:
    """Yield the part of the run in which most of the difference lies."""
    found: list[tuple[float, Part, float, float]] = []
    for part in pair.parts:
        then, now = (part.wall.samples[side].figure for side in (0, pair.side))
        if then is not None and now is not None and then.value is not None and now.value is not None:
            found.append((now.value - then.value, part, then.value, now.value))
    if not found:
        return
    more, part, then_took, now_took = max(found, key=lambda each: each[0] * (1 if seconds > 0 else -1))
    if more / seconds >= MOST_OF_IT:
        yield Hint("part", then_took, now_took, part=part.name)


# Which hints fit what the time went into, the likeliest first; others follow in the order in which they are found
_FITS: dict[Went, tuple[str, ...]] = {
    "work": ("part", "data", "parameters", "software", "code", "command", "processes", "machine"),
    "starved": ("cores", "busy", "part", "processes", "machine"),
    "together": ("cores", "parameters", "environment", "busy", "part", "machine"),
    "storage": ("cold", "data", "memory", "part", "parameters", "machine"),
    "asleep": ("part", "parameters", "software", "code", "inputs", "command", "environment"),
}


def _likelihood(hint: Hint, spent: Sequence[Spent]) -> int:
    fitting = _FITS[spent[0].what] if spent else ()
    return fitting.index(hint.what) if hint.what in fitting else len(fitting)
