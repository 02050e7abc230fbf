"""Reading `events.jsonl`, whatever state it is in."""

from __future__ import annotations

import os
import random
import string
from typing import Any

import pytest
from harness.written import COMMAND, MB, MS, RECORDER, Events, simple, ticks
from hypothesis import given, settings
from hypothesis import strategies as st

from vestige import lines
from vestige.errors import StoreError
from vestige.observe.events import observe, output
from vestige.observe.observation import Observation


def read(path: os.PathLike[str], text: bytes) -> Observation:
    name = os.path.join(path, "events.jsonl")
    with open(name, "wb") as file:
        file.write(text)
    return observe(name)


def test_missing_file_is_an_empty_observation(tmp_path: os.PathLike[str]) -> None:
    assert observe(os.path.join(tmp_path, "events.jsonl")) == Observation()


def test_unreadable_file_is_named(tmp_path: os.PathLike[str]) -> None:
    with pytest.raises(StoreError, match=r"can't read .*: Not a directory"):
        observe(os.path.join(read_file(tmp_path), "events.jsonl"))


def read_file(path: os.PathLike[str]) -> str:
    name = os.path.join(path, "file")
    with open(name, "wb"):
        return name


def test_fifo_in_place_of_the_file_does_not_block(tmp_path: os.PathLike[str]) -> None:
    name = os.path.join(tmp_path, "events.jsonl")
    os.mkfifo(name)
    with pytest.raises(StoreError, match="not a regular file"):
        observe(name)


def test_what_happens_once(tmp_path: os.PathLike[str]) -> None:
    seen = read(tmp_path, simple().text())
    assert seen.begin is not None
    assert seen.begin.argv == ("make", "all")
    assert seen.begin.streams["stderr"].kind == "terminal"
    assert seen.trace is not None
    assert seen.trace.state == "on"
    assert (seen.started, seen.command, seen.last) == (MS, COMMAND, 501 * MS)
    assert seen.end is not None
    assert seen.end.streams["stdout"].length == 1234
    assert seen.end.pressure == {"cpu": 1500, "memory": 0, "io": 20}
    assert seen.unreadable == 0


@settings(deadline=None)
@given(seed=st.integers(), doubled=st.lists(st.integers(0, 30)))
def test_order_and_doubled_lines_mean_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int, doubled: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    whole = busy().text().splitlines(keepends=True)
    expected = read(folder, b"".join(whole))
    shuffled = whole + [whole[index % len(whole)] for index in doubled]
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - repeatable is what it must be
    assert read(folder, b"".join(shuffled)) == expected


def busy() -> Events:
    events = Events().opening()
    events.exec(2 * MS, COMMAND, ["make"], ppid=RECORDER)
    for index in range(5):
        pid = 1001 + index % 2
        events.exec((10 + 20 * index) * MS, pid, ["cc", str(index)])
        events.exit((20 + 20 * index) * MS, pid)
        events.sample((21 + 20 * index) * MS, 5 * MB)
    events.exit(200 * MS, COMMAND, ppid=RECORDER)
    return events.reap(201 * MS, COMMAND).end(202 * MS)


@settings(deadline=None)
@given(cut=st.integers(1, 2000))
def test_cut_last_line_is_normal(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    text = simple().text()[:-cut]
    seen = read(tmp_path_factory.mktemp("cut"), text)
    assert seen.unreadable == 0


def test_line_glued_to_a_cut_one_is_read(tmp_path: os.PathLike[str]) -> None:
    first, *rest = simple().text().splitlines(keepends=True)
    seen = read(tmp_path, first + rest[0][:20] + b"".join(rest[1:]))
    assert seen.started == MS
    assert seen.trace is None
    assert seen.unreadable == 1


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b"[1, 2]",
        b"null",
        b'{"t": 1, "event": "start", "pid": 7}',
        b'{"seq": -1, "t": 1, "event": "start", "pid": 7}',
        b'{"seq": 1.5, "t": 1, "event": "start", "pid": 7}',
        b'{"seq": true, "t": 1, "event": "start", "pid": 7}',
        b'{"seq": ' + b"9" * 5000 + b', "t": 1, "event": "start"}',
        b'{"seq":900,"t":NaN,"event":"start"}',
        b'{"seq":900,"t":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"seq":900,"t":1,"event":"\xff\xfe"}',
        b"\x00\x01\x02",
    ],
)
def test_foreign_line_is_counted_and_passed_over(tmp_path: os.PathLike[str], line: bytes) -> None:
    expected = read(tmp_path, simple().text())
    seen = read(tmp_path, line + b"\n" + simple().text())
    assert seen.unreadable == 1
    assert seen.lives == expected.lives
    assert seen.end == expected.end


