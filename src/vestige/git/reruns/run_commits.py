"""Which commits of a history hold run records.

Commit messages are anybody's. One that can't be read is told of and stops nothing, and memory stays bounded: git says
how large a message is before it is asked for, messages come in portions, and of a range only what is shown of each
record is kept. Who runs one reads it again, whole.
"""

from __future__ import annotations

import codecs
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import GitError, RecordError
from vestige.git import datalad
from vestige.git.datasets import annex
from vestige.git.message import sidecar_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.git.datalad import RunMessage
    from vestige.git.repo import Repository
    from vestige.git.reruns.ranges import Range

_NEEDLE = "Do not change lines below"
_PORTION = 64 << 20  # B of commits that are read at once
_MOST = 128 << 20  # B of commands and texts that are kept of a range
_LONGEST_TEXT = 10_000  # letters
_LONGEST_COMMAND = 128 << 10  # B: of what Linux takes as one argument (MAX_ARG_STRLEN), its end counted
_HEADER = re.compile(rb"([0-9a-f]{40,64}) commit ([0-9]+)\n")
_CHARSET = re.compile(rb"^encoding (.+)$", re.MULTILINE)
# Of what people have written messages in. Python knows more, some of which take their time.
_ENCODINGS = re.compile("ascii|big5|cp[0-9]+|euc_[a-z]+|gb[0-9a-z]+|iso8859-[0-9]+|koi8-[a-z]|mac-[a-z]+|shift_jis")
_ANNEX_KEY = re.compile(r"(?:\.\./)*(?:\.git)?/?annex/objects/(?:.*/)?([A-Z0-9_]+(?:-[a-zA-Z][0-9]+)*--[^/\n]+)\n?")
_RUN_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is shown of a run record. Strings are as Python's `os` gives them."""

    text: str  # what was said of the run
    cmd: str  # placeholders unexpanded
    pwd: str = "."  # noqa: S105 - a folder
    dsid: str | None = None
    run: str | None = None  # id of the run that vestige kept of it, wherever that was


@dataclass(frozen=True, slots=True)
class RangeCommit:
    """A commit of a range."""

    id: str
    parents: tuple[str, ...]
    recorded: Recorded | None = None
    problem: str | None = None  # what is wrong with the run record that it has


def run_commits(repository: Repository, part: Range) -> list[RangeCommit]:
    """Return all commits of a range, with what is recorded of runs, each after its parents.

    Raises GitError: git fails, or the commands in the range are too many to be looked at.
    """
    ends = [part.tip, *(f"^{commit}" for commit in part.since)]
    lines = repository.git("rev-list", "--reverse", "--topo-order", "--parents", *ends).out.decode().splitlines()
    found = repository.git("rev-list", "--fixed-strings", f"--grep={_NEEDLE}", *ends).out.decode().split()
    known: dict[str, Recorded | str] = {}
    size = 0
    for commit, recorded in _all_recorded(repository, found):
        known[commit] = recorded
        size += len(recorded) if isinstance(recorded, str) else len(recorded.cmd) + len(recorded.text)
        if size > _MOST:
            raise GitError(f"the run records of {part.words} have more than {_MOST >> 20} MiB; name fewer commits")
    return [_with_record(line.split(), known) for line in lines]


def read(repository: Repository, commit: str) -> RunMessage | None:
    """Return the run record of a commit, None if it has none. Raises RecordError, GitError."""
    message = message_of(repository, commit)
    return datalad.parse(message, lambda name: _sidecar(repository, commit, name))


def message_of(repository: Repository, commit: str) -> bytes:
    """Return a commit's message, as UTF-8 if it says in what it is written. Raises RecordError where it is too long."""
    (size,) = _sizes(repository, [commit]).values()
    if size > datalad.LARGEST:
        raise RecordError(f"the message of {commit[:10]} is larger than {datalad.LARGEST >> 20} MiB")
    ((_, message),) = _messages(repository, [commit])
    return message


def _with_record(fields: Sequence[str], known: dict[str, Recorded | str]) -> RangeCommit:
    commit, *parents = fields
    found = known.get(commit)
    if isinstance(found, str):
        return RangeCommit(commit, tuple(parents), problem=found)
    return RangeCommit(commit, tuple(parents), found)


