"""What may be shown: never fewer than ten reports, and never what could be worked out from the rest."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vestige.collector import charts
from vestige.collector.aggregates import FEWEST, Cell, fold, lower_edge
from vestige.telemetry.schema import COUNT

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def cells(sizes: list[int], week: str = "2026-W46", field: str = "os") -> list[Cell]:
    return [Cell(week, "", field, f"label{index}", size, 0) for index, size in enumerate(sizes)]


@given(SIZES)
def test_nothing_small_is_shown_or_is_the_difference_to_all(sizes: list[int]) -> None:
    (folded,) = fold(cells(sizes))
    assert all(cell.reports >= FEWEST for cell in folded.shown)
    withheld = sum(sizes) - sum(cell.reports for cell in folded.shown)
    assert withheld == 0 or withheld >= FEWEST or not folded.shown
    assert folded.withheld == (len(folded.shown) < len(sizes))


@given(SIZES)
def test_no_more_is_withheld_than_need_be(sizes: list[int]) -> None:
    (folded,) = fold(cells(sizes))
    small = [size for size in sizes if size < FEWEST]
    large = sorted(size for size in sizes if size >= FEWEST)
    also = 1 if 0 < sum(small) < FEWEST and large else 0
    assert sorted(cell.reports for cell in folded.shown) == large[also:]


def test_each_week_and_field_is_folded_for_itself() -> None:
    many = [*cells([20, 30]), *cells([5], week="2026-W45"), *cells([9, 12, 11], field="python")]
    shown = {(part.week, part.field): sorted(cell.reports for cell in part.shown) for part in fold(many)}
    assert shown == {("2026-W46", "os"): [20, 30], ("2026-W45", "os"): [], ("2026-W46", "python"): [12]}


def test_lower_edges() -> None:
    assert [lower_edge(label) for label in COUNT.labels] == [0, *(1 << power for power in range(17))]


@given(st.integers(0, 10**12))
def test_a_scale_has_four_round_parts_and_room_for_the_value(value: int) -> None:
    top = charts.nice_top(value)
    assert top >= value
    assert top % 4 == 0
    assert top <= max(4, 2 * value)


@given(st.lists(st.integers(0, 10**6), max_size=60))
def test_columns_stand_for_their_values(values: list[int]) -> None:
    drawn = charts.columns([(str(index), value) for index, value in enumerate(values)], "reports").columns
    top = charts.nice_top(max(values, default=0))
    assert all(abs(one.height / charts.HEIGHT - value / top) < 1e-4 for one, value in zip(drawn, values, strict=True))
    assert all(abs(one.y + one.height - charts.TOP - charts.HEIGHT) < 0.011 for one in drawn)
    edges = [(one.x, one.x + one.width) for one in drawn]
    assert all(first[1] < second[0] + 0.02 for first, second in itertools.pairwise(edges))
    assert not edges or (edges[0][0] >= 0 and edges[-1][1] <= 100)


def test_shares_of_a_week_fill_it() -> None:
    drawn = charts.shares(["W1", "W2"], [("a", [1, 0]), ("b", [2, 0]), ("c", [1, 0])])
    assert [part.height for part in drawn.parts] == [charts.HEIGHT / 4, charts.HEIGHT / 2, charts.HEIGHT / 4]
    assert drawn.parts[-1].y == charts.TOP
