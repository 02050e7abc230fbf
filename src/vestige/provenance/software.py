"""Which packages the files of a run belong to: distributions of Python, R, Node and conda, packages of the system."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige import settings
from vestige.provenance import system_packages
from vestige.provenance.remembered import Memory
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from vestige.record.model import FileUse, Package

# hooks that are read whenever the interpreter starts, whatever is imported then
_AT_START = re.compile(rb"/(?:__editable__|_distutils_hack/|_virtualenv\.)")
_CODE = (b".py", b".pyc", b".so", b".pyd")
_SYSTEM = (b"/usr/", b"/bin/", b"/sbin/", b"/lib", b"/etc/", b"/proc/", b"/sys/", b"/dev/")
_USED = frozenset({"software", "input", "modified", "config", "cache", "unchanged"})


@dataclass(frozen=True, slots=True)
class Packages:
    """Packages by the paths that belong to them; a path is canonical."""

    found: Mapping[bytes, Package]

    def owner(self, path: bytes) -> str | None:
        """Return kind and name of the package that a path belongs to, as `python:numpy`."""
        package = self.found.get(path)
        return None if package is None else f"{package.kind}:{package.name}"

    def editable(self) -> frozenset[str]:
        """Return the packages, named as by `owner`, that are used from their source trees."""
        return frozenset(f"{package.kind}:{package.name}" for package in self.found.values() if package.editable)

    def packages(self, uses: Iterable[FileUse]) -> tuple[Package, ...]:
        """Return the packages of which the run read or executed files that it did not make itself."""
        files: dict[Package, int] = {}
        loaded: set[Package] = set()
        for use in uses:
            package = self.found.get(to_bytes(use.path)) if use.package is not None and use.kind in _USED else None
            if package is not None:
                files[package] = files.get(package, 0) + 1
                if use.executed or _is_code(to_bytes(use.path)):
                    loaded.add(package)
        counted = (
            dataclasses.replace(package, files=count, imported=package.kind != "python" or package in loaded)
            for package, count in files.items()
        )
        return tuple(sorted(counted, key=lambda package: (package.kind, package.name.lower(), package.location or "")))


def find(paths: Iterable[bytes]) -> Packages:
    """Find the packages of canonical paths."""
    every = list(paths)
    found: dict[bytes, Package] = {}
    memory = Memory(settings.user_cache(os.environ))
    try:
        for ask in _keepers(every):
            found |= ask(_without(every, found), memory)
    finally:
        memory.close()
    return Packages(found)


def _is_code(path: bytes) -> bool:
    return path.endswith(_CODE) and not _AT_START.search(path)


def _keepers(paths: Sequence[bytes]) -> Iterator[Callable[[Sequence[bytes], Memory], dict[bytes, Package]]]:
    """Yield who may know the packages of these paths; what is not needed is not imported: most runs are short."""
    if any(b"-packages/" in path or b".dist-info/" in path for path in paths):
        from vestige.provenance import python_packages  # noqa: PLC0415

        yield lambda rest, _: python_packages.find(rest)
    if not all(path.startswith(_SYSTEM) and b"library/" not in path and b"/node_" not in path for path in paths):
        from vestige.provenance import folder_packages  # noqa: PLC0415

        yield folder_packages.find
    yield system_packages.find


def _without(paths: Sequence[bytes], found: Mapping[bytes, Package]) -> list[bytes]:
    return [path for path in paths if path not in found and os.path.isabs(path)]
