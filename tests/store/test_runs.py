"""Listing, finding and removing runs."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest
from harness.written import BEGAN, age, folder, simple

from vestige.errors import AmbiguousRunError, RecordError, RunNotFoundError, StoreError, UsageError
from vestige.record import place
from vestige.store.kept import Loaded, Problem
from vestige.store.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000


def identity(number: int, now: int = BEGAN) -> str:
    """Return an id whose short id is the number."""
    return f"{place.new_id(now)[:-8]}{number:08x}"


def store(tmp_path: Path, *, count: int = 3, step: int = SECOND) -> Runs:
    """Make a store of runs 1, 2, 3 … a step apart."""
    for number in range(count):
        now = BEGAN + number * step
        folder(tmp_path / "runs", simple(), run_id=identity(number + 1, now), now=now)
    (tmp_path / "runs").mkdir(exist_ok=True)
    return Runs((place.Store(str(tmp_path), "option"),))


def shorts(runs: Runs) -> list[str]:
    return [folder.short_id for folder in runs.newest_first()]


def test_newest_first(tmp_path: Path) -> None:
    assert shorts(store(tmp_path)) == ["00000003", "00000002", "00000001"]


def test_runs_of_one_second_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    for number, delay in ((5, 1), (9, 2), (1, 3), (7, 4)):
        now = BEGAN + delay * 1_000_000
        folder(tmp_path / "runs", run_id=identity(number, now), now=now)
    runs = Runs((place.Store(str(tmp_path), "option"),))
    assert shorts(runs) == ["00000007", "00000001", "00000009", "00000005"]
    assert runs.find("last~2").short_id == "00000009"


def test_listing_reads_no_record(tmp_path: Path) -> None:
    runs = store(tmp_path)
    for found in runs.newest_first():
        os.remove(os.path.join(found.path, "record.json"))
        os.mkfifo(os.path.join(found.path, "record.json"))
    assert len(shorts(runs)) == 3


def test_a_store_that_was_never_made_is_empty(tmp_path: Path) -> None:
    runs = Runs((place.Store(str(tmp_path / "none"), "option"),))
    assert list(runs.newest_first()) == []
    with pytest.raises(RunNotFoundError, match=r"no run yet in .*/none; `vestige run COMMAND` makes one"):
        runs.find("last")


def test_a_store_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(StoreError, match=r"can't read .*/runs: Not a directory"):
        shorts(Runs((place.Store(str(tmp_path), "option"),)))


def test_several_stores_are_one_list(tmp_path: Path) -> None:
    first = folder(tmp_path / "a" / "runs", run_id=identity(1), now=BEGAN)
    second = folder(tmp_path / "b" / "runs", run_id=identity(2), now=BEGAN + SECOND)
    runs = Runs(tuple(place.Store(str(tmp_path / name), "here") for name in "ab"))
    assert [found.path for found in runs.newest_first()] == [second, first]


def test_listing_finalises_and_goes_on_after_problems(tmp_path: Path) -> None:
    runs = store(tmp_path)
    newest = next(iter(runs.newest_first())).path
    place.write_atomically(os.path.join(newest, "record.json"), b'{"schema": 5}')
    (tmp_path / "runs" / "20991231T000000Z-deadbeef").mkdir()
    (tmp_path / "runs" / "notes.txt").write_text("mine")
    (tmp_path / "runs" / ".hidden").mkdir()
    listed = list(runs.records())
    assert [item.folder.name[-8:] for item in listed] == ["deadbeef", "00000003", "00000002", "00000001", "otes.txt"]
    assert [type(item) for item in listed] == [Problem, Problem, Loaded, Loaded, Problem]
    assert [item.record.status for item in listed if isinstance(item, Loaded)] == ["ended", "ended"]
    assert "holds no run" in next(item.reason for item in listed if isinstance(item, Problem))


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("last", 3),
        ("last~0", 3),
        ("last~2", 1),
        ("00000002", 2),
        ("20251009T085321Z", 2),
        ("20251009T085321Z-00000002", 2),
    ],
)
def test_find(tmp_path: Path, words: str, number: int) -> None:
    assert store(tmp_path).find(words).short_id == f"{number:08x}"


def test_find_by_full_id_and_its_beginning(tmp_path: Path) -> None:
    runs = store(tmp_path, step=60 * SECOND)
    everything = list(runs.newest_first())
    assert len(everything) > 1
    for found in everything:
        whole = found.load().id
        assert runs.find(whole) == found
        assert runs.find(whole[:15]) == found


def test_find_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = store(tmp_path)
    elsewhere = folder(tmp_path / "elsewhere", simple(), run_id=identity(77))
    assert runs.find(elsewhere).path == elsewhere
    assert runs.find(elsewhere + "/").short_id == "0000004d"
    monkeypatch.chdir(elsewhere)
    assert runs.find(".").path == elsewhere
    with pytest.raises(RunNotFoundError, match="is no run folder: it holds neither"):
        runs.find(str(tmp_path))


@pytest.mark.parametrize(
    "words", ["ffff", "last~99", "lastt", "2024", "x", "01980d2a-7c00-7abc-8def-0123456789ab", "*"]
)
def test_find_nothing(tmp_path: Path, words: str) -> None:
    with pytest.raises(RunNotFoundError, match="`vestige ls` lists them"):
        store(tmp_path).find(words)


def test_find_too_many(tmp_path: Path) -> None:
    runs = store(tmp_path, count=8)
    with pytest.raises(AmbiguousRunError, match=r"`0000` may be any of 20251009T085320Z-00000001, .*, …; give more"):
        runs.find("0000")
    with pytest.raises(AmbiguousRunError, match="`20251009` may be any of"):
        runs.find("20251009")
    with pytest.raises(UsageError, match="no run is named"):
        runs.find("")


def test_remove(tmp_path: Path) -> None:
    runs = store(tmp_path)
    runs.remove(runs.find("last"))
    assert shorts(runs) == ["00000002", "00000001"]
    assert len(os.listdir(tmp_path / "runs")) == 2


def test_running_run_is_removed_only_by_force(tmp_path: Path) -> None:
    events = simple()
    del events.lines[-1]
    path = folder(tmp_path / "runs", events)
    age(path)
    runs = Runs((place.Store(str(tmp_path), "option"),))
    with open(os.path.join(path, "events.jsonl"), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="run 456789ab is still running; remove it all the same with `--force`"):
            runs.remove(runs.find("last"))
        runs.remove(runs.find("last"), force=True)
    assert shorts(runs) == []


def test_damaged_run_can_be_removed_and_a_foreign_folder_not(tmp_path: Path) -> None:
    runs = store(tmp_path, count=1)
    found = runs.find("last")
    place.write_atomically(os.path.join(found.path, "record.json"), b'{"schema": 5}')
    with pytest.raises(RecordError):
        found.load()
    runs.remove(found)
    (tmp_path / "runs" / "mine").mkdir()
    with pytest.raises(StoreError, match="holds no run; remove it yourself"):
        runs.remove(runs.find("mine"), force=True)


def test_symbolic_link_is_removed_and_not_what_it_points_to(tmp_path: Path) -> None:
    runs = store(tmp_path, count=0)
    elsewhere = folder(tmp_path / "elsewhere", simple())
    os.symlink(elsewhere, tmp_path / "runs" / os.path.basename(elsewhere))
    runs.remove(runs.find("last"))
    assert shorts(runs) == []
    assert os.path.exists(os.path.join(elsewhere, "record.json"))


def test_processes_and_points_of_a_run(tmp_path: Path) -> None:
    found = store(tmp_path).find("last")
    assert (list(found.processes()), list(found.points())) == ([], [])
    found.load()
    assert (len(list(found.processes())), len(list(found.points()))) == (1, 1)
