"""The message of a run's commit: DataLad's record, filled in from what was asked for and what was seen."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from vestige.errors import GitError, RecordError
from vestige.git import datalad, footprint, placeholders
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.git.plan import Declared, Plan
    from vestige.git.repo import Repository
    from vestige.record.model import CommitOptions, FileUse, Record

_LONGEST_SUBJECT = 40  # letters of the command, where nothing was said of the run: as DataLad
_LONGEST = 100_000  # B; DataLad hands it on as one word, of which Linux takes 128 KiB (MAX_ARG_STRLEN)
_FOLDER = os.path.join(".datalad", "runinfo")
_CONFIGURED = "datalad.run.record-directory"
_DATASET = os.path.join(".datalad", "config")


class Message(NamedTuple):
    """A commit message, and the sidecar that it refers to: path relative to the top, and content."""

    text: bytes
    sidecar: str | None = None
    content: bytes = b""


def message(
    repository: Repository, record: Record, options: CommitOptions, plan: Plan, uses: Sequence[FileUse]
) -> Message:
    """Return the message for what is planned. Raises RecordError, GitError."""
    made = _run_record(repository, record, options, plan, uses)
    text = _subject(made.cmd) if record.message is None else os.fsdecode(to_bytes(record.message))
    whole = datalad.compose(text, made)
    wanted = options.sidecar
    if wanted == "auto" and repository.is_set("datalad.run.record-sidecar"):
        wanted = "yes"
    if wanted == "no" or (wanted == "auto" and len(whole) <= _LONGEST):
        return Message(whole)
    sidecar = datalad.sidecar(made)
    path = os.path.join(sidecar_folder(repository), sidecar.id)
    return Message(datalad.compose(text, made, sidecar=sidecar.id), path, sidecar.content)


def sidecar_folder(repository: Repository) -> str:
    """Return where sidecars are kept, relative to the top. Raises GitError if that is outside of the work tree."""
    folder = os.path.normpath((repository.config.get(_CONFIGURED) or (_FOLDER,))[-1])
    if os.path.isabs(folder) or folder.split(os.sep)[0] in (os.pardir, ".git"):
        raise GitError(f"`{_CONFIGURED}` is {folder}, which is not in the work tree")
    return folder


def dataset_id(repository: Repository) -> str | None:
    """Return the id of a DataLad dataset, None for any other repository."""
    if not os.path.exists(os.path.join(repository.top, _DATASET)):
        return None
    words = ("config", "-f", _DATASET, "--get", "datalad.dataset.id")
    return os.fsdecode(repository.git(*words, may_fail=True).out).strip() or None


def is_default_text(text: str, cmd: str) -> bool:
    """Say whether a text is what a run is called of which nothing was said."""
    return text == _subject(cmd).rstrip()


def _subject(cmd: str) -> str:
    return cmd if len(cmd) <= _LONGEST_SUBJECT else f"{cmd[:_LONGEST_SUBJECT]}..."


def _run_record(
    repository: Repository, record: Record, options: CommitOptions, plan: Plan, uses: Sequence[FileUse]
) -> datalad.RunRecord:
    inputs = _listed(plan.inputs, plan.used, whole=options.expand in ("inputs", "both"), seen=not options.explicit)
    outputs = _listed(plan.outputs, plan.made, whole=options.expand in ("outputs", "both"), seen=not options.explicit)
    return datalad.RunRecord(
        cmd=_cmd(record, options),
        pwd=os.path.relpath(os.fsdecode(to_bytes(record.cwd)), repository.top),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        extra_inputs=options.extra_inputs,
        chain=options.chain,
        others=_others(options),
        exit=record.exit.code,
        dsid=dataset_id(repository),
        vestige=footprint.footprint(record, uses, top=repository.top, ids=plan.ids, left_out=plan.left_out),
    )


def _others(options: CommitOptions) -> dict[str, Any]:
    try:
        others = json.loads(options.others or "{}")
    except (ValueError, RecursionError):
        others = None
    if not isinstance(others, dict):
        raise RecordError("the run's record is damaged or foreign: `options.commit.others` must hold a JSON object")
    return others


def _cmd(record: Record, options: CommitOptions) -> str:
    if options.command is not None:
        return os.fsdecode(to_bytes(options.command))
    return placeholders.command([os.fsdecode(to_bytes(word)) for word in record.argv])


def _listed(declared: Declared, seen_paths: Sequence[str], *, whole: bool, seen: bool) -> Iterator[str]:
    """Yield what is declared, as it was or with its globs expanded, and then what else was seen."""
    yield from map(placeholders.pattern, declared.paths) if whole else declared.globs
    if not seen:
        return
    for path in seen_paths:
        if not declared.covers(path):
            yield placeholders.pattern(os.path.relpath(path, declared.folder))
