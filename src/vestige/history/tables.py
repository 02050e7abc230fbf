# ruff: noqa: S608 - SQL is what this makes, of its own names and of quoted paths
"""All runs as tables for SQL, in DuckDB: nothing but SELECT, nothing but the stores.

`runs` is made from the index; the other tables are views of the plain files, read when they are asked for. Before the
question is put, DuckDB loses its access to all other files and to the network, for good, and may load no extension.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
import re
import tempfile
import types
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from vestige.errors import StoreError, UsageError
from vestige.history.fields import FIELDS
from vestige.record.model import Connection, FileUse, Package, Point, Process, Span
from vestige.record.place import FILES_NAME, POINTS_NAME, PROCESSES_NAME, RECORD_NAME, SPANS_NAME

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    import duckdb

    from vestige.history.index import Index

EXTRA = "pip install 'vestige[query]'"
_RUNS = "runs"
_LARGEST_OBJECT = 64 << 20  # bytes: a line of files.jsonl, a record.json
_LONGEST = 100_000  # letters of a question
_TYPES = {"text": "VARCHAR", "time": "TIMESTAMP", "seconds": "DOUBLE", "bytes": "BIGINT", "number": "DOUBLE",
          "tags": "VARCHAR[]", "flag": "BOOLEAN"}  # fmt: skip
_WHOLE = ("exit_code", "oom_kills", "processes", "inputs", "outputs")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_ZONED = "WITH TIME ZONE"  # types that DuckDB hands over with the package `pytz` only


@dataclass(frozen=True, slots=True)
class View:
    """A table beside `runs`: its rows, where they are, and what they mean."""

    kind: Any  # the dataclass of a row
    file: str  # of a run folder
    meaning: str
    key: str | None = None  # of record.json, where the rows are a list in it


VIEWS = {
    "processes": View(Process, PROCESSES_NAME, "every process of every run"),
    "files": View(FileUse, FILES_NAME, "every file that a run used"),
    "usage": View(Point, POINTS_NAME, "the series: CPU, memory and bytes over time"),
    "spans": View(Span, SPANS_NAME, "named parts of runs, nodes of Kedro among them"),
    "packages": View(Package, RECORD_NAME, "packages of software that a run used", key="software"),
    "connections": View(Connection, RECORD_NAME, "whom a run called, where it listened", key="network"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a question found."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def schema() -> dict[str, dict[str, str]]:
    """Return the columns of each table with their types."""
    found = {_RUNS: {name: _run_type(name) for name in FIELDS}}
    for name, view in VIEWS.items():
        found[name] = {"run": "VARCHAR", **_columns(view.kind)}
    return found


def ask(index: Index, sql: str, *, parquet: str | None = None) -> Result:
    """Answer a question about all runs; with `parquet` the rows go to that file.

    Raises UsageError where DuckDB does not take the question, StoreError where DuckDB is not there.
    """
    for text in (sql, parquet or ""):
        if not _is_unicode(text):
            raise UsageError("DuckDB takes valid UTF-8 only")
    folders = [folder for folder in index.folders() if _is_unicode(folder)]
    with _connected() as connection:
        _check(connection, sql)
        _make_runs(connection, index, sql)
        for name, view in VIEWS.items():
            if re.search(rf"\b{name}\b", sql, re.IGNORECASE):
                if len(folders) < len(index.folders()):
                    raise StoreError(f"DuckDB can't read `{name}` of a store whose path is no valid UTF-8")
                connection.execute(f"CREATE VIEW {name} AS {_select(index, name, view)}")
        _lock(connection, [*folders, *map(_glob, folders)], [parquet] if parquet else [])
        return _answer(connection, sql, parquet)


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StoreError(f"`vestige query` needs DuckDB: {EXTRA}") from error
    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        # As all times of runs: `started > now() - INTERVAL 1 HOUR` would else be off by what is between here and there
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.Error as error:
        raise UsageError(f"DuckDB says: {_first_lines(str(error))}") from error
    finally:
        connection.close()


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise UsageError unless it is one question, which changes nothing."""
    if len(sql) > _LONGEST:
        raise UsageError(f"the question has more than {_LONGEST} letters")
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type.name != "SELECT":
        raise UsageError("one SELECT is expected, as in `vestige query 'SELECT command, wall FROM runs'`")


