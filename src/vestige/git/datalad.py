"""DataLad's run record: written into a commit message as DataLad writes it, read from what others made of theirs.

::

    [DATALAD RUNCMD] <text>

    === Do not change lines below ===
    {the record as JSON, or the name of a sidecar file as a JSON string}
    ^^^ Do not change lines above ^^^

DataLad reads this with one regular expression from the first byte on (`datalad/local/rerun.py`, `get_run_info`). A
message that went through a mail, a squash, a hook that puts a ticket's number in front or a Windows editor is still a
run record to a person, and to `parse`.

A commit message is anybody's. Nothing in one makes `parse` raise anything but RecordError, and time and memory are
bounded by `LARGEST`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from vestige.errors import RecordError
from vestige.lines import DEEPEST, finite, is_deep, refuse
from vestige.text import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MARKER = "[DATALAD RUNCMD]"
LARGEST = 32 << 20  # bytes of a message or an unpacked sidecar; a record of 100,000 files has some 10 million
_BEGIN = "=== Do not change lines below ==="
_END = "^^^ Do not change lines above ^^^"
_BEGIN_LINE = re.compile(rf"^{re.escape(_BEGIN)}[ \t\r]*\n", re.MULTILINE)
_END_LINE = re.compile(rf"^{re.escape(_END)}", re.MULTILINE)
_ANY_MARKER = re.compile(r"\[DATALAD ([A-Z][A-Z ]{0,39})\] ?")  # datalad-slurm writes `[DATALAD SLURM RUN]`
_MARKER_LINE = re.compile("^" + _ANY_MARKER.pattern, re.MULTILINE)
_INDENT = re.compile(r"^[ \t]*(?=\S)", re.MULTILINE)
_LOOKS_LIKE_OURS = re.compile(rf"(?<=\n)(?={re.escape(_BEGIN)}|{re.escape(_END)}|\[DATALAD )")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # all but tab and line feed
_SURROGATE = re.compile("[\ud800-\udfff]")
_FIRST_ODD_BYTE, _LAST_ODD_BYTE = 0xDC80, 0xDCFF  # as `surrogateescape` writes them
_LISTS = ("chain", "extra_inputs", "inputs", "outputs")
_KEYS = frozenset({*_LISTS, "cmd", "dsid", "exit", "pwd", "vestige"})
_MOST_NESTED = 2_000_000  # objects and lists
_LONGEST_NUMBER = 100  # digits
_LARGEST_EXIT = 1 << 63
_LONGEST_NAME = 255  # bytes
_XZ = b"\xfd7zXZ\0"
_GZIP = b"\x1f\x8b"
_XZ_MEMORY = 128 << 20  # bytes; `xz -9` needs 65 MiB to unpack
_ANNEX = re.compile(rb"(?:\.\./)*(?:\.git)?/?annex/objects/")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What was run, as the JSON between the marker lines has it."""

    cmd: str  # for `/bin/sh -c`, placeholders unexpanded
    pwd: str = "."  # noqa: S105 - relative to the top of the repository; others may write absolute ones, and `..`
    inputs: tuple[str, ...] = ()  # globs, relative to `pwd`
    outputs: tuple[str, ...] = ()
    extra_inputs: tuple[str, ...] = ()  # needed, but not part of `{inputs}`: a container's image
    chain: tuple[str, ...] = ()  # commits of which this is a rerun, oldest first
    exit: int | None = None
    dsid: str | None = None  # of the dataset that it was run in, which may hold this repository as a subdataset
    vestige: dict[str, Any] | None = None
    others: dict[str, Any] = field(default_factory=dict)  # keys that neither DataLad nor vestige writes, kept verbatim


@dataclass(frozen=True, slots=True)
class RunMessage:
    """A commit message with a run record."""

    text: str  # what follows the marker on its line, and the body up to the record
    record: RunRecord
    marker: str  # "RUNCMD", "SLURM RUN"
    sidecar: str | None  # name of the file that the record was in


