"""Whose counts they are, vestige's own or those of a project with a schema of its own, and who collects them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import ConfigError, TelemetryError
from vestige.telemetry import project
from vestige.telemetry import schema as schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.telemetry.schema import Schema
    from vestige.telemetry.surroundings import Surroundings

COLLECTOR_VARIABLE = "VESTIGE_TELEMETRY_COLLECTOR"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Source:
    """A schema, and the collector with where that is named."""

    schema: Schema
    path: str  # of the schema
    collector: str | None = None  # None: there is nobody to send to
    named_in: str | None = None  # the file or variable that names the collector


def own(chosen: Mapping[str, str], around: Surroundings) -> Source:
    """Return vestige's own; `chosen` are the collectors that the user named, by schema name.

    Raises TelemetryError where what names the collector can't be used.
    """
    schema = schemas.load()
    variable = around.environ.get(COLLECTOR_VARIABLE)
    if variable:
        return _sent(schema, schemas.BUILT_IN, variable, f"${COLLECTOR_VARIABLE}")
    if schema.name in chosen:
        return _sent(schema, schemas.BUILT_IN, chosen[schema.name], "your choice")
    organisation = admin(around).get("collector")
    if organisation:
        return _sent(schema, schemas.BUILT_IN, str(organisation), around.admin_file)
    return _sent(schema, schemas.BUILT_IN, schema.collector, schemas.BUILT_IN)


def of_schema(
    path: str, chosen: Mapping[str, str], *, collector: str | None = None, named_in: str | None = None
) -> Source:
    """Return that of a schema file, which may be in any package. Raises TelemetryError."""
    schema = schemas.load(path)
    if schema.name in chosen:
        return _sent(schema, path, chosen[schema.name], "your choice")
    return _sent(schema, path, collector or schema.collector, named_in if collector else path)


def of_project(folder: str, chosen: Mapping[str, str]) -> Source:
    """Return that of the project around `folder`. Raises TelemetryError where no file there names a schema."""
    for table in project.tables({}, os.path.abspath(folder)):
        if table.trouble:
            raise TelemetryError(table.trouble)
        named = table.content.get("schema")
        if isinstance(named, str):
            path = os.path.join(os.path.dirname(table.path), named)
            collector = table.content.get("collector")
            found = of_schema(path, chosen, collector=str(collector) if collector else None, named_in=table.path)
            if found.schema.name == schemas.load().name:
                raise TelemetryError(f"`{path}`: `{found.schema.name}` is another's name")
            return found
    raise TelemetryError(
        f"no `[tool.vestige.telemetry]` with a `schema` in `{folder}`, or above it up to the top of a Git repository"
    )


def admin(around: Surroundings) -> dict[str, object]:
    """Return what the administrator's file says, nothing where there is none. Raises TelemetryError."""
    path = around.admin_file
    try:
        with open(path, "rb") as file:
            return project.parse_toml(path, file.read(schemas.LARGEST_FILE))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise TelemetryError(f"can't read `{path}`: {error.strerror}") from error
    except ConfigError as error:
        raise TelemetryError(str(error)) from error


def check_collector(url: str) -> str:
    """Return a collector's address as it is used. Raises TelemetryError: https, or this machine, or a file."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - only where there is one: whoever counts a run does without

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise TelemetryError(f"`{url}` is no address of a collector: {error}") from error
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    is_file = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    plain = url.isascii() and url.isprintable() and " " not in url and not (parts.query or parts.fragment)
    if not plain or parts.username is not None or not (is_file or (is_safe and host)):
        raise TelemetryError(f"`{url}` can't be a collector: it takes https://HOST, or http:// of this machine alone")
    return url.rstrip("/")


def _sent(schema: Schema, path: str, collector: str | None, named_in: str | None) -> Source:
    return Source(schema, path, check_collector(collector), named_in) if collector else Source(schema, path)
