"""Whatever comes in: one line that says what to do, the right exit code, never a traceback."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from harness import places, processes
from harness.waiting import until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from harness.command import Vestige

pytestmark = pytest.mark.needs("recorder", "gcc")


def assert_one_line(completed: subprocess.CompletedProcess[bytes], code: int) -> str:
    """The call failed as expected and said so in one line; return the line."""
    said = completed.stderr.decode()
    assert completed.returncode == code, said
    assert said.startswith("vestige"), said
    assert said.count("\n") == 1, said
    assert not said.endswith(".\n"), said
    assert "\x1b" not in said
    assert len(said) < 1000
    return said


@pytest.mark.parametrize(
    "words",
    [
        (), ("--",), ("--no-such-option", "true"), ("-x", "true"), ("--capture", "some", "true"), ("--capture",),
        ("--trace=maybe", "true"), ("--summary", "long", "true"), ("-m",), ("--tag",), ("--store",), ("-q",),
        ("--wait=yes", "true"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_words_for_run_are_125_and_start_nothing(vestige: Vestige, words: tuple[str, ...]) -> None:
    assert_one_line(vestige.call("run", *words), 125)
    assert vestige.folders() == []


@pytest.mark.parametrize(
    "words",
    [
        ("no-such-command",), ("ls", "--no-such-option"), ("ls", "--last", "many"), ("ls", "--last", "-1"),
        ("ls", "--since", "the day before"), ("show", "--no-such-option"), ("show", "one", "two"), ("rm",),
        ("init", "--no-such-option"), ("doctor", "--no-such-option"), ("--no-such-option",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_words_elsewhere_are_2(vestige: Vestige, words: tuple[str, ...]) -> None:
    assert vestige.run("true").returncode == 0
    assert_one_line(vestige.call(*words), 2)


def test_an_empty_command_word(vestige: Vestige) -> None:
    assert vestige.run("").returncode == vestige.shell("''").returncode == 127


@pytest.mark.parametrize("words", [("show",), ("show", "last"), ("show", "last~3"), ("rm", "last")], ids=" ".join)
def test_a_run_where_there_is_none(vestige: Vestige, words: tuple[str, ...]) -> None:
    assert_one_line(vestige.call(*words), 2)


def test_ls_where_there_is_no_run_is_no_error(vestige: Vestige) -> None:
    assert vestige.call("ls").returncode == 0


@pytest.mark.parametrize(
    "name",
    ["ffffffff", "nonsense", "", "../..", "/etc", "last~99", "last~-1", "last~x", "\x1b[31m", "*", "a\nb"],
    ids=repr,
)
def test_an_unknown_run(vestige: Vestige, name: str) -> None:
    vestige.record("true")
    for command in ("show", "rm"):
        assert_one_line(vestige.call(command, name), 2)
    assert len(vestige.folders()) == 1


def test_an_ambiguous_run_names_the_ways_out(vestige: Vestige) -> None:
    folder = vestige.record("true").run.folder
    twin = folder[:-1] + ("0" if folder[-1] != "0" else "1")
    shutil.copytree(folder, twin)
    path = os.path.join(twin, "record.json")
    record = _read(path)
    record["id"] = record["id"][:-1] + twin[-1]
    _write(path, json.dumps(record).encode())
    short = os.path.basename(folder)[-8:]
    said = assert_one_line(vestige.call("show", short[:7]), 2)
    assert os.path.basename(folder) in said
    assert os.path.basename(twin) in said
    assert vestige.call("show", short).returncode == 0


@pytest.mark.parametrize("kind", ["a file", "below a file", "a read-only folder", "an empty word"])
@pytest.mark.needs("nobody")
def test_a_named_store_that_can_not_be_written(open_vestige: Vestige, kind: str) -> None:
    store = os.path.join(open_vestige.home, "named")
    if kind == "a read-only folder":
        os.mkdir(store, 0o555)
    else:
        _write(store, b"")
    store = {"below a file": os.path.join(store, "store"), "an empty word": ""}.get(kind, store)
    words = open_vestige.words("touch", "started", options=("--store", store))
    assert_one_line(open_vestige.bare(*places.AS_NOBODY, *words), 125)
    assert not os.path.exists(open_vestige.path("started"))


def test_a_named_store_that_is_not_there(vestige: Vestige) -> None:
    missing = os.path.join(vestige.home, "missing")
    completed = vestige.call("ls", "--store", missing)
    assert completed.returncode in (0, 2)
    assert b"Traceback" not in completed.stderr
    assert not os.path.exists(missing)


@pytest.mark.parametrize(
    "content", ["[tool.vestige\n", "[tool.vestige]\ncolour = 1\n", "[tool.vestige]\nwait = 3\n", "\xff"]
)
def test_a_bad_config_file(vestige: Vestige, content: str) -> None:
    _write(vestige.path("pyproject.toml"), b"[tool.vestige]\n" + content.encode("latin-1"))
    said = assert_one_line(vestige.run("touch", "started"), 125)
    assert "pyproject.toml" in said
    assert not os.path.exists(vestige.path("started"))


@pytest.mark.parametrize("name", ["VESTIGE_CAPTURE", "VESTIGE_TRACE", "VESTIGE_SUMMARY"])
def test_a_bad_variable(vestige: Vestige, name: str) -> None:
    said = assert_one_line(vestige.run("true", env=vestige.variables | {name: "nonsense"}), 125)
    assert name in said


HOSTILE = {
    "empty": b"",
    "cut": b'{"schema": "vestige.record/1", "id": "01',
    "null": b"null",
    "a number": b"17",
    "a list": b"[]",
    "text": b'"text"',
    "not UTF-8": b'{"schema": "\xff\xfe"}',
    "UTF-16": '{"schema": "vestige.record/1"}'.encode("utf-16"),
    "binary": bytes(range(256)) * 64,
    "another schema": b'{"schema": "somebody.else/1", "id": "x"}',
    "a newer schema": b'{"schema": "vestige.record/999", "id": "x"}',
    "no schema": b'{"id": "x"}',
    "deep lists": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a deep field": b'{"schema": "vestige.record/1", "tags": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a long number": b'{"schema": "vestige.record/1", "processes": ' + b"9" * 10_000 + b"}",
    "a lone surrogate": b'{"schema": "\\ud800"}',
    "zeros": bytes(4096),
}


FOREIGN = {"another schema", "a newer schema", "no schema", "a lone surrogate"}  # somebody else's: not ours to replace


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_record_and_nothing_to_make_another_from(vestige: Vestige, content: bytes) -> None:
    bad, good = _bad_and_good(vestige)
    os.unlink(os.path.join(bad, "events.jsonl"))
    _write(os.path.join(bad, "record.json"), content)
    assert_one_line(vestige.call("show", bad), 2)
    assert_one_line(vestige.call("show", "--json", bad), 2)
    _assert_good_is_listed(vestige, good)


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - FOREIGN))
def test_a_hostile_record_is_made_anew_from_what_the_recorder_saw(vestige: Vestige, name: str) -> None:
    bad, good = _bad_and_good(vestige)
    _write(os.path.join(bad, "record.json"), HOSTILE[name])
    completed = vestige.call("show", bad)
    assert (completed.returncode, completed.stderr) == (0, b"")
    assert b"true bad" in completed.stdout
    assert b"damaged" in completed.stdout
    _assert_good_is_listed(vestige, good)


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_a_foreign_record_is_left_alone(vestige: Vestige, name: str) -> None:
    bad, good = _bad_and_good(vestige)
    _write(os.path.join(bad, "record.json"), HOSTILE[name])
    assert_one_line(vestige.call("show", bad), 2)
    _assert_good_is_listed(vestige, good)
    with open(os.path.join(bad, "record.json"), "rb") as file:
        assert file.read() == HOSTILE[name]


WRONG: dict[str, Any] = {
    "id": 5, "argv": "true", "cwd": ["/"], "status": "asleep", "started": 0, "exit": [], "machine": "here",
    "environment": ["A"], "tags": {"a": 1}, "resources": {"cpu": 1}, "streams": {"stdout": []}, "survivors": [1],
    "processes": "many", "completeness": {"observer": "me"}, "message": 4, "job": {"A": 1}, "parent": {},
    "vestige": None,
}  # fmt: skip


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_type_in_a_record(vestige: Vestige, key: str) -> None:
    bad, good = _bad_and_good(vestige)
    _change(bad, key, WRONG[key])
    assert_one_line(vestige.call("show", bad), 2)
    _assert_good_is_listed(vestige, good)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "1e400", "true", '"1"', "{}"])
def test_a_wrong_number_in_a_figure(vestige: Vestige, value: str) -> None:
    bad, good = _bad_and_good(vestige)
    path = os.path.join(bad, "record.json")
    record = _read(path)
    record["resources"]["wall"]["value"] = "HERE"
    _write(path, json.dumps(record).replace('"HERE"', value).encode())
    completed = vestige.call("show", bad)
    assert b"Traceback" not in completed.stderr
    assert completed.returncode in (0, 2)
    if value in ("true", '"1"', "{}"):
        assert_one_line(completed, 2)
    _assert_good_is_listed(vestige, good)


def test_a_record_of_a_gigabyte_is_not_read(vestige: Vestige) -> None:
    bad, good = _bad_and_good(vestige)
    os.unlink(os.path.join(bad, "events.jsonl"))
    os.truncate(os.path.join(bad, "record.json"), 1 << 30)
    limited = vestige.shell(f"ulimit -v 600000; vestige show {bad}")
    assert_one_line(limited, 2)
    _assert_good_is_listed(vestige, good)


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a loop", "nothing", "a device"])
def test_something_else_in_place_of_the_record(vestige: Vestige, kind: str) -> None:
    bad, good = _bad_and_good(vestige)
    path = os.path.join(bad, "record.json")
    os.unlink(path)
    os.unlink(os.path.join(bad, "events.jsonl"))
    make: dict[str, Callable[[str], object]] = {"a folder": os.mkdir, "a pipe": os.mkfifo}
    links = {"a loop": path, "a device": "/dev/zero"}
    if kind in links:
        os.symlink(links[kind], path)
    elif kind in make:
        make[kind](path)
    assert_one_line(vestige.call("show", bad), 2)
    _assert_good_is_listed(vestige, good)


@pytest.mark.needs("nobody")
def test_a_record_that_may_not_be_read(open_vestige: Vestige) -> None:
    folder = open_vestige.record("true").run.folder
    os.chmod(os.path.join(folder, "record.json"), 0)
    os.chmod(open_vestige.store, 0o755)  # noqa: S103 - to be entered by nobody
    assert_one_line(open_vestige.bare(*places.AS_NOBODY, open_vestige.executable, "show", folder), 2)
    assert open_vestige.bare(*places.AS_NOBODY, open_vestige.executable, "ls").returncode == 0


def test_nothing_in_a_record_reaches_the_terminal_raw(vestige: Vestige) -> None:
    odd = "\x1b]0;owned\x07\x1b[31m\x9b2J\r\n\u202e"
    bad, _ = _bad_and_good(vestige)
    for key, value in {
        "argv": [odd, odd],
        "message": odd,
        "tags": [odd],
        "cwd": odd,
        "environment": {odd: odd},
    }.items():
        _change(bad, key, value)
    for words in (("show", bad), ("ls",), ("show", "--processes", bad), ("show", "--usage", bad)):
        completed = vestige.call(*words)
        assert completed.returncode == 0, completed.stderr.decode()
        shown = completed.stdout.decode()
        assert not {"\x1b", "\x07", "\x9b", "\r", "\u202e"} & set(shown)


@pytest.mark.parametrize("name", ["processes.jsonl", "usage.jsonl", "events.jsonl"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]\n[]\n", b"\xff\xff\n", b'{"pid": "x"}\n', b"[" * 100_000])
def test_hostile_companions_of_a_record(vestige: Vestige, name: str, content: bytes) -> None:
    bad, good = _bad_and_good(vestige)
    _write(os.path.join(bad, name), content)
    for option in ("--processes", "--usage", "--output", "--json"):
        completed = vestige.call("show", option, bad)
        assert b"Traceback" not in completed.stderr
        assert completed.returncode in (0, 2)
    _assert_good_is_listed(vestige, good)


HOSTILE_EVENTS = (
    b'{"seq": 1}',
    b'{"seq": "x"}',
    b'{"seq": 2, "t": -5, "event": "exec"}',
    b'{"seq": 3, "t": 1e999, "event": "exit"}',
    b'{"seq": 4, "t": 1, "event": "exec", "pid": "no", "argv": 5}',
    b'{"seq": 5, "t": 1, "event": []}',
    b'{"seq": 6, "t": 1, "event": "reap", "pid": 1, "status": {}}',
    b'{"seq": 7, "t": 1, "event": "sample", "rss": 1}',
    b'{"seq": 999999999999999999999999, "t": 1, "event": "end", "streams": 3}',
    b'{"seq": 8, "t": 1, "event": "begin", "pids": [], "argv": {}, "clock_ticks": 0}',
    b"[" * 50_000,
    b"\xff",
)


@pytest.mark.parametrize("line", HOSTILE_EVENTS, ids=range(len(HOSTILE_EVENTS)))
def test_hostile_events_of_a_run_that_is_not_finalised(vestige: Vestige, line: bytes) -> None:
    bad, good = _bad_and_good(vestige)
    _change(bad, "status", "running")
    with open(os.path.join(bad, "events.jsonl"), "ab") as file:
        file.write(line + b"\n")
    completed = vestige.call("show", bad)
    assert completed.returncode == 0, completed.stderr.decode()
    _assert_good_is_listed(vestige, good)


def test_rubbish_between_the_run_folders(vestige: Vestige) -> None:
    _, good = _bad_and_good(vestige)
    runs = os.path.join(vestige.store, "runs")
    _write(os.path.join(runs, "a-file"), b"")
    os.mkdir(os.path.join(runs, "an-empty-folder"))
    os.mkdir(os.fsencode(os.path.join(runs, "odd-")) + b"\xff\x1b[31m")
    os.symlink("/", os.path.join(runs, "a-link-upward"))
    _assert_good_is_listed(vestige, good)


def test_rm_never_leaves_the_store(vestige: Vestige) -> None:
    keep = vestige.path("keep")
    os.mkdir(keep)
    _write(os.path.join(keep, "record.json"), b"{}")
    for name in (keep, os.path.join(vestige.store, ".."), "/", vestige.store, os.path.join(vestige.store, "runs")):
        assert vestige.call("rm", name).returncode == 2
    assert os.path.exists(os.path.join(keep, "record.json"))


@pytest.mark.needs("root")
def test_reading_from_a_full_disk(vestige: Vestige) -> None:
    with places.tmpfs(os.path.join(vestige.home, "disk"), "size=3m") as disk:
        inside = vestige.variables | {"VESTIGE_STORE": disk}
        vestige.run("sh", "-c", "exit 3", env=inside, options=("--summary", "line"))
        places.fill(disk)
        assert vestige.call("ls", env=inside).returncode == 0
        assert vestige.call("show", env=inside).returncode == 0


def _bad_and_good(vestige: Vestige) -> tuple[str, str]:
    """Record two runs, and return the folder of the one to spoil and of the one to find again."""
    good = vestige.record("true", "good").run.folder
    bad = vestige.record("true", "bad").run.folder
    until(lambda: not processes.with_variable("HOME", vestige.home), "vestige to let go of them")
    return bad, good


def _assert_good_is_listed(vestige: Vestige, good: str) -> None:
    listed = vestige.call("ls")
    assert listed.returncode == 0, listed.stderr.decode()
    assert b"Traceback" not in listed.stderr
    assert b"true good" in listed.stdout
    assert b"\x1b" not in listed.stdout + listed.stderr
    assert vestige.call("show", good).returncode == 0


def _change(folder: str, key: str, value: Any) -> None:
    path = os.path.join(folder, "record.json")
    _write(path, json.dumps(_read(path) | {key: value}).encode())


def _read(path: str) -> dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    assert isinstance(record, dict)
    return record


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
