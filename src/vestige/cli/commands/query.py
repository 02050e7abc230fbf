"""`vestige query`: SQL over all runs."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

from vestige import exit_codes
from vestige.cli import printing, searching, stores
from vestige.errors import UsageError
from vestige.history import tables
from vestige.history.fields import FIELDS
from vestige.report.tables import Column
from vestige.words import safe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLES = """\
examples:
  vestige query "SELECT command, wall FROM runs ORDER BY wall DESC LIMIT 5"   the five that took longest
  vestige query "SELECT template, median(wall) FROM runs GROUP BY ALL"        by kind of command
  vestige query "SELECT run, path FROM files WHERE path LIKE '%.pdf'"         which runs had to do with PDFs
  vestige query "SELECT DISTINCT version FROM packages WHERE name = 'numpy'"  which versions of numpy
  vestige query --csv "FROM runs" > runs.csv                                  all there is, for a spreadsheet
  vestige query --parquet runs.parquet "FROM runs"                            for pandas, polars, R
  vestige query --schema                                                      the tables and their columns

It is DuckDB's SQL (pip install 'vestige[query]'). Times are UTC, all else in SI units.
"""

_WHOLE = 1e15  # up to here a whole number is shown with all its digits: bytes, say


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vestige query`."""
    parser.add_argument("sql", nargs="?", metavar="SQL", help="one SELECT; `-` reads it from stdin")
    parser.add_argument("--schema", action="store_true", help="show the tables and their columns")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a JSON list of objects")
    form.add_argument("--csv", action="store_true", help="CSV with a header")
    form.add_argument("--parquet", metavar="FILE", help="into a Parquet file, which must not be there yet")
    stores.add_option(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Answer it."""
    if arguments.schema:
        _print_schema(as_json=arguments.json)
        return exit_codes.OK
    if arguments.sql is None:
        raise UsageError("what is asked? `vestige query 'SELECT command, wall FROM runs'`; `--schema` shows the tables")
    parquet = _new(arguments.parquet)
    seen = searching.index(searching.all_runs(arguments.store))
    found = tables.ask(seen, sys.stdin.read() if arguments.sql == "-" else arguments.sql, parquet=parquet)
    searching.finish(seen)
    if arguments.json:
        printing.print_json_list(dict(zip(found.columns, map(_plain, row), strict=True)) for row in found.rows)
    elif arguments.csv:
        print(_csv(found), end="")
    elif parquet is None:
        columns = [Column(safe(name), right=_is_number(found.rows, at)) for at, name in enumerate(found.columns)]
        printing.print_table(columns, [[printing.fit(_cell(value)) for value in row] for row in found.rows])
    return exit_codes.OK


def _new(path: str | None) -> str | None:
    """Return where the Parquet file will be. Raises UsageError."""
    if path is None:
        return None
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already; remove it first or choose another name")
    return os.path.abspath(path)


def _print_schema(*, as_json: bool) -> None:
    found = tables.schema()
    if as_json:
        printing.print_json(found)
        return
    for table, columns in found.items():
        meaning = "every run, a row each" if table == "runs" else tables.VIEWS[table].meaning
        print(f"{table}: {meaning}")
        for name, kind in columns.items():
            said = f"  {FIELDS[name].meaning}" if table == "runs" else ""
            print(f"  {name:<20} {kind:<10}{said}".rstrip())
        print()


def _csv(found: tables.Result) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows([_flat(value) for value in row] for row in found.rows)
    return text.getvalue()


def _flat(value: object) -> object:
    plain = _plain(value)
    return json.dumps(plain) if isinstance(plain, list | dict) else plain


def _cell(value: object) -> str:
    flat = _flat(value)
    if flat is None:
        return ""
    if isinstance(flat, float):
        return f"{flat:.0f}" if flat.is_integer() and abs(flat) < _WHOLE else f"{flat:.6g}"
    return safe(str(flat))


def _plain(value: Any) -> Any:  # noqa: ANN401, PLR0911 - what DuckDB returns, as JSON has it
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.isoformat() + "Z"
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return str(value)


def _is_number(rows: Sequence[Sequence[object]], at: int) -> bool:
    values = [row[at] for row in rows if row[at] is not None]
    return bool(values) and all(isinstance(value, int | float | decimal.Decimal) for value in values)
