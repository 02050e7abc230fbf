"""Writes what the collector keeps to files for other programs: aggregates, and for the operator the raw reports."""

from __future__ import annotations

import csv
import importlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.collector.aggregates import WITHHELD, fold
from vestige.collector.pages import CSV_COLUMNS
from vestige.errors import CollectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vestige.collector.store import Store

    Rows = list[tuple[Any, ...]]

FORMATS = ("csv", "parquet")
_WEEKS = ("0000-W01", "9999-W53")
_CELLS = ("schema", *CSV_COLUMNS)
_REPORTS = ("report", "schema", "week", "received", "body")
_NUMBERS = ("reports", "total")


@dataclass(frozen=True, slots=True)
class Written:
    """A file and how many rows it has."""

    path: str
    rows: int


def export(store: Store, folder: str, form: str, *, raw: bool) -> list[Written]:
    """Write the aggregates that may be shown; `raw`: all of them, and the raw reports. Raises CollectorError."""
    write = {"csv": _write_csv, "parquet": _write_parquet}[form]
    tables: list[tuple[str, Sequence[str], Rows]] = [
        ("aggregates", _CELLS, list(_all_cells(store) if raw else _shown_cells(store)))
    ]
    if raw:
        tables.append(("reports", _REPORTS, list(store.reports())))
    try:
        os.makedirs(folder, exist_ok=True)
        return [
            _written(os.path.join(folder, f"{name}.{form}"), columns, rows, write) for name, columns, rows in tables
        ]
    except OSError as error:
        raise CollectorError(f"can't write to `{folder}`: {error.strerror}") from error


def _shown_cells(store: Store) -> Iterator[tuple[Any, ...]]:
    for schema in store.schemas():
        for part in fold(store.cells(schema, *_WEEKS)):
            for cell in part.shown:
                yield schema, *cell
            if part.withheld:
                yield schema, part.week, part.event, part.field, WITHHELD, None, None


def _all_cells(store: Store) -> Iterator[tuple[Any, ...]]:
    for schema in store.schemas():
        for cell in store.cells(schema, *_WEEKS):
            yield schema, *cell


def _written(
    path: str, columns: Sequence[str], rows: Rows, write: Callable[[str, Sequence[str], Rows], None]
) -> Written:
    """Write a file under another name first: who reads meanwhile has the old one, whole."""
    beside = f"{path}.new"
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    write(beside, columns, rows)
    os.replace(beside, path)
    return Written(path, len(rows))


def _write_csv(path: str, columns: Sequence[str], rows: Rows) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_parquet(path: str, columns: Sequence[str], rows: Rows) -> None:
    pa: Any = importlib.import_module("pyarrow")  # large, and needed for this only; it has no types
    pq: Any = importlib.import_module("pyarrow.parquet")

    kinds = {"received": pa.date32(), **dict.fromkeys(_NUMBERS, pa.int64())}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
    table = pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema=schema)
    pq.write_table(table, path, compression="zstd")
