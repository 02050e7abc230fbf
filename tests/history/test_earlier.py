"""The last run of a command before another one: the same, whether an index tells or the records do."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest
from harness.kept import BEGAN, SECOND, Store

from vestige.history import earlier
from vestige.history import index as indexes
from vestige.history.all_runs import AllRuns
from vestige.record import place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ODD = ("train", "a b", "\x1b[31m", '"\\udcff', "ü'")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(indexes, "_SETTLED", -1.0)
    made = Store(tmp_path / "store")
    for number in range(100):
        made.run(argv=ODD if number % 10 == 0 else ("other", str(number)), cwd="/data" if number % 20 else "/else")
    return made


def opened(store: Store) -> indexes.Index:
    found = indexes.open_index(AllRuns(store.runs, ()))
    found.everything()
    return found


def ids(store: Store, cwd: str, before: str = "") -> Iterator[str]:
    return (run.load().id for run in earlier.of_command(store.runs, ODD, cwd, before=before))


@pytest.fixture(params=["records", "an index", "an index that lacks some", "a cut index"])
def known(request: pytest.FixtureRequest, store: Store) -> Store:
    if request.param != "records":
        opened(store)
    if request.param == "an index that lacks some":
        for _ in range(10):
            store.run(argv=ODD)
    if request.param == "a cut index":
        (path,) = store.path.glob("index/*.columns")
        path.write_bytes(path.read_bytes()[:1000])
    return store


def test_runs_of_a_command_in_a_folder_come_newest_first(known: Store) -> None:
    added = known.ids[100:]
    assert list(ids(known, "/data")) == [*added[::-1], *known.ids[90:0:-20]]
    assert list(ids(known, "/else")) == known.ids[80::-20]
    assert not list(earlier.of_command(known.runs, ODD[:-1], "/data"))


def test_what_is_later_is_passed_over(known: Store) -> None:
    moment = place.utc_text(BEGAN + 60 * SECOND * 50)
    assert list(ids(known, "/data", moment)) == known.ids[50:0:-20]


def test_the_last_before_a_run_is_the_same_from_memory(known: Store) -> None:
    index = opened(known)
    for position in (90, 50, 11):
        record = next(run for run in known.runs.newest_first() if run.load().id == known.ids[position]).load()
        found = earlier.last_before(index, record)
        assert (None if found is None else found.load().id) == (known.ids[position - 20] if position > 11 else None)


def test_the_last_before_a_run_is_over(store: Store) -> None:
    run_id = store.run(argv=ODD, status="running", ended=None)
    following = store.run(argv=ODD)
    record = next(run for run in store.runs.newest_first() if run.load().id == following).load()
    with open(store.folder(run_id) / "events.jsonl", "rb") as events:
        fcntl.flock(events, fcntl.LOCK_EX)  # as its recorder does
        found = earlier.last_before(opened(store), record)
    assert found is not None
    assert found.load().id == store.ids[90]


def test_a_run_without_a_record_is_none_of_them(store: Store) -> None:
    (store.folder(store.ids[90]) / "record.json").unlink()
    assert list(ids(store, "/data")) == store.ids[70:0:-20]


def test_one_that_was_taken_away_or_damaged_is_left_to_who_reads_it(store: Store) -> None:
    opened(store)
    record = store.folder(store.ids[90]) / "record.json"
    record.write_bytes(b"{")
    first = next(earlier.of_command(store.runs, ODD, "/data"))
    assert first.path == str(record.parent)
