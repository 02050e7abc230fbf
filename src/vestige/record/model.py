"""The record of a run: what `record.json` says, as frozen dataclasses.

Every figure is a `Figure`: a number, its unit and how it was got. SI units throughout: seconds, bytes.
The JSON form of each class is `codec`'s business, the meaning of each field is here and nowhere else
(`docs/reference/record.md` is generated from these docstrings and comments).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = "vestige.record/1"

Method = Literal["exact", "sampled", "bound", "estimate", "unavailable"]
Status = Literal["running", "ended", "interrupted"]
StreamKind = Literal["pipe", "file", "terminal", "socket", "device", "closed"]
FileClass = Literal[
    "input",
    "output",
    "modified",
    "removed",
    "temporary",
    "unchanged",
    "cache",
    "config",
    "software",
    "listed",
    "probed",
    "pseudo",
]
FileType = Literal["file", "directory", "link", "fifo", "socket", "char", "block", "other"]
PackageKind = Literal["python", "deb", "rpm", "apk", "r", "node", "conda"]
Outcome = Literal["connected", "refused", "unreachable", "timeout", "failed", "unknown", "denied", "listening", "sent"]
HashMode = Literal["full", "fast", "none"]
Expand = Literal["none", "inputs", "outputs", "both"]
SpanStatus = Literal["ok", "error", "unfinished"]
CommitStatus = Literal["committed", "unchanged", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    `exact`: counted by the kernel (a memory peak: to 0.2 MB). `sampled`: the largest or last of several looks.
    `bound`: the truth is at least (`lower` only) or at most (`upper` only) this. `estimate`: derived by a model.
    `unavailable`: `value` is None and `reason` says why.
    """

    value: float | int | None  # None: not known
    unit: str  # "s", "B", "1"
    method: Method  # how it was got
    lower: float | int | None = None  # the truth is no smaller
    upper: float | int | None = None  # the truth is no larger
    reason: str | None = None  # why it is no better than that, or what it covers


@dataclass(frozen=True, slots=True)
class Exit:
    """How the command ended. All None while it runs, or where nobody saw the end (`reason` says why).

    `code` is what a shell would show: the exit status, 128 + n for signal n, 127 not found, 126 not executable.
    """

    code: int | None = None  # as a shell would show it
    signal: str | None = None  # "SIGKILL", when a signal ended it
    reason: str | None = None  # why it could not be started, or why the end is not known


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it ran, as far as the command could see it."""

    host: str  # its name
    system: str  # "Linux"
    release: str  # of the kernel
    architecture: str  # "x86_64", "aarch64"
    cpus: int  # online
    cpus_allowed: int | None  # by affinity
    cpu_quota: float | None  # cores granted by the cgroup's quota, None: no quota
    memory: int | None  # bytes of RAM
    memory_limit: int | None  # bytes, the smallest limit of the cgroups above, None: no limit


@dataclass(frozen=True, slots=True)
class Stream:
    """One output stream of the command."""

    kind: StreamKind  # what the command got as this stream
    captured: bool  # a copy is in the run folder
    length: int | None = None  # bytes that passed, or that the file grew
    path: str | None = None  # text, where the stream is a file
    offset: int | None = None  # bytes, where in that file the command began
    merged: bool = False  # stderr only: it is the same descriptor as stdout, all is there
    reason: str | None = None  # why it was not captured, or not to its end


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that files or connections may have been missed by."""

    what: str  # "io_uring", "dropped", "takeover", "namespace", "unreadable", "late", "network", …
    reason: str  # one sentence
    remedy: str | None = None  # what would close it


