"""What vestige adds to a run record in Git: the value of its key `vestige`.

One line a fact, since a person reads it in `git log`. Paths are relative to the top of the repository, those in the
home folder begin with `~`; nothing names the machine or the person.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from vestige.git.levels import is_bookkeeping
from vestige.text import from_os, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vestige.record.model import Figure, FileUse, LeftOut, Package, Record

FIGURES = ("wall", "cpu", "memory_peak", "processes", "read_bytes", "written_bytes")
_LANGUAGES = ("python", "r", "node", "conda")


def footprint(
    record: Record, uses: Iterable[FileUse], *, top: str, ids: Mapping[str, str], left_out: Iterable[LeftOut]
) -> dict[str, Any]:
    """Return what the `vestige` key holds.

    Args:
        record: the run.
        uses: files that it used: what went in and what came out.
        top: the top folder of the repository.
        ids: what Git or git-annex calls the content that went in, by path relative to the top (`git:…`, `annex:…`).
        left_out: what came out and is not in the commit.
    """
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for use in uses:
        if is_bookkeeping(use.path):
            continue
        path = shown(os.fsdecode(to_bytes(use.path)), top)
        if use.kind in ("input", "modified", "removed"):
            inputs[path] = ids.get(path) or use.hash_read or "unknown"
        if use.kind in ("output", "modified") and use.after is not None and use.after.type == "file":
            outputs[path] = use.hash or "unknown"
    known = {name: words for name in FIGURES if (words := figure(record.resources.get(name)))}
    found: dict[str, Any] = {"id": record.id, "version": record.vestige, "started": record.started, "figures": known}
    lists = {"inputs": inputs, "outputs": outputs, "left_out": {item.path: item.reason for item in left_out}}
    found |= {name: entries for name, entries in lists.items() if entries}
    return found | _software(record.software) | _doubt(record)


def figure(figure: Figure | None) -> str:
    """Return a figure in one line, `612000000 B sampled 598000000..640000000`; empty if it is not known."""
    if figure is None or figure.value is None:
        return ""
    bounds = "" if figure.lower is figure.upper is None else f" {_number(figure.lower)}..{_number(figure.upper)}"
    unit = "" if figure.unit == "1" else f" {figure.unit}"
    return f"{_number(figure.value)}{unit} {figure.method}{bounds}"


def software_digest(packages: Iterable[Package]) -> str:
    """Return a hash of the packages and their versions: the same wherever the same were loaded."""
    lines = sorted(f"{package.kind}:{package.name} {package.version or '?'}\n" for package in packages)
    return f"sha256:{hashlib.sha256(''.join(lines).encode('utf-8', 'surrogatepass')).hexdigest()}"


def shown(path: str, top: str) -> str:
    """Return, as text, an absolute path relative to the top folder, or else to the home folder if it is in there."""
    if path.startswith(f"{top}/"):
        return from_os(path[len(top) + 1 :])
    home = os.path.expanduser("~")
    return from_os(f"~{path[len(home) :]}" if path.startswith(f"{home}/") else path)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _software(packages: tuple[Package, ...]) -> dict[str, Any]:
    if not packages:
        return {}
    used = (package for package in packages if package.kind in _LANGUAGES and package.imported and package.version)
    versions = ", ".join(f"{package.name} {package.version}" for package in used)
    return {"software": software_digest(packages), **({"versions": versions} if versions else {})}


def _doubt(record: Record) -> dict[str, Any]:
    """Say where the lists of files may not be whole."""
    state = record.completeness
    return {} if state is None or state.files == "complete" else {"files": state.files}
