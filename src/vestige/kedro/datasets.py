"""What can be said of a dataset for next to nothing: where it lies, how large it is, its rows and columns.

Nothing is computed, loaded or asked of another machine for it, and no settings are looked at but the path.
"""

from __future__ import annotations

import itertools
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from vestige.kedro.credentials import without_user

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOCAL = {"", "file", "local"}
_MOST_FILES = 10_000  # of a folder: one with more has no size
_MOST_COLUMNS = 200  # by name
_LONGEST_NAME = 200
_PARAMETERS = ("params:", "parameters")
_WRAPPER = "CachedDataset"
_SIZED = (dict, list, tuple)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a dataset lies."""

    paths: tuple[str, ...] = ()  # absolute, on this machine
    uri: str | None = None  # elsewhere, without user, password and query


def is_parameter(name: str) -> bool:
    """Say whether a name is that of parameters."""
    return name.startswith(_PARAMETERS[0]) or name == _PARAMETERS[1]


def in_catalog(catalog: object, name: str) -> Any:  # noqa: ANN401 - whatever class it has
    """Return a dataset, None where the catalog has not made it yet; what only caches another is left out."""
    found = getattr(catalog, "_datasets", None)
    dataset: Any = found.get(name) if isinstance(found, dict) else None
    while type(dataset).__name__ == _WRAPPER and hasattr(dataset, "_dataset"):
        dataset = dataset._dataset  # noqa: SLF001 - Kedro has no other name for it
    return dataset


def type_of(dataset: object) -> str:
    """Return its class, dotted."""
    return f"{type(dataset).__module__}.{type(dataset).__qualname__}"


def is_kept(dataset: object) -> bool:
    """Say whether it is there after the process."""
    return not getattr(dataset, "_EPHEMERAL", False)


def is_versioned(dataset: object) -> bool:
    """Say whether each save has a folder of its own."""
    return getattr(dataset, "_version", None) is not None and hasattr(dataset, "_get_versioned_path")


def version(dataset: Any, *, is_load: bool) -> str | None:  # noqa: ANN401
    """Return which version was just loaded or saved; None where it has none, or another machine would be asked."""
    if not is_versioned(dataset):
        return None
    if not is_load:
        return _text(dataset.resolve_save_version())
    known = dataset._version.load or getattr(dataset, "_cached_load_version", None)  # noqa: SLF001
    return _text(dataset.resolve_load_version()) if known or not location(dataset).uri else None


def location(dataset: Any, of_version: str | None = None) -> Location:  # noqa: ANN401
    """Return where it lies, or one version of it."""
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    if not isinstance(path, str | PurePath) or not str(path):
        return Location(uri=_address(dataset))
    if of_version is not None and isinstance(path, PurePath):
        path = dataset._get_versioned_path(of_version)  # noqa: SLF001
    text = str(path)
    scheme, is_address, rest = text.partition("://")
    protocol = getattr(dataset, "_protocol", None)
    protocol = protocol if isinstance(protocol, str) else scheme if is_address else ""
    if protocol in _LOCAL:
        return Location((os.path.abspath(rest if is_address else text),))
    return Location(uri=without_user(text if is_address else f"{protocol}://{text}"))


def size(paths: Iterable[str]) -> int | None:
    """Return the bytes in files and folders of this machine; None where one is missing or holds very many files."""
    sizes = [_size(path) for path in paths]
    return None if None in sizes or not sizes else sum(one or 0 for one in sizes)


def shape(data: object) -> dict[str, object]:
    """Return `rows`, `columns` and `column_names` of what is in memory as a table, an array or a list."""
    for module, describe in (("pandas", _pandas), ("polars", _polars), ("numpy", _numpy), ("pyarrow", _pyarrow)):
        library = sys.modules.get(module)
        found = {} if library is None else describe(library, data)
        if found:
            return found
    is_plain = any(type(data).__len__ is kind.__len__ for kind in _SIZED if isinstance(data, kind))
    if not is_plain or (isinstance(data, dict) and any(callable(value) for value in data.values())):
        return {}  # partitions that are not loaded yet are no rows
    return {"rows": len(data)}  # type: ignore[arg-type]


def _pandas(pandas: Any, data: Any) -> dict[str, object]:  # noqa: ANN401
    if isinstance(data, pandas.DataFrame):
        return _table(len(data.index), len(data.columns), data.columns)
    return {"rows": len(data.index), "columns": 1} if isinstance(data, pandas.Series) else {}


def _polars(polars: Any, data: Any) -> dict[str, object]:  # noqa: ANN401
    if isinstance(data, polars.DataFrame):
        return _table(data.height, data.width, data.columns)
    return {"rows": data.len(), "columns": 1} if isinstance(data, polars.Series) else {}


def _numpy(numpy: Any, data: Any) -> dict[str, object]:  # noqa: ANN401
    if not isinstance(data, numpy.ndarray) or not data.shape:
        return {}
    return dict(zip(("rows", "columns"), data.shape[:2], strict=False))


def _pyarrow(pyarrow: Any, data: Any) -> dict[str, object]:  # noqa: ANN401
    if not isinstance(data, pyarrow.Table | pyarrow.RecordBatch):
        return {}
    return _table(data.num_rows, data.num_columns, data.schema.names)


def _table(rows: int, columns: int, names: Iterable[object]) -> dict[str, object]:
    first = [str(name)[:_LONGEST_NAME] for name in itertools.islice(names, _MOST_COLUMNS)]
    return {"rows": int(rows), "columns": int(columns), "column_names": first}


def _address(dataset: object) -> str | None:
    """Return the URL of what is asked of a server."""
    asked = getattr(dataset, "_request_args", None)
    url = asked.get("url") if isinstance(asked, dict) else None
    return without_user(url) if isinstance(url, str) else None


def _size(path: str) -> int | None:
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return status.st_size
        return _folder_size(path)
    except OSError:
        return None


def _folder_size(top: str) -> int | None:
    """Return the bytes of all files in a folder. Raises OSError."""
    todo, total, count = [top], 0, 0
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                count += 1
                if count > _MOST_FILES:
                    return None
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
