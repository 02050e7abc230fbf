"""What is known of every run at a glance: the one register of fields that runs are searched, sorted and counted by.

`Row` has an attribute for each, the index a column, `vestige query` a column of the table `runs`;
`docs/reference/fields.md` is generated from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "time", "seconds", "bytes", "number", "tags", "flag"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: of what kind its values are, and what it means. A value that is not known is None."""

    kind: Kind
    meaning: str
    figure: str | None = None  # the record's figure that it is the number of


FIELDS: dict[str, Field] = {
    "name": Field("text", "name of the run folder, or of the log of con-duct"),
    "id": Field("text", "id of the run, a UUIDv7"),
    "kind": Field("text", "`run`, or `con-duct` for a log of it"),
    "folder": Field("text", "path of the run folder, or of the log"),
    "started": Field("time", "when it began"),
    "ended": Field("time", "when it ended; null while it runs"),
    "status": Field("text", "`running`, `ended` or `interrupted`"),
    "outcome": Field("text", "how it ended in a word: `ok`, `exit 3`, `SIGKILL`, `interrupted`, `running`"),
    "failed": Field("flag", "it ended, and not with exit code 0"),
    "exit_code": Field("number", "as a shell shows it: 128 + n for signal n; null while it runs"),
    "signal": Field("text", "the signal that ended it: `SIGKILL`"),
    "command": Field("text", "the command line as one could type it"),
    "group": Field("text", "the command without what changes from run to run: what `vestige stats` counts together"),
    "message": Field("text", "what `--message` said"),
    "tags": Field("tags", "tags; `tags = 'x'` holds where one of them is `x`"),
    "cwd": Field("text", "the folder that it ran in"),
    "host": Field("text", "name of the machine"),
    "wall": Field("seconds", "from the command's start to its end", "wall"),
    "cpu": Field("seconds", "CPU of all processes", "cpu"),
    "cores_used": Field("number", "cpu / wall", "cores_used"),
    "cores_allowed": Field("number", "cores that it could use", "cores_allowed"),
    "peak_memory": Field("bytes", "the most memory of all its processes at one moment", "memory_peak"),
    "read_bytes": Field("bytes", "read from storage", "read_bytes"),
    "written_bytes": Field("bytes", "written to storage", "written_bytes"),
    "read_chars": Field("bytes", "read by read(2) and its like, from anywhere", "read_chars"),
    "written_chars": Field("bytes", "written by write(2) and its like, to anywhere", "written_chars"),
    "waited": Field("seconds", "ready to run but without a core", "run_queue_wait"),
    "oom_kills": Field("number", "kills by the kernel for lack of memory while it ran", "oom_kills"),
    "wall_method": Field("text", "how `wall` was got: `exact`, `sampled`, `bound`, `estimate`; null: not known"),
    "cpu_method": Field("text", "how `cpu` was got"),
    "peak_memory_method": Field("text", "how `peak_memory` was got"),
    "processes": Field("number", "processes of the run"),
    "inputs": Field("number", "files that it read, those among them that it changed"),
    "outputs": Field("number", "files that it wrote, those among them that were there before"),
    "input_bytes": Field("bytes", "size of these inputs"),
    "output_bytes": Field("bytes", "size of these outputs"),
    "memory_limit": Field("bytes", "memory that the cgroup granted it; null: no limit"),
    "top": Field("text", "top folder of the Git work tree"),
    "commit": Field("text", "what was checked out there"),
    "branch": Field("text", "the branch, without `refs/heads/`"),
    "committed": Field("text", "the commit that was made of its outputs"),
    "waits_for_commit": Field("flag", "a commit was asked for and is not made yet"),
    "slurm_job": Field("text", "id of the Slurm job; `123_4` is one of an array"),
    "pipeline": Field("text", "of `kedro run`: what `--pipeline` named, else `__default__`"),
    "parent": Field("text", "id of the run around it"),
    "vestige": Field("text", "version that recorded it"),
}
FIGURES = {name: field.figure for name, field in FIELDS.items() if field.figure is not None}


def hint(name: str) -> str:
    """Return which fields may have been meant."""
    import difflib  # noqa: PLC0415 - only when there is an error

    near = difflib.get_close_matches(name.lower(), FIELDS, n=3, cutoff=0.5)
    near += [field for field in FIELDS if name.lower() in field and field not in near][:3]
    if near:
        return f"did you mean {' or '.join(f'`{each}`' for each in near)}?"
    return f"there are {', '.join(FIELDS)}"
