"""What each tool says of the run, read from the files that it left and from nowhere else."""

from __future__ import annotations

import glob
import json
import math
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vestige.quantity import duration, number, size
from vestige.scenarios import evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Words = Callable[[Any], str]

_RUNCMD = re.compile(r"^=== Do not change lines below ===\n(.*?)\n\^\^\^ Do not change", re.MULTILINE | re.DOTALL)

_LINES_IN_ALL = re.compile(rf"^{re.escape(evidence.CUT)}: \d+ bytes, (\d+) lines", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of a tool, and the file of evidence in which it stands."""

    text: str
    file: str  # relative to the evidence of all scenarios


@dataclass(frozen=True, slots=True)
class Claims:
    """What is said of one run. None: nothing is said."""

    wall: Claim | None = None
    cpu: Claim | None = None
    memory: Claim | None = None
    io: Claim | None = None
    processes: Claim | None = None
    series: Claim | None = None
    nodes: Claim | None = None
    command: Claim | None = None
    outcome: Claim | None = None
    code: Claim | None = None
    printed: Claim | None = None
    again: Claim | None = None
    inputs: Claim | None = None
    outputs: Claim | None = None
    hashes: Claim | None = None
    software: Claim | None = None
    network: Claim | None = None
    peak: float | None = None  # bytes, of the largest process, or of all as far as a tool tells no single one
    cpu_seconds: float | None = None  # as `cpu` says, where it is a time


def of(folder: str, name: str) -> Claims:
    """Return all that the files of one scenario say; where several tools were at work, each what it knows."""
    place = os.path.join(folder, name)
    found = Claims()
    for reader in (_vestige, _duct, _datalad):
        found = _joined(found, _said(reader, place, name))
    return found


def _said(reader: Callable[[str, str], Claims | None], place: str, name: str) -> Claims | None:
    """Return what the files of a tool say; one that is not of the form its tool writes says nothing."""
    try:
        return reader(place, name)
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None


def _joined(one: Claims, other: Claims | None) -> Claims:
    """Return what either says; the first where both do."""
    names = Claims.__dataclass_fields__ if other else ()
    return replace(one, **{key: getattr(other, key) for key in names if getattr(one, key) is None})


def _duct(place: str, name: str) -> Claims | None:
    for path in _kept(place, "dot-duct", "logs", "*info.json"):
        info = _json(path)
        summary = info.get("execution_summary")
        if not isinstance(summary, dict):
            continue
        file = _relative(place, name, path)
        peak, share, streams = summary.get("peak_rss"), summary.get("average_pcpu"), _streams(place)
        samples = summary.get("num_samples")
        return Claims(
            wall=_when(summary.get("wall_clock_time"), duration, file),
            cpu=_when(share, lambda value: f"no time; {value:.0f} % on average", file),
            memory=_when(peak, size, file),
            series=_when(samples, lambda value: f"{value} looks, one a second", file),
            command=_when(summary.get("command"), lambda value: f"`{value}`, as one text", file),
            outcome=_when(summary.get("exit_code"), lambda value: f"exit code {value}", file),
            printed=Claim(f"kept, {size(sum(streams))}", f"{name}/{evidence.CASE}") if streams else None,
            peak=_amount(peak),
        )
    return None


def _streams(place: str) -> list[int]:
    paths = re.compile(r"(^|/)\.duct/logs/.*(stdout|stderr)$")
    return [one.size for one in evidence.load(place).left if paths.search(one.path)]


def _datalad(place: str, name: str) -> Claims | None:
    record = _run_record(place)
    if record is None or "vestige" in record or not isinstance(record.get("cmd"), str):
        return None
    file = f"{name}/{evidence.GIT}"
    return Claims(
        command=Claim(f"`{record.get('cmd')}`", file),
        outcome=_when(record.get("exit"), lambda value: f"exit code {value}", file),
        code=Claim("the commit before", file),
        again=Claim("`datalad rerun`", f"{name}/{evidence.AFTERWARDS}"),
        inputs=_when(record.get("inputs"), lambda value: f"{_listed(value)}: as declared", file),
        outputs=_when(record.get("outputs"), lambda value: f"{_listed(value)}: as declared; what changed", file),
        hashes=Claim("of what changed: Git's, git-annex's", file),
    )


def _vestige(place: str, name: str) -> Claims | None:
    for path in _kept(place, "dot-vestige", "runs", "*", "record.json"):
        record = _json(path)
        figures, files = record.get("resources"), record.get("files")
        if not isinstance(figures, dict) or not isinstance(files, dict):
            continue
        file = _relative(place, name, path)
        return replace(_figures(figures, file), **_rest(record, files, file, place, name))
    return None


def _figures(figures: dict[str, Any], file: str) -> Claims:
    def told(key: str, words: Words) -> Claim | None:
        one = figures.get(key) or {}
        return _when(one.get("value"), lambda value: f"{words(value)}, {one.get('method')}", file)

    read, written = ((figures.get(key) or {}).get("value") for key in ("read_chars", "written_chars"))
    both = f"{size(read)} read, {size(written)} written" if read is not None and written is not None else None
    return Claims(
        wall=told("wall", duration),
        cpu=told("cpu", duration),
        memory=told("memory_peak", size),
        io=Claim(both, file) if both else None,
        processes=told("processes", number),
        peak=_amount((figures.get("memory_peak_process") or {}).get("value")),
        cpu_seconds=_amount((figures.get("cpu") or {}).get("value")),
    )


def _rest(record: dict[str, Any], files: dict[str, Any], file: str, place: str, name: str) -> dict[str, Any]:
    code, completeness = record.get("code") or {}, record.get("completeness") or {}
    read = _count(files, "input", "modified")
    written = _count(files, "output", "modified")
    commit = _run_record(place)
    nodes = ((record.get("spans") or {}).get("slowest") or {}).get("of")
    return {
        "series": _series(place, name),
        "nodes": _when(
            nodes, lambda value: f"{value}: time, CPU, memory, data of each", f"{name}/{evidence.AFTERWARDS}"
        ),
        "command": Claim("word by word", file),
        "outcome": _when((record.get("exit") or {}).get("code"), lambda value: f"exit code {value}", file),
        "code": _when(code.get("commit"), lambda value: f"commit {value[:7]}, and what differs from it", file),
        "printed": Claim("not kept: it went to a terminal or a file (`--capture all` keeps it)", file),
        "again": Claim("`vestige rerun`, `datalad rerun`", f"{name}/{evidence.GIT}") if commit else None,
        "inputs": Claim(f"{read}, as seen", file),
        "outputs": Claim(f"{written}, as seen", file),
        "hashes": Claim("of what was read and written: SHA-256", file),
        "software": _when(len(record.get("software") or ()), lambda value: f"{value} packages with versions", file),
        "network": Claim(_called(record.get("network") or []), file) if completeness.get("trace") == "on" else None,
    }


def _called(calls: list[dict[str, Any]]) -> str:
    out = {
        f"{call.get('host') or call.get('address')}:{call.get('port')} {call.get('outcome')}"
        for call in calls
        if call.get("direction") == "out" and str(call.get("family")).startswith("inet")
    }
    return ", ".join(sorted(out)) or "nobody"


def _count(files: dict[str, Any], *kinds: str) -> int:
    return sum(int((files.get(kind) or {}).get("count", 0)) for kind in kinds)


def _series(place: str, name: str) -> Claim | None:
    """Return how many points a series has; the last line of a copy that was cut says so."""
    for path in _kept(place, "dot-vestige", "runs", "*", "usage.jsonl"):
        text = evidence.read(path)
        cut = _LINES_IN_ALL.search(text)
        return Claim(f"{cut.group(1) if cut else text.count(chr(10))} points", _relative(place, name, path))
    return None


def _run_record(place: str) -> dict[str, Any] | None:
    """Return the record of a run that stands in the message of a commit."""
    path = os.path.join(place, evidence.GIT)
    found = _RUNCMD.search(evidence.read(path)) if os.path.exists(path) else None
    try:
        record = json.loads(found.group(1)) if found else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _kept(place: str, *parts: str) -> Iterator[str]:
    yield from sorted(glob.glob(os.path.join(glob.escape(place), evidence.LEFT, "project", *parts)))


def _json(path: str) -> dict[str, Any]:
    try:
        found = json.loads(evidence.read(path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _relative(place: str, name: str, path: str) -> str:
    return f"{name}/{os.path.relpath(path, place)}"


def _listed(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _amount(value: Any) -> float | None:  # noqa: ANN401 - JSON comes in
    """Return a number that can be compared. Raises TypeError, ValueError for anything else."""
    if value is not None and not math.isfinite(value):
        raise ValueError("it is no number")
    return None if value is None else float(value)


def _when(value: Any, words: Words, file: str) -> Claim | None:  # noqa: ANN401 - JSON comes in
    return None if value is None else Claim(words(value), file)
