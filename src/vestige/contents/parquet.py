"""Parquet and Arrow files (Feather): the same columns, types and values, whatever the file around them.

Which program wrote it, row groups, compression and metadata don't matter, nor do dictionaries and wide offsets, which
are ways to store a column and no other values. Rows are counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vestige.contents import columns, metadata, numpy_array
from vestige.contents.finding import Finding, ForeignError, decoded, shortened, shown
from vestige.contents.json_values import Root, Walk
from vestige.contents.libraries import needed
from vestige.contents.numpy_array import Unequal
from vestige.quantity import counted, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vestige.contents.tolerance import Tolerance

    Arrow = Any  # a thing of pyarrow, which need not be there when types are checked
    Mask = Any

_AT_ONCE = 1 << 16  # rows decoded at once
_MOST_DECODED = 4 << 30  # B, and as many rows: a thousandth of it may be all that is in the file
_MOST_SORTED = 10_000_000  # values, beyond which nobody sorts to see whether only the order differs
_LOOKED_AT = 1_000  # rows of each piece of a column that are looked at one by one, for a reason


def differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return at which rows and columns two Parquet files differ."""
    return _differences(*decoded("Parquet", _parquet, then, now), tolerance)


def arrow_differences(then: bytes, now: bytes, tolerance: Tolerance) -> Finding:
    """Return at which rows and columns two files of Arrow's own format differ."""
    return _differences(*decoded("Arrow", _arrow, then, now), tolerance)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that is decoded piece by piece."""

    schema: Arrow
    rows: int | None  # None where only reading would tell
    pieces: Callable[[], Iterator[Arrow]]
    metadata: dict[str, object]

    @property
    def columns(self) -> list[tuple[str, Arrow]]:
        """The names of the columns, and the types of their values."""
        return [(field.name, _plain(field.type)) for field in self.schema]


def _parquet(content: bytes) -> _Table:
    file = needed("pyarrow.parquet").ParquetFile(needed("pyarrow").BufferReader(content))
    about = file.metadata
    said = {"created by": about.created_by, **_texts(about.metadata)}
    return _Table(file.schema_arrow, about.num_rows, lambda: file.iter_batches(batch_size=_AT_ONCE), said)


def _arrow(content: bytes) -> _Table:
    arrow = needed("pyarrow")
    source = arrow.BufferReader(content)
    try:
        file = arrow.ipc.open_file(source)
    except arrow.ArrowInvalid:
        return _stream(content)
    pieces = lambda: (file.get_batch(number) for number in range(file.num_record_batches))  # noqa: E731
    return _Table(file.schema, None, pieces, _texts(file.schema.metadata))


def _stream(content: bytes) -> _Table:
    arrow = needed("pyarrow")

    def pieces() -> Iterator[Arrow]:
        source = arrow.BufferReader(content)
        yield from arrow.ipc.open_stream(source)
        if source.tell() < source.size():
            raise ForeignError("more than one table in the stream")

    schema = arrow.ipc.open_stream(arrow.BufferReader(content)).schema
    return _Table(schema, None, pieces, _texts(schema.metadata))


def _texts(said: dict[bytes, bytes] | None) -> dict[str, object]:
    return {name.decode("utf-8", "replace"): value for name, value in (said or {}).items()}


def _plain(kind: Arrow) -> Arrow:
    """Return the type of the values, however they are stored."""
    arrow = needed("pyarrow")
    types = arrow.types
    if isinstance(kind, arrow.BaseExtensionType):
        return _plain(kind.storage_type)
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return arrow.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind):
        return arrow.binary()
    return _plain_nested(kind)


def _plain_nested(kind: Arrow) -> Arrow:
    arrow = needed("pyarrow")
    types = arrow.types
    if types.is_list(kind) or types.is_large_list(kind):
        return arrow.list_(arrow.field("item", _plain(kind.value_type)))
    if types.is_struct(kind):
        return arrow.struct([arrow.field(field.name, _plain(field.type)) for field in kind])
    if types.is_map(kind):
        return arrow.map_(_plain(kind.key_type), _plain(kind.item_type))
    return kind


def _differences(then: _Table, now: _Table, tolerance: Tolerance) -> Finding:
    layout = _layout(then.columns, now.columns)
    if layout is not None:
        return layout
    if then.rows != now.rows:
        return Finding(equal=False, detail=_other_rows(then.rows, now.rows))
    found = _Comparison(then.columns, tolerance)
    found.compare(then, now)
    shuffled = bool(found.walk.tally.count) and _is_shuffled(then, now, tolerance)
    otherwise = metadata.other(then.metadata, now.metadata)
    return found.walk.tally.finding(what="values", otherwise=otherwise, in_order=not shuffled)


def _layout(then: list[tuple[str, Arrow]], now: list[tuple[str, Arrow]]) -> Finding | None:
    """Return how columns and their types differ."""
    moved = columns.moved([name for name, _ in then], [name for name, _ in now])
    if moved is not None:
        return moved
    for (name, kind), (_, other) in zip(then, now, strict=True):
        if kind != other:
            return Finding(equal=False, detail=f"column {shown(name)}: {shortened(f'{kind} then, {other} now', 120)}")
    return None


def _other_rows(then: int | None, now: int | None) -> str:
    return f"{counted(then or 0, 'row')} then, {number(now or 0)} now"


class _Comparison:
    """The comparison of two tables of the same columns, piece by piece."""

    def __init__(self, named: list[tuple[str, Arrow]], tolerance: Tolerance) -> None:
        self.named = named
        self.tolerance = tolerance
        self.walk = Walk(tolerance)
        self.done = 0  # rows

    def compare(self, then: _Table, now: _Table) -> None:
        """Compare all rows."""
        ends = [0, 0]
        for piece, other in _aligned(then, now, ends):
            for (name, kind), one, other_one in zip(self.named, piece.columns, other.columns, strict=True):
                self._column(name, _as(one, kind), _as(other_one, kind))
            self.done += piece.num_rows
        if ends[0] != ends[1]:
            self.walk.tally.ahead(_other_rows(*ends))

    def _column(self, name: str, then: Arrow, now: Arrow) -> None:
        if then.equals(now):
            return
        if needed("pyarrow").types.is_nested(then.type):
            self._rows(name, enumerate(zip(then.to_pylist(), now.to_pylist(), strict=True), 1))
            return
        found = _unequal(then, now, self.tolerance)
        self.walk.tally.distance(found.apart, found.rounded)
        places = found.mask.nonzero()[0]
        looked_at = places[:_LOOKED_AT]
        values = zip(_readable(then.take(looked_at)), _readable(now.take(looked_at)), strict=True)
        self._rows(name, zip((looked_at + 1).tolist(), values, strict=True))
        self.walk.tally.more(len(places) - len(looked_at))

    def _rows(self, name: str, rows: Iterable[tuple[int, tuple[object, object]]]) -> None:
        for row, (value, other) in rows:
            self.walk.compare(value, other, (None, Root(f"row {number(self.done + row)}, column {shown(name)}", name)))


def _aligned(then: _Table, now: _Table, ends: list[int]) -> Iterator[tuple[Arrow, Arrow]]:
    """Yield pieces of the same rows of both tables, until one ends; `ends` then says how many rows each had."""
    side, other_side = _bounded(then.pieces()), _bounded(now.pieces())
    piece, other = next(side, None), next(other_side, None)
    while piece is not None and other is not None:
        rows = min(piece.num_rows, other.num_rows)
        yield piece.slice(0, rows), other.slice(0, rows)
        ends[:] = [end + rows for end in ends]
        piece, other = piece.slice(rows), other.slice(rows)
        piece = piece if piece.num_rows else next(side, None)
        other = other if other.num_rows else next(other_side, None)
    ends[0] += _rows_of(piece, side)
    ends[1] += _rows_of(other, other_side)


def _rows_of(piece: Arrow | None, rest: Iterator[Arrow]) -> int:
    return (0 if piece is None else int(piece.num_rows)) + sum(int(one.num_rows) for one in rest)


def _bounded(pieces: Iterator[Arrow]) -> Iterator[Arrow]:
    """Yield pieces, sound ones only, until they are more than anybody should decode."""
    total = 0
    for piece in pieces:
        total += piece.nbytes + piece.num_rows
        if total > _MOST_DECODED:
            raise ForeignError(f"more than {_MOST_DECODED >> 30} GB decoded")
        piece.validate(full=True)  # offsets of a foreign file may point anywhere
        yield piece


def _as(array: Arrow, kind: Arrow) -> Arrow:
    """Return the values of a column, however they are stored."""
    if isinstance(array, needed("pyarrow").ExtensionArray):
        array = array.storage
    return array if array.type == kind else array.cast(kind)


def _unequal(then: Arrow, now: Arrow, tolerance: Tolerance) -> Unequal:
    """Compare two flat columns of one type; nothing equals nothing."""
    compute = needed("pyarrow.compute")
    one_lacks = _mask(compute.not_equal(then.is_null(), now.is_null()))
    if needed("pyarrow").types.is_floating(then.type):
        one, other = then.to_numpy(zero_copy_only=False), now.to_numpy(zero_copy_only=False)
        found = numpy_array.unequal(one, other, tolerance)
        return replace(found, mask=found.mask | one_lacks)
    return Unequal(_mask(compute.fill_null(_not_equal(then, now), fill_value=False)) | one_lacks)


def _not_equal(then: Arrow, now: Arrow) -> Arrow:
    arrow = needed("pyarrow")
    try:
        return needed("pyarrow.compute").not_equal(then, now)
    except arrow.ArrowNotImplementedError:  # of some types, such as intervals
        return arrow.array([one != other for one, other in zip(then.to_pylist(), now.to_pylist(), strict=True)], "bool")


def _mask(array: Arrow) -> Mask:
    return array.to_numpy(zero_copy_only=False)


def _readable(array: Arrow) -> list[object]:
    """Return values as Python has them, times as text: Python's have no nanoseconds."""
    types, kind = needed("pyarrow").types, array.type
    if types.is_duration(kind):
        array = array.cast("int64")
    elif types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind):
        array = array.cast("string")
    values: list[object] = array.to_pylist()
    return values


