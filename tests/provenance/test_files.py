"""Which class a file gets: what was tried, on real files, against what was there before and at the end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from harness.written import COMMAND, ID, MS
from provenance.scene import Scene

from vestige.finalising.finalise import finalise
from vestige.observe import touches
from vestige.observe.actors import Actor, Cast
from vestige.observe.lives import Life
from vestige.provenance import files
from vestige.record import place
from vestige.record.model import FileCount, FileState, FileUse
from vestige.store.runs import RunFolder
from vestige.text import from_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import FileType


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return Scene(tmp_path)


both = pytest.mark.parametrize("finals", [True, False], ids=["recorder", "takeover"])


@both
def test_read_is_input(scene: Scene, finals: bool) -> None:
    scene.put("a")
    scene.reads("a")
    use = scene.uses(finals=finals)["a"]
    assert (use.kind, use.changed, use.readers, use.writers) == ("input", False, (0,), ())
    assert use.before == use.after
    assert (use.hash or "").startswith("sha256:ed7002b439e9ac845f22357d822bac14")


@both
def test_written_is_output(scene: Scene, finals: bool) -> None:
    scene.writes("new")
    scene.put("old")
    scene.writes("old")
    found = scene.uses(finals=finals)
    assert {name: use.kind for name, use in found.items()} == {"new": "output", "old": "output"}
    assert found["new"].before is None
    assert found["old"].before is not None
    assert all(use.writers == (0,) and use.readers == () and use.hash for use in found.values())


@both
def test_read_and_then_written_is_modified(scene: Scene, finals: bool) -> None:
    scene.put("a")
    scene.reads("a")
    scene.appends("a")
    assert scene.kinds(finals=finals) == {"a": "modified"}


@both
def test_written_and_then_read_is_output(scene: Scene, finals: bool) -> None:
    scene.put("a")
    scene.writes("a")
    scene.reads("a")
    scene.writes("b")
    scene.reads("b")
    assert scene.kinds(finals=finals) == {"a": "output", "b": "output"}


@both
def test_opened_for_both(scene: Scene, finals: bool) -> None:
    for name in ("read", "changed"):
        scene.put(name)
        scene.sees_open(name, "both")
    with open(scene.path("changed"), "a") as file:
        file.write("more")
    scene.sees_open("made", "both", create=True)
    scene.put("made")
    assert scene.kinds(finals=finals) == {"read": "input", "changed": "modified", "made": "output"}


@both
def test_only_opened_for_writing_is_unchanged(scene: Scene, finals: bool) -> None:
    scene.put("a")
    scene.sees_open("a", "write", append=True)
    assert scene.kinds(finals=finals) == {"a": "unchanged"}


def test_same_size_and_time_but_written(scene: Scene) -> None:
    path = scene.put("a", "one")
    before = os.stat(path)
    time.sleep(0.02)
    scene.sees_open("a", "write", truncate=True)
    scene.put("a", "two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert scene.kinds() == {"a": "output"}


@both
def test_unlinked_is_removed(scene: Scene, finals: bool) -> None:
    for name in ("a", "read"):
        scene.put(name)
    scene.reads("read")
    scene.unlinks("a")
    scene.unlinks("read")
    found = scene.uses(finals=finals)
    assert {name: use.kind for name, use in found.items()} == {"a": "removed", "read": "removed"}
    assert found["a"].after is None
    assert found["a"].before is not None


@both
def test_unlinked_and_made_again_is_output(scene: Scene, finals: bool) -> None:
    scene.put("a")
    keep = os.open(scene.path("a"), os.O_RDONLY)  # or the new file may get the old one's inode
    scene.unlinks("a")
    scene.writes("a")
    os.close(keep)
    assert scene.kinds(finals=finals) == {"a": "output"}


@both
def test_made_and_gone_is_temporary(scene: Scene, finals: bool) -> None:
    scene.writes("t")
    scene.reads("t")
    scene.unlinks("t")
    assert scene.kinds(finals=finals) == {"t": "temporary"}


@both
def test_looked_for_in_vain_is_probed(scene: Scene, finals: bool) -> None:
    scene.reads("nothing")
    scene.sees_open("nowhere/a", "write", create=True)
    scene.put("secret")
    scene.sees_open("secret", denied=True)
    scene.put("lock")
    scene.sees_open("lock", "write", create=True, exclusive=True)
    scene.sees_open("secret", "path")
    kinds = scene.kinds(finals=finals)
    assert kinds == {"nothing": "probed", "nowhere/a": "probed", "secret": "probed", "lock": "probed"}


@both
def test_folders(scene: Scene, finals: bool) -> None:
    os.mkdir(scene.path("old"))
    scene.sees_open("old", directory=True)
    scene.makes_folder("new")
    scene.writes("new/file")
    scene.makes_folder("gone")
    scene.add("unlink", **scene.link_place("gone"), directory=True)
    os.rmdir(scene.path("gone"))
    found = scene.uses(finals=finals)
    kinds = {name: use.kind for name, use in found.items()}
    assert kinds == {"old": "listed", "new": "output", "new/file": "output", "gone": "temporary"}
    assert found["new"].after is not None
    assert found["new"].after.type == "directory"
    assert found["new"].hash is None


def test_a_folder_that_is_there_already(scene: Scene) -> None:
    os.mkdir(scene.path("old"))
    scene.add("mkdir", **scene.link_place("old"))
    scene.put("old/x")
    assert scene.kinds() == {"old": "probed"}


def test_input_changed_by_somebody_else(scene: Scene) -> None:
    scene.put("a")
    scene.reads("a")
    scene.put("a", "somebody else's")
    use = scene.uses()["a"]
    assert (use.kind, use.changed) == ("input", True)
    assert use.hash is not None


def test_input_gone_since_by_somebody_else(scene: Scene) -> None:
    scene.put("a")
    scene.reads("a")
    scene.ends()
    os.unlink(scene.path("a"))
    use = scene.uses()["a"]
    assert (use.kind, use.changed, use.hash) == ("input", False, None)
    assert use.hash_reason == "it is gone since the run ended"


def test_input_changed_after_the_run(scene: Scene) -> None:
    scene.put("a")
    scene.reads("a")
    scene.ends()
    time.sleep(0.02)
    scene.put("a", "later")
    use = scene.uses()["a"]
    assert (use.kind, use.changed, use.hash) == ("input", False, None)
    assert use.before == use.after
    assert use.hash_reason == "it changed since the run ended"


def test_output_changed_after_the_run(scene: Scene) -> None:
    scene.writes("a")
    scene.ends()
    time.sleep(0.02)
    scene.put("a", "later")
    use = scene.uses()["a"]
    assert (use.kind, use.hash, use.hash_reason) == ("output", None, "it changed since the run ended")


def test_output_that_nobody_looked_at_after_the_end(scene: Scene) -> None:
    scene.writes("a")
    scene.ends(finals=False)
    time.sleep(0.02)
    scene.put("a", "later")
    use = scene.uses()["a"]
    assert (use.kind, use.hash, use.hash_reason) == ("output", None, "it may have changed after the run ended")


def test_made_by_somebody_else_meanwhile(scene: Scene) -> None:
    scene.reads("a")
    scene.put("a")
    scene.reads("a")
    use = scene.uses()["a"]
    assert (use.kind, use.changed, use.before) == ("input", True, None)


@both
def test_temporary_renamed_into_place(scene: Scene, finals: bool) -> None:
    scene.writes("a.tmp")
    scene.renames("a.tmp", "a")
    use = (found := scene.uses(finals=finals))["a"]
    assert list(found) == ["a"]
    assert (use.kind, use.writers) == ("output", (0,))
    assert use.names == (scene.path("a.tmp"),)


def test_renamed_over_what_was_read(scene: Scene) -> None:
    scene.put("a")
    scene.reads("a")
    scene.writes("a.tmp")
    scene.renames("a.tmp", "a")
    assert scene.kinds() == {"a": "modified"}


def test_saved_twice_through_temporaries(scene: Scene) -> None:
    for name in ("1.tmp", "2.tmp"):
        scene.writes(name)
        scene.renames(name, "a")
    found = scene.uses()
    assert {name: use.kind for name, use in found.items()} == {"a": "output", "1.tmp": "temporary"}
    assert found["a"].names == (scene.path("2.tmp"),)


def test_a_chain_of_renames(scene: Scene) -> None:
    scene.writes("1")
    scene.renames("1", "2")
    scene.renames("2", "3")
    found = scene.uses()
    assert list(found) == ["3"]
    assert found["3"].names == (scene.path("1"), scene.path("2"))


@both
def test_there_and_back(scene: Scene, finals: bool) -> None:
    scene.put("a")
    scene.reads("a")
    scene.renames("a", "b")
    scene.renames("b", "a")
    assert scene.kinds(finals=finals) == {"a": "input"}


def test_an_old_file_renamed(scene: Scene) -> None:
    scene.put("a")
    scene.reads("a")
    scene.renames("a", "b")
    found = scene.uses()
    assert {name: use.kind for name, use in found.items()} == {"a": "removed", "b": "output"}
    assert found["b"].names == (scene.path("a"),)


@both
def test_a_rename_that_failed(scene: Scene, finals: bool) -> None:
    scene.put("a")
    scene.reads("a")
    scene.put("old")
    scene.writes("new")
    scene.sees_rename("a", "old")
    scene.sees_rename("new", "other")
    scene.sees_rename("nothing", "else")
    kinds = scene.kinds(finals=finals)
    rest = {"nothing": "probed", "else": "probed"}
    assert kinds == {"a": "input", "old": "unchanged", "new": "output", "other": "probed", **rest}


def test_a_move_to_another_file_system(scene: Scene) -> None:
    scene.writes("a")
    scene.sees_rename("a", "b")  # EXDEV
    scene.reads("a")
    scene.writes("b")
    scene.unlinks("a")
    found = scene.uses()
    assert {name: use.kind for name, use in found.items()} == {"a": "temporary", "b": "output"}
    assert found["b"].names == ()


def test_rename_that_must_not_replace(scene: Scene) -> None:
    scene.put("old")
    scene.writes("a")
    scene.sees_rename("a", "old", noreplace=True)
    assert scene.kinds() == {"a": "output", "old": "probed"}


def test_rename_of_one_link_to_another_does_nothing(scene: Scene) -> None:
    scene.put("a")
    os.link(scene.path("a"), scene.path("b"))
    scene.renames("a", "b")
    assert scene.kinds() == {"a": "probed", "b": "probed"}


@both
def test_a_renamed_folder_takes_along_what_is_in_it(scene: Scene, finals: bool) -> None:
    scene.makes_folder("d")
    scene.makes_folder("d/sub")
    scene.writes("d/sub/a")
    scene.writes("d/gone")
    scene.unlinks("d/gone")
    scene.reads("d/nothing")
    scene.renames("d", "e")
    found = scene.uses(finals=finals)
    kinds = {name: use.kind for name, use in found.items()}
    expected = {"e": "output", "e/sub": "output", "e/sub/a": "output"}
    assert kinds == {**expected, "d/gone": "temporary", "d/nothing": "probed"}
    assert found["e/sub/a"].names == (scene.path("d/sub/a"),)
    assert found["e/sub/a"].writers == (0,)
    assert found["e/sub/a"].hash


def test_a_renamed_folder_twice_and_written_after(scene: Scene) -> None:
    scene.makes_folder("d")
    scene.writes("d/a")
    scene.renames("d", "e")
    scene.renames("e", "f")
    scene.writes("f/b")
    scene.writes("f/a")
    found = scene.uses()
    assert {name: use.kind for name, use in found.items()} == {"f": "output", "f/a": "output", "f/b": "output"}


def test_a_folder_that_could_not_be_renamed(scene: Scene) -> None:
    scene.makes_folder("d")
    scene.writes("d/a")
    scene.sees_rename("d", "e")
    kinds = scene.kinds()
    assert kinds == {"d": "output", "d/a": "output", "e": "probed"}


def test_folders_renamed_too_often_are_spoken_of(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touches, "_CARRIED", 3)
    scene.makes_folder("d")
    scene.writes("d/a")
    scene.writes("d/b")
    scene.renames("d", "e")
    scene.renames("e", "f")
    record = scene.finalised()
    assert record.completeness is not None
    assert [gap.reason for gap in record.completeness.gaps if gap.what == "renames"] == [
        "folders were renamed so often that 1 file was not followed to the new name"
    ]


@both
def test_exchange(scene: Scene, finals: bool) -> None:
    scene.writes("new", "new")
    scene.put("old", "old")
    scene.sees_rename("new", "old", exchange=True)
    os.rename(scene.path("new"), scene.path("t"))
    os.rename(scene.path("old"), scene.path("new"))
    os.rename(scene.path("t"), scene.path("old"))
    scene.unlinks("new")
    found = scene.uses(finals=finals)
    assert {name: use.kind for name, use in found.items()} == {"old": "output"}
    assert found["old"].names == (scene.path("new"),)


def test_exchange_of_folders(scene: Scene) -> None:
    for name in ("d", "e"):
        scene.makes_folder(name)
        scene.writes(f"{name}/{name}")
    scene.sees_rename("d", "e", exchange=True)
    for source, target in (("d", "t"), ("e", "d"), ("t", "e")):
        os.rename(scene.path(source), scene.path(target))
    kinds = scene.kinds()
    assert kinds == {"d": "output", "e": "output", "e/d": "output", "d/e": "output"}


def test_exchange_with_nothing_fails(scene: Scene) -> None:
    scene.put("a")
    scene.sees_rename("a", "nothing", exchange=True)
    assert scene.kinds() == {"a": "probed", "nothing": "probed"}


def test_symbolic_links_are_names(scene: Scene) -> None:
    scene.put("data")
    os.symlink("data", scene.path("link"))
    scene.add("open", **scene.place("link"), real=scene.path("data"), access="read")
    use = (found := scene.uses())["data"]
    assert list(found) == ["data"]
    assert (use.kind, use.names) == ("input", (scene.path("link"),))


def test_a_symbolic_link_that_the_run_made(scene: Scene) -> None:
    scene.changes.append("link")
    scene.add("symlink", **scene.link_place("link"), target="data")
    os.symlink("data", scene.path("link"))
    use = scene.uses()["link"]
    assert use.kind == "output"
    assert use.after is not None
    assert (use.after.type, use.hash) == ("link", None)


def test_a_link_that_is_not_followed(scene: Scene) -> None:
    os.symlink("data", scene.path("link"))
    scene.add("open", **scene.link_place("link"), access="read", nofollow=True)
    assert scene.kinds() == {"link": "probed"}


def test_hard_links(scene: Scene) -> None:
    scene.put("a")
    scene.links("a", "b")
    scene.writes("t")
    scene.links("t", "final")
    scene.unlinks("t")
    found = scene.uses()
    assert {name: use.kind for name, use in found.items()} == {"a": "input", "b": "output", "final": "output"}
    assert found["final"].names == (scene.path("t"),)


@both
def test_an_unnamed_file_that_gets_a_name(scene: Scene, finals: bool) -> None:
    scene.add("open", **scene.place("."), access="both", tmpfile=True)
    descriptor = os.open(scene.work, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(descriptor, b"content")
    scene.changes.append("a")
    name = f"/proc/self/fd/{descriptor}"
    real = f"{scene.work}/#12345 (deleted)"
    scene.add("link", path=name, real=real, state={"type": "file", "ino": 12345}, to=scene.link_place("a"))
    os.link(name, scene.path("a"), src_dir_fd=descriptor, follow_symlinks=True)  # linkat, only with a descriptor
    os.close(descriptor)
    found = scene.uses(finals=finals)
    assert found["a"].kind == "output"
    assert found["a"].names == ()
    assert {name for name, use in found.items() if use.kind in ("input", "output")} == {"a"}


def test_truncate(scene: Scene) -> None:
    scene.put("a")
    scene.changes.append("a")
    scene.add("truncate", **scene.place("a"), length=2)
    os.truncate(scene.path("a"), 2)
    assert scene.kinds() == {"a": "output"}


def test_inherited_streams(scene: Scene) -> None:
    scene.put("in")
    scene.put("out", "")
    scene.changes.append("out")
    descriptors = [
        {"fd": 0, "kind": "file", "access": "read", **scene.place("in")},
        {"fd": 1, "kind": "file", "access": "write", **scene.place("out")},
        {"fd": 2, "kind": "terminal", "access": "both"},
        {"fd": 3, "kind": "file", "access": "read"},
        "nonsense",
    ]
    scene.events.add("inherited", scene.t, pid=COMMAND, descriptors=descriptors)
    scene.put("out", "result")
    assert scene.kinds() == {"in": "input", "out": "output"}


def test_executed_and_its_interpreters(scene: Scene) -> None:
    script = scene.put("script", "#!/bin/sh\n")
    place = scene.place("script")
    scene.events.exec(scene.t, COMMAND, ["script"], start=500, **{**place, "path": script}, interpreters=["/bin/sh"])
    found = scene.uses()
    assert (found["script"].kind, found["script"].executed) == ("input", True)
    shell = os.path.realpath("/bin/sh")
    assert (found[shell].kind, found[shell].executed, found[shell].readers) == ("software", False, (0,))
    if shell != "/bin/sh":
        assert "/bin/sh" in found[shell].names


def test_compiled_and_executed(scene: Scene) -> None:
    scene.writes("program")
    scene.events.exec(scene.t, COMMAND, ["program"], start=500, **scene.place("program"))
    use = scene.uses()["program"]
    assert (use.kind, use.executed, use.readers) == ("output", True, (0,))


def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    first, second = Scene(tmp_path), Scene(tmp_path)
    first.writes("one")
    second.writes("two")
    second.put("shared")
    second.reads("shared")
    first.ends()
    second.ends()
    assert first.kinds() == {"one": "output"}
    second.tmp = tmp_path / "second"
    assert second.kinds() == {"two": "output", "shared": "input"}


def test_odd_bytes(scene: Scene) -> None:
    name = b"odd \xff\n"
    scene.writes(name + b".tmp")
    scene.renames(name + b".tmp", name)
    quoted = '"quoted'
    scene.writes(quoted)
    text = from_bytes(os.fsencode(scene.path(name)))
    found = scene.uses()
    assert {use.kind for use in found.values()} == {"output"}
    assert found[text].hash
    assert found[text].names == (from_bytes(os.fsencode(scene.path(name + b".tmp"))),)
    assert found[quoted].hash


def test_odd_bytes_in_a_renamed_folder(scene: Scene) -> None:
    scene.makes_folder("d\udcff")
    scene.writes("d\udcff/a")
    scene.renames("d\udcff", "plain")
    assert scene.kinds() == {"plain": "output", "plain/a": "output"}


def test_relative_paths(scene: Scene) -> None:
    scene.put("a")
    place = scene.place("a")
    scene.add("open", **{**place, "path": "./a"}, base=scene.work, access="read")
    scene.add("open", path="sub/", base=scene.work + "/", access="read", absent=True)
    scene.add("open", path="nobody knows where", access="read")
    scene.add("open", access="read")
    assert scene.kinds() == {"a": "input", "sub": "probed"}


def test_a_pid_used_again(scene: Scene) -> None:
    scene.put("a")
    for start, name in ((600, "one"), (700, "two")):
        scene.pid, scene.start = 2000, start
        scene.writes(name)
        scene.events.exit(scene.t, 2000, start=start)
        scene.reads("a")
    scene.pid, scene.start = 2000, None
    scene.writes("three")
    scene.pid = 4242  # never heard of otherwise
    scene.writes("four")
    found = scene.uses()
    assert [found[name].writers for name in ("one", "two", "four")] == [(1,), (2,), ()]
    assert found["a"].readers == (1, 2)


def test_run_folders_of_the_store_are_left_out(scene: Scene) -> None:
    runs = scene.tmp / "runs"
    name = place.run_folder_name(ID, scene.began)
    for path in (f"{runs}/{name}", f"{runs}/{name}/spans/7.jsonl", f"{runs}/{name}-other/record.json", f"{runs}-more"):
        scene.add("open", path=path, access="write", create=True, absent=True)
    assert scene.kinds() == {f"{runs}-more": "probed"}


def test_lost_in_another_namespace(scene: Scene) -> None:
    scene.add("open", path="/in/there", real="/in/there", foreign=True, access="write", create=True, absent=True)
    scene.add("open", path="/in/it", real="/in/it", foreign=True, access="read", state={"type": "file", "size": 3})
    found = scene.uses()
    assert found["/in/it"].kind == "input"
    assert found["/in/it"].after == found["/in/it"].before


def test_final_of_what_no_event_names(scene: Scene) -> None:
    scene.put("late")
    scene.changes.append("late")
    assert scene.kinds() == {"late": "output"}


def test_counts_and_first_touch(scene: Scene) -> None:
    scene.put("a", "12345")
    scene.reads("a")
    scene.writes("b", "123")
    record = scene.finalised()
    assert (record.files["input"].count, record.files["output"].count) == (2, 1)  # one is the command itself
    assert (record.files["input"].size, record.files["output"].size) == (5, 3)
    command, *others = RunFolder(scene.folder).files()
    assert command.first == MS / 1e9
    assert all(use.first is not None and use.first < 60 for use in others)


def test_finalising_twice_gives_the_same(scene: Scene) -> None:
    scene.put("a")
    scene.reads("a")
    record = scene.finalised()
    assert finalise(scene.folder) == record


def _state(kind: FileType = "file", size: int | None = 5) -> FileState:
    return FileState(kind, size, 1, 1, 1, 1)


def test_what_is_counted_of_files() -> None:
    found = [
        FileUse("/a", "output", after=_state(size=5)),
        FileUse("/b", "output", after=_state(size=7), before=_state(size=100)),
        FileUse("/link", "output", after=_state("link", 9)),
        FileUse("/made", "output", after=_state("directory", 4096)),
        FileUse("/gone", "removed", before=_state(size=11)),
        FileUse("/looked-into", "listed", before=_state("directory", 4096)),
        FileUse("/nothing", "probed"),
        FileUse("/unknown", "input", before=_state(size=None)),
    ]
    counted = files.counts(found)
    assert list(counted) == sorted(counted)
    assert counted == {
        "input": FileCount(1, 0),
        "listed": FileCount(1, 0),
        "output": FileCount(3, 12),
        "probed": FileCount(1, 0),
        "removed": FileCount(1, 11),
    }


@pytest.mark.parametrize(
    ("start", "first", "line"),
    [
        (100, 0, 0),
        (200, 0, 1),
        (None, 5, 0),  # the first was alive
        (None, 10, 0),
        (None, 11, 1),
        (None, 99, 1),  # after both: the last of them
        (300, 99, None),  # another process of this pid, of which nothing else was seen
    ],
)
def test_whose_a_deed_was_where_a_pid_was_used_twice(start: int | None, first: int, line: int | None) -> None:
    lives = [Life(7, 0, start=100, end=10), Life(7, 11, start=200, end=20), Life(8, 0, start=100)]
    assert Cast([Actor(7, start, first)]).lines(lives) == [line]
    assert Cast([Actor(9, start, first), Actor(8, 100, 0)]).lines(lives) == [None, 2]


def test_whose_a_deed_was_where_starts_are_not_known() -> None:
    lives = [Life(7, 0, end=10), Life(7, 11)]
    actors = [Actor(7, 100, 5), Actor(7, 100, 15), Actor(7, None, 15)]
    assert Cast(actors).lines(lives) == [0, 1, 1]