class Sidecar(NamedTuple):
    """A record in a file of its own."""

    id: str  # the file's name: the MD5 of `json_text`
    content: bytes  # one line of JSON, packed by xz


class _Block(NamedTuple):
    """A run record within a message, unparsed."""

    marker: str
    text: str
    json: str


def compose(text: str, record: RunRecord, *, sidecar: str | None = None) -> bytes:
    """Return a commit message as `datalad run` writes it.

    What `text` holds can't be taken for a part of the record: lines like DataLad's own get a blank in front, control
    characters are escaped.

    Args:
        text: what the user says of the run.
        record: the run; strings that are not Unicode are written as `vestige.text` has them.
        sidecar: id of the sidecar that holds the record instead of the message.

    Raises:
        RecordError: the record holds something that is not JSON.
    """
    body = json_text(record) if sidecar is None else f'"{sidecar}"'
    return f"{MARKER} {_harmless(text)}\n\n{_BEGIN}\n{body}\n{_END}\n".encode()


def json_text(record: RunRecord) -> str:
    """Return the record as it stands in a message. Raises RecordError where it holds what is not JSON."""
    return _dumped(record, indent=1)


def sidecar(record: RunRecord) -> Sidecar:
    """Return the record as a file under `.datalad/runinfo`, as `datalad run --sidecar yes` writes it.

    Raises:
        RecordError: the record holds something that is not JSON.
    """
    import hashlib  # noqa: PLC0415 - 15 ms, and hardly a record needs it
    import lzma  # noqa: PLC0415

    identity = hashlib.md5(json_text(record).encode(), usedforsecurity=False).hexdigest()
    line = _dumped(record, separators=(",", ":")) + "\n"
    return Sidecar(identity, lzma.compress(line.encode()))


def parse(message: bytes, read_sidecar: Callable[[str], bytes | None]) -> RunMessage | None:
    """Return the run record of a commit message, None if it has none.

    More is taken for a record than by DataLad: CRLF, a common indent, text before the marker, other markers, lists and
    nulls where newer records have strings and lists, a missing `pwd`. Of several records the last one counts, as for
    DataLad.

    Args:
        message: the whole commit message.
        read_sidecar: gives the content of a sidecar file by its name, as it is in the commit's own tree; None if it is
            not there. It is never asked for a name with a slash.

    Raises:
        RecordError: there is a run record, and it can't be read.
    """
    block = _found(message)
    if block is None:
        return None
    value = _loaded(block.json)
    name = value if isinstance(value, str) else None
    if name is not None:
        value = _from_sidecar(name, read_sidecar)
    return RunMessage(block.text, _record(value), block.marker, name)


