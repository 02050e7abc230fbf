"""Which run wrote a file and what came of it: versions are told by path, content, size and time."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import pytest
from harness.kept import Store, digest, made_up, state, used

import vestige
from vestige.history import lineage
from vestige.record.file_state import file_state
from vestige.record.model import FileUse
from vestige.text import from_os

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.history.lineage import Lineage
    from vestige.record.model import FileClass

RAW, CLEAN, REPORT = "/data/raw.csv", "/data/clean.csv", "/data/report.pdf"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def edges(found: Lineage) -> set[tuple[str, str, str]]:
    """Return the links with paths and command lines in place of ids."""
    names = {node.id: node.path for node in found.files} | {step.id: " ".join(step.record.argv) for step in found.runs}
    return {(names[link.source], link.relation, names[link.target]) for link in found.links}


def _annexed(path: str, thing: str, content: bytes) -> None:
    """Put a content where git-annex keeps it, and a link in its place."""
    os.makedirs(os.path.dirname(thing))
    with open(thing, "wb") as file:
        file.write(content)
    os.symlink(os.path.relpath(thing, os.path.dirname(path)), path)


def pipeline(store: Store) -> None:
    store.run(used("input", RAW, b"raw"), used("output", CLEAN, b"clean"), argv=("clean",))
    store.run(used("input", CLEAN, b"clean"), used("output", REPORT, b"report"), argv=("report",))


CHAIN = {
    (RAW, "read", "clean"),
    ("clean", "wrote", CLEAN),
    (CLEAN, "read", "report"),
    ("report", "wrote", REPORT),
}


class TestWhy:
    def test_back_to_the_beginning(self, store: Store) -> None:
        pipeline(store)
        found = lineage.why(store.runs, REPORT)
        assert edges(found) == CHAIN
        assert (found.direction, found.standing, found.cut, found.problems) == ("back", "gone", False, ())

    def test_only_so_far(self, store: Store) -> None:
        pipeline(store)
        found = lineage.why(store.runs, REPORT, depth=1)
        assert edges(found) == {(CLEAN, "read", "report"), ("report", "wrote", REPORT)}
        assert found.cut

    def test_nothing_is_known(self, store: Store, tmp_path: Path) -> None:
        pipeline(store)
        (tmp_path / "new").write_text("nobody wrote this")
        found = lineage.why(store.runs, str(tmp_path / "new"))
        assert (found.runs, found.links, found.standing) == ((), (), "unknown")

    @pytest.mark.parametrize("form", ["{}\0", '"{}\\000"'])
    def test_a_path_that_can_not_be(self, store: Store, tmp_path: Path, form: str) -> None:
        name = str(tmp_path / "name")
        store.run(used("output", form.format(CLEAN), b"clean", names=(name,)))
        found = lineage.why(store.runs, name)
        assert [step.record.id for step in found.runs] == store.ids
        assert found.standing == "gone"

    def test_an_empty_store(self, store: Store) -> None:
        assert lineage.why(store.runs, REPORT).runs == ()
        assert lineage.used_by(store.runs, REPORT).runs == ()

    def test_the_run_whose_content_is_there_now(self, store: Store, tmp_path: Path) -> None:
        path = str(tmp_path / "out")
        old = store.run(used("output", path, b"old"))
        new = store.run(used("output", path, b"new"))
        (tmp_path / "out").write_bytes(b"old")
        found = lineage.why(store.runs, path)
        assert [step.record.id for step in found.runs] == [old]
        assert (found.standing, found.others) == ("same", (new[-8:],))

    def test_changed_since_by_somebody_else(self, store: Store, tmp_path: Path) -> None:
        path = str(tmp_path / "out")
        store.run(used("output", path, b"old"))
        (tmp_path / "out").write_bytes(b"edited")
        found = lineage.why(store.runs, path)
        assert edges(found) == {("step 1", "wrote", path), (path, "changed", path)}
        assert found.standing == "changed"

    def test_a_file_without_a_hash_is_told_by_size_and_time(self, store: Store, tmp_path: Path) -> None:
        path = str(tmp_path / "out")
        (tmp_path / "out").write_bytes(b"large")
        store.run(used("output", path, b"", hash=None, after=state(path)))
        assert lineage.why(store.runs, path).standing == "same"
        os.utime(path, (1, 1))
        assert lineage.why(store.runs, path).standing == "changed"

    def test_nothing_to_compare_by(self, store: Store, tmp_path: Path) -> None:
        path = str(tmp_path / "out")
        (tmp_path / "out").write_bytes(b"large")
        store.run(used("output", path, b"", hash=None, after=None))
        found = lineage.why(store.runs, path)
        assert (path, "perhaps", path) in edges(found)
        assert found.standing == "unknown"

    def test_a_moved_file_is_known_by_its_content(self, store: Store, tmp_path: Path) -> None:
        store.run(used("output", CLEAN, b"clean"))
        (tmp_path / "moved").write_bytes(b"clean")
        found = lineage.why(store.runs, str(tmp_path / "moved"))
        assert edges(found) == {("step 1", "wrote", CLEAN), (CLEAN, "copied", str(tmp_path / "moved"))}

    def test_a_copy_between_two_runs(self, store: Store) -> None:
        store.run(used("output", CLEAN, b"clean"))
        store.run(used("input", "/data/copy.csv", b"clean"), used("output", REPORT, b"report"))
        assert (CLEAN, "copied", "/data/copy.csv") in edges(lineage.why(store.runs, REPORT))

    def test_empty_files_are_not_taken_for_copies(self, store: Store, tmp_path: Path) -> None:
        store.run(used("output", CLEAN, b""))
        (tmp_path / "empty").write_bytes(b"")
        assert lineage.why(store.runs, str(tmp_path / "empty")).runs == ()

    def test_what_was_written_later_is_no_source(self, store: Store) -> None:
        store.run(used("input", CLEAN, b"clean"), used("output", REPORT, b"report"))
        store.run(used("output", CLEAN, b"clean"))
        assert edges(lineage.why(store.runs, REPORT)) == {(CLEAN, "read", "step 1"), ("step 1", "wrote", REPORT)}

    def test_a_run_that_began_later_but_wrote_in_time(self, store: Store) -> None:
        store.run(used("input", CLEAN, b"clean"), used("output", REPORT, b"report"), lasted=600)
        store.run(used("output", CLEAN, b"clean"))
        assert ("step 2", "wrote", CLEAN) in edges(lineage.why(store.runs, REPORT))

    def test_a_file_modified_by_each_of_many_runs(self, store: Store) -> None:
        for number in range(30):
            before = made_up(b"x" * number, number) if number else None
            after = made_up(b"x" * (number + 1), number + 1)
            kind: FileClass = "modified" if number else "output"
            content = b"x" * (number + 1)
            store.run(used(kind, CLEAN, content, before=before, after=after))
        found = lineage.why(store.runs, CLEAN)
        assert len(found.runs) == len(found.files) == 30
        assert len(found.links) == 59
        assert len(lineage.why(store.runs, CLEAN, depth=3).runs) == 3

    def test_two_runs_at_once_that_read_each_other_end(self, store: Store) -> None:
        for mine, other in ((RAW, CLEAN), (CLEAN, RAW)):
            store.run(used("input", other, other.encode()), used("output", mine, mine.encode()), lasted=600)
        assert len(lineage.why(store.runs, RAW).runs) == 2
        assert len(lineage.used_by(store.runs, RAW).runs) == 2

    def test_an_input_that_changed_under_the_run_is_not_told_by_its_last_hash(self, store: Store) -> None:
        store.run(used("output", CLEAN, b"late", mtime=5))
        store.run(
            used("input", CLEAN, b"late", mtime=7, before=made_up(b"early", 6), changed=True),
            used("output", REPORT, b"report"),
        )
        assert (CLEAN, "changed", CLEAN) in edges(lineage.why(store.runs, REPORT))

    def test_a_file_moved_by_the_run_itself(self, store: Store) -> None:
        store.run(used("output", RAW, b"raw"))
        store.run(
            used("removed", RAW, b"raw", after=None, hash=None),
            used("removed", "/data/else", b"", after=None, hash=None),
            used("output", CLEAN, b"raw", names=(RAW,)),
        )
        assert edges(lineage.why(store.runs, CLEAN)) == {
            ("step 1", "wrote", RAW),
            (RAW, "read", "step 2"),
            ("step 2", "wrote", CLEAN),
        }

    def test_software_only_when_asked(self, store: Store) -> None:
        store.run(used("output", "/venv/tool.py", b"tool"), argv=("pip", "install"))
        tool = used("software", "/venv/tool.py", b"tool", hash=None)
        store.run(tool, used("output", REPORT, b"report"))
        assert len(lineage.why(store.runs, REPORT).runs) == 1
        assert len(lineage.why(store.runs, REPORT, everything=True).runs) == 2

    def test_folders_are_no_content(self, store: Store) -> None:
        folder = dataclasses.replace(made_up(b"", 1), type="directory")
        store.run(FileUse("/data", "input", before=folder, after=folder), used("output", REPORT, b"report"))
        assert {node.path for node in lineage.why(store.runs, REPORT).files} == {REPORT}

    def test_failed_runs_count(self, store: Store) -> None:
        store.run(used("output", REPORT, b"half"), code=3)
        (step,) = lineage.why(store.runs, REPORT).runs
        assert step.record.exit.code == 3


class TestPaths:
    def test_relative_through_a_link_and_with_odd_bytes(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        odd = os.fsdecode(os.fsencode(tmp_path) + b'/\xff "odd".csv')
        with open(odd, "wb") as file:
            file.write(b"odd")
        os.symlink(odd, tmp_path / "link")
        store.run(used("output", from_os(odd), b"odd"))
        monkeypatch.chdir(tmp_path)
        for name in ("link", os.path.basename(odd), odd):
            assert len(lineage.why(store.runs, name).runs) == 1

    def test_a_file_that_git_annex_has_taken_in(self, store: Store, tmp_path: Path) -> None:
        """Its content is an object now, and a link to that stands where the run had written the file."""
        clean, thing = str(tmp_path / "clean.csv"), str(tmp_path / ".git/annex/objects/a1/b2/KEY/KEY")
        store.run(used("output", clean, b"clean"), argv=("clean",))
        _annexed(clean, thing, b"clean")
        found = lineage.why(store.runs, clean)
        assert edges(found) == {("clean", "wrote", clean)}
        assert (found.standing, found.files[0].size) == ("same", 5)
        store.run(used("input", thing, b"clean", names=(clean,)), used("output", REPORT, b"report"), argv=("report",))
        told = {("clean", "wrote", clean), (clean, "read", "report"), ("report", "wrote", REPORT)}
        assert edges(lineage.why(store.runs, REPORT)) == told
        assert edges(lineage.used_by(store.runs, clean)) == told - {("clean", "wrote", clean)}
        os.unlink(thing)  # `git annex drop`
        found = lineage.why(store.runs, clean)
        assert (edges(found), found.standing) == ({("clean", "wrote", clean)}, "gone")

    def test_an_object_of_git_annex_is_shown_by_its_link(self, store: Store, tmp_path: Path) -> None:
        raw, thing = str(tmp_path / "raw.csv"), str(tmp_path / ".git/annex/objects/a1/b2/KEY/KEY")
        _annexed(raw, thing, b"raw")
        store.run(used("input", thing, b"raw", names=(raw,)), used("output", REPORT, b"report"))
        for found in (lineage.why(store.runs, REPORT), lineage.used_by(store.runs, raw)):
            assert [(file.shown, file.path) for file in found.files if file.kind != "output"] == [(raw, thing)]

    def test_another_content_under_the_same_link(self, store: Store, tmp_path: Path) -> None:
        clean, thing = str(tmp_path / "clean.csv"), str(tmp_path / ".git/annex/objects/a1/b2/KEY/KEY")
        store.run(used("output", clean, b"clean"), argv=("clean",))
        _annexed(clean, thing, b"other")
        found = lineage.why(store.runs, clean)
        assert edges(found) == {("clean", "wrote", clean), (clean, "changed", thing)}
        assert found.standing == "changed"

    def test_a_link_that_a_run_made(self, store: Store, tmp_path: Path) -> None:
        """It is the link that was written, not what it leads to."""
        target, link = tmp_path / "target", tmp_path / "link"
        target.write_bytes(b"target")
        link.symlink_to(target)
        found_state = file_state(os.lstat(link))
        store.run(dataclasses.replace(used("output", str(link), b""), hash=None, after=found_state))
        found = lineage.why(store.runs, str(link))
        assert (edges(found), found.standing) == ({("step 1", "wrote", str(link))}, "same")

    def test_a_name_that_is_gone(self, store: Store) -> None:
        store.run(used("output", REPORT, b"report", names=("/data/report.tmp",)))
        found = lineage.why(store.runs, "/data/report.tmp")
        assert edges(found) == {("step 1", "wrote", REPORT)}

    def test_removed_by_a_run(self, store: Store) -> None:
        store.run(used("output", CLEAN, b"clean"))
        removing = store.run(used("removed", CLEAN, b"clean", after=None, hash=None))
        found = lineage.why(store.runs, CLEAN)
        assert (found.standing, found.remover) == ("gone", removing[-8:])
        store.run(used("output", CLEAN, b"clean"))
        assert lineage.why(store.runs, CLEAN).remover is None


class TestUsedBy:
    def test_forward_to_the_end(self, store: Store) -> None:
        pipeline(store)
        found = lineage.used_by(store.runs, RAW)
        assert edges(found) == CHAIN
        assert found.direction == "forward"

    def test_only_so_far(self, store: Store) -> None:
        pipeline(store)
        found = lineage.used_by(store.runs, RAW, depth=1)
        assert edges(found) == {(RAW, "read", "clean"), ("clean", "wrote", CLEAN)}
        assert found.cut

    def test_who_read_another_content_is_told_apart(self, store: Store, tmp_path: Path) -> None:
        path = str(tmp_path / "raw")
        (tmp_path / "raw").write_bytes(b"now")
        store.run(used("input", path, b"before", mtime=1), argv=("old",))
        store.run(used("input", path, b"now", mtime=2), argv=("new",))
        assert edges(lineage.used_by(store.runs, path)) == {
            (path, "read", "new"),
            (path, "other", path),
            (path, "read", "old"),
        }
        assert len(lineage.used_by(store.runs, path).files) == 2

    def test_readers_of_what_another_run_wrote_later_do_not_count(self, store: Store) -> None:
        pipeline(store)
        store.run(used("output", CLEAN, b"anew"), argv=("rewrite",))
        store.run(used("input", CLEAN, b"anew"), argv=("later",))
        assert edges(lineage.used_by(store.runs, RAW)) == CHAIN

    def test_a_copy_is_followed(self, store: Store) -> None:
        store.run(used("output", CLEAN, b"clean"))
        store.run(used("input", "/data/copy.csv", b"clean"))
        found = edges(lineage.used_by(store.runs, CLEAN))
        assert found == {(CLEAN, "copied", "/data/copy.csv"), ("/data/copy.csv", "read", "step 2")}

    def test_software_only_when_asked(self, store: Store) -> None:
        store.run(used("software", "/data/lib.so", b"", hash=None))
        assert lineage.used_by(store.runs, "/data/lib.so").runs == ()
        assert len(lineage.used_by(store.runs, "/data/lib.so", everything=True).runs) == 1

    def test_a_file_modified_by_each_of_many_runs(self, store: Store) -> None:
        for number in range(30):
            before, after = made_up(b"x" * number, number), made_up(b"x" * (number + 1), number + 1)
            store.run(used("modified", CLEAN, b"x" * (number + 1), before=before, after=after))
        found = lineage.used_by(store.runs, CLEAN)
        assert len(found.runs) == 30


class TestDamage:
    def test_a_run_that_cannot_be_read_is_missing_and_named(self, store: Store) -> None:
        pipeline(store)
        bad = store.folder(store.ids[0])
        (bad / "record.json").write_text("[")
        found = lineage.why(store.runs, REPORT)
        assert edges(found) == CHAIN - {(RAW, "read", "clean"), ("clean", "wrote", CLEAN)}
        assert [problem.folder.path for problem in found.problems] == [str(bad)]

    @pytest.mark.parametrize(
        "line",
        [
            b'{"path":"/data/report.pdf","kind":"output","hash":5}\n',
            b'{"path":"/data/report.pdf","kind":"output","has',
            b'{"kind":"x","path":"/data/report.pdf","kind":"output"}\n',
            b',"kind":"output"\n' * 3,
            b'{"path":"/data/report.pdf","kind":"none","kind":"output"}\n',
            b"\0" * 100,
        ],
    )
    def test_a_line_that_cannot_be_read_is_passed_over(self, store: Store, line: bytes) -> None:
        pipeline(store)
        other = store.run()
        (store.folder(other) / "files.jsonl").write_bytes(line)
        found = lineage.why(store.runs, REPORT)
        assert edges(found) == CHAIN
        assert len(found.problems) <= 1

    def test_a_fifo_in_the_place_of_the_list(self, store: Store) -> None:
        pipeline(store)
        path = store.folder(store.run()) / "files.jsonl"
        path.unlink()
        os.mkfifo(path)
        found = lineage.why(store.runs, REPORT)
        assert edges(found) == CHAIN
        assert len(found.problems) == 1

    def test_a_run_without_a_list_is_no_problem(self, store: Store) -> None:
        pipeline(store)
        (store.folder(store.run()) / "files.jsonl").unlink()
        assert lineage.why(store.runs, REPORT).problems == ()

    def test_a_path_that_looks_like_a_key(self, store: Store) -> None:
        store.run(used("input", '/data/,"kind":"output","hash":"sha256:0"', b"x"))
        store.run(used("output", REPORT, b"report"))
        assert len(lineage.why(store.runs, REPORT).runs) == 1


class TestApi:
    def test_both_are_offered(self, store: Store) -> None:
        pipeline(store)
        assert len(vestige.why(REPORT, store=store.path).runs) == 2
        assert len(vestige.used_by(RAW, store=store.path).runs) == 2

    @pytest.mark.parametrize("path", ["", "a\0b"])
    def test_no_path(self, store: Store, path: str) -> None:
        with pytest.raises(vestige.UsageError):
            vestige.why(path, store=store.path)


def test_the_hash_of_the_present_file_is_not_made_where_its_state_tells(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "out")
    (tmp_path / "out").write_bytes(b"content")
    store.run(used("output", path, b"content", hash=digest(b"content"), after=state(path)))
    monkeypatch.setattr("vestige.provenance.hashing.hashed", None)
    assert lineage.why(store.runs, path).standing == "same"
