"""Many points of a run as fewer: what a chart shows of a long run is true of every part of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.finalising.points import LONGEST, bounded
from vestige.record.model import Point

SIZE = st.integers(0, 1 << 50)
UNKNOWN = st.none() | SIZE

EARLY = Point(
    start=1.0, end=3.0, samples=3, processes=7, threads=9, cpu=2.5, rss_min=20, rss_mean=30, rss_max=90, pss=60,
    read_bytes=5, written_bytes=6, read_chars=7, written_chars=8,
)  # fmt: skip
LATE = Point(
    start=4.0, end=5.0, samples=1, processes=4, threads=5, cpu=4.5, rss_min=10, rss_mean=71, rss_max=80, pss=50,
    read_bytes=15, written_bytes=16, read_chars=17, written_chars=18,
)  # fmt: skip
BOTH = Point(
    start=1.0, end=5.0, samples=4, processes=7, threads=9, cpu=4.5, rss_min=10, rss_mean=40, rss_max=90, pss=60,
    read_bytes=15, written_bytes=16, read_chars=17, written_chars=18,
)  # fmt: skip
SOMETIMES = ("threads", "pss", "read_bytes", "written_bytes", "read_chars", "written_chars")


@st.composite
def series(draw: st.DrawFn) -> list[Point]:
    at, found = 0.0, []
    for _ in range(draw(st.integers(0, 40))):
        start, at = at + 1, at + draw(st.integers(1, 9))
        low, mean, high = sorted(draw(st.tuples(SIZE, SIZE, SIZE)))
        looks, processes = draw(st.integers(1, 500)), draw(st.integers(0, 99))
        known = [draw(UNKNOWN) for _ in SOMETIMES]
        found.append(Point(start, at, looks, processes, known[0], at / 2, low, mean, high, *known[1:]))
    return found


def test_two_points_are_one() -> None:
    assert bounded([EARLY, LATE], most=1) == (BOTH,)


@pytest.mark.parametrize("name", SOMETIMES)
def test_what_one_of_two_points_does_not_know_the_other_tells(name: str) -> None:
    for known, other in ((EARLY, LATE), (LATE, EARLY)):
        nothing: dict[str, Any] = {name: None}
        blind = dataclasses.replace(other, **nothing)
        for pair in ([known, blind], [blind, known]):
            assert getattr(bounded(pair, most=1)[0], name) == getattr(known, name)
        assert getattr(bounded([blind, blind], most=1)[0], name) is None


@pytest.mark.parametrize("looks", [0, 1])
def test_points_of_no_look_have_a_mean(looks: int) -> None:
    empty = dataclasses.replace(EARLY, samples=0, rss_mean=8)
    (both,) = bounded([empty, dataclasses.replace(empty, samples=looks)], most=1)
    assert both.rss_mean == 8 * looks


def test_as_many_as_asked_for_stay_as_they_are() -> None:
    many = [dataclasses.replace(EARLY, start=float(at), end=float(at)) for at in range(2 * LONGEST + 1)]
    assert bounded(many[:7], most=7) == tuple(many[:7])
    assert bounded(many[:-1]) == tuple(many[:-1])
    assert len(bounded(many)) == LONGEST + 1
    assert [point.end for point in bounded(many[:7], most=6)] == [1, 3, 5, 6]


@given(series(), st.integers(1, 12))
def test_whatever_is_merged_nothing_is_left_out(points: list[Point], most: int) -> None:
    kept = bounded(points, most=most)
    assert len(kept) <= most
    assert sum(point.samples for point in kept) == sum(point.samples for point in points)
    covered = [[point for point in points if one.start <= point.start and point.end <= one.end] for one in kept]
    assert [point for group in covered for point in group] == points
    for one, group in zip(kept, covered, strict=True):
        assert (one.start, one.end, one.cpu) == (group[0].start, group[-1].end, group[-1].cpu)
        assert (one.rss_min, one.rss_max) == (min(p.rss_min for p in group), max(p.rss_max for p in group))
        assert one.rss_min <= one.rss_mean <= one.rss_max
        for name in SOMETIMES:
            known = [value for point in group if (value := getattr(point, name)) is not None]
            assert getattr(one, name) == max(known, default=None)
