"""Figures in words."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestige.quantity import amount, duration, how, how_all, marked, number, shown, size, span
from vestige.record.model import Figure


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (5, "5 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (31_200_000, "31.2 MB"),
        (612_345_678, "612 MB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (999_999_999, "1.00 GB"),
        (5 * 10**21, "5000 EB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0000004, "0.00 ms"),
        (0.0032, "3.20 ms"),
        (0.4205, "420 ms"),
        (0.9996, "1.00 s"),
        (1, "1.00 s"),
        (12.44, "12.4 s"),
        (99.94, "99.9 s"),
        (99.95, "1 min 40 s"),
        (99.96, "1 min 40 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86399.7, "1 d 00 h"),
        (3 * 86400 + 4 * 3600 + 59 * 60, "3 d 04 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_numbers() -> None:
    assert [number(value) for value in (4, 12345, 1.149, 0.345, 123.4)] == ["4", "12 345", "1.15", "0.34", "123"]


@given(st.integers(min_value=0, max_value=10**24))
def test_a_size_is_within_a_hundredth_of_the_truth(count: int) -> None:
    value, unit = size(count).split()
    factor = 1000 ** ("B", "kB", "MB", "GB", "TB", "PB", "EB").index(unit)
    assert abs(float(value) * factor - count) <= max(count * 0.0051, 0)


# ruff: noqa: RUF001 - dashes on purpose
FIGURES = [
    (Figure(14.2, "s", "exact"), "14.2 s", "exact", "14.2 s"),
    (
        Figure(612e6, "B", "sampled", lower=598e6, upper=640e6, reason="shared pages"),
        "612 MB",
        "sampled, 598–640 MB for certain: shared pages",
        "~612 MB",
    ),
    (Figure(5, "1", "bound", lower=5, reason="late"), "5", "bound, at least this: late", "≥5"),
    (Figure(9e6, "B", "bound", upper=9e6), "9.00 MB", "bound, at most this", "≤9.00 MB"),
    (
        Figure(None, "B", "bound", lower=9e5, upper=2e6),
        "900 kB–2.00 MB",
        "bound, 900 kB–2.00 MB for certain",
        "≥900 kB",
    ),
    (Figure(None, "s", "bound", lower=2), "at least 2.00 s", "bound, at least 2.00 s", "≥2.00 s"),
    (Figure(0.5, "s", "estimate"), "500 ms", "estimate", "≈500 ms"),
    (Figure(None, "s", "unavailable", reason="no /proc"), "not known", "unavailable: no /proc", "–"),
    (Figure(None, "s", "unavailable"), "not known", "unavailable", "–"),
    (Figure(3, "s", "unavailable"), "3.00 s", "unavailable", "–"),  # as nobody but a foreign hand writes it
    (Figure(None, "B", "bound", upper=9e6), "at most 9.00 MB", "bound, at most 9.00 MB", "≤9.00 MB"),
    (Figure(8e6, "B", "bound", upper=9e6), "8.00 MB", "bound, at most 9.00 MB", "≤8.00 MB"),
    (Figure(None, "B", "bound"), "not known", "bound", "–"),
    (Figure(None, "B", "bound", lower=0, upper=0), "0 B", "bound, 0 B for certain", "≥0 B"),
    (Figure(None, "B", "sampled"), "not known", "sampled", "–"),
    (Figure(5e6, "B", "exact", lower=5e6, upper=5e6), "5.00 MB", "exact", "5.00 MB"),
    (Figure(4e6, "B", "exact", lower=5e6, upper=5e6), "4.00 MB", "exact, 5.00 MB for certain", "4.00 MB"),
    (Figure(None, "1", "bound", lower=1, upper=2), "1–2", "bound, 1–2 for certain", "≥1"),
]


@pytest.mark.parametrize(("figure", "value", "way", "cell"), FIGURES)
def test_every_figure_says_how_it_was_got(figure: Figure, value: str, way: str, cell: str) -> None:
    assert (shown(figure), how(figure), marked(figure)) == (value, way, cell)


def test_reasons_are_left_out_where_they_stand_elsewhere() -> None:
    assert how(Figure(5, "1", "bound", lower=5, reason="late"), reasons=False) == "bound, at least this"
    assert how(Figure(None, "s", "unavailable", reason="no /proc"), reasons=False) == "unavailable: no /proc"


def test_how_several_figures_were_got_is_said_once_or_by_name() -> None:
    exact, sampled = Figure(1, "s", "exact", reason="a"), Figure(2, "B", "sampled", reason="b")
    assert how_all([("CPU", exact), ("wall", dataclasses.replace(exact, reason="c"))]) == "exact"
    assert how_all([("memory", sampled)]) == "sampled"
    assert how_all([("CPU", exact), ("memory", sampled)]) == "CPU exact; memory sampled"


def test_amounts_in_their_units() -> None:
    assert [amount(1500, unit) for unit in ("B", "s", "1")] == ["1.50 kB", "25 min 00 s", "1 500"]
    assert span(Figure(None, "B", "bound", lower=998, upper=1002)) == "998 B–1.00 kB"
    assert span(Figure(None, "B", "bound", lower=9_991_000, upper=9_994_000)) == "9.99 MB"


def test_a_figure_that_is_not_there() -> None:
    assert (shown(None), how(None), marked(None)) == ("not known", "unavailable: not in the record", "–")