def _all_recorded(repository: Repository, commits: Sequence[str]) -> Iterator[tuple[str, Recorded | str]]:
    """Yield those of the commits that have a run record: what it says, or what is wrong with it."""
    for portion in _portions(_sizes(repository, commits)):
        if isinstance(portion, str):
            yield portion, f"the commit message is larger than {datalad.LARGEST >> 20} MiB"
            continue
        for commit, message in _messages(repository, portion):
            recorded = _recorded(repository, commit, message)
            if recorded is not None:
                yield commit, recorded


def _sizes(repository: Repository, commits: Sequence[str]) -> dict[str, int]:
    """Return how many bytes each commit has."""
    given = "".join(f"{commit}\n" for commit in commits).encode()
    lines = repository.git("cat-file", "--batch-check=%(objectname) %(objectsize)", given=given).out.splitlines()
    pairs = (line.decode().split(" ") for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if pair[1].isdecimal()}


def _portions(sizes: dict[str, int]) -> Iterator[list[str] | str]:
    """Yield commits in portions that can be read at once, and by itself each that is too large to be read."""
    portion: list[str] = []
    total = 0
    for commit, size in sizes.items():
        if size > datalad.LARGEST:
            yield commit
            continue
        if total + size > _PORTION:
            yield portion
            portion, total = [], 0
        portion.append(commit)
        total += size
    if portion:
        yield portion


def _messages(repository: Repository, commits: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield commits with their messages."""
    out = repository.git("cat-file", "--batch", given="".join(f"{commit}\n" for commit in commits).encode()).out
    at = 0
    while at < len(out):
        header = _HEADER.match(out, at)
        if header is None:
            raise GitError(f"`git cat-file` in {repository.top} gave something other than a commit")
        end = header.end() + int(header[2])
        yield header[1].decode(), _message(out[header.end() : end])
        at = end + 1


def _message(commit: bytes) -> bytes:
    """Return the message of a whole commit object, in UTF-8 where it says what else it is in."""
    head, _, message = commit.partition(b"\n\n")
    charset = _CHARSET.search(head)
    if charset is None:
        return message
    try:
        found = codecs.lookup(charset[1].decode("ascii"))
        return message.decode(found.name).encode() if _ENCODINGS.fullmatch(found.name) else message
    except (LookupError, ValueError):
        return message


def _recorded(repository: Repository, commit: str, message: bytes) -> Recorded | str | None:
    """Return what a message says of a run, what is wrong with that, or None where it says nothing."""
    try:
        found = datalad.parse(message, lambda name: _sidecar(repository, commit, name))
        return None if found is None else _shown(found)
    except RecordError as error:
        return str(error)


def _shown(message: RunMessage) -> Recorded:
    record = message.record
    if len(os.fsencode(as_os(record.cmd))) >= _LONGEST_COMMAND:
        raise RecordError(f"its command has {_LONGEST_COMMAND >> 10} KiB or more, which no shell can be given")
    run = (record.vestige or {}).get("id")
    known = run if isinstance(run, str) and _RUN_ID.fullmatch(run) else None
    text = as_os(message.text[:_LONGEST_TEXT])
    return Recorded(text, as_os(record.cmd), as_os(record.pwd), record.dsid, known)


def as_os(text: str) -> str:
    """Return a string of a record, which is UTF-8 whatever the locale is, as Python's `os` would give it."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def _sidecar(repository: Repository, commit: str, name: str) -> bytes | None:
    """Return the content of a sidecar as a commit has it, or of the file of git-annex that it stands for."""
    try:
        path = os.path.join(sidecar_folder(repository), as_os(name))
        content = repository.blob(commit, path, most=datalad.LARGEST)
    except GitError:  # a folder, a submodule
        return None
    key = None if content is None else _ANNEX_KEY.fullmatch(os.fsdecode(content))
    if key is None or not annex.is_used(repository):
        return content
    return _annexed(repository, key[1]) or content


def _annexed(repository: Repository, key: str) -> bytes | None:
    answer = repository.git("annex", "contentlocation", key, may_fail=True)
    try:
        with open(os.path.join(repository.top, os.fsdecode(answer.out).removesuffix("\n")), "rb") as file:
            return file.read(datalad.LARGEST + 1)
    except OSError:
        return None
