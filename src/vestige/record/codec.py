"""Records as JSON and back.

Writing takes the dataclasses of `model` as they are. Reading trusts nothing: a file may be cut, foreign, hostile or of
a newer vestige, and then RecordError says which key of which file is wrong. Unknown keys are passed over, keys that
have a default may be absent. The rules follow from the types in `model`; nothing is said twice.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import operator
import os
import re
import types
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from vestige.errors import RecordError
from vestige.lines import DECODER, DEEPEST, LONGEST_LINE, is_deep, open_regular
from vestige.record.model import SCHEMA, Figure, FileUse, Point, Process, Record, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

LARGEST_RECORD = 64 << 20  # bytes; a real one has some ten thousand
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SCHEMA = re.compile(r"vestige\.record/([0-9]{1,9})")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_LARGEST_NUMBER = 1 << 100  # no counter gets there, and it still is a float
_SIMPLE = (str, int, float, bool)
_T = TypeVar("_T")


class _MisfitError(ValueError):
    """A value is not of the type that its place asks for."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.where: list[str] = []


def record_to_json(record: Record) -> dict[str, Any]:
    """Return the JSON form of a record, `schema` first."""
    return {"schema": record.schema, **_plain(record)}


def record_text(record: Record) -> bytes:
    """Return the content of `record.json`."""
    return json.dumps(record_to_json(record), indent=1, allow_nan=False).encode("ascii") + b"\n"


def line(entry: Process | Point | FileUse | Span) -> bytes:
    """Return a line of `processes.jsonl`, `usage.jsonl`, `files.jsonl` or `spans.jsonl`."""
    return _LINE.encode(_shallow(entry)).encode("ascii") + b"\n"


def record_from_json(content: Mapping[str, Any], path: str) -> Record:
    """Return the record that a parsed `record.json` holds; `path` is named in errors.

    Raises RecordError.
    """
    _check_schema(content.get("schema"), path)
    record = _decoded(Record, content, path)
    if not _ID.fullmatch(record.id):
        _damaged(path, "`id` must be a UUID")
    _check_time(record.started, "started", path)
    if record.ended is not None:
        _check_time(record.ended, "ended", path)
    return record


def read_object(path: str) -> dict[str, Any]:
    """Read a file that holds one JSON object of a bounded size.

    Raises RecordError; FileNotFoundError where there is none.
    """
    content = _parsed(_bounded(path), path)
    return content if isinstance(content, dict) else _damaged(path, "a JSON object is expected")


def read_processes(path: str) -> Iterator[Process]:
    """Yield the lines of a `processes.jsonl`.

    Raises RecordError; FileNotFoundError where there is none.
    """
    return _lines(Process, path)


def read_points(path: str) -> Iterator[Point]:
    """Yield the lines of a `usage.jsonl`.

    Raises RecordError; FileNotFoundError where there is none.
    """
    return _lines(Point, path)


def read_files(path: str, kinds: Iterable[str] = ()) -> Iterator[FileUse]:
    """Yield the lines of a `files.jsonl`, all of them or those of some classes: the others are not even parsed.

    Raises RecordError; FileNotFoundError where there is none.
    """
    needles = tuple(f',"kind":"{kind}"'.encode() for kind in kinds)
    return _lines(FileUse, path, longest=LARGEST_RECORD, needles=needles)  # a library may have a million readers


def read_spans(path: str) -> Iterator[Span]:
    """Yield the lines of a `spans.jsonl`.

    Raises RecordError; FileNotFoundError where there is none.
    """
    return _lines(Span, path)


def file_use(text: bytes, where: str) -> FileUse:
    """Return what one line of a `files.jsonl` holds; `where` is named in errors. Raises RecordError."""
    return _decoded(FileUse, _parsed(text, where), where)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON goes out
    if value is None or isinstance(value, _SIMPLE):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return {key: _plain(item) for key, item in _shallow(value).items()}


def _shallow(value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the fields of a dataclass as they are."""
    if isinstance(value, Figure):
        return _plain_figure(value)
    names, values = _fields(cast("Hashable", type(value)))
    return dict(zip(names, values(value), strict=True))


_LINE = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_shallow)  # 100,000 lines in a second


def _plain_figure(figure: Figure) -> dict[str, Any]:
    plain: dict[str, Any] = {"value": figure.value, "unit": figure.unit, "method": figure.method}
    for name in ("lower", "upper", "reason"):
        value = getattr(figure, name)
        if value is not None:
            plain[name] = value
    return plain


@functools.cache
def _fields(kind: Hashable) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of a dataclass's fields, and what gets all of them at once: by one, it takes twice as long."""
    names = tuple(field.name for field in dataclasses.fields(cast("Any", kind)))
    return names, operator.attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)


def _lines(kind: type[_T], path: str, *, longest: int = LONGEST_LINE, needles: tuple[bytes, ...] = ()) -> Iterator[_T]:
    try:
        with open_regular(path) as file:
            number = 0
            while text := file.readline(longest):
                number += 1
                where = f"{path}, line {number}"
                if not text.endswith(b"\n"):
                    _damaged(where, "the line is cut or too long")
                if needles and not any(needle in text for needle in needles):
                    continue
                yield _decoded(kind, _parsed(text, where), where)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RecordError(f"can't read {path}: {error.strerror}") from error


def _bounded(path: str) -> bytes:
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_RECORD:
                _damaged(path, f"it has {size} bytes, more than {LARGEST_RECORD}")
            return file.read(size)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RecordError(f"can't read {path}: {error.strerror}") from error