@dataclass(frozen=True, slots=True)
class Completeness:
    """What the observation may have missed: all that a later reader must know before trusting a gap."""

    observer: Literal["recorder", "portable"]  # portable: Python and psutil, where there is no recorder
    trace: Literal["on", "off", "unavailable"]  # on: every process was seen at its exec and its exit
    trace_reason: str | None = None  # why it is not on
    events_dropped: int = 0  # for lack of room in the recorder
    events_unreadable: int = 0  # lines of events.jsonl that could not be parsed
    notes: tuple[str, ...] = ()  # one sentence each: guard took over, setuid helper lost its privilege, …
    files: Literal["complete", "partial", "none"] = "none"  # complete: every file that a traced call named is known
    gaps: tuple[Gap, ...] = ()  # why it is not complete


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the run: a line of `processes.jsonl`. Times are seconds since the run's start."""

    pid: int  # process id; the kernel uses it again
    parent: int | None  # pid of the first parent known
    argv: tuple[str, ...] | None  # text; None: it never executed anything of its own (a fork), or was not seen to
    argv_truncated: bool  # it was longer than the recorder keeps
    name: str | None  # text: the base name of the file it executed, else the kernel's 15-byte name
    start: float  # s
    start_method: Method  # exact: the fork itself was seen; bound: the kernel's 10 ms tick, or the first sight of it
    end: float | None  # s; None: still alive at the run's end, or nobody saw it end
    exit_code: int | None  # None: ended by a signal, or nobody saw
    signal: str | None  # the signal that ended it
    cpu: Figure  # s, its own threads only
    memory_peak: Figure  # B, VmHWM
    read_bytes: Figure  # B, from storage; this and the next three without the children that it waited for
    written_bytes: Figure  # B, to storage
    read_chars: Figure  # B, through read(2) and its like
    written_chars: Figure  # B, through write(2) and its like
    run_queue_wait: Figure  # s, first thread only
    setuid: bool = False  # the file it executed would change privileges
    survived: bool = False  # alive when the run ended


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it stood at one moment."""

    type: FileType  # what it is
    size: int | None = None  # B
    mtime_ns: int | None = None  # ns since 1970, when its content was last changed
    ctime_ns: int | None = None  # ns since 1970, when anything of it was last changed
    dev: int | None = None  # device
    ino: int | None = None  # inode


@dataclass(frozen=True, slots=True)
class FileUse:
    """One file that the run used: a line of `files.jsonl`.

    `input`: there before, its content opened for reading before the run wrote it. `output`: created, written or renamed
    into place, there at the end. `modified`: both. `removed`: there before, gone at the end. `temporary`: made and gone
    within the run. `unchanged`: opened for writing and left as it was. `software`: interpreters, libraries, files of
    packages. `config`: settings of system and tools. `cache`: made again when it is missing. `listed`: a folder whose
    entries were read. `probed`: looked for, not there, or not to be had. `pseudo`: /proc, /sys, /dev, pipes, memory.
    """

    path: str  # text, canonical
    kind: FileClass  # see above
    names: tuple[str, ...] = ()  # text, other names it was used by: symbolic links, the name it was written under
    before: FileState | None = None  # when the run first touched it; None: it was not there
    after: FileState | None = None  # at the run's end; None: it is not there
    hash: str | None = None  # "sha256:…" of its content at the end, "sha256-fast:…" of its size and samples
    hash_reason: str | None = None  # why there is none, or none of the whole: too large, changed since, unreadable
    changed: bool = False  # somebody else changed it while the run used it
    executed: bool = False  # a process of the run was started from it
    package: str | None = None  # "python:numpy", "deb:libc6": `kind` and `name` of a `Package`
    readers: tuple[int, ...] = ()  # lines of `processes.jsonl`, from 0: who opened it for reading, or executed it
    writers: tuple[int, ...] = ()  # lines of `processes.jsonl`, from 0: who created, wrote, renamed or removed it
    first: float | None = None  # s since the run's start, first touched
    rule: str | None = None  # what decided its class: a rule of the config, or the name of a built-in one

    @property
    def hash_read(self) -> str | None:
        """The hash of the content that the run read: that of the end, where nobody changed it in between."""
        return None if self.changed or self.kind == "modified" else self.hash


@dataclass(frozen=True, slots=True)
class SpanError:
    """What ended a span."""

    type: str  # class of the exception
    message: str  # its own words, cut at 500 characters


@dataclass(frozen=True, slots=True)
class Span:
    """A named part of the run: a line of `spans.jsonl`. Times are seconds since the run's start."""

    id: str  # unlike any other of the run
    name: str
    start: float  # s
    end: float | None  # s; None: nobody saw its end
    kind: str = "span"  # what made it: `span`; `command` for `vestige span`; `kedro.run`, `kedro.node`, …
    parent: str | None = None  # id of the span around it
    status: SpanStatus = "ok"  # unfinished: its process ended without a word of it
    error: SpanError | None = None  # what it ended by
    process: int | None = None  # line of `processes.jsonl`, from 0
    thread: int | None = None  # id of the thread that began it
    alone: bool = True  # no other span ran in its process at the same time, but those around it and within it
    cpu: Figure | None = None  # s, with the children that were waited for within it
    memory_peak: Figure | None = None  # B, of its process while it lasted; None: it was not asked for
    memory_start: int | None = None  # B, resident when it began
    memory_end: int | None = None  # B, resident when it ended
    read_bytes: Figure | None = None  # B, from storage; None: it was not asked for, as for the next three
    written_bytes: Figure | None = None  # B, to storage
    read_chars: Figure | None = None  # B, through read(2) and its like
    written_chars: Figure | None = None  # B, through write(2) and its like
    files: tuple[int, ...] = ()  # lines of `files.jsonl`, from 0: those at its attribute `paths`
    attributes: dict[str, Any] = field(default_factory=dict)  # what the program says of it


