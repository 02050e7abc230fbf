"""Old runs go by rules: never one that is running, of a commit, tagged, renamed or around a kept one."""

from __future__ import annotations

import concurrent.futures
import fcntl
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from harness.kept import Store

from vestige.history import clearing, keeping
from vestige.history.all_runs import AllRuns
from vestige.history.index import open_index
from vestige.history.keeping import Plan, Rules
from vestige.record import codec, place
from vestige.record.model import Commit, CommitOptions, Options
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Store(tmp_path / "store")


def planned(store: Store, **rules: Any) -> Plan:
    return keeping.plan(open_index(AllRuns(store.runs, ())), Rules(**rules))


def doomed(store: Store, **rules: Any) -> list[str]:
    return [each.row.id for each in planned(store, **rules).doomed]


def cleared(store: Store, plan: Plan, **rules: Any) -> list[str | None]:
    return [each.trouble for each in clearing.clear(store.runs, plan, Rules(**rules))]


def test_the_newest_stay(store: Store) -> None:
    ids = [store.run() for _ in range(5)]
    assert doomed(store, last=2) == ids[:3]
    assert doomed(store, last=9) == []
    began = RunFolder(str(store.folder(ids[3]))).load().started
    assert doomed(store, since=began) == ids[:3]
    assert doomed(store, last=1, since=began) == ids[:3]


def test_some_stay_whatever_the_rules_are(store: Store) -> None:
    outer = store.run()
    free = store.run()
    inner = store.run(parent=outer, tags=("paper",))
    committed = store.run(commit=Commit("committed", "a" * 40))
    waiting = store.run(options=Options(commit=CommitOptions()))
    renamed = store.run()
    store.folder(renamed).rename(store.path / "runs" / "mine")
    running = store.run()
    lock = occupy(store.folder(running))
    assert doomed(store, last=0) == [free]
    plan = planned(store, last=0)
    assert plan.kept == 6
    assert plan.reasons == {"tagged": 1, "of a commit": 2, "renamed": 1, "not over": 1, "around a run that is kept": 1}
    assert {inner, committed, waiting, running}.isdisjoint(doomed(store, last=0))
    assert set(doomed(store, last=0, tags=("other",))) == {outer, free, inner}
    lock.close()


def occupy(folder: Path) -> Any:
    """Make a run look as one whose recorder is at work."""
    record = RunFolder(str(folder)).load()
    text = codec.record_text(record).replace(b'"status": "ended"', b'"status": "running"')
    (folder / "record.json").write_bytes(text)
    events = (folder / "events.jsonl").open("rb")
    fcntl.flock(events, fcntl.LOCK_EX)
    return events


def test_no_more_go_than_the_size_needs(store: Store) -> None:
    ids = [store.run() for _ in range(4)]
    for each in ids:
        (store.folder(each) / "stdout").write_bytes(b"x" * 100_000)
    sizes = {each.row.id: each.size for each in planned(store, last=0).doomed}
    assert all(100_000 < size < 150_000 for size in sizes.values())
    total = sum(sizes.values())
    assert doomed(store, largest=total) == []
    assert doomed(store, largest=total - 1) == ids[:1]
    assert doomed(store, largest=total - sizes[ids[0]] - 1) == ids[:2]
    short = planned(store, largest=0, last=3)
    assert [each.row.id for each in short.doomed] == ids[:1]
    assert short.beyond == total - sizes[ids[0]]


def test_a_run_around_one_that_stays_is_counted_as_staying(store: Store) -> None:
    outer = store.run()
    inner = store.run(parent=outer)
    sizes = {each.row.id: each.size for each in planned(store, last=0).doomed}
    plan = planned(store, largest=sizes[inner])
    assert (plan.doomed, plan.beyond) == ((), sizes[outer])


def test_it_is_gone_and_the_rest_is_not(store: Store) -> None:
    ids = [store.run() for _ in range(3)]
    assert cleared(store, planned(store, last=1), last=1) == [None, None]
    assert [path.name for path in (store.path / "runs").iterdir()] == [store.folder(ids[2]).name]