def _is_shuffled(then: _Table, now: _Table, tolerance: Tolerance) -> bool:
    """Say whether both have the same rows in another order, as far as sorting is worth it."""
    if not then.rows or then.rows != now.rows or then.rows * len(then.columns) > _MOST_SORTED:
        return False
    found = _Comparison(then.columns, tolerance)
    try:
        found.compare(_sorted(then), _sorted(now))
    except needed("pyarrow").ArrowException:  # not every type has an order
        return False
    return not found.walk.tally.count


def _sorted(table: _Table) -> _Table:
    """Return a table in the order of all columns that have one."""
    arrow = needed("pyarrow")
    pieces = list(_bounded(table.pieces()))
    kinds = [kind for _, kind in table.columns]
    chunks = [[_as(piece.column(at), kind) for piece in pieces] for at, kind in enumerate(kinds)]
    names = [str(at) for at in range(len(kinds))]
    whole = arrow.table([arrow.chunked_array(chunk, kind) for chunk, kind in zip(chunks, kinds, strict=True)], names)
    keys = [(name, "ascending") for name, kind in zip(names, kinds, strict=True) if not arrow.types.is_nested(kind)]
    return replace(table, pieces=lambda: iter(whole.sort_by(keys).to_batches() if keys else whole.to_batches()))
