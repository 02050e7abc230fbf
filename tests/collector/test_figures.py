"""Figures from cells that are given, where a page of the whole is more than is asked."""

from __future__ import annotations

import datetime as dt

from vestige.collector import figures
from vestige.collector.aggregates import Cell, fold
from vestige.collector.figures import Where
from vestige.telemetry.schema import Field


def test_of_randomised_answers_the_share_of_those_that_hold_is_estimated() -> None:
    field = Field("sensitive", "answer", "?", "me", dt.date.max, epsilon=1.0)
    cells = [Cell("2026-W40", "", "sensitive", label, number, 0) for label, number in (("yes", 731), ("no", 269))]
    figure = figures.of_field(Where("it", "It", "?", "/it"), field, list(fold(cells)), counted=False)
    assert figure.titles == ("Sensitive", "Reports", "Share", "In truth, about")
    assert figure.rows == (("yes", "731", "73 %", "100 % ± 6"), ("no", "269", "27 %", "0 % ± 6"))
