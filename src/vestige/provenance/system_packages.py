"""Which package of the system a file belongs to: dpkg, rpm or apk are asked once for all that is not remembered."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from vestige.provenance.remembered import database
from vestige.record.model import Package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from vestige.provenance.remembered import Database, Memory

_DATABASES = (
    ("deb", "var/lib/dpkg/status"),
    ("apk", "lib/apk/db/installed"),
    ("rpm", "usr/lib/sysimage/rpm/rpmdb.sqlite"),
    ("rpm", "var/lib/rpm/rpmdb.sqlite"),
    ("rpm", "var/lib/rpm/Packages"),
    ("rpm", "var/lib/rpm/Packages.db"),
)
_PLACES = (b"/usr/", b"/bin/", b"/sbin/", b"/lib/", b"/lib32/", b"/lib64/", b"/libx32/", b"/etc/", b"/opt/")
_NOT_THERE = b"/usr/local/"  # nobody's but the administrator's (Filesystem Hierarchy Standard, 4.9)
_MERGED = re.compile(rb"/usr(/(?:bin|sbin|lib|lib32|lib64|libx32)/.*)", re.DOTALL)
_CACHED = re.compile(rb"(.*/)__pycache__/([^/]+?)\.[^./]+(?:\.opt-[^./]+)?\.pyc", re.DOTALL)
_DIVERTED = re.compile(rb"diversion by (.+) (from|to): (.+)")
_APK = re.compile(rb"(.+) is owned by (.+)-([0-9][^-]*-r[0-9]+)")
_LINE = 1 << 19  # B, of the 2 MB that a command line may have
_POINTER = 9  # B, that each word of it takes beside its letters
_DPKG_TROUBLE = 2  # dpkg-query(1); 1 is that some path belongs to nobody
_LONGEST = 60.0  # s, for one answer


class _NoAnswerError(Exception):
    """The tool is not there, or failed: nothing is known, and nothing to be remembered."""


def find(paths: Iterable[bytes], memory: Memory, *, root: str = "/") -> dict[bytes, Package]:
    """Return for each path that belongs to a package of this system, which one. Paths are canonical."""
    source = _database(root)
    if source is None:
        return {}
    asked = [path for path in paths if _may_belong(path)]
    known = memory.known(source, asked)
    new = [path for path in asked if path not in known]
    if new:
        with contextlib.suppress(_NoAnswerError):
            found = _answers(source, new)
            answers = {path: found.get(path) for path in new}
            memory.keep(source, answers)
            known |= answers
    return {path: package for path, package in known.items() if package is not None}


def _database(root: str) -> Database | None:
    for kind, path in _DATABASES:
        found = database(kind, os.path.join(root, path))  # type: ignore[arg-type]
        if found is not None:
            return found
    return None


def _may_belong(path: bytes) -> bool:
    """Say whether it is worth asking: tools answer line by line, so a path with a line feed can't be asked for."""
    return path.startswith(_PLACES) and not path.startswith(_NOT_THERE) and b"\n" not in path


def _answers(source: Database, paths: Sequence[bytes]) -> dict[bytes, Package]:
    """Ask whoever keeps the database. Raises _NoAnswerError."""
    ask: Callable[[Sequence[bytes]], dict[bytes, Package]] = {"deb": _dpkg, "rpm": _rpm, "apk": _apk}[source.kind]
    names = _names(paths)
    found = ask(list(dict.fromkeys(name for several in names.values() for name in several)))
    return {
        path: next(found[name] for name in several if name in found)
        for path, several in names.items()
        if any(name in found for name in several)
    }


