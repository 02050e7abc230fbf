"""Records as JSON and back: nothing is lost, nothing foreign gets in."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.resources
import json
import os
import string
from typing import TYPE_CHECKING, Any, get_args

import jsonschema
import pytest
from harness.kept import read_record
from harness.written import folder, simple
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige.errors import RecordError
from vestige.finalising.finalise import finalise
from vestige.record import codec
from vestige.record.model import (
    Completeness,
    Connection,
    Exit,
    Figure,
    FileClass,
    FileCount,
    FileState,
    FileType,
    FileUse,
    Gap,
    HashMode,
    Machine,
    Options,
    Outcome,
    Package,
    PackageKind,
    Point,
    Process,
    Record,
    Stream,
    Survivor,
)

if TYPE_CHECKING:
    from pathlib import Path

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.lists(text, max_size=3).map(tuple)
sizes = st.integers(0, 1 << 70)
numbers = sizes | st.floats(-1e20, 1e20)
times = st.floats(0, 1e9)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


figures = st.builds(
    Figure,
    value=maybe(numbers),
    unit=st.sampled_from(["s", "B", "1"]),
    method=st.sampled_from(["exact", "sampled", "bound", "estimate", "unavailable"]),
    lower=maybe(numbers),
    upper=maybe(numbers),
    reason=maybe(text),
)
exits = st.builds(Exit, code=maybe(st.integers(0, 255)), signal=maybe(text), reason=maybe(text))
machines = st.builds(
    Machine,
    host=text,
    system=text,
    release=text,
    architecture=text,
    cpus=sizes,
    cpus_allowed=maybe(sizes),
    cpu_quota=maybe(times),
    memory=maybe(sizes),
    memory_limit=maybe(sizes),
)
streams = st.builds(
    Stream,
    kind=st.sampled_from(["pipe", "file", "terminal", "socket", "device", "closed"]),
    captured=st.booleans(),
    length=maybe(sizes),
    path=maybe(text),
    offset=maybe(sizes),
    merged=st.booleans(),
    reason=maybe(text),
)
completenesses = st.builds(
    Completeness,
    observer=st.sampled_from(["recorder", "portable"]),
    trace=st.sampled_from(["on", "off", "unavailable"]),
    trace_reason=maybe(text),
    events_dropped=sizes,
    events_unreadable=sizes,
    notes=words,
    files=st.sampled_from(["complete", "partial", "none"]),
    gaps=st.lists(st.builds(Gap, what=text, reason=text, remedy=maybe(text)), max_size=2).map(tuple),
)
classes = st.sampled_from(get_args(FileClass))
lines = st.lists(st.integers(0, 1_000_000), max_size=3).map(tuple)
states = st.builds(
    FileState,
    type=st.sampled_from(get_args(FileType)),
    size=maybe(sizes),
    mtime_ns=maybe(st.integers(-(1 << 63), 1 << 63)),
    ctime_ns=maybe(st.integers(-(1 << 63), 1 << 63)),
    dev=maybe(sizes),
    ino=maybe(sizes),
)
uses = st.builds(
    FileUse,
    path=text,
    kind=classes,
    names=words,
    before=maybe(states),
    after=maybe(states),
    hash=maybe(text),
    hash_reason=maybe(text),
    changed=st.booleans(),
    executed=st.booleans(),
    package=maybe(text),
    readers=lines,
    writers=lines,
    first=maybe(times),
    rule=maybe(text),
)
options = st.builds(
    Options,
    hash=st.sampled_from(get_args(HashMode)),
    hash_limit=maybe(sizes),
    deny_network=st.booleans(),
    io_uring=st.sampled_from(["auto", "deny"]),
    classes=st.dictionaries(text, words, max_size=2),
)
packages = st.builds(
    Package,
    kind=st.sampled_from(get_args(PackageKind)),
    name=text,
    version=maybe(text),
    files=sizes,
    location=maybe(text),
    installer=maybe(text),
    editable=st.booleans(),
    source=maybe(text),
    imported=st.booleans(),
)
connections = st.builds(
    Connection,
    direction=st.sampled_from(["out", "in"]),
    family=text,
    protocol=maybe(text),
    host=maybe(text),
    address=maybe(text),
    port=maybe(st.integers(0, 65535)),
    outcome=st.sampled_from(get_args(Outcome)),
    count=sizes,
    processes=lines,
    first=maybe(times),
)
processes = st.builds(
    Process,
    pid=sizes,
    parent=maybe(sizes),
    argv=maybe(words),
    argv_truncated=st.booleans(),
    name=maybe(text),
    start=times,
    start_method=st.sampled_from(["exact", "bound"]),
    end=maybe(times),
    exit_code=maybe(st.integers(0, 255)),
    signal=maybe(text),
    **{
        field.name: figures
        for field in dataclasses.fields(Process)
        if field.name in {"cpu", "memory_peak", "run_queue_wait"} or field.name.endswith(("_bytes", "_chars"))
    },
    setuid=st.booleans(),
    survived=st.booleans(),
)
points = st.builds(
    Point,
    start=times,
    end=times,
    samples=sizes,
    processes=sizes,
    threads=maybe(sizes),
    cpu=times,
    rss_min=sizes,
    rss_mean=sizes,
    rss_max=sizes,
    pss=maybe(sizes),
    read_bytes=maybe(sizes),
    written_bytes=maybe(sizes),
    read_chars=maybe(sizes),
    written_chars=maybe(sizes),
)
moments = st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z")
records = st.builds(
    Record,
    id=st.uuids().map(str),
    argv=words,
    cwd=text,
    status=st.sampled_from(["running", "ended", "interrupted"]),
    started=moments,
    ended=maybe(moments),
    exit=exits,
    vestige=text,
    machine=maybe(machines),
    environment=st.dictionaries(text, text, max_size=2),
    message=maybe(text),
    tags=words,
    parent=maybe(st.uuids().map(str)),
    parent_folder=maybe(text),
    job=st.dictionaries(text, text, max_size=2),
    resources=st.dictionaries(text, figures, max_size=2),
    streams=st.dictionaries(st.sampled_from(["stdout", "stderr"]), streams),
    survivors=st.lists(st.builds(Survivor, pid=sizes, name=maybe(text), argv=maybe(words)), max_size=2).map(tuple),
    processes=maybe(sizes),
    completeness=maybe(completenesses),
    options=options,
    files=st.dictionaries(classes, st.builds(FileCount, count=sizes, size=sizes), max_size=3),
    software=st.lists(packages, max_size=2).map(tuple),
    network=st.lists(connections, max_size=2).map(tuple),
)


def schema(name: str) -> jsonschema.Draft202012Validator:
    content = importlib.resources.files("vestige.record").joinpath("schema", f"{name}-1.json").read_text()
    validator = jsonschema.Draft202012Validator
    validator.check_schema(json.loads(content))
    return validator(json.loads(content))


RECORD, PROCESS, FILE, USAGE = schema("record"), schema("process"), schema("file"), schema("usage")


@settings(deadline=None)
@given(records)
def test_record_there_and_back(record: Record) -> None:
    written = json.loads(codec.record_text(record))
    assert codec.record_from_json(written, "record.json") == record
    RECORD.validate(written)


@settings(deadline=None)
@given(st.lists(processes, max_size=3), st.lists(uses, max_size=3), st.lists(points, max_size=3))
def test_lines_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, processes: list[Process], uses: list[FileUse], points: list[Point]
) -> None:
    path = str(tmp_path_factory.mktemp("lines") / "lines.jsonl")
    for lines, read, schema in (
        (processes, codec.read_processes, PROCESS),
        (uses, codec.read_files, FILE),
        (points, codec.read_points, USAGE),
    ):
        with open(path, "wb") as file:
            file.writelines(map(codec.line, lines))
        assert list(read(path)) == lines
        for line in lines:
            schema.validate(json.loads(codec.line(line)))


def test_what_is_written_validates(tmp_path: Path) -> None:
    path = folder(tmp_path, simple())
    with open(os.path.join(path, "record.json"), "rb") as file:
        RECORD.validate(json.load(file))
    finalise(path)
    for name, validator in (("record.json", RECORD), ("processes.jsonl", PROCESS), ("usage.jsonl", USAGE)):
        with open(os.path.join(path, name), "rb") as file:
            for text in [file.read()] if name.endswith(".json") else file:
                validator.validate(json.loads(text))


def good() -> dict[str, Any]:
    record = Record(
        id="01980d2a-7c00-7abc-8def-0123456789ab",
        argv=("a",),
        cwd="/",
        status="ended",
        started="2025-10-09T08:53:20.001000Z",
        ended="2025-10-09T08:53:21.001000Z",
        exit=Exit(0),
        vestige="0.1.0",
        machine=Machine("h", "Linux", "6", "x86_64", 2, 2, None, 1, None),
        environment={},
        resources={"wall": Figure(1.0, "s", "exact")},
    )
    return codec.record_to_json(record)


def put(record: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    inner: Any = record
    for name in path:
        inner = inner[name]
    inner[last] = value


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("id", 7, "`id` must be text"),
        ("id", "../../etc", "`id` must be a UUID"),
        ("argv", "ls -l", "`argv` must be a list"),
        ("argv", ["ls", None], "`argv.1` must be text"),
        ("argv", ["\ud800"], "`argv.0` must be whole characters"),
        ("status", "done", "`status` must be one of running, ended, interrupted"),
        ("status", ["ended"], "`status` must be one of"),
        ("started", "yesterday", "`started` must be a time as in"),
        ("started", "2025-13-09T08:53:20.001000Z", "`started` must be a time as in"),
        ("ended", 5, "`ended` must be text or null"),
        ("exit", None, "`exit` must be an object"),
        ("exit.code", True, "`exit.code` must be an integer or null"),
        ("exit.code", "0", "`exit.code` must be an integer or null"),
        ("exit.code", 1.0, "`exit.code` must be an integer or null"),
        ("exit.code", 1 << 200, "`exit.code` must be an integer or null"),
        ("machine.cpu_quota", 10**400, "`machine.cpu_quota` must be a number or null"),
        ("machine", [], "`machine` must be an object or null"),
        ("environment", {"A": 1}, "`environment.A` must be text"),
        ("resources.wall", 5, "`resources.wall` must be an object"),
        ("resources.wall.value", "5", "`resources.wall.value` must be a number or null"),
        ("resources.wall.method", "guess", "`resources.wall.method` must be one of exact, sampled"),
        ("resources", {"x\n\x1b[31m": 5}, r"`resources.x\\n\\x1b\[31m` must be an object"),
        ("schema", "somebody.else/1", "`schema` does not name a record of vestige"),
        ("schema", None, "`schema` does not name a record of vestige"),
    ],
)
def test_wrong_value_is_named(key: str, value: Any, message: str) -> None:
    record = good()
    put(record, key, value)
    with pytest.raises(RecordError, match=rf"^/r/record\.json is damaged or foreign: {message}") as error:
        codec.record_from_json(record, "/r/record.json")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["id", "argv", "exit", "environment"])
def test_missing_key_is_named(key: str) -> None:
    record = good()
    del record[key]
    with pytest.raises(RecordError, match=f"`{key}` must be there"):
        codec.record_from_json(record, "record.json")


def test_unknown_keys_are_passed_over_and_defaults_filled_in() -> None:
    record = good()
    expected = codec.record_from_json(record, "record.json")
    record["later"] = {"x": 1}
    del record["tags"], record["job"], record["completeness"], record["parent_folder"]
    assert codec.record_from_json(record, "record.json") == expected


def test_newer_schema_says_so() -> None:
    with pytest.raises(RecordError, match=r"is of schema vestige\.record/12, .* update it"):
        codec.record_from_json(good() | {"schema": "vestige.record/12"}, "record.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[]", "a JSON object is expected"),
        (b"\xff\xfe{}", "it is not JSON"),
        (b'{"a": NaN}', "it is not JSON"),
        (b'{"a": -Infinity}', "it is not JSON"),
        (b'{"a": -1e999}', "it is not JSON"),
        (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "it is nested too deeply"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "`schema` does not name|it is not JSON"),
    ],
)
def test_hostile_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=message) as error:
        read_record(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("depth", "is_read"), [(100, True), (101, False), (900, False)])
def test_what_a_program_said_is_not_too_deep_to_be_shown(tmp_path: Path, depth: int, is_read: bool) -> None:
    path = tmp_path / "spans.jsonl"
    said = "[" * depth + "]" * depth
    path.write_text(f'{{"id":"a","name":"train","start":0.0,"end":1.0,"attributes":{{"deep":{said}}}}}\n')
    if is_read:
        (span,) = codec.read_spans(str(path))
        assert json.dumps(span.attributes, indent=1).count("[") == depth
    else:
        with pytest.raises(RecordError, match=r"line 1 .*`attributes\.deep` must be nested no more than 100 deep"):
            list(codec.read_spans(str(path)))


@pytest.mark.parametrize("name", ["started", "ended"])
@pytest.mark.parametrize(
    "moment",
    ["2026-01-31", "2026-01-31T23:59:59Z", "2026-01-31T23:59:59.123456", "2026-01-31T23:59:59.123456+00:00",
     "2026-02-31T23:59:59.123456Z", "2026-01-31 23:59:59.123456Z", "", "x"],
)  # fmt: skip
def test_a_time_that_is_none(name: str, moment: str) -> None:
    record = good()
    codec.record_from_json(record, "here")
    put(record, name, moment)
    with pytest.raises(RecordError, match=f"here is damaged or foreign: `{name}` must be a time"):
        codec.record_from_json(record, "here")


def test_a_file_of_a_record_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    record = codec.record_from_json(good(), "here")
    path.write_bytes(codec.record_text(record))
    assert read_record(str(path)) == record
    path.write_text('{"a": "ü"}', encoding="utf-8")
    assert codec.read_object(str(path)) == {"a": "ü"}


def test_files_of_some_classes_alone(tmp_path: Path) -> None:
    path = tmp_path / "files.jsonl"
    uses = [FileUse(f"/{kind}", kind) for kind in get_args(FileClass)]
    path.write_bytes(b"".join(map(codec.line, uses)))
    assert list(codec.read_files(str(path))) == uses
    wanted = ("output", "input")
    assert list(codec.read_files(str(path), wanted)) == [use for use in uses if use.kind in wanted]
    assert codec.file_use(codec.line(uses[0]), "here") == uses[0]


def test_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(RecordError, match="it has 1073741824 bytes, more than 67108864"):
        read_record(str(path))


def test_odd_things_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("folder", "fifo"):
        with pytest.raises(RecordError, match=f"can't read .*/{name}: not a regular file"):
            read_record(str(tmp_path / name))
    with pytest.raises(FileNotFoundError):
        read_record(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"x\n", "line 2 is damaged or foreign: it is not JSON"),
        (b"[]\n", "line 2 is damaged or foreign: an object is expected"),
        (b'{"start": 1}\n', "line 2 is damaged or foreign: `end` must be there"),
        (b'{"start": "1"}\n', "line 2 is damaged or foreign: `start` must be a number"),
        (b'{"sta', "line 2 is damaged or foreign: the line is cut or too long"),
    ],
)
def test_damaged_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "usage.jsonl"
    point = Point(0, 1, 1, 1, 1, 0.5, 1, 2, 3, None, None, None, None, None)
    path.write_bytes(codec.line(point) + line)
    read = codec.read_points(str(path))
    assert next(read) == point
    with pytest.raises(RecordError, match=message):
        next(read)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_change_of_one_value_breaks_the_reader(data: st.DataObject) -> None:
    record = good()
    key = data.draw(
        st.sampled_from([*record, "exit.code", "machine.cpus", "resources.wall.value", "resources.wall.unit"])
    )
    odd: st.SearchStrategy[Any] = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable) | st.just([]) | st.just({})
    )
    put(record, key, data.draw(odd))
    with contextlib.suppress(RecordError):
        codec.record_from_json(record, "record.json")