def test_endless_line_is_passed_over_in_pieces(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 4096)
    text = b'{"seq":900,"t":1,"event":"start","pid":5,"x":"' + b"x" * 1_000_000 + b'"}\n'
    seen = read(tmp_path, text + simple().text())
    assert seen.unreadable == 1
    assert seen.command == COMMAND


def test_doubled_line_of_which_the_first_is_damaged(tmp_path: os.PathLike[str]) -> None:
    whole = simple().text().splitlines(keepends=True)
    damaged = whole[2].replace(b"start", b"st\xffrt")
    seen = read(tmp_path, b"".join([*whole[:2], damaged, *whole[2:]]))
    assert seen.started == MS
    assert seen.unreadable == 1


ODD: list[Any] = [
    None, True, -1, 0, 1.5, 1 << 70, "", "x", '"', [], [1], ["a", 1], [-1, -1, -1], [1, 2, 3], {}, {"hwm": "x"},
    {"stdout": 5}, {"stdout": {"kind": "pipe"}}, {"own": 1}, {"rss": []},
]  # fmt: skip
EVENTS = ["begin", "trace", "start", "failed", "exec", "exit", "gone", "reap", "kill", "sample", "survivor", "end", "?"]
KEYS = ["pid", "start", "ppid", "argv", "status", "rss", "hwm", "target", "streams", "cost", "cgroup", "prior", "top"]


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(KEYS), st.sampled_from(ODD), max_size=8)),
        max_size=12,
    )
)
def test_no_event_of_wrong_types_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, dict[str, Any]]]
) -> None:
    made = Events()
    for index, (name, keys) in enumerate(events):
        made.add(name, index, **keys)
    seen = read(tmp_path_factory.mktemp("odd"), made.text())
    assert all(isinstance(life.pid, int) for life in seen.lives)


@settings(max_examples=200, deadline=None)
@given(text=st.binary(max_size=400))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    assert read(tmp_path_factory.mktemp("bytes"), text).lives == ()


def test_text_with_half_a_surrogate_pair_is_quoted(tmp_path: os.PathLike[str]) -> None:
    seen = read(tmp_path, simple().text().replace(b'"all"', b'"\\ud800"'))
    assert seen.begin is not None
    assert seen.begin.argv == ("make", '"\\355\\240\\200"')


def lives(path: os.PathLike[str], events: Events) -> list[tuple[int, str | None, str]]:
    return [(life.pid, life.argv[0] if life.argv else None, life.ending) for life in read(path, events.text()).lives]