def _names(paths: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Return under which names a package may have a file: where /lib is a link to /usr/lib, either is used.

    A module that was compiled after it was installed belongs with its source.
    """
    named: dict[bytes, list[bytes]] = {}
    for path in paths:
        if not os.path.lexists(path):
            continue
        compiled = _CACHED.fullmatch(path)
        several = [path, *([compiled.group(1) + compiled.group(2) + b".py"] if compiled else [])]
        unmerged = [match.group(1) for name in several if (match := _MERGED.fullmatch(name))]
        named[path] = [*several, *unmerged]
    return named


def _dpkg(paths: Sequence[bytes]) -> dict[bytes, Package]:
    """Ask dpkg-query(1), which takes globs."""
    owners = _dpkg_owners(paths)
    described = _dpkg_packages(sorted({*owners.values(), b"dpkg"}))
    native = described.get(b"dpkg", (b"", b""))[1].partition(b":")[2]
    found = {}
    for path, owner in owners.items():
        if owner in described:
            version, name = described[owner]
            shown = name.partition(b":")[0] if name.endswith((b":" + native, b":all")) else name
            found[path] = Package("deb", shown.decode("utf-8", "replace"), version.decode("utf-8", "replace"))
    return found


def _dpkg_owners(paths: Sequence[bytes]) -> dict[bytes, bytes]:
    lines = _lines(paths, lambda some: [b"dpkg-query", b"-S", b"--", *map(_literal, some)])
    owners: dict[bytes, list[bytes]] = {}
    moved: dict[bytes, tuple[bytes, bytes]] = {}  # by where a diverted file lies: its own name, and who took that
    taken: dict[bytes, bytes] = {}
    origin = b""
    for line in lines:
        diverted = _DIVERTED.fullmatch(line)
        if diverted and diverted.group(2) == b"from":
            origin = diverted.group(3)
            taken[origin] = diverted.group(1)
        elif diverted:
            moved[diverted.group(3)] = (origin, diverted.group(1))
        elif not line.startswith(b"local diversion "):
            names, _, path = line.partition(b": ")
            owners.setdefault(path, []).extend(names.split(b", "))
    found = {path: _not_moved(names, taken.get(path)) for path, names in owners.items()}
    for path, (name, taker) in moved.items():
        theirs = [owner for owner in owners.get(name, ()) if owner.partition(b":")[0] != taker]
        if theirs:
            found[path] = theirs[0]
    return found


def _not_moved(owners: Sequence[bytes], taker: bytes | None) -> bytes:
    """Return whose a file is: of several, the package that diverted those of the others."""
    return next((owner for owner in owners if owner.partition(b":")[0] == taker), owners[0])


def _dpkg_packages(names: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
    """Return version and `name:architecture` of packages by the names that dpkg-query gave."""
    form = b"-f=${binary:Package}\\t${Package}:${Architecture}\\t${Version}\\n"
    described = {}
    for line in _lines(names, lambda some: [b"dpkg-query", b"-W", form, b"--", *some]):
        binary, _, rest = line.partition(b"\t")
        name, _, version = rest.partition(b"\t")
        described[binary] = described[binary.partition(b":")[0]] = (version, name)
    return described


def _literal(path: bytes) -> bytes:
    """Return a path as a glob that matches nothing else."""
    return re.sub(rb"([*?\[\\])", rb"\\\1", path)


def _rpm(paths: Sequence[bytes]) -> dict[bytes, Package]:
    """Ask rpm(8): a line for each path and package, in order, without the path."""
    found = {}
    for part in _parts(paths):
        for path, line in _rpm_lines(part):
            name, tab, version = line.decode("utf-8", "replace").partition("\t")
            if tab:
                found[path] = Package("rpm", name, version)
    return found


def _rpm_lines(paths: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield a line for each path; where a path gave several or none, the paths are asked for in halves."""
    form = b"%{NAME}\\t%{VERSION}-%{RELEASE}.%{ARCH}\\n"
    lines = _run([b"rpm", b"-qf", b"--qf", form, *paths])
    if len(lines) == len(paths):
        yield from zip(paths, lines, strict=True)
    elif len(paths) > 1:
        yield from _rpm_lines(paths[: len(paths) // 2])
        yield from _rpm_lines(paths[len(paths) // 2 :])
    elif lines:
        yield paths[0], lines[0]


def _apk(paths: Sequence[bytes]) -> dict[bytes, Package]:
    """Ask apk(8)."""
    lines = _lines(paths, lambda some: [b"apk", b"info", b"--who-owns", *some])
    matches = filter(None, map(_APK.fullmatch, lines))
    return {
        match.group(1): Package("apk", match.group(2).decode("utf-8", "replace"), match.group(3).decode("utf-8"))
        for match in matches
    }


def _lines(paths: Sequence[bytes], command: Callable[[Sequence[bytes]], list[bytes]]) -> list[bytes]:
    """Return what a command says of paths, so many at a time."""
    return [line for part in _parts(paths) for line in _run(command(part))]


def _parts(paths: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield paths so many at a time as fit on a command line: each call costs as much as some thousand of them."""
    part: list[bytes] = []
    size = 0
    for path in paths:
        if size + len(path) > _LINE:
            yield part
            part, size = [], 0
        part.append(path)
        size += len(path) + _POINTER
    if part:
        yield part


def _run(command: Sequence[bytes]) -> list[bytes]:
    """Return the lines that a command prints; an exit code tells only that some path belongs to nobody.

    Raises _NoAnswerError.
    """
    import subprocess  # noqa: PLC0415 - most runs find all answers remembered

    environ: Mapping[str, str] = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            timeout=_LONGEST,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _NoAnswerError from error
    if done.returncode < 0 or (command[0] == b"dpkg-query" and done.returncode == _DPKG_TROUBLE):
        raise _NoAnswerError
    return [line for line in done.stdout.split(b"\n") if line]
