"""Packages that say in their own folder what they are: of conda, R and Node."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from vestige.provenance.reading import content, entries, header, json_object, word
from vestige.provenance.remembered import database
from vestige.record.model import Package
from vestige.text import from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vestige.provenance.remembered import Memory

_NODE = re.compile(rb"(/.*/node_modules)/((?:@[^/]+/)?[^/@.][^/]*)/", re.DOTALL)  # greedy: the innermost counts
_R = re.compile(rb"(/.*?/(?:site-)?library)/([A-Za-z][A-Za-z0-9.]*)/", re.DOTALL)
_PREFIX = re.compile(rb"(/.+?)/(?:bin|sbin|lib|lib64|libexec|share|include|etc|ssl|conda-meta)/", re.DOTALL)


def find(paths: Sequence[bytes], memory: Memory) -> dict[bytes, Package]:
    """Return for each path that belongs to such a package, which one. Paths are canonical."""
    found = of_conda(paths, memory)
    found |= of_r(paths)
    return found | of_node(paths)


def of_node(paths: Iterable[bytes]) -> dict[bytes, Package]:
    """Return whose the files in `node_modules` are."""
    described: dict[bytes, Package | None] = {}
    found = {}
    for path in paths:
        match = _NODE.match(path) if b"/node_modules/" in path else None
        if match:
            folder = match.group()[:-1]
            if folder not in described:
                described[folder] = _node(folder, match.group(1))
            package = described[folder]
            if package is not None:
                found[path] = package
    return found


def of_r(paths: Iterable[bytes]) -> dict[bytes, Package]:
    """Return whose the files in libraries of R are."""
    described: dict[bytes, Package | None] = {}
    found = {}
    for path in paths:
        match = _R.match(path) if b"library/" in path else None
        if match:
            folder = match.group()[:-1]
            if folder not in described:
                described[folder] = _r(folder, match.group(1))
            package = described[folder]
            if package is not None:
                found[path] = package
    return found


def of_conda(paths: Iterable[bytes], memory: Memory) -> dict[bytes, Package]:
    """Return whose the files in conda environments are."""
    by_prefix: dict[bytes, list[bytes]] = {}
    for path in paths:
        match = _PREFIX.match(path) if not path.startswith(b"/usr/") else None
        if match:
            by_prefix.setdefault(match.group(1), []).append(path)
    found: dict[bytes, Package] = {}
    for prefix, theirs in by_prefix.items():
        if os.path.isdir(os.path.join(prefix, b"conda-meta")):
            found |= _conda(prefix, theirs, memory)
    return found


def _node(folder: bytes, location: bytes) -> Package | None:
    said = json_object(os.path.join(folder, b"package.json"))
    name = word(said.get("name"))
    return (name and Package("node", name, word(said.get("version")), location=from_bytes(location))) or None


def _r(folder: bytes, location: bytes) -> Package | None:
    fields = header(content(os.path.join(folder, b"DESCRIPTION")) or b"", "Package", "Version")
    name = fields.get("Package")
    return (name and Package("r", name, fields.get("Version"), location=from_bytes(location))) or None


def _conda(prefix: bytes, paths: list[bytes], memory: Memory) -> dict[bytes, Package]:
    folder = os.path.join(prefix, b"conda-meta")
    source = database("conda", os.fsdecode(folder))
    known = {} if source is None else memory.known(source, paths)
    new = {path for path in paths if path not in known}
    if new:
        answers = dict.fromkeys(new) | _conda_owners(prefix, folder, new)
        if source is not None:
            memory.keep(source, answers)
        known |= answers
    location = from_bytes(prefix)
    return {path: _located(package, location) for path, package in known.items() if package is not None}


def _conda_owners(prefix: bytes, folder: bytes, paths: set[bytes]) -> dict[bytes, Package | None]:
    found: dict[bytes, Package | None] = {}
    for name in entries(folder):
        said = json_object(os.path.join(folder, name)) if name.endswith(b".json") else {}
        own, files = word(said.get("name")), said.get("files")
        if own is None or not isinstance(files, list):
            continue
        package = Package("conda", own, word(said.get("version")))
        for file in files:
            path = os.path.join(prefix, os.fsencode(file)) if isinstance(file, str) else b""
            if path in paths:
                found[path] = package
    return found


def _located(package: Package, location: str) -> Package:
    return Package(package.kind, package.name, package.version, location=location)
