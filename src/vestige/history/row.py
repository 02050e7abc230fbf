"""One run at a glance: the values of `fields.FIELDS`, from its record."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.history import groups
from vestige.history.fields import FIELDS, FIGURES
from vestige.record.outcome import failed, is_waiting, outcome
from vestige.text import from_os
from vestige.words import command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vestige.record.model import Figure, FileCount, Record
    from vestige.store.kept import KeptRun

    Value = str | int | float | bool | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Row:
    """A run at a glance; `fields.FIELDS` says what each field means. None: not known. SI units, times in UTC."""

    name: str
    id: str
    kind: str
    folder: str
    started: str
    ended: str | None
    status: str
    outcome: str
    failed: bool
    exit_code: int | None
    signal: str | None
    command: str
    template: str
    message: str | None
    tags: tuple[str, ...]
    cwd: str
    host: str | None
    wall: float | None
    cpu: float | None
    cores_used: float | None
    cores_allowed: float | None
    peak_memory: float | None
    read_bytes: float | None
    written_bytes: float | None
    read_chars: float | None
    written_chars: float | None
    waited: float | None
    oom_kills: float | None
    wall_method: str | None
    cpu_method: str | None
    peak_memory_method: str | None
    processes: int | None
    inputs: int | None
    outputs: int | None
    input_bytes: int | None
    output_bytes: int | None
    memory_limit: int | None
    top: str | None
    commit: str | None
    branch: str | None
    committed: str | None
    waits_for_commit: bool
    slurm_job: str | None
    pipeline: str | None
    parent: str | None
    vestige: str


NAMES = tuple(FIELDS)
values = operator.attrgetter(*NAMES)  # of a row, in the order of the register


def of(run: KeptRun, record: Record) -> Row:
    """Return the row of a run."""
    figures = record.resources
    machine, code = record.machine, record.code
    measured: dict[str, Any] = {name: number(figures.get(figure)) for name, figure in FIGURES.items()}
    measured |= {f"{name}_method": _method(figures.get(FIGURES[name])) for name in ("wall", "cpu", "peak_memory")}
    return Row(
        name=from_os(run.name),
        id=record.id,
        kind="run" if run.log is None else "con-duct",
        folder=from_os(run.path),
        started=record.started,
        ended=record.ended,
        status=record.status,
        outcome=outcome(record).partition(":")[0],
        failed=failed(record),
        exit_code=record.exit.code,
        signal=record.exit.signal,
        command=command(record.argv),
        template=groups.group(record.argv),
        message=record.message,
        tags=record.tags,
        cwd=record.cwd,
        host=None if machine is None else machine.host,
        **measured,
        processes=record.processes,
        inputs=_count(record.files, ("input", "modified")),
        outputs=_count(record.files, ("output", "modified")),
        input_bytes=_size(record.files, ("input", "modified")),
        output_bytes=_size(record.files, ("output", "modified")),
        memory_limit=None if machine is None else machine.memory_limit,
        top=None if code is None else code.top,
        commit=None if code is None else code.commit,
        branch=None if code is None or code.branch is None else code.branch.removeprefix("refs/heads/"),
        committed=None if record.commit is None else record.commit.commit,
        waits_for_commit=is_waiting(record),
        slurm_job=_slurm_job(record.job),
        pipeline=_pipeline(record.argv),
        parent=record.parent,
        vestige=record.vestige,
    )


def number(figure: Figure | None) -> float | None:
    """Return a figure as one number: its value, else the bound that it has."""
    if figure is None or figure.method == "unavailable":
        return None
    return next((value for value in (figure.value, figure.lower, figure.upper) if value is not None), None)


def _method(figure: Figure | None) -> str | None:
    if figure is None or number(figure) is None:
        return None
    return "bound" if figure.value is None else figure.method


def _count(files: Mapping[str, FileCount], kinds: Iterable[str]) -> int | None:
    return sum(files[kind].count for kind in kinds if kind in files) if files else None


def _size(files: Mapping[str, FileCount], kinds: Iterable[str]) -> int | None:
    return sum(files[kind].size for kind in kinds if kind in files) if files else None


def _slurm_job(job: Mapping[str, str]) -> str | None:
    array, task = job.get("SLURM_ARRAY_JOB_ID"), job.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else job.get("SLURM_JOB_ID") or job.get("SLURM_JOBID")


def _pipeline(argv: tuple[str, ...]) -> str | None:
    """Return which pipeline `kedro run` was told to run; None for any other command."""
    if groups.program(argv) != "kedro" or "run" not in argv:
        return None
    for word, following in zip(argv, (*argv[1:], ""), strict=True):
        if word in ("--pipeline", "-p"):
            return following
        if word.startswith("--pipeline="):
            return word.partition("=")[2]
    return "__default__"