def _parsed(text: bytes, path: str) -> Any:  # noqa: ANN401 - JSON comes in
    try:
        return DECODER.decode(text.decode("utf-8"))
    except RecursionError:
        _damaged(path, "it is nested too deeply")
    except ValueError as error:
        _damaged(path, f"it is not JSON ({str(error).partition(':')[0]})")


def _check_schema(schema: object, path: str) -> None:
    match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if match is None:
        _damaged(path, "`schema` does not name a record of vestige")
    if schema != SCHEMA:
        raise RecordError(f"{path} is of schema {schema}, this vestige reads {SCHEMA}; update it to read this record")


def _check_time(text: str, name: str, path: str) -> None:
    try:
        if _TIME.fullmatch(text):
            dt.datetime.fromisoformat(text[:-1])  # before Python 3.11 it does not know `Z`
            return
    except ValueError:
        pass
    _damaged(path, f"`{name}` must be a time as in 2026-01-31T23:59:59.123456Z")


def _decoded(kind: type[_T], content: object, path: str) -> _T:
    try:
        return cast("_T", _decoder(cast("Any", kind))(content))
    except _MisfitError as misfit:
        key = ".".join(reversed(misfit.where))
        _damaged(path, f"`{key}` must be {misfit}" if key else f"{misfit} is expected")


def _damaged(path: str, what: str) -> NoReturn:
    raise RecordError(f"{path} is damaged or foreign: {what}; restore it or remove the run with `vestige rm`")


@functools.cache
def _decoder(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401, C901, PLR0911 - a table of types
    if kind is str:
        return _text
    if kind is Any:
        return _anything
    if kind is bool:
        return _flag
    if kind is int:
        return _integer
    if kind is float:
        return lambda value: float(_number(value))
    if dataclasses.is_dataclass(kind):
        return _dataclass_decoder(cast("type", kind))
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is Literal:
        return _literal_decoder(arguments)
    if origin is tuple:
        return _list_decoder(_decoder(arguments[0]))
    if origin is dict:
        return _mapping_decoder(_decoder(arguments[1]))
    if origin in (Union, types.UnionType):
        return _union_decoder(arguments)
    raise TypeError(f"no JSON form is known for {kind}")


def _dataclass_decoder(kind: type) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    missing = dataclasses.MISSING
    fields = [
        (field.name, _decoder(hints[field.name]), field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(kind)
    ]

    def decode(value: Any) -> Any:  # noqa: ANN401
        if type(value) is not dict:
            raise _MisfitError("an object")
        given = {}
        for name, decoder, required in fields:
            if name in value:
                given[name] = _at(name, decoder, value[name])
            elif required:
                raise _missing(name)
        return kind(**given)

    return decode


def _list_decoder(item: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decode(value: Any) -> Any:  # noqa: ANN401
        if type(value) is not list:
            raise _MisfitError("a list")
        return tuple([_at(str(index), item, element) for index, element in enumerate(value)])

    return decode


def _mapping_decoder(item: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decode(value: Any) -> Any:  # noqa: ANN401
        if type(value) is not dict:
            raise _MisfitError("an object")
        return {_text(key): _at(key, item, element) for key, element in value.items()}

    return decode


def _literal_decoder(words: tuple[Any, ...]) -> Callable[[Any], Any]:
    expected = "one of " + ", ".join(words)

    def decode(value: Any) -> Any:  # noqa: ANN401
        if type(value) is not str or value not in words:
            raise _MisfitError(expected)
        return value

    return decode


def _union_decoder(members: tuple[Any, ...]) -> Callable[[Any], Any]:
    rest = set(members) - {type(None)}
    decoder = _number if rest == {int, float} else _decoder(*rest)

    def decode(value: Any) -> Any:  # noqa: ANN401
        if value is None:
            return None
        try:
            return decoder(value)
        except _MisfitError as misfit:
            if not misfit.where:
                raise _MisfitError(f"{misfit} or null") from None
            raise

    return decode


def _at(name: str, decoder: Callable[[Any], Any], value: Any) -> Any:  # noqa: ANN401
    try:
        return decoder(value)
    except _MisfitError as misfit:
        misfit.where.append(_shown(name))
        raise


def _shown(name: str) -> str:
    """Return a key fit for a one-line message, whatever a foreign hand put into it."""
    return ascii(name)[1:-1][:80]


def _missing(name: str) -> _MisfitError:
    misfit = _MisfitError("there")
    misfit.where.append(name)
    return misfit


def _text(value: Any) -> str:  # noqa: ANN401
    if type(value) is not str:
        raise _MisfitError("text")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise _MisfitError("whole characters, not half of a surrogate pair,") from None
    return value


def _anything(value: Any) -> Any:  # noqa: ANN401
    if is_deep(value):
        raise _MisfitError(f"nested no more than {DEEPEST} deep")
    return value


def _flag(value: Any) -> bool:  # noqa: ANN401
    if type(value) is not bool:
        raise _MisfitError("true or false")
    return value


def _integer(value: Any) -> int:  # noqa: ANN401
    if type(value) is not int or abs(value) > _LARGEST_NUMBER:
        raise _MisfitError("an integer")
    return value


def _number(value: Any) -> int | float:  # noqa: ANN401
    if type(value) not in (int, float) or not abs(value) <= _LARGEST_NUMBER:  # NaN is not, either
        raise _MisfitError("a number")
    return cast("int | float", value)