def _make_runs(connection: duckdb.DuckDBPyConnection, index: Index, sql: str) -> None:
    """Make the table of runs; what the question can't mean is not filled in."""
    used = _used(sql)
    columns = zip(*index.values(used), strict=True)
    given = dict(zip(used, columns, strict=False)) or dict.fromkeys(used, ())
    with tempfile.TemporaryDirectory(prefix="vestige-query-") as folder:
        path = os.path.join(folder, "runs.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump(given, file, separators=(",", ":"))
        types_ = {name: "VARCHAR[]" if FIELDS[name].kind == "time" else f"{_run_type(name)}[]" for name in used}
        chosen = [
            f"CAST(unnest({_name(name)}) AS {_run_type(name)}) AS {_name(name)}"
            if name in used
            else f"CAST(NULL AS {_run_type(name)}) AS {_name(name)}"
            for name in FIELDS
        ]
        connection.execute(
            f"CREATE TABLE {_RUNS} AS SELECT {', '.join(chosen)} FROM read_json({_text(path)}, format='unstructured', "
            f"columns={_struct(types_)}, maximum_object_size={os.path.getsize(path) + 1024})"
        )


def _used(sql: str) -> list[str]:
    """Return the fields that a question may be about: 45 columns of 100,000 runs take a second more than two."""
    said = sql.lower().replace("(*)", "")
    words = re.findall(r"\w+", said)
    as_source = len(re.findall(rf"\b(?:from|join)\s+{_RUNS}\b", said))
    if "*" in said or "select" not in words or {"columns", "summarize"} & set(words) or words.count(_RUNS) > as_source:
        return list(FIELDS)
    return [name for name in FIELDS if name in words or name in ("id", "folder")]


def _select(index: Index, name: str, view: View) -> str:
    """Return the question that reads the plain files of a table; those of runs that are not listed do not count."""
    columns = _columns(view.kind)
    wanted = ", ".join(f"{name}__.{_name(column)}" for column in columns)
    globs = [f"{_glob(folder)}/*/{view.file}" for folder in index.folders() if _any_file(index, folder, view.file)]
    if not globs:
        empty = ", ".join(f"CAST(NULL AS {kind}) AS {_name(column)}" for column, kind in columns.items())
        return f"SELECT CAST(NULL AS VARCHAR) AS run, {empty} WHERE false"
    whole = view.key is not None
    types_ = {view.key: f"STRUCT({_members(columns)})[]"} if view.key is not None else columns
    source = (
        f"read_json([{', '.join(map(_text, globs))}], columns={_struct(types_)}, filename='__file', "
        f"format='{'unstructured' if whole else 'newline_delimited'}', ignore_errors={str(not whole).lower()}, "
        f"maximum_object_size={_LARGEST_OBJECT})"
    )
    if view.key is not None:
        source = f"(SELECT __file, unnest({_name(view.key)}) AS __each FROM {source})"
        wanted = ", ".join(f"__each.{_name(column)} AS {_name(column)}" for column in columns)
    tail = len(view.file) + 1
    return (
        f"SELECT {_RUNS}.id AS run, {wanted} FROM {source} AS {name}__ "
        f"JOIN {_RUNS} ON {_RUNS}.folder = left(__file, length(__file) - {tail})"
    )


def _any_file(index: Index, folder: str, name: str) -> bool:
    """Say whether any run has such a file: DuckDB takes a glob without a file for a mistake."""
    return any(os.path.exists(f"{folder}/{run}/{name}") for run in index.names(folder))


def _lock(connection: duckdb.DuckDBPyConnection, folders: Sequence[str], files: Sequence[str]) -> None:
    allowed = ", ".join(_text(f"{folder}/") for folder in dict.fromkeys(folders))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute(f"SET allowed_paths = [{', '.join(map(_text, files))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, parquet: str | None) -> Result:
    if parquet is not None:
        connection.execute(f"COPY ({sql.strip().rstrip(';')}\n) TO {_text(parquet)} (FORMAT parquet)")
        return Result((), [])
    cursor = connection.execute(sql)
    described = cursor.description or ()
    zoned = next((column[0] for column in described if _ZONED in str(column[1])), None)
    if zoned is not None:
        raise UsageError(f"`{zoned}` has a time zone; write `CAST(... AS TIMESTAMP)` for UTC")
    return Result(_distinct(column[0] for column in described), cursor.fetchall())


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of columns as DuckDB tells equal ones apart where it has to: `id`, `id_1`."""
    given: list[str] = []
    for name in names:
        every = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(1)))
        given.append(next(each for each in every if each not in given))
    return tuple(given)


def _run_type(name: str) -> str:
    return "BIGINT" if name in _WHOLE else _TYPES[FIELDS[name].kind]


@functools.cache
def _columns(kind: Hashable) -> dict[str, str]:
    hints = get_type_hints(kind)
    return {field.name: _type(hints[field.name]) for field in dataclasses.fields(cast("Any", kind))}


def _type(kind: Any) -> str:  # noqa: ANN401 - a table of types
    if dataclasses.is_dataclass(kind):
        return f"STRUCT({_members(_columns(cast('Hashable', kind)))})"
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "VARCHAR"
    if origin is tuple:
        return f"{_type(arguments[0])}[]"
    if origin is dict:
        return "JSON"
    if origin in (Union, types.UnionType):
        rest = [each for each in arguments if each is not type(None)]
        return "DOUBLE" if len(rest) > 1 else _type(rest[0])
    return {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}.get(kind, "JSON")


def _members(columns: dict[str, str]) -> str:
    return ", ".join(f"{_name(name)} {kind}" for name, kind in columns.items())


def _struct(columns: dict[str, str]) -> str:
    return "{" + ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in columns.items()) + "}"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _glob(path: str) -> str:
    """Return a path in which a glob finds nothing but itself."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def _first_lines(message: str) -> str:
    """Return what an error of DuckDB says, on one line, without the drawing below it."""
    lines = [line.strip() for line in message.splitlines() if line.strip(" ^")]
    return " ".join(lines)[:500]
