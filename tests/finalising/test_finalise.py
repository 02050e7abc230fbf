"""From events to the record: when, what status, what exit, which files."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness.kept import read_record
from harness.written import BEGAN, COMMAND, ID, MB, MS, RECORDER, Events, age, folder, simple

from vestige.errors import RecordError, StoreError
from vestige.finalising.finalise import finalise
from vestige.finalising.standing import is_running
from vestige.record import codec, place
from vestige.record.model import Exit, Stream, Survivor

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import Record

FILES = ["events.jsonl", "files.jsonl", "processes.jsonl", "record.json", "usage.jsonl"]


UNWATCHED = "the command ran without anybody watching, since nothing could be started beside it"


def contents(path: str) -> dict[str, bytes]:
    found = {}
    for name in os.listdir(path):
        with open(os.path.join(path, name), "rb") as file:
            found[name] = file.read()
    return found


def ended(tmp_path: Path, events: Events, **keys: Any) -> Record:
    return finalise(folder(tmp_path, events, **keys))


def test_a_run_that_ended(tmp_path: Path) -> None:
    path = folder(tmp_path, simple(), message="nightly", tags=["a"])
    record = finalise(path)
    assert (record.status, record.exit) == ("ended", Exit(code=0))
    assert (record.started, record.ended) == ("2025-10-09T08:53:20.001000Z", "2025-10-09T08:53:20.501000Z")
    assert (record.message, record.tags, record.processes) == ("nightly", ("a",), 1)
    assert record.streams == {
        "stdout": Stream("pipe", captured=True, length=1234),
        "stderr": Stream("terminal", captured=False),
    }
    assert sorted(os.listdir(path)) == FILES
    assert read_record(os.path.join(path, "record.json")) == record


def test_twice_is_once(tmp_path: Path) -> None:
    path = folder(tmp_path, simple())
    record = finalise(path)
    once = contents(path)
    os.remove(os.path.join(path, "events.jsonl"))
    assert finalise(path) == record
    assert contents(path) == {name: once[name] for name in FILES[1:]}


def test_several_at_once(tmp_path: Path) -> None:
    path = folder(tmp_path, simple())
    found: list[Record] = []
    threads = [threading.Thread(target=lambda: found.append(finalise(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(repr, found))) == 1
    assert sorted(os.listdir(path)) == FILES


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, Exit(0)),
        (7 << 8, Exit(7)),
        (9, Exit(137, "SIGKILL")),
        (11 | 0x80, Exit(139, "SIGSEGV")),
        (36, Exit(164, "SIGRTMIN+2")),
        (None, Exit(0)),
    ],
)
def test_exit_of_the_command(tmp_path: Path, status: int | None, expected: Exit) -> None:
    events = simple()
    events.lines[-1] |= {"status": status}
    assert ended(tmp_path, events).exit == expected


@pytest.mark.parametrize(
    ("stage", "number", "code", "reason"),
    [
        ("exec", errno.ENOENT, 127, "the command could not be started: No such file or directory"),
        ("exec", errno.EACCES, 126, "the command could not be started: Permission denied"),
        (
            "fork",
            errno.EAGAIN,
            None,
            f"{UNWATCHED}: Resource temporarily unavailable",
        ),
    ],
)
def test_command_that_could_not_be_started(
    tmp_path: Path, stage: str, number: int, code: int | None, reason: str
) -> None:
    events = Events().opening().add("failed", 2 * MS, errno=number, stage=stage).end(3 * MS, status=(code or 0) << 8)
    assert ended(tmp_path, events).exit == Exit(code, reason=reason)


def test_a_running_run_is_left_alone(tmp_path: Path) -> None:
    events = simple()
    del events.lines[-1]
    path = folder(tmp_path, events)
    age(path)
    before = contents(path)
    with open(os.path.join(path, "events.jsonl"), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert is_running(path)
        assert finalise(path).status == "running"
        assert contents(path) == before
    assert not is_running(path)


def test_a_guard_that_stays_for_survivors_does_not_keep_the_run_running(tmp_path: Path) -> None:
    path = folder(tmp_path, simple())
    with open(os.path.join(path, "events.jsonl"), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert finalise(path).status == "ended"


def test_a_run_whose_recorder_is_about_to_begin_is_running(tmp_path: Path) -> None:
    path = folder(tmp_path, None)
    assert finalise(path).status == "running"
    age(path)
    assert_nothing_was_seen(finalise(path))


def test_a_run_whose_events_nobody_holds_is_over_even_if_there_are_none(tmp_path: Path) -> None:
    """They have their name when they are held: the disk was full."""
    path = folder(tmp_path, Events())
    with open(os.path.join(path, "events.jsonl"), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert finalise(path).status == "running"
    assert_nothing_was_seen(finalise(path))


def assert_nothing_was_seen(record: Record) -> None:
    assert (record.status, record.ended) == ("interrupted", None)
    assert record.exit == Exit(reason="nobody saw how the command ended")
    assert record.resources["wall"].reason == "nobody saw the start of the run"


def test_power_cut(tmp_path: Path) -> None:
    events = simple()
    del events.lines[-3:]
    events.sample(400 * MS, 5 * MB, cpu_ns=300 * MS)
    path = folder(tmp_path, events)
    with open(os.path.join(path, "events.jsonl"), "ab") as file:
        file.write(b'{"seq":77,"t":9')
    record = finalise(path)
    assert (record.status, record.ended) == ("interrupted", "2025-10-09T08:53:20.400000Z")
    assert record.exit == Exit(reason="nobody saw how the command ended")
    assert record.completeness is not None
    assert record.completeness.notes == (
        "the recorder's own last word is missing: the machine or the recorder stopped before the end",
    )
    wall, cpu = record.resources["wall"], record.resources["cpu"]
    assert (wall.value, wall.method, wall.reason) == (0.399, "bound", "nobody saw the end of the run")
    assert (cpu.value, cpu.method) == (0.3, "bound")
    assert record.resources["pressure_cpu"].method == "unavailable"
    assert finalise(path) == record


def test_end_that_comes_after_the_run_was_taken_for_interrupted(tmp_path: Path) -> None:
    events = simple()
    last = events.lines.pop()
    path = folder(tmp_path, events)
    assert finalise(path).status == "interrupted"
    events.lines.append(last)
    events.write(path)
    os.utime(os.path.join(path, "events.jsonl"), (2e9, 2e9))
    assert finalise(path).status == "ended"


@pytest.mark.parametrize("content", [None, b"", b'{"schema": "vestige.rec'])
def test_lost_first_record_is_made_from_the_events(tmp_path: Path, content: bytes | None) -> None:
    path = folder(tmp_path, simple())
    name = os.path.join(path, "record.json")
    os.remove(name)
    if content is not None:
        place.write_atomically(name, content)
    record = finalise(path)
    assert (record.id, record.argv, record.cwd) == (ID, ("make", "all"), "/home/somebody/work")
    assert (record.status, record.machine, record.environment) == ("ended", None, {})
    assert record.completeness is not None
    assert record.completeness.notes[0].startswith("the first record was ")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"schema": "other/1"}', b'{"schema": "vestige.record/1"}'])
def test_foreign_record_without_events_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = folder(tmp_path)
    place.write_atomically(os.path.join(path, "record.json"), content)
    with pytest.raises(RecordError, match=r"record\.json is damaged or foreign"):
        finalise(path)


def test_empty_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no run"):
        finalise(str(tmp_path))


def test_record_of_another_schema_is_not_written_over(tmp_path: Path) -> None:
    path = folder(tmp_path, simple())
    name = os.path.join(path, "record.json")
    with open(name, "rb") as file:
        newer = file.read().replace(b"vestige.record/1", b"vestige.record/2")
    place.write_atomically(name, newer)
    with pytest.raises(
        RecordError, match=r"is of schema vestige.record/2, this vestige reads vestige.record/1; update"
    ):
        finalise(path)
    assert contents(path)["record.json"] == newer


def test_events_of_a_newer_format_are_not_guessed_at(tmp_path: Path) -> None:
    path = folder(tmp_path, Events().opening(format=2).end(5 * MS))
    with pytest.raises(RecordError, match="are of format 2; update vestige"):
        finalise(path)


@pytest.mark.parametrize("failing", range(3))
def test_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    path = folder(tmp_path, simple())
    before = contents(path)
    calls = iter(range(10))

    def full(_: int) -> None:
        if next(calls) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"can't write the record in .*: No space left on device; the run stays"):
        finalise(path)
    assert contents(path) == before
    monkeypatch.undo()
    assert finalise(path).status == "ended"


def test_survivors_are_named(tmp_path: Path) -> None:
    events = Events().opening()
    events.exec(2 * MS, COMMAND, ["sh"], ppid=RECORDER).exec(10 * MS, 1001, ["daemon", "-f"])
    events.exit(20 * MS, COMMAND, ppid=RECORDER).reap(20 * MS, COMMAND)
    events.add("survivor", 21 * MS, pid=1001, ppid=1, comm="daemon", hwm=MB, cpu_ns=4 * MS)
    path = folder(tmp_path, events.end(21 * MS))
    record = finalise(path)
    assert record.survivors == (Survivor(1001, "daemon", ("daemon", "-f")),)
    daemon = list(codec.read_processes(os.path.join(path, "processes.jsonl")))[1]
    assert (daemon.survived, daemon.end, daemon.exit_code, daemon.parent) == (True, None, None, COMMAND)


def test_takeover_is_told(tmp_path: Path) -> None:
    events = Events().opening().exec(2 * MS, COMMAND, ["make"], ppid=RECORDER)
    events.add("takeover", 51 * MS, reason="killed by SIGKILL")
    events.reap(90 * MS, COMMAND, via="guard").end(90 * MS, via="guard")
    record = ended(tmp_path, events)
    assert record.completeness is not None
    (note,) = record.completeness.notes
    assert note == (
        "the recorder died (killed by SIGKILL) and its guard carried on: "
        "from then on only the command itself was watched"
    )
    assert (record.status, record.exit) == ("ended", Exit(0))
    assert record.resources["wall"].method == "exact"
    cpu = record.resources["cpu"]
    assert (cpu.value, cpu.method, cpu.lower) == (0.008, "bound", 0.008)
    assert cpu.reason == "the recorder died 0.1 s after the start; what came after it was not seen"
    assert record.resources["memory_peak"].upper is None


def test_setuid_programs_without_their_privilege_are_named(tmp_path: Path) -> None:
    events = Events().begin().add("trace", MS // 2, state="on", no_new_privs=True).add("start", MS, pid=COMMAND)
    events.exec(2 * MS, COMMAND, ["sudo", "id"], ppid=RECORDER, setuid=True).end(9 * MS)
    completeness = ended(tmp_path, events).completeness
    assert completeness is not None
    assert completeness.notes == (
        "set-user-id programs ran without their privilege, use `--trace off` for them: /usr/bin/sudo",
    )


def test_kill_for_lack_of_memory_names_the_dead(tmp_path: Path) -> None:
    events = Events().opening().exec(2 * MS, COMMAND, ["sh"], ppid=RECORDER)
    events.exec(5 * MS, 1001, ["hungry"])
    events.add("gone", 60 * MS, pid=1001, ppid=COMMAND, comm="hungry", first_t=5 * MS, status=9, hwm=900 * MB)
    events.exit(70 * MS, COMMAND, ppid=RECORDER).reap(70 * MS, COMMAND)
    completeness = ended(tmp_path, events.end(71 * MS, oom_kills=1)).completeness
    assert completeness is not None
    (note,) = completeness.notes
    assert note == (
        "the kernel killed 1 process of the whole machine for lack of memory while the run lasted; "
        "of this run died of SIGKILL: 1001 (hungry)"
    )


def test_run_inside_a_run_lists_its_processes(tmp_path: Path) -> None:
    outer = Events().opening().exec(2 * MS, COMMAND, ["vestige", "run", "sh"], ppid=RECORDER)
    outer.exec(115 * MS, 2000, ["sh", "-c", "a; (b)"], ppid=1500)
    outer.exec(120 * MS, 2001, ["a"], ppid=2000).exit(130 * MS, 2001, ppid=2000)
    outer.exec(140 * MS, 2003, ["b"], ppid=2002).exit(150 * MS, 2003, ppid=2002)
    outer.exit(155 * MS, 2002, ppid=2000, start=99)
    outer.exit(160 * MS, 2000, ppid=1500)
    outer.exec(165 * MS, 3000, ["stranger"], ppid=COMMAND)
    around = folder(tmp_path, outer, run_id=ID.replace("456789ab", "ffffffff"))
    inner = Events().begin(monotonic_ns=77_100 * MS).add("trace", MS, state="unavailable", errno=errno.EBUSY)
    inner.add("start", 10 * MS, pid=2000).reap(61 * MS, 2000, user_us=30_000).end(62 * MS)
    path = folder(tmp_path, inner, environ={"VESTIGE_RUN": around, "VESTIGE_RUN_ID": ID})
    record = finalise(path)
    lines = list(codec.read_processes(os.path.join(path, "processes.jsonl")))
    found = [(line.pid, line.argv and line.argv[0], line.exit_code) for line in lines]
    assert found == [(2000, "sh", 0), (2001, "a", 0), (2003, "b", 0), (2002, None, 0)]
    assert lines[1].start == pytest.approx(0.01)
    assert lines[1].end == pytest.approx(0.02)
    assert record.completeness is not None
    assert record.completeness.notes == ("processes and files were seen by the recorder of the run around this one",)


def test_run_inside_a_run_whose_folder_is_gone(tmp_path: Path) -> None:
    inner = Events().begin().add("trace", MS, state="unavailable", errno=errno.EBUSY, reason="busy")
    inner.add("start", MS, pid=2000).reap(61 * MS, 2000).end(62 * MS)
    record = ended(tmp_path, inner, environ={"VESTIGE_RUN": str(tmp_path / "gone"), "VESTIGE_RUN_ID": ID})
    assert record.completeness is not None
    assert record.completeness.notes == ("the run around this one sees its processes, but its events can't be read",)
    assert (record.completeness.trace, record.completeness.trace_reason) == ("unavailable", "busy")


def test_the_series_is_thinned(tmp_path: Path) -> None:
    events = Events().opening()
    for index in range(5000):
        events.sample((2 + index) * MS, (1000 + index) * 1000, pss=900_000 + index)
    path = folder(tmp_path, events.end(6000 * MS))
    finalise(path)
    points = list(codec.read_points(os.path.join(path, "usage.jsonl")))
    assert len(points) <= 2000
    assert sum(point.samples for point in points) == 5000
    assert points[0].rss_min == 1_000_000
    assert (points[-1].rss_max, points[-1].pss) == (5_999_000, 904_999)
    assert all(point.rss_min <= point.rss_mean <= point.rss_max for point in points)
    assert all(one.end <= other.start for one, other in itertools.pairwise(points))


def test_lines_are_plain_json(tmp_path: Path) -> None:
    path = folder(tmp_path, simple())
    finalise(path)
    with open(os.path.join(path, "processes.jsonl"), encoding="ascii") as file:
        assert [json.loads(line)["pid"] for line in file] == [COMMAND]
    assert BEGAN // 1_000_000_000 == 1_760_000_000