@dataclass(frozen=True, slots=True)
class Slowest:
    """The span that took longest: of the nodes of a Kedro pipeline if there are any, else of those without others."""

    name: str
    kind: str
    wall: float  # s
    of: int  # how many of its kind there are


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """How many spans there are, and what is to be said of them in one line."""

    count: int
    failed: int = 0
    unfinished: int = 0
    lost: int = 0  # lines that were not written, or can't be read
    slowest: Slowest | None = None


@dataclass(frozen=True, slots=True)
class FileCount:
    """How many files of one class there are (folders that were made are not counted), and their size at the end."""

    count: int
    size: int  # B


@dataclass(frozen=True, slots=True)
class Package:
    """A package of software of which the run used files."""

    kind: PackageKind  # who keeps it
    name: str  # as its keeper writes it
    version: str | None  # None: not known
    files: int = 0  # of it that the run used
    location: str | None = None  # text: the folder it is installed in
    installer: str | None = None  # "pip", "uv", "conda"
    editable: bool = False  # Python: it is used from its source tree
    source: str | None = None  # where it came from, if not from an index: "git+https://…@COMMIT", "file://…"
    imported: bool = True  # Python: code of it was loaded, not only its metadata read


@dataclass(frozen=True, slots=True)
class Connection:
    """Something the run talked to, tried to, or listened on; equal ones are counted together."""

    direction: Literal["out", "in"]  # "in": it listened, or was bound, here
    family: str  # "inet", "inet6", "unix", "netlink", …
    protocol: str | None  # "tcp", "udp", …; for unix "stream", "dgram"
    host: str | None  # the name that the address was found under, where that was seen
    address: str | None  # of the other side, or of our own for "in"; text, the path of a unix socket
    port: int | None  # of `address`
    outcome: Outcome  # "listening" and "sent" (datagrams, nobody knows if they arrived) are outcomes too
    count: int = 1  # how often
    processes: tuple[int, ...] = ()  # lines of `processes.jsonl`, from 0
    first: float | None = None  # s since the run's start


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """What was asked for with `--commit`: enough to make the commit later, too."""

    asked: bool = True  # on the command line; False: by `commit = "auto"` of the config
    command: str | None = None  # text: for a shell, placeholders in their places; None: `argv` as it is
    inputs: tuple[str, ...] = ()  # text, globs as given, relative to `cwd`
    outputs: tuple[str, ...] = ()  # the same
    extra_inputs: tuple[str, ...] = ()  # of the record that is run again
    expand: Expand = "none"  # which globs the commit's record has replaced by what they match
    explicit: bool = False  # only declared outputs, seen or not
    sidecar: Literal["auto", "yes", "no"] = "auto"  # the record in a file of its own; auto: where it is long
    on_failure: Literal["nothing", "save"] = "nothing"  # save: commit all the same if the command fails
    strict: bool = False  # refuse if the run used files with uncommitted changes
    commit_inputs: bool = False  # take such files in
    allow_empty: bool = False  # a commit even if no file differs
    chain: tuple[str, ...] = ()  # commits that this is a rerun of, the oldest first
    others: str | None = None  # JSON object: what the record that is run again has beyond all this


@dataclass(frozen=True, slots=True)
class Options:
    """What the run was asked to observe, and how its record is to be made."""

    hash: HashMode = "full"  # full: sha256 of content; fast: of size and samples, marked so; none
    hash_limit: int | None = None  # B, larger files are not hashed; None: no limit
    deny_network: bool = False  # connections outside loopback were refused
    io_uring: Literal["auto", "deny"] = "auto"  # deny: programs fell back to calls that can be seen
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)  # globs of the config by class of file
    commit: CommitOptions | None = None  # None: no commit was asked for
    stdin: StreamKind | None = None  # what the command's stdin was


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the time series: a line of `usage.jsonl`. Times are seconds since the run's start."""

    start: float  # s, the first look merged into this point
    end: float  # s, the last one
    samples: int  # looks merged
    processes: int  # the most at one look
    threads: int | None  # the most at one look
    cpu: float  # s, the whole tree since the run's start
    rss_min: int  # B, sum of resident sizes over the tree, shared pages counted every time
    rss_mean: int  # B
    rss_max: int  # B
    pss: int | None  # B, sum of proportional sizes, the largest read in this span
    read_bytes: int | None  # B, the whole tree since the run's start
    written_bytes: int | None  # B
    read_chars: int | None  # B
    written_chars: int | None  # B


@dataclass(frozen=True, slots=True)
class Survivor:
    """A process that was still alive when the run ended."""

    pid: int  # process id
    name: str | None  # text
    argv: tuple[str, ...] | None  # text