def _harmless(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _LOOKS_LIKE_OURS.sub(" ", _CONTROL.sub(_escaped, text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    if _FIRST_ODD_BYTE <= code <= _LAST_ODD_BYTE:
        return f"\\x{code & 0xFF:02x}"
    return found.group().encode("unicode_escape").decode()


def _dumped(record: RunRecord, *, indent: int | None = None, separators: tuple[str, str] | None = None) -> str:
    """Return the record as JSON with DataLad's own options (`_create_record`, `dump2stream`)."""
    try:
        value = _unicode(_object(record))
        return json.dumps(
            value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"the run record can't be written as JSON: {error}") from error


def _object(record: RunRecord) -> dict[str, Any]:
    lists = {key: list(getattr(record, key)) for key in _LISTS}
    optional = {"dsid": record.dsid, "exit": record.exit, "vestige": record.vestige}
    given = {key: value for key, value in optional.items() if value is not None}
    return {**record.others, "cmd": record.cmd, "pwd": record.pwd, **lists, **given}


def _unicode(value: object) -> object:
    """Return a tree of JSON in which every string can be written as UTF-8."""
    if isinstance(value, str):
        return value if _SURROGATE.search(value) is None else from_bytes(_raw(value))
    if isinstance(value, dict):
        return {_unicode(key): _unicode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unicode(item) for item in value]
    return value


def _raw(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _found(message: bytes) -> _Block | None:
    if b"[DATALAD " not in message or _BEGIN.encode() not in message:
        return None
    _limited(message, "the commit message")
    text = _without_indent(message.decode("utf-8", "surrogateescape").replace("\r\n", "\n"))
    begin = _last(_BEGIN_LINE.finditer(text))
    marker = None if begin is None else _marker(text, begin.start())
    if begin is None or marker is None:
        return None
    end = _last(_END_LINE.finditer(text, begin.end()))
    if end is None:
        raise RecordError(f"the run record is cut, the line `{_END}` is missing")
    before = text[marker.end() : begin.start()].rstrip()
    return _Block(marker.group(1), before, text[begin.end() : end.start()])


def _marker(text: str, stop: int) -> re.Match[str] | None:
    """Return the marker of the record that begins at `stop`.

    That is the first one after the record before, if there is one (a squash), at the beginning of a line where
    possible: a hook may have put something in front, and the text may speak of markers.
    """
    ended = _last(_END_LINE.finditer(text, 0, stop))
    for start in (0 if ended is None else ended.end(), 0):
        found = _MARKER_LINE.search(text, start, stop) or _ANY_MARKER.search(text, start, stop)
        if found is not None:
            return found
    return None


def _last(matches: Iterable[re.Match[str]]) -> re.Match[str] | None:
    last = None
    for match in matches:
        last = match
    return last


def _without_indent(text: str) -> str:
    """Take off what all lines with something in them begin with: `git log` indents by four blanks."""
    if text[:1] not in (" ", "\t", "\n"):
        return text
    common = os.path.commonprefix([*{match.group() for match in _INDENT.finditer(text)}])  # noqa: RUF071 - of blanks
    return re.sub(f"^{re.escape(common)}", "", text, flags=re.MULTILINE) if common else text


def _loaded(text: str) -> object:
    """Return the one value that `text` is."""
    value, end = _first_value(text)
    if text[end:].strip():
        raise RecordError("the run record is not valid JSON: something follows its end")
    return value


def _first_value(text: str) -> tuple[object, int]:
    """Return the first value of `text`, and where it ends."""
    if text.count("[") + text.count("{") > _MOST_NESTED:  # each takes twenty times its length in memory
        raise RecordError("the run record has too many parts")
    decoder = json.JSONDecoder(parse_constant=refuse, parse_int=_integer, parse_float=finite)
    start = len(text) - len(text.lstrip())
    try:
        value, end = decoder.raw_decode(text, start)
    except RecursionError:
        raise RecordError("the run record is nested too deeply") from None
    except ValueError as error:
        raise RecordError(f"the run record is not valid JSON: {error}") from error
    if is_deep(value):
        raise RecordError(f"the run record is nested more than {DEEPEST} deep")
    return value, end


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:  # int() of them takes time by the square
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _from_sidecar(name: str, read_sidecar: Callable[[str], bytes | None]) -> object:
    shown = name[:_LONGEST_NAME]
    if name in ("", ".", "..") or "/" in name or "\0" in name or len(_raw(name)) > _LONGEST_NAME:
        raise RecordError(f"the run record is said to be in the file `{shown}`, which is no name of a sidecar")
    content = read_sidecar(name)
    if content is None:
        raise RecordError(f"the run record is in the sidecar `{shown}`, which this commit does not have")
    if _ANNEX.match(content):
        raise RecordError(f"the run record is in the sidecar `{shown}`, of which git-annex has no content here")
    text = _unpacked(content, f"the sidecar `{shown}`").decode("utf-8", "surrogateescape")
    return _first_value(text)[0]  # the first of possibly several, as DataLad has it


def _unpacked(content: bytes, what: str) -> bytes:
    _limited(content, what)
    if not content.startswith((_XZ, _GZIP)):
        return content
    unpacked = _unxz(content, what) if content.startswith(_XZ) else _gunzip(content, what)
    _limited(unpacked, what)
    return unpacked


def _unxz(content: bytes, what: str) -> bytes:
    import lzma  # noqa: PLC0415 - only for a sidecar

    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    try:
        unpacked = decompressor.decompress(content, LARGEST + 1)
    except lzma.LZMAError as error:
        raise RecordError(f"{what} can't be unpacked: {error}") from error
    return _whole(unpacked, what, eof=decompressor.eof)


def _gunzip(content: bytes, what: str) -> bytes:
    import zlib  # noqa: PLC0415 - only for a sidecar

    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = decompressor.decompress(content, LARGEST + 1)
    except zlib.error as error:
        raise RecordError(f"{what} can't be unpacked: {error}") from error
    return _whole(unpacked, what, eof=decompressor.eof)


def _whole(unpacked: bytes, what: str, *, eof: bool) -> bytes:
    if not eof and len(unpacked) <= LARGEST:
        raise RecordError(f"{what} is cut")
    return unpacked


def _limited(content: bytes, what: str) -> None:
    if len(content) > LARGEST:
        raise RecordError(f"{what} is larger than {LARGEST >> 20} MiB")


def _record(value: object) -> RunRecord:
    if not isinstance(value, dict):
        raise RecordError("the run record is no JSON object")
    vestige = value.get("vestige")
    if not isinstance(vestige, dict | None):
        raise RecordError("`vestige` of the run record is no JSON object")
    return RunRecord(
        cmd=_command(value.get("cmd")),
        pwd=_pwd(value.get("pwd")),
        inputs=_paths(value, "inputs"),
        outputs=_paths(value, "outputs"),
        extra_inputs=_paths(value, "extra_inputs"),
        chain=_strings(value.get("chain"), "chain"),
        exit=_exit(value.get("exit")),
        dsid=_dsid(value.get("dsid")),
        vestige=vestige,
        others={key: item for key, item in value.items() if key not in _KEYS},
    )


def _command(value: object) -> str:
    """Return the command as one for the shell; old records have lists (DataLad's `normalize_command`)."""
    words = _strings(value, "cmd")
    if isinstance(value, str) or (len(words) == 1 and words[0] != "--"):
        command = words[0]  # a shell script, even in a list
    else:
        command = shlex.join(words[1:] if words[:1] == ("--",) else words)
    if not command:
        raise RecordError("the run record has no command")
    return command


def _exit(value: object) -> int | None:
    if value is not None and (type(value) is not int or abs(value) > _LARGEST_EXIT):
        raise RecordError("`exit` of the run record is no exit code")
    return value


def _dsid(value: object) -> str | None:
    """Return the dataset's id; datalad-slurm writes the number 0xDA7A1AD where there is none."""
    return None if value is None or type(value) is int else _string(value, "dsid")


def _pwd(value: object) -> str:
    return "." if value in (None, "") else _path(_string(value, "pwd"))


def _paths(value: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(_path(text) for text in _strings(value.get(key), key))


def _path(text: str) -> str:
    """Return a path as Python's `os` has it. Only what is not UTF-8 is read as `vestige.text` quotes it.

    DataLad quotes nothing: `"a"` in a record of its own is a name with two quotes.
    """
    if not text.startswith('"') or _SURROGATE.search(text):
        return text
    raw = to_bytes(text)
    decoded = raw.decode("utf-8", "surrogateescape")
    return decoded if _SURROGATE.search(decoded) and b"\0" not in raw else text


def _strings(value: object, key: str) -> tuple[str, ...]:
    """Return a list of strings, of which a single one may have lost its list, and an empty one be null."""
    if value is None:
        return ()
    return tuple(_string(item, key) for item in (value if isinstance(value, list) else [value]))


def _string(value: object, key: str) -> str:
    """Return a string that can be a path or an argument."""
    if not isinstance(value, str):
        raise RecordError(f"`{key}` of the run record holds something other than text")
    if "\0" in value:
        raise RecordError(f"`{key}` of the run record holds a NUL")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise RecordError(f"`{key}` of the run record holds half a character") from None
    return value
