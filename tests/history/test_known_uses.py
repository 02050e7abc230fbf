"""What is remembered of files changes no answer of `why` and `used-by`."""

from __future__ import annotations

import gc
import os
import weakref
from typing import TYPE_CHECKING

import pytest
from harness.kept import Store, used

from vestige.history import known_uses, lineage, snapshot, uses
from vestige.history.origin import Search

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vestige.history.lineage import Lineage

RUNS = 12


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Give a chain of runs, each of which reads what the one before wrote."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(known_uses, "_SETTLED", -1.0)  # what is fresh is not remembered: nobody is to wait for that
    monkeypatch.setattr(known_uses, "_FEW", 0)
    made = Store(tmp_path / "store")
    for number in range(RUNS):
        made.run(
            used("input", f"/data/{number}", b"%d" % number),
            used("output", f"/data/{number + 1}", b"%d" % (number + 1)),
            used("software", "/usr/lib/x.so", b"so"),
            used("removed", f"/data/gone-{number}", b"gone"),
        )
    return made


def answers(store: Store) -> list[Lineage]:
    asked = [f"/data/{RUNS}", "/data/0", "/data/5", "/data/gone-3", "/usr/lib/x.so", "/none"]
    found = [call(store.runs, path) for path in asked for call in (lineage.why, lineage.used_by)]
    return [*found, lineage.used_by(store.runs, "/usr/lib/x.so", everything=True)]


def path_of(store: Store) -> Path:
    return store.path / "index" / known_uses.NAME


def test_answers_are_the_same_with_it_without_it_and_when_it_is_damaged(store: Store) -> None:
    before = answers(store)
    assert len(before[0].runs) == RUNS
    assert path_of(store).is_file()
    assert answers(store) == before
    content = path_of(store).read_bytes()
    for damaged in (b"", content[:-9], os.urandom(999), content.replace(b"data", b"Data")):
        path_of(store).write_bytes(damaged)
        assert answers(store) == before
    columns: dict[str, Sequence[object]]
    columns = {"name": [store.folder(each).name for each in store.ids], "stamp": [[1]] * RUNS, "files": [[{}]] * RUNS}
    snapshot.write(str(path_of(store)), known_uses.CONTENT, columns)
    assert answers(store) == before
    stamps = [known_uses.stamp_of(str(store.folder(each))) for each in store.ids]
    snapshot.write(str(path_of(store)), known_uses.CONTENT, {**columns, "stamp": stamps})
    assert answers(store) == before


def test_it_is_used(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answers(store)[0]
    monkeypatch.setattr(uses.Uses, "_entries", lambda *_: pytest.fail("read once more"))
    assert lineage.why(store.runs, f"/data/{RUNS}") == before


def test_a_list_of_files_that_is_made_anew_is_read_anew(store: Store) -> None:
    answers(store)
    folder = store.folder(store.ids[4])
    (folder / "files.jsonl").write_bytes(b"")
    found = lineage.why(store.runs, f"/data/{RUNS}")
    assert len(found.runs) == RUNS - 5


def test_what_is_known_of_all_runs_goes_as_soon_as_it_is_dropped(tmp_path: Path) -> None:
    """A server has the next one by then, and each may be hundreds of megabytes."""
    store = Store(tmp_path)
    store.run(used("output", "/data/table", b"t"))
    gc.disable()
    try:
        search = Search(list(store.runs.newest_first()), everything=False, forward=True)
        assert search.uses.record(0) is not None
        gone = weakref.ref(search.uses)
        del search
        assert gone() is None
    finally:
        gc.enable()
