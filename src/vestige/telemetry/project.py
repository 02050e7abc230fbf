"""What project files say of telemetry: `[tool.vestige.telemetry]`, and Kedro's own `.telemetry`.

A project names its own schema and collector, and may say no. It may never say yes: a cloned repository does not speak
for whoever cloned it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.errors import ConfigError
from vestige.settings import PROJECT_FILES, git_top_level, user_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEDRO_FILE = ".telemetry"
_LARGEST = 1 << 20  # B
_KEDRO_YES = re.compile(rb"\s*consent\s*:\s*(true|yes|on)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """What one file says; `trouble` instead of `content` where it can't be read."""

    path: str
    content: Mapping[str, Any]
    trouble: str | None = None


def tables(environ: Mapping[str, str], folder: str | None) -> Iterator[Table]:
    """Yield the tables for telemetry: of the project from `folder` up to the Git top level, then the user's."""
    for place in _upward(folder):
        for name in PROJECT_FILES:
            yield from _table(os.path.join(place, name))
    path = user_file(environ)
    if path:
        yield from _table(path)


def kedro_refusal(folder: str | None) -> str | None:
    """Return the nearest `.telemetry` that does not plainly consent; Kedro reads only that of the project's folder."""
    for place in _upward(folder):
        path = os.path.join(place, KEDRO_FILE)
        if os.path.lexists(path) and not _consents(path):
            return path
    return None


def _upward(folder: str | None) -> Iterator[str]:
    if folder is None:
        return
    top = git_top_level(folder) or folder
    yield folder
    while folder != top:
        folder = os.path.dirname(folder)
        yield folder


def _table(path: str) -> Iterator[Table]:
    try:
        raw = _read(path)
    except FileNotFoundError:
        return
    except OSError as error:
        yield Table(path, {}, f"can't read `{path}`: {error.strerror}")
        return
    if b"telemetry" not in raw or (path.endswith("pyproject.toml") and b"vestige" not in raw):
        return  # a TOML reader costs more than everything else here
    try:
        content = parse_toml(path, raw)
        for key in ("tool", "vestige") if path.endswith("pyproject.toml") else ():
            content = content.get(key, {})
        table = content.get("telemetry")
    except (ConfigError, AttributeError) as error:
        yield Table(path, {}, str(error))
        return
    if isinstance(table, dict):
        yield Table(path, table)
    elif table is not None:
        yield Table(path, {}, f"`{path}`: `telemetry` must be a table")


def parse_toml(path: str, raw: bytes) -> dict[str, Any]:
    """Return the content of a TOML file. Raises ConfigError."""
    try:
        import tomllib as toml  # noqa: PLC0415 - only where there is a file to read
    except ImportError:  # Python 3.10
        try:
            import tomli as toml  # type: ignore[import-not-found,no-redef,unused-ignore]  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(f"can't read `{path}` without `tomli`") from error
    try:
        return toml.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"`{path}` is no valid TOML: {error}") from error


def _consents(path: str) -> bool:
    try:
        return bool(_KEDRO_YES.fullmatch(_read(path)))
    except OSError:
        return False


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except NotADirectoryError as error:
        raise FileNotFoundError(path) from error
    with open(descriptor, "rb") as file:
        return file.read(_LARGEST)