def test_what_changed_since_the_plan_stays(store: Store) -> None:
    ids = [store.run() for _ in range(3)]
    plan = planned(store, last=0)
    lock = occupy(store.folder(ids[0]))
    record = codec.record_text(RunFolder(str(store.folder(ids[1]))).load())
    (store.folder(ids[1]) / "record.json").write_bytes(record.replace(b'"tags": []', b'"tags": ["keep"]'))
    troubles = cleared(store, plan, last=0)
    assert [trouble is None for trouble in troubles] == [False, False, True]
    assert store.folder(ids[0]).is_dir()
    assert store.folder(ids[1]).is_dir()
    lock.close()


def test_a_thinned_run_still_shows(store: Store) -> None:
    run_id = store.run()
    folder = store.folder(run_id)
    for name in ("stdout", "usage.jsonl"):
        (folder / name).write_bytes(b"x" * 5000)
    (folder / "spans").mkdir()
    (folder / "spans" / "1.jsonl").write_text("{}\n")
    before = RunFolder(str(folder)).load()
    plan = planned(store, last=0, thin=True)
    assert plan.doomed[0].size >= 10_000
    assert cleared(store, plan, last=0, thin=True) == [None]
    assert sorted(os.listdir(folder)) == ["files.jsonl", "record.json", "thinned"]
    assert RunFolder(str(folder)).load() == before
    assert list(RunFolder(str(folder)).output()) == []
    assert planned(store, last=0, thin=True).doomed == ()  # nothing left to gain
    shown = vestige("show", "--store", str(store.path), run_id)
    assert shown.returncode == 0
    assert "thinned" in shown.stderr


def vestige(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vestige", *words], capture_output=True, text=True, check=False, timeout=60
    )


def test_two_at_once_and_one_that_was_killed(store: Store) -> None:
    for _ in range(40):
        store.run()
    left = store.path / "runs" / ".20260101T000000Z-00000000.deadbeef.removed"
    left.mkdir()
    (left / "record.json").write_text("{}")
    words = ("gc", "--store", str(store.path), "--keep-last", "10", "--yes")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: vestige(*words), range(3)))
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]
    names = {store.folder(each).name for each in store.ids[-10:]}
    assert set(os.listdir(store.path / "runs")) == names


def test_a_dry_run_touches_nothing_and_the_config_has_a_say(store: Store, tmp_path: Path) -> None:
    for _ in range(3):
        store.run()
    before = sorted(os.listdir(store.path / "runs"))
    said = vestige("gc", "--store", str(store.path), "--keep-last", "1")
    assert said.returncode == 0
    assert "2 runs" in said.stderr
    assert "would be removed" in said.stderr
    assert sorted(os.listdir(store.path / "runs")) == before
    assert "say what stays" in vestige("gc", "--store", str(store.path)).stderr
    (tmp_path / "vestige.toml").write_text("[gc]\nkeep_last = 2\n")
    words = [sys.executable, "-m", "vestige", "gc", "--store", str(store.path)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "1 run, " in done.stderr
    (tmp_path / "vestige.toml").write_text("[gc]\nkeep_lots = 2\n")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "unknown key `keep_lots`" in done.stderr
    (tmp_path / "vestige.toml").write_text('[gc]\nkeep_last = "few"\n')
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    file = tmp_path / "vestige.toml"
    why = f"vestige: `{file}`: `keep_last` of the table `gc` can't be `few`; it takes a whole number from 0 on\n"
    assert (done.returncode, done.stderr) == (2, why)
    said = vestige("gc", "--store", str(store.path), "--max-size", "2q")
    assert said.stderr == "vestige: `--max-size` can't be `2q`; it takes a size as 500M or 10GB\n"


def test_a_run_that_is_gone_already_is_no_trouble(store: Store) -> None:
    run_id = store.run()
    plan = planned(store, last=0)
    shutil.rmtree(store.folder(run_id))
    assert cleared(store, plan, last=0) == [None]
    assert place.short_id(run_id)