@dataclass(frozen=True, slots=True)
class Code:
    """What the Git work tree around the run had checked out when it began."""

    top: str  # text: its top folder
    commit: str | None  # None: nothing was committed yet, or Git's files could not be read
    branch: str | None  # "refs/heads/main"; None: no branch was checked out


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An output that is not in the commit."""

    path: str  # text, relative to the top of the repository
    reason: str  # ignored by Git, changed since, …


@dataclass(frozen=True, slots=True)
class Commit:
    """What came of the commit that was asked for."""

    status: CommitStatus  # unchanged: no file differs; refused: it must not be made; failed: it could not be
    commit: str | None = None  # its hash
    branch: str | None = None  # "refs/heads/main"; None: no branch was checked out
    files: int = 0  # in the commit
    reason: str | None = None  # why there is none, and what to do
    left_out: tuple[LeftOut, ...] = ()  # outputs in the repository that are not in it
    uncommitted: tuple[str, ...] = ()  # text: files that the run used with changes that no commit holds


@dataclass(frozen=True, slots=True)
class Record:
    """What `record.json` holds."""

    id: str  # UUIDv7
    argv: tuple[str, ...]  # text
    cwd: str  # text
    status: Status  # see above
    started: str  # RFC 3339, UTC, microseconds
    ended: str | None  # the same; None while it runs
    exit: Exit  # how the command ended
    vestige: str  # version that wrote it
    machine: Machine | None  # where it ran; None: the first record was lost
    environment: dict[str, str]  # an allow-list; what looks like a secret is masked
    environment_hash: str | None = None  # "sha256:…" of all variables but those of terminals, sessions and job ids
    message: str | None = None  # text, given by `--message`
    tags: tuple[str, ...] = ()  # text, given by `--tag`
    parent: str | None = None  # id of the run around this one
    parent_folder: str | None = None  # text: its run folder
    job: dict[str, str] = field(default_factory=dict)  # SLURM_*, PBS_*, OSG* ids
    resources: dict[str, Figure] = field(default_factory=dict)  # by the names below (`FIGURES`)
    streams: dict[str, Stream] = field(default_factory=dict)  # stdout, stderr
    survivors: tuple[Survivor, ...] = ()
    processes: int | None = None  # lines of processes.jsonl
    completeness: Completeness | None = None  # None while it runs
    options: Options = field(default_factory=Options)  # what was asked for
    files: dict[str, FileCount] = field(default_factory=dict)  # by class; the files themselves are in `files.jsonl`
    software: tuple[Package, ...] = ()  # of which files were used
    network: tuple[Connection, ...] = ()  # whom it called, where it listened
    code: Code | None = None  # None: it did not begin in a Git work tree
    commit: Commit | None = None  # None: none was asked for, or not yet made
    spans: SpanCounts | None = None  # None: the command named no parts of itself
    schema: str = SCHEMA  # what a reader must understand


FIGURES: dict[str, tuple[str, str]] = {
    # name: (unit, meaning); the one register of figures, in the order in which they are shown
    "wall": ("s", "from the command's start to its end, CLOCK_MONOTONIC"),
    "cpu_user": ("s", "CPU in user mode of all processes"),
    "cpu_system": ("s", "CPU in kernel mode of all processes"),
    "cpu": ("s", "user and system together"),
    "cores_used": ("1", "cpu / wall"),
    "cores_allowed": ("1", "by affinity and cgroup quota"),
    "memory_peak": ("B", "the most memory the whole tree held at one moment, shared pages counted once"),
    "memory_peak_process": ("B", "the largest resident peak of any one process"),
    "memory_peak_cgroup": ("B", "the cgroup's own peak, page cache included, where the run had one of its own"),
    "processes": ("1", "processes of the run"),
    "read_bytes": ("B", "read from storage by all processes"),
    "written_bytes": ("B", "written to storage by all processes"),
    "read_chars": ("B", "read by read(2) and its like, from anywhere"),
    "written_chars": ("B", "written by write(2) and its like, to anywhere"),
    "context_switches_voluntary": ("1", "waits given up by the processes themselves"),
    "context_switches_involuntary": ("1", "times the scheduler took the CPU away"),
    "page_faults_minor": ("1", "served without I/O"),
    "page_faults_major": ("1", "served from storage"),
    "run_queue_wait": ("s", "ready to run but without a CPU, first thread of each process"),
    "pressure_cpu": ("s", "some task of the machine stalled for CPU (PSI)"),
    "pressure_memory": ("s", "some task of the machine stalled for memory (PSI)"),
    "pressure_io": ("s", "some task of the machine stalled for I/O (PSI)"),
    "oom_kills": ("1", "kills by the kernel for lack of memory while the run lasted"),
    "recorder_cpu": ("s", "CPU that the recorder and its guard used themselves"),
    "recorder_memory": ("B", "peak resident memory of the larger of the two"),
}
