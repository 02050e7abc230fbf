"""The real DataLad reads what vestige commits, and vestige what DataLad commits; both take turns in one history."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from harness.rerunning import History

from vestige.git.datalad import RunRecord

if TYPE_CHECKING:
    from harness.repositories import Repository

pytest.importorskip("datalad")
pytestmark = pytest.mark.needs("recorder", "git", "git-annex")
_LIMIT = 100.0
ODD = "a {b} 'c' \"d\" $e \u00e9"


@dataclass(frozen=True)
class Both:
    """A repository in which both are used."""

    history: History

    @property
    def repository(self) -> Repository:
        return self.history.repository

    def datalad(self, *words: str, code: int = 0, cwd: str | None = None) -> str:
        """Call the real DataLad, and return what it prints."""
        done = subprocess.run(
            ["datalad", *words], cwd=cwd or self.repository.top, capture_output=True, check=False,
            env=self.repository.vestige.variables, stdin=subprocess.DEVNULL, timeout=_LIMIT,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout.decode()

    def reported(self, *words: str) -> list[dict[str, Any]]:
        """Return what DataLad says that it would do."""
        return [json.loads(line) for line in self.datalad("-f", "json", "rerun", "--report", *words).splitlines()]

    def read(self, name: str) -> str:
        return self.repository.read(name)


@pytest.fixture
def both(repository: Repository) -> Both:
    return Both(History(repository))


class TestDataladReadsWhatVestigeCommits:
    def test_the_same_result_is_no_commit(self, both: Both) -> None:
        run = both.repository.committed("sort -r in > out").hash
        both.datalad("rerun")
        assert both.history.head == run
        assert both.repository.state().status == ()

    def test_another_result_is_a_commit_that_vestige_reads(self, both: Both) -> None:
        run = both.repository.committed("cat in >> out", "-m", "grow\n\nand why").hash
        both.datalad("rerun")
        made = both.repository.commit()
        assert made.parents == (run,)
        assert made.files == {"out": "M"}
        assert made.run.text == "grow\n\nand why"
        assert made.run.record.chain == (run,)
        assert both.read("out") == "in\nin\n"

    def test_its_report_has_what_was_seen(self, both: Both) -> None:
        run = both.repository.committed("cat in folder/* > out").hash
        (found,) = both.reported()
        assert (found["commit"], found["rerun_action"], found["status"]) == (run, "run", "ok")
        assert sorted(found["run_info"]["inputs"]) == ["folder/one", "folder/two", "in"]
        assert found["run_info"]["outputs"] == ["out"]
        assert [(os.path.basename(item["path"]), item["state"]) for item in found["diff"]] == [("out", "added")]

    def test_its_script_runs_the_same_words(self, both: Both) -> None:
        both.repository.run(sys.executable, "-c", "import sys; open('out', 'w').write(repr(sys.argv))", ODD, "", "{}")
        before = both.read("out")
        script = both.datalad("rerun", "--script", "-")
        os.unlink(both.repository.path("out"))
        subprocess.run(["sh"], input=script.encode(), cwd=both.repository.top, check=True)
        assert both.read("out") == before

    def test_words_and_names_of_any_kind(self, both: Both) -> None:
        both.repository.write(ODD, "x\n")
        both.repository.save()
        assert both.repository.run("cp", ODD, f"{ODD} 2").returncode == 0
        run = both.history.head
        both.datalad("rerun")
        assert both.history.head == run
        both.repository.write(ODD, "y\n")
        both.repository.save()
        both.datalad("rerun", run)
        assert both.read(f"{ODD} 2") == "y\n"

    def test_placeholders_and_globs(self, both: Both) -> None:
        both.repository.run(
            "sh", "-c", 'cat "$@" > {outputs}', "sh", "{inputs}", options=("-i", "folder/*", "-o", "out")
        )
        both.repository.write("folder/three", "three\n")
        both.repository.save()
        both.datalad("rerun", "HEAD~")
        assert both.read("out") == "one\nthree\ntwo\n"

    def test_from_a_folder(self, both: Both) -> None:
        done = both.repository.sh("cat one >> grown", cwd=both.repository.path("folder"))
        assert done.returncode == 0
        both.datalad("rerun")
        assert both.read("folder/grown") == "one\none\n"

    def test_a_record_in_a_sidecar(self, both: Both) -> None:
        made = both.repository.committed("cat in >> out", "--sidecar=yes")
        assert b'"cmd"' not in made.message
        both.datalad("rerun")
        assert both.read("out") == "in\nin\n"
        assert both.history.chain() == [made.hash]

    def test_a_failure_that_is_committed_may_fail_again(self, both: Both) -> None:
        both.repository.sh("cat in >> out; exit 3", "--on-failure=save")
        assert both.repository.commit().run.record.exit == 3
        both.datalad("rerun")
        assert both.read("out") == "in\nin\n"

    def test_a_command_that_commits(self, both: Both) -> None:
        both.repository.sh("echo x > foo && git add foo && git commit --quiet -m inner")
        run = both.repository.commit()
        (*_, found) = both.reported()
        assert (found["commit"], found["rerun_action"]) == (run.hash, "run")
        both.datalad("rerun")
        assert both.history.chain() == [run.hash]

    def test_a_range_onto_its_beginning(self, both: Both) -> None:
        base = both.history.head
        both.repository.committed("cat in > one")
        both.history.wrote("plain")
        both.repository.committed("cat one in > two")
        both.datalad("rerun", "--since=", "--onto=", "--branch=again")
        assert both.history.git("merge-base", "main", "again") == base
        assert both.history.git("diff", "main", "again") == ""

    def test_what_vestige_has_rerun(self, both: Both) -> None:
        first = both.repository.committed("cat in >> out").hash
        assert both.history.rerun().returncode == 0
        second = both.history.head
        both.datalad("rerun")
        assert both.history.chain() == [first, second]


class TestVestigeReadsWhatDataladCommits:
    def test_the_same_result_is_no_commit(self, both: Both) -> None:
        both.datalad("run", "-i", "in", "-o", "out", "cat {inputs} > {outputs}")
        run = both.history.head
        assert both.history.reran() == [f"{run[:10]} = same result"]
        assert both.history.head == run

    def test_another_result_is_a_commit_as_datalad_s(self, both: Both) -> None:
        both.datalad("run", "-m", "text", "-i", "i*", "-o", "out", "cat {inputs} >> {outputs}")
        then = both.repository.commit()
        both.history.reran()
        now = both.repository.commit()
        assert now.message.splitlines()[0] == then.message.splitlines()[0]
        for name in ("cmd", "inputs", "outputs", "pwd", "exit", "extra_inputs", "dsid"):
            assert getattr(now.run.record, name) == getattr(then.run.record, name)
        assert now.run.record.chain == (then.hash,)

    def test_a_record_in_a_sidecar(self, both: Both) -> None:
        both.datalad("run", "--sidecar", "yes", "cat in >> out")
        run = both.history.head
        both.history.reran()
        assert both.history.chain() == [run]

    def test_from_a_folder(self, both: Both) -> None:
        both.datalad("run", "cat one >> grown", cwd=both.repository.path("folder"))
        both.history.reran()
        assert both.read("folder/grown") == "one\none\n"

    def test_a_failure_that_is_committed(self, both: Both) -> None:
        both.datalad("run", "--on-cmd-failure", "save", "cat in >> out; exit 3")
        both.history.reran()
        assert both.repository.commit().run.record.exit == 3

    def test_a_failure_that_is_saved_later(self, both: Both) -> None:
        both.datalad("run", "cat in >> out; exit 3", code=3)
        both.datalad("save", "-F", ".git/COMMIT_EDITMSG")
        both.history.reran()
        assert both.read("out") == "in\nin\n"

    def test_a_command_that_commits(self, both: Both) -> None:
        both.datalad("run", "echo x > foo && git add foo && git commit --quiet -m inner")
        run = both.history.head
        assert both.history.reran() == [f"{run[:10]} = same result"]
        assert both.history.head == run

    def test_what_datalad_has_rerun(self, both: Both) -> None:
        both.datalad("run", "cat in >> out")
        first = both.history.head
        both.datalad("rerun")
        second = both.history.head
        both.history.reran()
        assert both.history.chain() == [first, second]

    def test_the_report_and_the_script_say_what_datalad_s_say(self, both: Both) -> None:
        both.datalad("run", "-i", "in", "-o", "out", "cat {inputs} > {outputs}")
        both.history.wrote("plain")
        both.datalad("run", "--sidecar", "yes", "-m", "text", "cat in > {dspath}/'a b'")
        theirs = both.reported("--since=")
        ours = json.loads(both.history.rerun("--report", "--json", "--since=").stdout)
        for found in (*theirs, *ours):
            diff = found.get("diff", ())
            paths = {(os.path.join(both.repository.top, item["path"]), item["state"], item["type"]) for item in diff}
            found["diff"] = paths
        shared = ("commit", "parents", "rerun_action", "run_info", "run_message", "author", "date", "diff")
        assert [[found.get(name) for name in shared] for found in ours] == [
            [found.get(name) for name in shared] for found in theirs
        ]
        commands = {line for line in both.datalad("rerun", "--script", "-", "--since=").splitlines() if line[:1] != "#"}
        assert commands < set(both.history.rerun("--script=-", "--since=").stdout.decode().splitlines())

    def test_its_own_dataset_or_another(self, both: Both) -> None:
        both.datalad("create", "--force", "--no-annex")
        both.datalad("run", "cat in >> out")
        assert both.repository.commit().run.record.dsid is not None
        both.history.reran()
        assert both.repository.commit().run.record.dsid == both.repository.commit("HEAD~").run.record.dsid
        both.repository.write(".datalad/config", '[datalad "dataset"]\n\tid = another\n')
        both.repository.save()
        assert "it was run in another dataset" in both.history.refused("--yes", "HEAD~")


class TestTakingTurns:
    def test_in_a_plain_repository(self, both: Both) -> None:
        both.datalad("run", "echo 1 >> out")
        both.repository.committed("echo 2 >> out")
        both.datalad("run", "echo 3 >> out")
        both.history.reran("--since=")
        both.datalad("rerun", "--since=HEAD~3")
        assert both.read("out").split() == list("123123123")
        runs = [both.repository.commit(f"HEAD~{back}").run.record for back in range(9)]
        assert [len(record.chain) for record in reversed(runs)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        both.history.reran("--since=", "--onto=", "-b", "again")
        assert both.history.git("diff", "main", "again") == ""
        assert both.history.count("again") == both.history.count("main")

    def test_in_a_dataset_for_text(self, both: Both) -> None:
        both.datalad("create", "-c", "text2git", "dataset")
        inner = Both(History(both.repository.at("dataset")))
        inner.datalad("run", "--sidecar", "yes", "echo 1 >> out")
        inner.repository.committed("echo 2 >> out")
        assert inner.repository.commit().run.record.dsid is not None
        inner.datalad("rerun", "--since=")
        inner.history.reran("--since=HEAD~2")
        assert inner.read("out").split() == list("121212")
        assert inner.repository.state().status == ()
        inner.datalad("status")


class TestASidecarInGitAnnex:
    @pytest.fixture
    def dataset(self, both: Both) -> Both:
        both.datalad("create", "-c", "text2git", "dataset")
        made = Both(History(both.repository.at("dataset")))
        made.datalad("run", "--sidecar", "yes", "echo 1 >> out")
        (name,) = os.listdir(made.repository.path(".datalad/runinfo"))
        assert os.path.islink(made.repository.path(".datalad/runinfo", name))
        return made

    def test_its_content_is_read_where_it_is(self, dataset: Both) -> None:
        dataset.history.reran()
        assert dataset.read("out") == "1\n1\n"

    def test_where_it_is_not_that_is_said(self, dataset: Both) -> None:
        dataset.history.git("clone", "--quiet", ".", "../clone")
        clone = Both(History(dataset.repository.at("../clone")))
        assert "of which git-annex has no content here" in clone.history.refused("--yes")


def test_a_record_by_hand_is_the_same_to_both(both: Both) -> None:
    run = both.history.recorded(RunRecord("cat in >> out", others={"x": 1}))
    both.datalad("rerun")
    assert both.history.chain() == [run]
    both.history.reran(run)
    assert both.history.chain() == [run]
    assert both.repository.commit().run.record.others == {"x": 1}
