"""Ratios and their bands, what is noise, and how figures got in different ways stand beside each other."""

from __future__ import annotations

import math
import random

import pytest
from harness.beside import Maker, beside
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige.compare.bootstrap import band
from vestige.compare.figures import row
from vestige.record.model import Figure
from vestige.report import compare_text
from vestige.report.paint import PLAIN

TIMES = st.lists(st.floats(0.01, 1e6), min_size=3, max_size=12)


@settings(max_examples=25)
@given(TIMES, TIMES)
def test_band_lies_between_the_extremes_and_is_the_same_again(then: list[float], now: list[float]) -> None:
    found = band(then, now)
    assert found is not None
    assert min(now) / max(then) * 0.999 <= found.lower <= found.upper <= max(now) / min(then) * 1.001
    assert found == band(then, now)


def test_band_holds_the_truth_nearly_always() -> None:
    chance = random.Random(7)  # noqa: S311 - statistics
    held = 0
    for _ in range(40):
        then, now = ([chance.gauss(mean, 1) for _ in range(10)] for mean in (10, 15))
        found = band(then, now)
        assert found is not None
        held += found.lower <= 1.5 <= found.upper
    assert held >= 34


def test_no_band_of_few_runs_or_of_nothing() -> None:
    assert band([1, 1], [2, 2, 2]) is None
    assert band([1, 1, 1], [2, 2]) is None
    assert band([0, 1, 1], [2, 2, 2]) is None
    assert band([1, 1, 1], [0, 0, 0]) == (0, 0)


@pytest.mark.parametrize(("number", "lower", "upper"), [(50, 17, 32), (1000, 468, 531)])
def test_band_is_that_of_order_statistics(number: int, lower: int, upper: int) -> None:
    # of one sample, whose median's 95 % the binomial distribution tells: ranks 18 and 33 of 50, 469 and 532 of 1000
    found = band([1, 1, 1], range(number))
    assert found is not None
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=0.08 * math.sqrt(number))


def test_the_same_runs_give_the_band_that_they_always_gave() -> None:
    bands = [band([2, 3, 4], [float(value**2) for value in range(number)]) for number in (3, 50, 500)]
    assert bands == [(0.0, 2.0), (90.5, 421.0), (14042.25, 33930.25)]


@pytest.mark.parametrize(
    ("then", "now", "verdict"),
    [
        ([10], [10.5], "alike"),
        ([10], [12], "more"),
        ([10], [8], "less"),
        ([10, 11, 12, 10], [10.5, 11.5, 11, 10.2], "noise"),
        ([10, 10.1, 10.2], [15, 15.1, 15.2], "more"),
        ([10.0, 10.01, 10.02], [10.03, 10.04, 10.05], "alike"),
        ([0.001], [0.004], "alike"),
        ([0], [3], "more"),
        ([0, 0, 3], [0, 0.5, 2], "noise"),
    ],
)
def test_verdict(then: list[float], now: list[float], verdict: str) -> None:
    found = row("wall", "s", [[Figure(value, "s", "exact") for value in values] for values in (then, now)])
    against = found.against[1]
    assert against is not None
    assert against.verdict == verdict


def test_unlike_methods_are_said() -> None:
    maker = Maker()
    found = beside(maker.run(), maker.run(methods={"memory_peak": "sampled"}, memory_peak=3e8))
    text = "\n".join(compare_text.lines(found, PLAIN))
    assert "~300 MB" in text
    assert "memory peak: exact, sampled; a ratio of figures got in different ways is a rough one" in text


def test_median_has_the_worst_method_of_its_runs() -> None:
    figures = [Figure(1, "B", "exact"), Figure(3, "B", "sampled"), Figure(2, "B", "exact"), None]
    sample = row("memory_peak", "B", [figures]).samples[0]
    assert sample.figure == Figure(2, "B", "sampled")
    assert sample.methods == ("exact", "sampled")


def test_few_runs_are_not_called_one() -> None:
    maker = Maker()
    text = "\n".join(compare_text.lines(beside([maker.run(), maker.run()], maker.run()), PLAIN))
    assert "took as long as `A` as far as 2 and 1 runs can tell" in text
    assert "2 and 1 runs: how much of a difference is noise is not known" in text


def test_noise_is_not_known_of_one_run_each() -> None:
    maker = Maker()
    text = "\n".join(compare_text.lines(beside(maker.run(), maker.run(wall=20)), PLAIN))
    assert "noise not known" in text
    assert "one run each: how much of a difference is noise is not known" in text
