"""The software of a run: a table of packages, and a requirements file of what Python imported."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from vestige.quantity import number
from vestige.report.tables import Column
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.record.model import Package

COLUMNS = (
    Column("kind"),
    Column("package"),
    Column("version"),
    Column("files", right=True),
    Column("from"),
)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 508
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")
_HOSTLESS = re.compile(r"[a-z]+\+[a-z]+:///")  # git+file:///…, which pip before 24.1 takes without `name @` only
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")  # no blank: it would end there


def rows(packages: Iterable[Package]) -> list[list[str]]:
    """Return the cells of each package for `COLUMNS`."""
    return [
        [
            package.kind,
            safe(package.name),
            safe(package.version or "–"),  # noqa: RUF001 - a dash on purpose
            number(package.files),
            _origin(package),
        ]
        for package in packages
    ]


def requirements(packages: Sequence[Package]) -> list[str]:
    """Return the lines of a requirements file for what was imported, sorted by name.

    What pip could not take is said in a comment: a version that is not known, a second one of the same distribution.
    """
    lines = []
    taken: dict[str, Package] = {}
    for package in sorted(
        filter(_is_imported, packages), key=lambda package: (_canonical(package.name), package.files)
    ):
        first = taken.setdefault(_canonical(package.name), package)
        if first is package:
            lines.append(_requirement(package))
        elif (first.version, first.source) != (package.version, package.source):
            lines.append(_comment(package, "a second one was imported"))
    return lines


def _origin(package: Package) -> str:
    parts = []
    if package.editable:
        parts.append(f"editable {safe(package.location or '')}".rstrip())
    if package.source and not (package.editable and package.source.startswith("file:")):
        parts.append(safe(package.source))
    elif package.location and not package.editable:
        parts.append(safe(package.location))
    if not package.imported:
        parts.append("not imported")
    return ", ".join(parts)


def _is_imported(package: Package) -> bool:
    return package.kind == "python" and package.imported


def _canonical(name: str) -> str:
    """Return a name as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirement(package: Package) -> str:
    if not _NAME.fullmatch(package.name):
        return _comment(package, "no name that pip takes")
    if package.source is not None:
        return "".join(_by_source(package, package.source))
    if package.version is None or not _VERSION.fullmatch(package.version):
        return _comment(package, "its version is not known")
    return f"{package.name}=={package.version}"


def _by_source(package: Package, source: str) -> Iterator[str]:
    """Yield the parts of the line for what did not come from an index."""
    if not _URL.fullmatch(source):
        yield _comment(package, "it came from no place that pip takes")
    elif not package.editable and not _HOSTLESS.match(source):
        yield f"{package.name} @ {source}"
    elif source.startswith("file:"):
        yield f"-e {_path(package.location, source)}"
    else:
        url, _, fragment = source.partition("#")
        option = "-e " if package.editable else ""
        yield f"{option}{url}#egg={package.name}" + (f"&{fragment}" if fragment else "")


def _path(location: str | None, url: str) -> str:
    """Return a path as it is if nobody can misread it, else as a URL."""
    plain = location is not None and location.startswith("/") and shlex.quote(location) == location
    return location if plain and location else url


def _comment(package: Package, why: str) -> str:
    version = f"=={package.version}" if package.version else ""
    where = f" in {package.location}" if package.location else ""
    return safe(f"# {package.name}{version}{where}: {why}")
