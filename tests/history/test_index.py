"""The index is a cache: deleted, damaged, foreign, old or written by many at once, the answers are the same."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.kept import Store

from vestige.history import index as indexes
from vestige.history import snapshot, where
from vestige.history.all_runs import AllRuns
from vestige.record import codec, place
from vestige.record.model import Exit, Figure, Record
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.history.row import Row

NUMBER = 90


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(indexes, "_SETTLED", -1.0)  # what is fresh is not remembered: nobody is to wait for that
    made = Store(tmp_path / "store")
    for number in range(NUMBER):
        made.run(
            argv=("train" if number % 3 else "report", str(number)),
            code=int(number % 7 == 0),
            tags=("paper",) if number % 5 == 0 else (),
            resources={
                "wall": Figure(float(number), "s", "exact"),
                "memory_peak": Figure(None, "B", "bound", lower=number),
            },
        )
    return made


def opened(store: Store) -> indexes.Index:
    return indexes.open_index(AllRuns(store.runs, ()))


CONDITION = "wall > 20 and (command ~ 'train' or tags = paper) and not failed"


def answers(store: Store) -> tuple[list[Row], list[Row], int, list[str]]:
    seen = opened(store)
    condition = where.parse(CONDITION)
    found = (
        list(seen.rows()),
        list(seen.rows(condition, "wall", 10)),
        seen.count(condition),
        [problem.folder.name for problem in seen.problems],
    )
    seen.renew()
    return found


def path_of(store: Store) -> Path:
    return store.path / "index" / indexes.NAME


def truth(store: Store) -> tuple[list[Row], list[Row], int, list[str]]:
    """Return the answers that no index has to do with."""
    shutil.rmtree(store.path / "index", ignore_errors=True)
    return answers(store)


def test_a_row_says_what_the_record_says(store: Store) -> None:
    found = next(iter(opened(store).rows(where.parse("command = 'train 89'"))))
    assert (found.wall, found.wall_method, found.failed, found.tags) == (89.0, "exact", False, ())
    assert (found.peak_memory, found.peak_memory_method, found.template) == (89, "bound", "train N")
    assert Path(found.folder).is_dir()


def test_rows_of_the_snapshot_are_those_of_the_records(store: Store) -> None:
    before = truth(store)
    assert path_of(store).is_file()
    seen = opened(store)
    assert answers(store) == before
    list(seen.rows())
    assert sum(source.read_so_far for source in seen._sources) == 0  # noqa: SLF001 - that it was used at all
    assert [row.name for row in before[0]] == sorted((row.name for row in before[0]), reverse=True)
    assert [row.wall for row in before[1]] == sorted((row.wall or 0 for row in before[1]), reverse=True)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scramble(path: Path) -> None:
    """Change one byte in each of several places, as a bad disk would."""
    content = bytearray(path.read_bytes())
    chance = random.Random(3)  # noqa: S311 - the same places every time
    for _ in range(5):
        content[chance.randrange(len(content))] ^= 0x11
    path.write_bytes(content)


def of_another_version(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"runs/1 vestige", b"runs/0 vestige", 1))


def in_its_place(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


DAMAGE: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "garbage": lambda path: path.write_bytes(os.urandom(5000)),
    "scrambled": scramble,
    "another version": of_another_version,
    "a folder": in_its_place(Path.mkdir),
    "a pipe": in_its_place(os.mkfifo),
    "other JSON": lambda path: path.write_text("[1, 2]\n"),
    "hostile head": lambda path: path.write_text('{"format": "vestige.index", "content": 3, "body": {}}\n'),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_changes_no_answer(store: Store, damage: Callable[[Path], object]) -> None:
    before = truth(store)
    damage(path_of(store))
    assert answers(store) == before
    assert answers(store) == before


def test_what_happens_to_runs_is_seen_at_once(store: Store) -> None:
    truth(store)
    folders = [store.folder(each) for each in store.ids]
    shutil.rmtree(folders[3])
    folders[4].rename(folders[4].with_name("renamed"))
    amended = dataclasses.replace(RunFolder(str(folders[5])).load(), exit=Exit(code=9), tags=("amended",))
    place.write_atomically(str(folders[5] / "record.json"), codec.record_text(amended))
    (folders[6] / "record.json").write_text("{}")
    store.run(argv=("new",))
    rows, _, _, problems = answers(store)
    assert (rows, problems) == (truth(store)[0], [folders[6].name])
    names = {row.name for row in rows}
    assert folders[3].name not in names
    assert "renamed" in names
    assert [row.command for row in rows if row.exit_code == 9] == ["train 5"]
    assert rows[0].command == "new"


def test_a_run_that_is_not_over_is_never_remembered(store: Store) -> None:
    folder = store.folder(store.ids[8])
    record = RunFolder(str(folder)).load()
    running = dataclasses.replace(record, status="running", ended=None, exit=Exit())
    (folder / "record.json").write_bytes(codec.record_text(running))
    (folder / "events.jsonl").unlink()
    assert [row.id for row in answers(store)[0] if row.status == "running"] == [record.id]
    names = snapshot.Snapshot(str(path_of(store)), indexes.CONTENT).column("name")
    assert len(names) == NUMBER - 1
    assert folder.name not in names


def test_runs_of_one_second_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for number in range(5):
        store.ids.clear()
        store.run(argv=("same", str(number)))
    expected = [entry.record.id for entry in store.runs.records() if hasattr(entry, "record")]
    assert len(expected) == 5
    assert [row.id for row in opened(store).rows()] == expected


def test_a_store_that_was_moved_keeps_its_index_with_paths_that_hold(store: Store) -> None:
    truth(store)
    store.path = store.path.rename(store.path.with_name("moved"))
    rows = list(opened(store).rows())
    assert all(Path(row.folder).is_dir() for row in rows)


def test_a_store_that_can_not_be_written_is_indexed_in_the_cache(store: Store, tmp_path: Path) -> None:
    before = truth(store)
    shutil.rmtree(store.path / "index")
    (store.path / "index").write_text("in the way: even root can't make a folder here")
    assert answers(store) == before
    assert list((tmp_path / "cache").rglob(indexes.NAME))
    seen = opened(store)
    assert list(seen.rows()) == before[0]
    assert sum(source.read_so_far for source in seen._sources) == 0  # noqa: SLF001
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("nor here")
    assert answers(store) == before


ASK = """
import json, os, sys
from vestige import api
from vestige.history import index
index._SETTLED = -1.0
for _ in range(4):
    seen = index.open_index(api.all_kept(sys.argv[1]))
    rows = [row.id for row in seen.rows()]
    if os.getpid() % 2:
        os.truncate(seen._sources[0].store.path + "/index/" + index.NAME, 5000)
