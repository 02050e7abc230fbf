"""Parquet and Arrow files."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("numpy")
arrow = pytest.importorskip("pyarrow")
feather_files = pytest.importorskip("pyarrow.feather")
parquet_files = pytest.importorskip("pyarrow.parquet")

from contents.versions import compared  # noqa: E402 - nothing here works without pyarrow

from vestige.contents import parquet  # noqa: E402
from vestige.contents.comparison import Comparison  # noqa: E402
from vestige.contents.tolerance import Tolerance  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS: dict[str, list[Any]] = {
    "n": [1, 2, None],
    "x": [1.5, float("nan"), 2.5],
    "s": ["a", None, "c"],
    "at": [dt.datetime(2024, 1, 31, tzinfo=dt.timezone.utc)] * 3,
}
NESTED: dict[str, list[Any]] = {
    "items": [[1.5, float("nan")], [], None],
    "pair": [{"a": 1, "b": [1.0]}, {"a": 2, "b": None}, None],
}


def in_parquet(table: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    parquet_files.write_table(table, file, **options)
    return file.getvalue()


def in_feather(table: Any) -> bytes:
    file = io.BytesIO()
    feather_files.write_feather(table, file)
    return file.getvalue()


def in_stream(table: Any) -> bytes:
    file = io.BytesIO()
    with arrow.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return file.getvalue()


def tables(then: dict[str, Any], now: dict[str, Any], tolerance: Tolerance | None = None) -> Comparison:
    one, other = in_parquet(arrow.table(then)), in_parquet(arrow.table(now))
    return compared(one, other, "x.parquet", tolerance or Tolerance())


def changed(column: str, row: int, value: Any, table: dict[str, list[Any]] | None = None) -> dict[str, list[Any]]:
    columns = table or COLUMNS
    return {**columns, column: [*columns[column][:row], value, *columns[column][row + 1 :]]}


@pytest.mark.parametrize("columns", [COLUMNS, NESTED])
@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"row_group_size": 1}, {"use_dictionary": False}])
def test_stored_in_another_way(columns: dict[str, Any], options: dict[str, Any]) -> None:
    table = arrow.table(columns)
    found = compared(in_parquet(table), in_parquet(table, **options), "x.parquet")
    assert found == Comparison("equal", "parquet", "stored in another way")


def test_other_metadata() -> None:
    table = arrow.table(COLUMNS)
    noted = table.replace_schema_metadata({"pandas": "{}"})
    found = compared(in_parquet(table), in_parquet(noted), "x.parquet")
    assert found.verdict == "equal"
    assert (found.detail or "").startswith("other metadata: ")
    assert "pandas" in (found.detail or "")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["x", None], arrow.dictionary(arrow.int8(), arrow.string())),
        (["x", None], arrow.large_string()),
        ([b"x", None], arrow.large_binary()),
        ([[1], None], arrow.large_list(arrow.int64())),
        ([{"a": "x"}, None], arrow.struct([("a", arrow.large_string())])),
    ],
)
def test_ways_to_store_a_column(values: list[Any], kind: Any) -> None:
    plain = arrow.array(values)
    then, now = (in_parquet(arrow.table({"c": column})) for column in (plain, plain.cast(kind)))
    found = compared(then, now, "x.parquet")
    assert (found.verdict, found.detail) == ("equal", "other metadata: ARROW:schema")
    with_more = in_parquet(arrow.table({"c": arrow.concat_arrays([plain, plain]).cast(kind)}))
    assert compared(then, with_more, "x.parquet").detail == "2 rows then, 4 now"


@pytest.mark.parametrize(
    ("now", "detail"),
    [
        (changed("s", 2, "d"), "row 3, column 's': 'c' then, 'd' now"),
        (changed("s", 0, None), "row 1, column 's': 'a' then, None now"),
        (changed("n", 2, 3), "row 3, column 'n': None then, 3 now"),
        (changed("x", 1, 0.5), "row 2, column 'x': nan then, 0.5 now"),
        (changed("x", 1, None), "row 2, column 'x': nan then, None now"),
        (changed("x", 0, 3.0), "row 1, column 'x': 1.5 then, 3.0 now; relative difference up to 0.5"),
        ({**COLUMNS, "n": [1.0, 2.0, None]}, "column 'n': int64 then, double now"),
        ({**COLUMNS, "new": [1, 2, 3]}, "column 'new' only now"),
        ({"n": COLUMNS["n"]}, "column 'x' only then, column 's' only then, column 'at' only then"),
        ({name: values[:2] for name, values in COLUMNS.items()}, "3 rows then, 2 now"),
    ],
)
def test_different(now: dict[str, Any], detail: str) -> None:
    found = tables(COLUMNS, now)
    assert (found.verdict, found.kind, found.detail) == ("different", "parquet", detail)


@pytest.mark.parametrize(
    ("now", "detail"),
    [
        (changed("items", 0, [1.5, 2.5], NESTED), "row 1, column 'items'[1]: nan then, 2.5 now"),
        (changed("items", 1, None, NESTED), "row 2, column 'items': [] then, None now"),
        (changed("items", 0, [1.5], NESTED), "row 1, column 'items': 2 items then, 1 now"),
        (changed("pair", 1, {"a": 3, "b": None}, NESTED), "row 2, column 'pair'.a: 2 then, 3 now; relative"),
    ],
)
def test_different_in_nested_columns(now: dict[str, Any], detail: str) -> None:
    found = tables(NESTED, now)
    assert (found.verdict, found.kind) == ("different", "parquet")
    assert (found.detail or "").startswith(detail)


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_tolerance(kind: str) -> None:
    then, now = (arrow.array([1.5, None, float("nan"), value], kind) for value in (1.0, 1.000001))
    assert tables({"x": then}, {"x": now}).verdict == "different"
    assert tables({"x": then}, {"x": now}, Tolerance(relative=1e-5)).verdict == "equal"
    nested = tables({"x": [[1.0]]}, {"x": [[1.0000000000001]]})
    assert (nested.verdict, nested.detail) == ("equal", "numbers within relative 1e-09 (up to 1e-13 apart)")


def test_reasons() -> None:
    later = [value + dt.timedelta(hours=1) for value in COLUMNS["at"]]
    assert tables(COLUMNS, {**COLUMNS, "at": later}).reason == "a timestamp"
    assert tables(COLUMNS, {name: values[::-1] for name, values in COLUMNS.items()}).reason == "order of rows"
    assert tables(COLUMNS, dict(reversed(COLUMNS.items()))).reason == "order of columns"
    assert tables({"seconds": [1.5]}, {"seconds": [2.5]}).reason == "a duration"
    assert tables(COLUMNS, changed("s", 0, "b")).reason is None


def test_times_below_microseconds() -> None:
    then, now = (arrow.array([1, value], arrow.timestamp("ns")) for value in (2, 3))
    found = tables({"at": then}, {"at": now})
    assert found.reason == "a timestamp"
    assert (found.detail or "").startswith("row 2, column 'at': '1970-01-01 00:00:00.000000002' then")
    assert tables({"d": arrow.array([1], "duration[ns]")}, {"d": arrow.array([2], "duration[ns]")}).kind == "parquet"


def test_types_without_order_or_comparison() -> None:
    interval = arrow.month_day_nano_interval()
    then, now = (
        in_feather(arrow.table({"i": arrow.array([(1, 2, last)], interval), "n": arrow.nulls(1)})) for last in (3, 4)
    )
    found = compared(then, now, "x.arrow")
    assert (found.verdict, found.kind) == ("different", "arrow")
    assert (found.detail or "").startswith("row 1, column 'i'[2]: 3 then, 4 now")


def test_columns_of_one_name() -> None:
    then, now = (
        in_parquet(arrow.Table.from_arrays([arrow.array([1]), arrow.array([value])], ["a", "a"])) for value in (1, 2)
    )
    assert compared(then, now, "x.parquet").verdict == "different"


def test_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_AT_ONCE", 3)
    then = {"n": list(range(10)), "x": [0.5] * 10}
    one = in_parquet(arrow.table(then), row_group_size=4)
    assert compared(one, in_parquet(arrow.table(then), row_group_size=7), "x.parquet").verdict == "equal"
    now = arrow.table({**then, "n": [*range(8), 99, 9]})
    found = compared(one, in_parquet(now, row_group_size=7), "x.parquet")
    assert (found.detail or "").startswith("row 9, column 'n': 8 then, 99 now")


@pytest.mark.parametrize("write", [in_feather, in_stream])
def test_arrow(write: Callable[[Any], bytes]) -> None:
    table = arrow.table(COLUMNS)
    then = write(table)
    assert compared(then, write(table.replace_schema_metadata({"a": "b"})), "x.arrow").verdict == "equal"
    assert compared(then, write(arrow.table(changed("s", 2, "d"))), "x.feather").detail == (
        "row 3, column 's': 'c' then, 'd' now"
    )
    assert compared(then, write(table.slice(0, 2)), "x.arrow").detail == "3 rows then, 2 now"
    assert "more than" in (compared(in_stream(table), in_stream(table) * 2, "x.arrow").detail or "")


def test_more_than_anybody_should_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_MOST_DECODED", 1 << 30)
    then, now = (in_parquet(arrow.table({"n": arrow.array([value] * 2_000_000)})) for value in (1, 2))
    assert compared(then, now, "x.parquet").kind == "parquet"
    monkeypatch.setattr(parquet, "_MOST_DECODED", 1 << 20)
    found = compared(then, now, "x.parquet")
    assert (found.kind, found.verdict) == ("bytes", "different")
    assert "GB decoded" in (found.detail or "")