def test_pid_used_again_is_another_process(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.exec(10 * MS, 1001, ["first"]).exit(20 * MS, 1001)
    events.exec(40 * MS, 1001, ["second"]).exit(50 * MS, 1001)
    assert lives(tmp_path, events)[1:] == [(1001, "first", "exit"), (1001, "second", "exit")]


def test_pid_used_again_after_an_end_that_nobody_saw(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.exec(10 * MS, 1001, ["first"], start=10)
    events.exec(40 * MS, 1001, ["second"], start=14).exit(50 * MS, 1001)
    assert lives(tmp_path, events)[1:] == [(1001, "first", "unseen"), (1001, "second", "exit")]


def test_pid_used_again_by_a_fork_that_executes_nothing(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.exec(10 * MS, 1001, ["first"], start=10).exit(20 * MS, 1001)
    events.exit(50 * MS, 1001, start=13)
    assert lives(tmp_path, events)[1:] == [(1001, "first", "exit"), (1001, None, "exit")]


def test_exec_after_exec_is_the_same_process_with_the_last_argv(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.exec(10 * MS, 1001, ["sh", "-c", "exec cat"], start=10)
    events.exec(12 * MS, 1001, ["cat"], start=10, prior={"hwm": 9 * MB, "cpu_ns": 3})
    events.exit(20 * MS, 1001, hwm=2 * MB)
    seen = read(tmp_path, events.text()).lives[1]
    assert (seen.argv, seen.replaced_hwm, seen.figures.hwm, seen.executed) == (("cat",), 9 * MB, 2 * MB, 10 * MS)


def test_two_threads_that_exit_at_once_are_one_process(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.exec(10 * MS, 1001, ["threads"]).exit(20 * MS, 1001).exit(20 * MS + 5, 1001)
    assert len(lives(tmp_path, events)) == 2


def test_gone_after_exit_is_no_news(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.exec(10 * MS, 1001, ["a"], start=10).exit(20 * MS, 1001, status=3)
    events.add("gone", 30 * MS, pid=1001, start=10, ppid=COMMAND, comm="a", first_t=15 * MS, hwm=1)
    seen = read(tmp_path, events.text()).lives[1]
    assert (seen.ending, seen.end, seen.figures.hwm, seen.first) == ("exit", 20 * MS, 4 * MB, 10 * MS)


def test_process_that_only_samples_saw(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.add("gone", 90 * MS, pid=1001, start=ticks(20 * MS), ppid=COMMAND, comm="fork", first_t=30 * MS, hwm=5 * MB)
    seen = read(tmp_path, events.text()).lives[1]
    assert (seen.name, seen.first, seen.end, seen.ending) == ("fork", 30 * MS, 90 * MS, "gone")


def test_reaping_belongs_to_the_process_that_ended(tmp_path: os.PathLike[str]) -> None:
    seen = read(tmp_path, simple().text()).lives
    assert len(seen) == 1
    assert seen[0].usage is not None
    assert (seen[0].usage.user_us, seen[0].end) == (6000, 500 * MS)


def test_kill_keeps_what_the_target_had(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.exec(10 * MS, 1001, ["victim"])
    events.add("kill", 20 * MS, pid=COMMAND, target=1001, signal=9, hwm=200 * MB, cpu_ns=7)
    seen = read(tmp_path, events.text()).lives[1]
    assert (seen.figures.hwm, seen.killed and seen.killed.signal) == (200 * MB, 9)


def test_kill_of_a_stranger_makes_no_process(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening().add("kill", 20 * MS, pid=COMMAND, target=4321, signal=9, hwm=200 * MB)
    assert [pid for pid, _, _ in lives(tmp_path, events)] == [COMMAND]


def test_series_stays_bounded(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    for index in range(20_000):
        events.sample((2 + index) * MS, (1 + index) * 1000, processes=index % 7)
    series = read(tmp_path, events.text()).series
    assert len(series) <= 8_000
    assert sum(sample.looks for sample in series) == 20_000
    assert (series[0].rss_min, series[-1].rss_max) == (1000, 20_000_000)


def test_output_comes_in_order_of_seq(tmp_path: os.PathLike[str]) -> None:
    events = Events().opening()
    events.add("output", 5 * MS, stream="stdout", offset=0, length=10, since=4 * MS)
    events.add("output", 6 * MS, stream="stderr", offset=0, length=3)
    events.add("output", 7 * MS, stream="nonsense", offset=0, length=3)
    events.lines.reverse()
    pieces = list(output(events.write(tmp_path)))
    assert [(piece.stream, piece.since, piece.length) for piece in pieces] == [
        ("stdout", 4 * MS, 10),
        ("stderr", 6 * MS, 3),
    ]


@settings(deadline=None)
@given(argv=st.lists(st.text(alphabet=string.printable + "äöü\u2028😀"), min_size=1, max_size=4))
def test_any_words_come_through(tmp_path_factory: pytest.TempPathFactory, argv: list[str]) -> None:
    events = Events().opening().exec(2 * MS, COMMAND, argv, ppid=RECORDER, path="/x")
    assert read(tmp_path_factory.mktemp("argv"), events.text()).lives[0].argv == tuple(argv)