print(json.dumps(rows))
"""


def test_eight_at_once_give_the_same_answers_and_leave_a_whole_index(store: Store) -> None:
    expected = [row.id for row in truth(store)[0]]
    path_of(store).unlink()

    def ask(_: int) -> list[str]:
        done = subprocess.run([sys.executable, "-c", ASK, str(store.path)], capture_output=True, check=True)
        found: list[str] = json.loads(done.stdout)
        return found

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(ask, range(8)))
    assert [row.id for row in answers(store)[0]] == expected
    assert snapshot.Snapshot(str(path_of(store)), indexes.CONTENT).rows == NUMBER
    assert [path.name for path in path_of(store).parent.iterdir()] == [indexes.NAME]


def test_columns_come_back_as_they_were(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {
        "same": ["x"] * 5,
        "few": ["a", "b", "a", None, "a"],
        "kinds": [1, True, 1.0, 1, True],
        "many": [1, 2, 3, 4, 5],
        "lists": [["a"], [], ["a"], ["b"], []],
        "odd": ["\x00", "é", "\U0001f600", '"', "\\"],
    }
    path = str(tmp_path / "columns")
    snapshot.write(path, "test", columns)
    read = snapshot.Snapshot(path, "test")
    for name, column in columns.items():
        found = read.column(name)
        assert found == column
        assert list(map(type, found)) == list(map(type, column))
    with pytest.raises(snapshot.DamagedError):
        read.column("none")
    with pytest.raises(snapshot.DamagedError):
        snapshot.Snapshot(path, "another test")


@pytest.mark.parametrize(
    "head",
    ["", "[]", "5", "{}", "[" * 5000, '{"format": "vestige.index"}', *(
        json.dumps({"format": snapshot.FORMAT, "content": "test", "body": body, "crc": zlib.crc32(str(body).encode())})
        for body in (
            5, "", "5", "[]", "{}", "[" * 5000, '{"rows": 1, "columns": []}', '{"rows": 1, "columns": {"a": 1}}',
        )
    )],
)  # fmt: skip
def test_a_head_of_a_foreign_hand(tmp_path: Path, head: str) -> None:
    path = tmp_path / "columns"
    path.write_text(head + "\n")
    with pytest.raises(snapshot.DamagedError):
        snapshot.Snapshot(str(path), "test")


def test_records_are_typed_as_the_register_says(store: Store) -> None:
    assert isinstance(RunFolder(str(store.folder(store.ids[0]))).load(), Record)
    for row in opened(store).rows():
        assert isinstance(row.tags, tuple)
        assert row.started.endswith("Z")
