"""`vestige rerun`: what a commit has recorded is run again, and committed where it comes out another way."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from harness.front import NONE
from harness.rerunning import History
from harness.waiting import until

from vestige.errors import GitError, RecordError
from vestige.git import repo
from vestige.git.datalad import LARGEST, RunRecord, compose
from vestige.git.reruns import ranges, run_commits

if TYPE_CHECKING:
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")
ALL = "--since="
FOLDER = "folder"
FROM_THE_FIRST = "--onto="
DATASET = "2e9e8d44-2b42-4f1f-8e9c-000000000000"
BEGIN = "=== Do not change lines below ==="
END = "^^^ Do not change lines above ^^^"


@pytest.fixture
def history(repository: Repository) -> History:
    return History(repository)


def content(history: History, name: str) -> str:
    return history.repository.read(name)


class TestOneRun:
    def test_the_same_result_is_no_commit(self, history: History) -> None:
        run = history.ran("echo static > out")
        before = history.state()
        assert history.reran() == [f"{run[:10]} = same result"]
        assert history.state() == before

    def test_another_result_is_a_commit_with_the_same_words(self, history: History) -> None:
        run = history.ran("echo x >> out", text="grow\n\nand why")
        said = history.reran()
        made = history.repository.commit()
        assert said == [f"{run[:10]} -> {made.hash[:10]}"]
        assert made.parents == (run,)
        assert made.files == {"out": "M"}
        assert made.run.text == "grow\n\nand why"
        assert made.run.record.cmd == "echo x >> out"
        assert made.run.record.exit == 0
        assert history.repository.state().status == ()

    def test_its_chain_names_what_it_repeats(self, history: History) -> None:
        first = history.ran("echo x >> out")
        chain = []
        for _ in range(2):
            chain.append(history.head)
            history.reran()
            assert history.chain() == chain
        history.reran(first)
        assert history.chain() == [first]

    def test_a_buried_commit_with_another_message(self, history: History) -> None:
        run = history.ran("echo x >> out")
        history.wrote("plain")
        history.reran("main~", "-m", "buried")
        assert history.repository.commit().run.text == "buried"
        assert history.chain() == [run]
        assert content(history, "out") == "x\nx\n"

    def test_what_else_the_record_holds_is_kept(self, history: History) -> None:
        others = {"versions": ["\u00e9", {"a": [None, 1.5]}], "cmdexec": "x"}
        history.recorded(RunRecord("echo x >> out", extra_inputs=("in",), chain=("0" * 40,), others=others))
        run = history.head
        history.reran()
        record = history.repository.commit().run.record
        assert record.others == others
        assert record.extra_inputs == ("in",)
        assert record.chain == ("0" * 40, run)
        assert record.vestige is not None

    def test_what_it_reads_and_writes_is_seen_this_time(self, history: History) -> None:
        history.wrote("out")
        history.ran("cat in out > new; mv new out", inputs=("i*",))
        history.reran()
        record = history.repository.commit().run.record
        assert record.inputs == ("i*", "out")
        assert record.outputs == ("out",)

    def test_a_declared_output_that_git_ignores_is_committed(self, history: History) -> None:
        history.wrote(".gitignore", "*.log\n")
        history.recorded(RunRecord("echo x >> a.log", outputs=("a.log",)))
        history.reran()
        assert history.repository.commit().files == {"a.log": "A"}

    def test_a_deletion_is_committed(self, history: History) -> None:
        history.recorded(RunRecord("rm in"))
        history.reran()
        assert history.repository.commit().files == {"in": "D"}

    def test_it_is_a_run_that_is_kept(self, history: History) -> None:
        history.ran("echo x >> out", text="why")
        history.reran()
        record = history.repository.record
        assert record["argv"] == ["/bin/sh", "-c", "echo x >> out"]
        assert record["message"] == "why"
        assert record["commit"]["commit"] == history.head
        assert record["options"]["commit"]["command"] == "echo x >> out"

    def test_what_is_printed_is_the_command_s_own(self, history: History) -> None:
        history.ran("echo told; echo x >> out; cat")
        done = history.rerun("--yes", input=b"given")
        assert done.stdout == b"told\ngiven"

    def test_names_that_are_not_ascii(self, history: History) -> None:
        history.ran("echo '\u00e9 \u4e2d' >> '\u00fc \u4e2d'", text="\u00e9")
        history.reran()
        assert content(history, "\u00fc \u4e2d") == "\u00e9 \u4e2d\n" * 2
        assert history.repository.commit().run.record.cmd == "echo '\u00e9 \u4e2d' >> '\u00fc \u4e2d'"

    def test_without_a_recorder_its_outputs_are_those_that_it_had(self, history: History) -> None:
        history.ran("echo x >> out")
        plain = History(history.repository.with_variables(VESTIGE_RECORDER=NONE))
        plain.reran()
        made = history.repository.commit()
        assert made.files == {"out": "M"}
        assert made.run.record.outputs == ("out",)


class TestWhere:
    def test_from_any_folder_it_runs_in_its_own(self, history: History) -> None:
        history.ran("pwd >> out; echo x >> grown", pwd=FOLDER)
        os.mkdir(history.repository.path("other"))
        history.reran(cwd=history.repository.path("other"))
        made = history.repository.commit()
        assert made.files == {"folder/out": "M", "folder/grown": "M"}
        assert content(history, "folder/out").splitlines() == [history.repository.path("folder")] * 2
        assert made.run.record.pwd == FOLDER
        assert made.run.record.outputs == ("out", "grown")

    def test_a_folder_that_git_does_not_keep_is_made(self, history: History) -> None:
        history.ran("echo x > ../out", pwd=f"{FOLDER}/empty/too")
        history.git("checkout", "--quiet", "HEAD~")
        os.removedirs(history.repository.path("folder/empty/too"))
        history.reran("main")
        assert content(history, "folder/empty/out") == "x\n"

    @pytest.mark.parametrize("pwd", ["..", "/", "/tmp", "folder/../..", "out"])
    def test_never_outside_of_the_repository(self, history: History, pwd: str) -> None:
        os.symlink("/", history.repository.path("out"))
        history.recorded(RunRecord("touch ran", pwd=pwd))
        assert f"it was run in `{pwd}`, which is outside of the repository" in history.refused("--yes")

    def test_a_linked_work_tree(self, history: History) -> None:
        run = history.ran("echo x >> out")
        history.git("worktree", "add", "--quiet", "-b", "other", "../other")
        there = History(history.repository.at("../other"))
        there.reran()
        assert there.chain() == [run]
        assert history.head == run
        assert there.repository.read("out") == "x\nx\n"
        assert history.repository.state().status == there.repository.state().status == ()

    def test_in_a_locale_that_is_not_utf_8(self, history: History) -> None:
        run = history.ran("cat {inputs} >> '\u00fc'", pwd=f"{FOLDER}/\u00e4", inputs=("\u00f6*",), exit=0)
        history.wrote(f"{FOLDER}/\u00e4/\u00f6", "x\n")
        variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        plain = History(history.repository.with_variables(**variables))
        plain.reran(run)
        made = history.repository.commit()
        assert made.files == {f"{FOLDER}/\u00e4/\u00fc": "M"}
        assert made.run.record.cmd == "cat {inputs} >> '\u00fc'"
        assert made.run.record.inputs == ("\u00f6*",)
        assert plain.rerun("--script=-").stdout.decode().splitlines()[-2] == "cat '\u00f6' >> '\u00fc'"

    def test_a_folder_that_is_gone(self, history: History) -> None:
        os.mkdir(history.repository.path("gone"))
        vestige = history.repository.vestige
        done = vestige.shell("cd gone; rmdir ../gone; vestige rerun")
        assert done.returncode == 2
        assert b"the current folder is gone" in done.stderr

    def test_outside_of_any_repository(self, history: History) -> None:
        done = history.rerun(cwd=history.repository.vestige.home)
        assert done.returncode == 2
        assert b"no Git work tree" in done.stderr

    def test_where_nothing_is_committed_yet(self, history: History) -> None:
        history.git("init", "--quiet", "empty")
        done = history.rerun(cwd=history.repository.path("empty"))
        assert done.returncode == 2
        assert b"nothing is committed yet" in done.stderr

    def test_in_the_middle_of_a_merge(self, history: History) -> None:
        history.git("branch", "side")
        history.ran("echo x > out")
        history.git("checkout", "--quiet", "side")
        history.wrote("plain")
        history.git("merge", "--quiet", "--no-commit", "main")
        done = history.rerun("--yes", "--explicit", "main")
        assert done.returncode == 2
        assert b"a merge is in progress" in done.stderr


class TestWhatIsMeant:
    def test_a_name_that_is_a_file_too(self, history: History) -> None:
        run = history.ran("echo x >> ambiguous")
        history.git("tag", "ambiguous")
        history.reran("ambiguous", ALL)
        assert history.chain() == [run]

    def test_what_looks_like_an_option_is_no_revision(self, history: History) -> None:
        done = history.rerun("--yes", "--since=--all")
        assert done.returncode == 2
        assert b"there is no commit `--all` to begin after" in done.stderr

    def test_neither_a_commit_nor_a_run(self, history: History) -> None:
        assert "`nothing` is neither a commit nor a run that is kept" in history.refused("nothing")

    def test_a_run_by_its_id(self, history: History) -> None:
        history.repository.committed("echo x >> out")
        run = history.head
        short = os.path.basename(history.repository.runs()[-1]).rpartition("-")[2]
        done = history.rerun(short, cwd=history.repository.path("folder"))
        assert done.returncode == 0, done
        assert f"run {short} is the commit {run[:10]}".encode() in done.stderr
        assert history.chain() == [run]

    def test_the_last_run(self, history: History) -> None:
        history.repository.committed("echo x >> out")
        run = history.head
        history.wrote("plain")
        assert history.rerun("last").returncode == 0
        assert history.chain() == [run]

    def test_a_commit_goes_before_a_run_of_the_same_name(self, history: History) -> None:
        history.repository.committed("echo x >> run")
        run = history.ran("echo x >> commit")
        history.git("tag", "last")
        (line, _) = history.reran("last")
        assert line.startswith(f"`last` is taken for the commit {run[:10]}; the run is ")
        assert history.chain() == [run]

    def test_a_run_of_which_there_is_no_commit(self, history: History) -> None:
        assert history.repository.vestige.run("sh", "-c", "echo x >> out").returncode == 0
        before = history.head
        done = history.rerun("last")
        assert done.returncode == 0, done
        assert content(history, "out") == "x\nx\n"
        assert history.head == before
        assert len(history.repository.runs()) == 2

    def test_a_run_whose_commit_could_not_be_made(self, history: History) -> None:
        history.repository.hook("pre-commit", "exit 1")
        assert history.repository.sh("echo x >> out").returncode == 123
        os.unlink(history.repository.path(".git/hooks/pre-commit"))
        assert history.rerun("last").returncode == 0
        assert history.repository.commit().files == {"out": "A"}

    def test_a_run_that_failed_then_may_fail_again(self, history: History) -> None:
        assert history.repository.vestige.run("sh", "-c", "exit 3").returncode == 3
        assert history.rerun("last").returncode == 0

    def test_where_no_commit_is_there_is_no_range(self, history: History) -> None:
        history.repository.vestige.run("true")
        assert "has nothing to go by" in history.refused("last", ALL)

    def test_three_dots_are_no_range(self, history: History) -> None:
        history.ran("echo x > out")
        assert "`main...main` is neither" in history.refused("main...main")


class TestRanges:
    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        history.wrote("first")
        history.git("tag", "begin")
        self.one = history.ran("echo 1 >> out")
        history.wrote("second")
        self.two = history.ran("echo 2 >> out")
        history.wrote("third")

    @pytest.mark.parametrize("words", [("--since=begin",), ("begin..",), ("begin..main",), (ALL,), ("main", ALL)])
    def test_every_run_of_it_the_oldest_first(self, history: History, words: tuple[str, ...]) -> None:
        said = history.reran(*words)
        assert content(history, "out") == "1\n2\n1\n2\n"
        assert [line.partition(" ")[0] for line in said] == [self.one[:10], self.two[:10]]
        assert [history.chain("HEAD~"), history.chain()] == [[self.one], [self.two]]

    def test_part_of_it(self, history: History) -> None:
        history.reran("main~", "--since=main~2")
        assert content(history, "out") == "1\n2\n2\n"

    @pytest.mark.parametrize("words", [("main..main",), ("--since=HEAD",), ("HEAD",), (ALL, "begin")])
    def test_none_in_it(self, history: History, words: tuple[str, ...]) -> None:
        assert "no run is recorded in" in history.refused("--yes", *words)

    def test_an_end_that_is_no_commit_is_named(self, history: History) -> None:
        assert "there is no commit `main~9`" in history.refused("main~9..main")
        assert "there is no commit `mian`" in history.refused("begin..mian")
        assert "`one..two` is neither a commit nor a run" in history.refused("one..two")

    def test_one_without_runs_says_where_to_look(self, history: History) -> None:
        assert "`--since=` looks at its whole history" in history.refused("--yes")

    def test_not_two_beginnings(self, history: History) -> None:
        assert "says already where to begin" in history.refused("begin..main", ALL)

    def test_on_a_branch_of_its_own(self, history: History) -> None:
        old = history.head
        history.reran("--since=begin", "--onto=begin", "-b", "again")
        assert history.branch == "again"
        assert history.id("main") == old
        assert history.count("again..main") == history.count("main..again") == 4
        assert history.git("merge-base", "main", "again") == history.id("begin")
        assert history.git("diff", "main", "again") == ""
        subjects = "--format=%s"
        assert history.git("log", subjects, "again") == history.git("log", subjects, "main")

    def test_on_a_branch_that_begins_here(self, history: History) -> None:
        history.reran("--since=begin", "--branch=again")
        assert history.branch == "again"
        assert (history.count("main..again"), history.count("again..main")) == (2, 0)

    def test_before_the_first_run_nothing_counts_unless_it_is_named(self, history: History) -> None:
        history.git("checkout", "--quiet", "--detach", "begin~")
        history.reran("main", "--since=begin~", "--branch=named")
        assert content(history, "first") == "by hand\n"
        assert history.id("named~4") == history.id("begin")
        assert history.count("begin..named") == 4

    def test_what_is_checked_out_can_be_behind(self, history: History) -> None:
        history.git("checkout", "--quiet", "-b", "behind", "begin")
        history.reran("begin..main")
        assert history.branch == "behind"
        assert history.git("diff", "main") == ""
        assert history.count("main..behind") == 4

    def test_plain_commits_are_taken_over_or_are_there(self, history: History) -> None:
        assert not any(" picked " in line for line in history.reran("--since=begin", "--onto=HEAD"))
        history.git("checkout", "--quiet", "main")
        picked = [line for line in history.reran("--since=begin", "--onto=begin") if " picked as " in line]
        assert len(picked) == 2

    def test_a_commit_without_changes_is_taken_over(self, history: History) -> None:
        history.git("commit", "--quiet", "--allow-empty", "-m", "nothing")
        history.reran("--since=begin", "--onto=begin")
        assert history.git("log", "-1", "--format=%s") == "nothing"

    def test_one_of_which_all_is_there_already_is_not(self, history: History) -> None:
        history.git("checkout", "--quiet", "-b", "other", "begin")
        history.git("cherry-pick", "main~2")
        said = history.reran("begin..main")
        assert f"{history.id('main~2')[:10]} skipped: all that it changes is there already" in said
        assert history.git("diff", "main") == ""


class TestOnto:
    def test_the_run_itself_is_the_same_place_without_a_branch(self, history: History) -> None:
        run = history.ran("echo static > out")
        said = history.reran("main", "--onto=main")
        assert (history.branch, history.head) == ("HEAD", run)
        assert "`git checkout main` goes back" in said[-1]

    def test_its_parent_makes_another_commit_of_the_same_tree(self, history: History) -> None:
        run = history.ran("echo static > out")
        history.reran("main", "--onto=main^")
        assert history.branch == "HEAD"
        assert history.head != run
        assert history.git("diff", "main") == ""
        assert history.chain() == [run]

    def test_a_growing_file_grows_on_top_of_itself(self, history: History) -> None:
        run = history.ran("echo x >> out")
        history.reran("--onto=HEAD")
        assert history.branch == "HEAD"
        assert history.id("HEAD^") == run

    def test_empty_is_what_the_first_run_began_with(self, history: History) -> None:
        history.wrote("plain")
        base = history.head
        history.ran("echo x >> out")
        history.ran("echo y >> out")
        history.reran("--since=main~2", FROM_THE_FIRST)
        assert history.id("HEAD~2") == base
        assert content(history, "out") == "x\ny\n"

    def test_empty_with_a_branch(self, history: History) -> None:
        base = history.head
        history.ran("echo x >> out")
        history.reran(ALL, FROM_THE_FIRST, "--branch", "from-base")
        assert history.branch == "from-base"
        assert history.id("from-base^") == history.git("merge-base", "main", "from-base") == base

    def test_a_run_that_comes_to_nothing_there_leaves_the_rest_standing_on_it(self, history: History) -> None:
        history.wrote("switch", "on")
        history.ran("test $(cat switch) = off || echo one > one")
        history.ran("echo two > two")
        history.git("checkout", "--quiet", "-b", "off", "main~2")
        base = history.wrote("switch", "off")
        history.reran("main~2..main")
        assert history.id("HEAD^") == base
        assert history.git("ls-files", "one", "two") == "two"

    def test_there_is_no_such_commit(self, history: History) -> None:
        history.ran("echo x >> out")
        assert "there is no commit `nothing` to begin at" in history.refused("--yes", "--onto=nothing")

    def test_there_is_such_a_branch(self, history: History) -> None:
        history.ran("echo x >> out")
        assert "there is a branch `main` already" in history.refused("--yes", "--branch=main")

    def test_there_can_be_no_such_branch(self, history: History) -> None:
        history.ran("echo x >> out")
        assert "`a..b` is no name for a branch" in history.refused("--yes", "--branch=a..b")

    @pytest.mark.parametrize("option", ["--onto=HEAD", "--branch=other"])
    def test_not_on_an_adjusted_branch(self, history: History, option: str) -> None:
        history.ran("echo x >> out")
        history.git("checkout", "--quiet", "-b", "adjusted/main(unlocked)")
        assert "adjusted branch of git-annex" in history.refused("--yes", option)

    def test_an_adjusted_branch_stands_for_the_one_behind_it(self, history: History) -> None:
        run = history.ran("echo x >> out")
        history.git("checkout", "--quiet", "-b", "adjusted/main(unlocked)")
        history.git("commit", "--quiet", "--allow-empty", "-m", "git-annex adjusted branch")
        history.reran()
        assert history.chain() == [run]


class TestFirstCommits:
    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        history.git("checkout", "--quiet", "--orphan", "root")
        history.said(compose("first", RunRecord("echo x >> out")), parents=())

    @pytest.mark.parametrize("words", [(), (ALL,), (ALL, FROM_THE_FIRST), ("--report",), ("--script=-", ALL)])
    def test_their_runs_have_nothing_to_be_run_on(self, history: History, words: tuple[str, ...]) -> None:
        assert "is the first commit: there is nothing to run it on" in history.refused("--yes", *words)

    def test_but_those_after_it_have(self, history: History) -> None:
        history.ran("echo y >> out")
        said = history.reran(ALL)
        assert len(said) == 2
        assert "skipped: it has a run record, but is the first commit" in said[0]
        assert content(history, "out") == "y\ny\n"


class TestExitCodes:
    def test_the_one_of_then_is_fine(self, history: History) -> None:
        history.ran("echo x >> out; exit 3")
        history.reran()
        assert history.repository.commit().run.record.exit == 3
        assert content(history, "out") == "x\nx\n"
        assert history.repository.state().status == ()

    def test_none_is_fine(self, history: History) -> None:
        history.recorded(RunRecord("echo x >> out", exit=3))
        history.reran()
        assert history.repository.commit().run.record.exit == 0

    def test_any_other_stops_and_is_not_committed(self, history: History) -> None:
        run = history.ran("echo x >> out; test ! -e stop || exit 7")
        second = history.ran("echo y >> out")
        history.wrote("stop")
        before = history.head
        said = history.reran(ALL, code=7)
        assert said == [f"{run[:10]} failed: exit code 7", "nothing new is committed"]
        assert history.head == before
        assert history.repository.state().status != ()
        assert history.repository.record["commit"]["status"] == "refused"
        assert second not in history.git("log", "--format=%b")

    def test_what_it_left_can_be_committed_all_the_same(self, history: History) -> None:
        run = history.ran("echo x >> out; test ! -e stop || exit 7")
        history.wrote("stop")
        history.reran(run, code=7)
        assert history.repository.vestige.call("commit").returncode == 0
        assert history.repository.commit().run.record.exit == 7
        assert history.chain() == [run]
        history.reran()

    def test_or_at_once_and_the_rest_goes_on(self, history: History) -> None:
        history.ran("echo x >> out; test ! -e stop || exit 7")
        history.ran("echo y >> out")
        history.wrote("stop")
        history.reran(ALL, "--on-failure=save", code=7)
        assert content(history, "out") == "x\ny\nx\ny\n"
        assert history.repository.commit("HEAD~").run.record.exit == 7
        assert history.repository.state().status == ()

    def test_what_was_done_before_the_failure_stands(self, history: History) -> None:
        first = history.ran("echo x >> out")
        history.ran("test ! -e stop")
        history.wrote("stop")
        said = history.reran(ALL, code=1)
        assert history.chain() == [first]
        assert said[-1] == "what was made by then is on `main`"

    def test_elsewhere_the_way_back_is_told(self, history: History) -> None:
        history.ran("echo x >> out")
        history.ran("test -e nothing", exit=0)
        old = history.head
        said = history.reran(ALL, FROM_THE_FIRST, code=1)
        assert f"{history.head[:10]} is checked out, on no branch; `git checkout main` goes back" in said[-1]
        assert history.id("main") == old

    def test_a_signal(self, history: History) -> None:
        history.recorded(RunRecord("kill -9 $$"))
        assert history.reran(code=137)[0].endswith("failed: exit code 137")

    def test_a_commit_that_is_refused_stops_too(self, history: History) -> None:
        history.ran("echo x >> out")
        history.ran("echo y >> out")
        history.repository.hook("pre-commit", "echo no >&2; exit 1")
        said = history.reran(ALL, code=123)
        assert "not committed: the hook `pre-commit` refused the commit: no" in said[0]
        assert content(history, "out") == "x\ny\nx\n"

    def test_an_input_that_is_gone_is_told_before_anything_is_run(self, history: History) -> None:
        run = history.ran("touch ran; cat in > out", inputs=("in",))
        os.unlink(history.repository.path("in"))
        os.unlink(history.repository.path("ran"))
        history.repository.save()
        before = history.state()
        *_, line = history.reran(run, code=2)
        assert "no input is there for `in`" in line
        assert history.state() == before

    def test_ctrl_c_says_where_things_are(self, history: History) -> None:
        history.ran("echo x >> out")
        waiting = f"{sys.executable} -c \"import time; open('going', 'w').close(); time.sleep(60)\""
        history.ran(f"test -e go || exit 0; exec {waiting}")
        history.wrote("go")
        with history.repository.vestige.start_bare(
            history.repository.vestige.executable, "rerun", "--yes", ALL, start_new_session=True
        ) as process:
            until(lambda: os.path.exists(history.repository.path("going")), "the second command")
            os.killpg(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=30)
        assert process.returncode == 130
        assert b"what was made by then is on `main`" in said
        history.repository.assert_whole()


class TestWhatIsNotCommitted:
    def test_other_files_do_not_matter(self, history: History) -> None:
        history.ran("echo x >> out")
        history.repository.write("untracked")
        history.repository.write("in", "changed\n")
        history.repository.write("folder/one", "staged\n")
        history.git("add", "folder/one")
        before = history.repository.state("out")
        history.reran()
        after = history.repository.state("out")
        assert (before.staged, before.unstaged, before.status, before.files) == (
            after.staged,
            after.unstaged,
            after.status,
            after.files,
        )
        assert history.repository.commit().files == {"out": "M"}

    @pytest.mark.parametrize("change", ["changed", "staged", "removed"])
    @pytest.mark.parametrize("name", ["in", "out"])
    def test_what_it_uses_or_changed_does(self, history: History, name: str, change: str) -> None:
        history.ran("cat in >> out", inputs=("i*",))
        if change == "removed":
            os.unlink(history.repository.path(name))
        else:
            history.repository.write(name, "changed\n")
        if change == "staged":
            history.git("add", name)
        if (name, change) == ("in", "removed"):  # then the glob matches nothing
            assert "no input is there" in history.reran(code=2)[-1]
        else:
            assert f"not committed: {name}; the runs use or change them" in history.refused("--yes")

    def test_a_file_of_the_user_s_own_in_the_place_of_an_output(self, history: History) -> None:
        history.ran("echo x > out")
        history.git("checkout", "--quiet", "HEAD~")
        history.repository.write("out", "precious\n")
        assert "not committed: out" in history.refused("--yes", "main")

    def test_a_folder_that_is_named_counts_with_all_in_it(self, history: History) -> None:
        history.ran("cat folder/* >> out", inputs=("folder",))
        history.repository.write("folder/new")
        assert "not committed: folder/new" in history.refused("--yes")

    def test_to_go_elsewhere_all_that_git_tracks_must_be_committed(self, history: History) -> None:
        history.ran("echo x >> out")
        history.repository.write("untracked")
        history.repository.write("in", "changed\n")
        assert "not committed: in; other commits are to be checked out" in history.refused("--yes", FROM_THE_FIRST)
        history.git("checkout", "--quiet", "in")
        history.reran(FROM_THE_FIRST)
        assert content(history, "untracked") == ""


class TestExplicit:
    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        self.first = history.ran("echo x >> out; echo y >> other", outputs=("out",))

    def test_only_the_recorded_outputs_are_committed(self, history: History) -> None:
        history.repository.write("in", "changed\n")
        history.reran("--explicit")
        made = history.repository.commit()
        assert made.files == {"out": "M"}
        assert made.run.record.outputs == ("out",)
        assert content(history, "other") == "y\ny\n"

    def test_of_every_run_in_a_range(self, history: History) -> None:
        history.repository.write("out", "mine\n")
        history.ran("echo z >> out", outputs=("out",))
        history.repository.write("in", "changed\n")
        history.reran(ALL, "--explicit")
        assert history.count(f"{self.first}..") == 3

    def test_elsewhere_if_nothing_is_in_the_way(self, history: History) -> None:
        history.repository.write("untracked")
        history.reran(FROM_THE_FIRST, "--explicit")
        assert history.branch == "HEAD"

    def test_a_change_that_is_in_the_way_is_not_lost(self, history: History) -> None:
        history.repository.write("out", "mine\n")
        before = history.state()
        *_, line = history.reran(FROM_THE_FIRST, "--explicit", code=2)
        assert "would be overwritten by checkout" in line
        assert history.state() == before


@pytest.mark.needs("git-annex")
class TestAssumeReady:
    @pytest.fixture(autouse=True)
    def made(self, history: History) -> None:
        history.git("annex", "init", "--quiet")
        history.repository.write("out", "x\n")
        history.git("annex", "add", "--quiet", "out")
        history.recorded(RunRecord("test -L out && echo link > ../seen || echo file > ../seen"))

    @pytest.mark.parametrize(("words", "seen"), [((), "file\n"), (("--assume-ready=inputs",), "file\n")])
    def test_what_the_commit_changed_is_made_writable(
        self, history: History, words: tuple[str, ...], seen: str
    ) -> None:
        history.reran(*words)
        assert content(history, "../seen") == seen
        assert history.repository.state().status == ()

    def test_also_what_is_not_here_and_is_not_made_again(self, history: History) -> None:
        history.git("annex", "drop", "--quiet", "--force", "out")
        history.reran()
        assert content(history, "../seen") == "file\n"  # nothing at all
        assert history.repository.state().status == ()
        assert os.path.islink(history.repository.path("out"))

    def test_but_not_what_is_declared(self, history: History) -> None:
        history.recorded(RunRecord("true", outputs=("o*",)))
        history.git("annex", "drop", "--quiet", "--force", "out")
        history.reran()
        assert history.repository.commit().files == {"out": "D"}
        assert history.repository.state().status == ()

    @pytest.mark.parametrize("what", ["outputs", "both"])
    def test_what_the_commit_changed_is_left_alone_too(self, history: History, what: str) -> None:
        history.reran(f"--assume-ready={what}")
        assert content(history, "../seen") == "link\n"


class TestNothingIsLost:
    def test_not_even_a_file_that_git_ignores(self, history: History) -> None:
        history.wrote("mine", "then\n")
        history.ran("echo x > out")
        history.git("rm", "--quiet", "mine")
        history.wrote(".gitignore", "mine\n")
        history.repository.write("mine", "precious\n")
        before = history.state()
        *_, line = history.reran(ALL, FROM_THE_FIRST, code=2)
        assert "would be overwritten by checkout" in line
        assert history.state() == before

    def test_a_branch_that_somebody_moves_meanwhile_stays_there(self, history: History) -> None:
        """Two runs side by side need other commits checked out; then the branch is not where it was."""
        other = history.git("commit-tree", "-p", "HEAD", "-m", "other", "HEAD^{tree}")
        moving = f"git branch --force main {other} 2> /dev/null"  # git refuses while it is checked out
        history.git("checkout", "--quiet", "-b", "side")
        history.recorded(RunRecord(f"{moving}; echo foo >> foo"))
        history.git("checkout", "--quiet", "main")
        history.recorded(RunRecord(f"{moving}; echo bar >> bar"))
        history.git("merge", "--quiet", "--no-edit", "side")
        said = history.reran(ALL)
        assert history.id("main") == other
        assert history.branch == "HEAD"
        assert "`main` stays as it is" in said[-1]


class TestForeignRuns:
    def test_one_of_another_dataset_is_passed_over(self, history: History) -> None:
        foreign = history.recorded(RunRecord("touch ran", dsid=DATASET))
        assert DATASET in history.refused("--yes")
        history.ran("echo x >> out")
        said = history.reran(ALL)
        assert said[0] == f"{foreign[:10]} skipped: it was run in another dataset, {DATASET}"
        assert content(history, "out") == "x\nx\n"
        assert not os.path.exists(history.repository.path("ran"))

    def test_it_is_taken_over_elsewhere(self, history: History) -> None:
        history.ran("echo x >> out")
        history.repository.write("from-super")
        history.recorded(RunRecord("touch from-super", dsid=DATASET))
        said = history.reran(ALL, FROM_THE_FIRST)
        assert "picked as" in said[1]
        assert history.repository.commit().run.record.dsid == DATASET
        assert history.git("diff", "main") == ""

    def test_one_of_this_dataset_is_run(self, history: History) -> None:
        history.wrote(".datalad/config", f'[datalad "dataset"]\n\tid = {DATASET}\n')
        history.ran("echo x >> out", dsid=DATASET)
        history.reran()
        assert history.repository.commit().run.record.dsid == DATASET

    def test_other_tools_records_are_run(self, history: History) -> None:
        record = RunRecord("echo x >> out", others={"slurm_job_id": 17})
        message = compose("job", record).replace(b"[DATALAD RUNCMD]", b"[DATALAD SLURM RUN]")
        history.said(message)
        history.reran()
        made = history.repository.commit().run
        assert (made.marker, made.record.others) == ("RUNCMD", {"slurm_job_id": 17})


class TestSubmodules:
    @pytest.fixture
    def inner(self, history: History) -> History:
        """Give a repository inside of the other one, which has it as a submodule."""
        history.git("init", "--quiet", "sub")
        made = History(history.repository.at("sub"))
        made.wrote("text", "x\n")
        history.repository.save("with a submodule")
        return made

    def test_what_it_changed_inside_is_made_again(self, history: History, inner: History) -> None:
        first = history.repository.committed("cat in >> sub/text; echo x >> out")
        run = inner.head
        history.repository.write("sub/other")
        assert history.rerun().returncode == 0
        assert history.id("HEAD^") == first.hash
        assert inner.id("HEAD^") == run
        assert history.git("rev-parse", "HEAD:sub") == inner.head
        assert inner.repository.read("text") == "x\nin\nin\n"
        assert inner.repository.state().status == ("? other",)

    def test_a_file_in_there_that_is_not_committed(self, history: History, inner: History) -> None:
        history.repository.committed("cat in >> sub/text")
        inner.repository.write("text", "mine\n")
        assert "not committed: sub/text" in history.refused()

    def test_it_is_not_run_in_there(self, history: History, inner: History) -> None:
        history.repository.committed("cat in >> sub/text")
        said = inner.refused("--yes")
        assert said.endswith(f"it was run in the repository around this one, {history.repository.top}")
        own = inner.ran("echo y >> text")
        assert len(inner.reran("--since=")) == 2
        assert inner.chain() == [own]

    def test_a_run_of_its_own_is(self, history: History, inner: History) -> None:
        run = inner.repository.committed("cat text >> more; cat more > text").hash
        assert inner.rerun().returncode == 0
        assert inner.chain() == [run]
        assert history.count("HEAD") == 2


class TestCommandsThatCommit:
    CMD = "echo x > foo && git add foo && git commit --quiet -m inner"

    def test_they_begin_where_they_began(self, history: History) -> None:
        made = history.repository.commit()
        done = history.repository.sh(self.CMD)
        assert done.returncode == 0, done
        run = history.repository.commit()
        assert len(run.parents) == 2
        before = history.state()
        done = history.rerun()
        assert done.returncode == 0, done
        assert done.stderr.decode() == f"vestige: {run.hash[:10]} = same result\n"
        assert history.state() == before
        assert run.parents[0] == made.hash

    def test_another_result_is_left_beside_the_branch(self, history: History) -> None:
        history.repository.sh("date +%s%N > foo; git add foo; git commit --quiet -m inner")
        run = history.repository.commit()
        done = history.rerun()
        assert done.returncode == 0, done
        assert history.id("main") == run.hash
        assert history.branch == "HEAD"
        made = history.repository.commit()
        assert made.parents[0] == run.parents[0]
        assert len(made.parents) == 2
        assert history.chain() == [run.hash]
        assert b"`main` stays as it is" in done.stderr
        assert b"`git checkout main` goes back" in done.stderr

    def test_elsewhere_with_others(self, history: History) -> None:
        history.repository.sh(self.CMD)
        history.ran("echo y > normal")
        history.repository.sh("echo z > bar && git add bar && git commit --quiet -m inner2")
        history.reran(ALL, FROM_THE_FIRST, "--branch=again")
        assert history.branch == "again"
        assert history.git("diff", "main") == ""
        assert history.has("again^2")
        assert history.has("again~2^2")
        assert history.count("again") == history.count("main")

    def test_an_octopus_is_not_run_again(self, history: History) -> None:
        base = history.head
        history.git("checkout", "--quiet", "-b", "one")
        one = history.wrote("one")
        history.git("checkout", "--quiet", "-b", "two", base)
        two = history.wrote("two")
        history.git("checkout", "--quiet", "main")
        history.ran("echo x >> out")
        history.git("merge", "--quiet", "-m", "all", "one", "two")
        history.said(compose("octopus", RunRecord("touch ran")), parents=(f"{history.head}^", one, two))
        assert "it has a run record, but is a merge commit of 3 parents" in history.refused("--yes")
        assert not os.path.exists(history.repository.path("ran"))
        said = history.reran(ALL)
        assert any("is a merge commit of 3 parents" in line for line in said)
        assert content(history, "out") == "x\nx\n"


class TestReport:
    def test_it_runs_nothing_and_asks_nothing(self, history: History) -> None:
        history.ran("echo x >> out")
        before = history.state()
        done = history.rerun("--report")
        assert done.returncode == 0
        assert history.state() == before

    def test_a_line_a_commit(self, history: History) -> None:
        run = history.ran("echo x\n>> out", text="t")
        plain = history.wrote("plain")
        done = history.rerun("--dry-run", ALL, FROM_THE_FIRST, "--branch=b")
        assert [line.split() for line in done.stdout.decode().splitlines()] == [
            ["ACTION", "COMMIT", "COMMAND"],
            ["checkout", history.id(f"{run}^")[:10], "as", "b"],
            ["run", run[:10], "echo", "x\\n>>", "out"],
            ["pick", plain[:10]],
        ]

    def test_as_json_it_has_datalad_s_names(self, history: History) -> None:
        os.symlink("in", history.repository.path("link"))
        history.wrote("old")
        run = history.ran("rm old; echo x >> in; rm link; ln -s out link; echo > new", inputs=("i*",), text="a\n\nb")
        plain = history.wrote("plain")
        found = json.loads(history.rerun("--report", "--json", ALL, FROM_THE_FIRST).stdout)
        base = history.id(f"{run}^")
        assert found[0] == {"rerun_action": "checkout", "commit": base, "branch": None}
        assert found[1]["rerun_action"] == "run"
        assert (found[1]["commit"], found[1]["parents"]) == (run, [base])
        assert found[1]["run_message"] == "a\n\nb"
        assert found[1]["run_info"]["inputs"] == ["i*"]
        assert found[1]["author"] == "Ada"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)", found[1]["date"])
        assert found[1]["diff"] == [
            {"path": "in", "state": "modified", "type": "file"},
            {"path": "link", "state": "modified", "type": "symlink"},
            {"path": "new", "state": "added", "type": "file"},
            {"path": "old", "state": "deleted", "type": "file"},
        ]
        assert found[2] == {"commit": plain, "parents": [run], "rerun_action": "skip-or-pick", "reason": None}

    def test_json_is_for_the_report_only(self, history: History) -> None:
        assert "`--json` goes with `--report`" in history.refused("--json")


class TestScript:
    def script(self, history: History, *words: str) -> str:
        done = history.rerun("--script=-", *words)
        assert done.returncode == 0, done
        return done.stdout.decode()

    def test_comments_folder_and_command(self, history: History) -> None:
        run = history.ran("cat one > out", pwd=FOLDER, text="BAR\nmore")
        assert self.script(history) == (
            "#!/bin/sh\n#\n"
            f"# Written by `vestige rerun --script` from the run records in HEAD ({run})\n"
            f"# of the repository at {history.repository.top}\n"
            f"\n# BAR\n# more\n# (record: {run})\n(\n"
            f"cd {history.repository.path('folder')} || exit\n"
            "cat one > out\n) || exit\n"
        )

    def test_it_does_the_same(self, history: History) -> None:
        history.ran("cat one > out; cd ..; exit 3", pwd=FOLDER)
        history.recorded(RunRecord("cat {inputs} > {outputs}; x=1", inputs=("folder/o*",), outputs=("all",)))
        history.recorded(RunRecord('echo "$x {{}}" >> all # a comment'))
        history.recorded(RunRecord("cat <<e >> all\n{{}}\ne"))
        path = history.repository.path("../all.sh")
        assert history.rerun("--script", path, ALL).returncode == 0
        os.unlink(history.repository.path("folder/out"))
        assert subprocess.run([path], cwd="/", check=False).returncode == 0
        assert content(history, "folder/out") == "one\n"
        assert content(history, "all") == "one\none\n {}\n{}\n"

    def test_it_stops_where_a_command_fails_that_did_not(self, history: History) -> None:
        history.recorded(RunRecord("exit 7", exit=0))
        history.recorded(RunRecord("touch ran"))
        done = subprocess.run(["sh"], input=self.script(history, ALL).encode(), check=False)
        assert done.returncode == 7
        assert not os.path.exists(history.repository.path("ran"))

    def test_placeholders_are_replaced_configured_ones_as_well(self, history: History) -> None:
        history.git("config", "datalad.run.substitutions.license", "gpl3")
        history.recorded(RunRecord("echo {license} {pwd} {dspath} {inputs[0]}", pwd=FOLDER, inputs=("o*",)))
        top = history.repository.top
        assert f"\necho gpl3 {top}/folder {top} one\n" in self.script(history)

    def test_a_message_of_datalad_s_own_making_is_no_comment(self, history: History) -> None:
        history.recorded(RunRecord("echo a > foo"), text="echo a > foo")
        long = "echo {pwd} " + "x" * 50
        history.recorded(RunRecord(long), text=f"{long.format(pwd=history.repository.top)[:40]}...")
        assert "# echo" not in self.script(history, ALL)

    def test_a_record_in_a_sidecar(self, history: History) -> None:
        history.repository.run("sh", "-c", "echo x > out", options=("--sidecar=yes",))
        assert "echo x > out" in self.script(history)

    def test_no_message_breaks_out_of_its_comment(self, history: History) -> None:
        text = "a\rtouch ran1\n\ntouch ran2\x0btouch ran3\x1b[31m\u202e"
        message = compose("@", RunRecord("true")).replace(b"@", text.encode())
        history.said(message)
        script = self.script(history)
        assert "# a\\rtouch ran1\n#\n# touch ran2\\x0btouch ran3\\x1b[31m\\u202e\n" in script
        assert subprocess.run(["sh"], input=script.encode(), check=False).returncode == 0
        assert not [name for name in os.listdir(history.repository.top) if name.startswith("ran")]

    def test_the_name_of_a_folder_is_no_command(self, history: History) -> None:
        folder = "$(touch ran)'; touch ran"
        history.ran("pwd", pwd=folder)
        done = subprocess.run(["sh"], input=self.script(history).encode(), capture_output=True, check=False)
        assert done.stdout.decode() == f"{history.repository.path(folder)}\n"
        assert not os.path.exists(history.repository.path("ran"))

    def test_a_file_that_can_not_be_written(self, history: History) -> None:
        history.ran("true")
        assert "can't write no/where" in history.refused("--script=no/where")

    def test_not_with_a_report(self, history: History) -> None:
        assert "are two things" in history.refused("--script=-", "--report")


class TestPlaceholders:
    def test_each_of_them(self, history: History) -> None:
        history.git("config", "datalad.run.substitutions.who", "Ada")
        history.ran("true", pwd=FOLDER)
        cmd = "echo {inputs} {inputs[1]} {outputs} {pwd} {dspath} {who} {{x}} > {outputs[0]}; rmdir {tmpdir}"
        history.recorded(RunRecord(cmd, pwd=FOLDER, inputs=("*e", "two", "."), outputs=("out",)))
        history.reran()
        top = history.repository.top
        assert content(history, "folder/out") == f"one two two out {top}/folder {top} Ada {{x}}\n"
        record = history.repository.commit().run.record
        assert (record.cmd, record.inputs, record.outputs) == (cmd, ("*e", "two", "."), ("out",))
        before = history.head
        history.reran("HEAD~")
        assert history.head == before

    def test_names_are_quoted(self, history: History) -> None:
        history.wrote("a b; touch ran")
        history.recorded(RunRecord("cat {inputs} > out", inputs=("a*",)))
        history.reran()
        assert content(history, "out") == "by hand\n"
        assert not os.path.exists(history.repository.path("ran"))

    @pytest.mark.parametrize("cmd", ["echo {unknown} > out", "echo {inputs[5]} > out", "awk '{print $1}' in > out"])
    def test_an_unknown_one_runs_nothing(self, history: History, cmd: str) -> None:
        history.recorded(RunRecord(cmd))
        before = history.state()
        assert "{" in history.reran(code=2)[-1]
        assert history.state() == before

    def test_a_command_grows_too_long(self, history: History) -> None:
        history.recorded(RunRecord("true " + "{dspath}" * 10_000))
        assert "128 KiB or more with its placeholders replaced" in history.reran(code=2)[-1]


class TestTrust:
    def test_a_command_of_one_s_own_is_not_asked_about(self, history: History) -> None:
        history.repository.committed("echo x >> out")
        assert history.rerun().returncode == 0
        assert history.rerun().returncode == 0
        assert content(history, "out") == "x\nx\nx\n"

    def test_without_a_terminal_others_are_not_run(self, history: History) -> None:
        history.ran("echo x >> out")
        done = history.rerun()
        assert done.returncode == 2
        assert "    echo x >> out\n" in done.stderr.decode()
        assert b"`--yes` runs them" in done.stderr
        assert content(history, "out") == "x\n"

    def test_one_s_own_among_others_are_asked_about_too(self, history: History) -> None:
        history.repository.committed("echo x >> out")
        history.ran("echo y >> out")
        assert history.rerun(ALL).returncode == 2
        assert content(history, "out") == "x\ny\n"

    @pytest.mark.parametrize(("answer", "runs"), [("y", True), ("yes", True), ("", False), ("n", False), ("q", False)])
    def test_on_a_terminal_they_are_shown_and_asked_about(self, history: History, answer: str, runs: bool) -> None:
        run = history.ran("echo x >> out", pwd=FOLDER, text="why\n\nand more")
        child = asked(history)
        child.expect_exact(f"{run[:10]}  why  (in folder)")
        child.expect_exact("    echo x >> out")
        child.expect_exact("run this command? [y/N]")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == (0 if runs else 2)
        assert content(history, "folder/out") == ("x\nx\n" if runs else "x\n")

    def test_how_many_they_are(self, history: History) -> None:
        history.ran("echo 1")
        history.ran("echo 2")
        child = asked(history, ALL)
        child.expect_exact("run these 2 commands? [y/N]")
        child.sendline("n")
        child.expect_exact("nothing was run")
        child.close()

    def test_what_a_terminal_would_obey_is_shown(self, history: History) -> None:
        history.recorded(RunRecord("true \x1b]0;title\x07\x1b[2K\r\u202e\ntouch ran"), text="a\u2028b")
        child = asked(history)
        child.expect_exact("a\\u2028b")
        child.expect_exact("    true \\x1b]0;title\\x07\\x1b[2K\\r\\u202e\r\n    touch ran\r\n")
        child.close()

    def test_of_a_long_command_it_is_said_that_there_is_more(self, history: History) -> None:
        history.recorded(RunRecord("true " + "x" * 5_000))
        assert b"and 3005 letters more; `vestige rerun --script -` shows all" in history.rerun().stderr

    def test_a_store_that_came_with_the_repository_proves_nothing(self, history: History) -> None:
        history.repository.committed("echo x >> out")
        history.git("add", "--force", ".vestige")
        history.git("commit", "--quiet", "-m", "runs")
        history.git("clone", "--quiet", ".", "../clone")
        clone = History(history.repository.at("../clone"))
        done = clone.rerun("HEAD~")
        assert done.returncode == 2
        assert b"may be anybody's" in done.stderr
        done = clone.rerun("last")
        assert done.returncode == 2
        assert clone.repository.read("out") == "x\n"

    def test_nor_does_one_that_came_as_a_submodule(self, history: History) -> None:
        history.repository.committed("echo x >> out")
        runs = History(history.repository.at(".vestige/runs"))
        runs.git("init", "--quiet")
        runs.repository.save("runs")
        history.git("add", "--force", ".vestige/runs")
        history.git("commit", "--quiet", "-m", "runs")
        assert history.rerun("HEAD~").returncode == 2
        assert content(history, "out") == "x\n"

    def test_nor_does_a_run_in_it_that_no_commit_holds(self, history: History) -> None:
        history.repository.vestige.run("sh", "-c", "echo x >> out")
        history.git("add", "--force", ".vestige")
        history.git("commit", "--quiet", "-m", "runs")
        done = history.rerun("last")
        assert done.returncode == 2
        assert b"sh -c 'echo x >> out'" in done.stderr
        assert content(history, "out") == "x\n"
        history.reran("last")
        assert content(history, "out") == "x\nx\n"

    def test_nor_does_an_id_that_a_message_claims(self, history: History) -> None:
        history.repository.committed("echo x >> out")
        mine = history.repository.commit().run.record
        history.recorded(RunRecord("touch ran", vestige=mine.vestige))
        assert history.rerun().returncode == 2
        assert not os.path.exists(history.repository.path("ran"))


def asked(history: History, *words: str) -> pexpect.spawn[str]:
    vestige = history.repository.vestige
    return pexpect.spawn(
        vestige.executable, ["rerun", *words], cwd=vestige.folder, env=vestige.variables, encoding="utf-8", timeout=30,
        dimensions=(24, 300),
    )  # fmt: skip


def said(body: str, *, subject: str = "[DATALAD RUNCMD] text") -> bytes:
    return f"{subject}\n\n{BEGIN}\n{body}\n{END}\n".encode()


BROKEN = {
    "no JSON": said('{"cmd": "touch ran", '),
    "a list": said('["touch ran"]'),
    "no command": said('{"pwd": "."}'),
    "null": said('{"cmd": null}'),
    "a number": said('{"cmd": 1}'),
    "no end": said("{}").replace(END.encode(), b""),
    "deep": said('{"cmd": "touch ran", "x": ' + "[" * 5_000 + "]" * 5_000 + "}"),
    "a sidecar that is not there": said('"0123456789abcdef"'),
    "a sidecar elsewhere": said('"../../in"'),
    "an absolute sidecar": said('"/etc/passwd"'),
    "a sidecar that is a folder": said('"."'),
    "too long a command": said(json.dumps({"cmd": "touch ran #" + "x" * (1 << 17)})),
    "two blocks of which the last is broken": said('{"cmd": "touch ran"}') + said("{"),
}


class TestRecordsThatCanNotBeRead:
    @pytest.mark.parametrize("what", BROKEN)
    def test_one_is_told_of_and_stops_nothing(self, history: History, what: str) -> None:
        broken = history.said(BROKEN[what])
        assert f"nothing in HEAD can be run again here: {broken[:10]}: " in history.refused("--yes")
        history.ran("echo x >> out")
        said = history.reran(ALL, code=2)
        assert said[0].startswith(f"{broken[:10]} skipped: ")
        assert content(history, "out") == "x\nx\n"
        assert not os.path.exists(history.repository.path("ran"))

    def test_it_is_in_the_report(self, history: History) -> None:
        broken = history.said(BROKEN["no JSON"])
        history.ran("echo x >> out")
        found = json.loads(history.rerun("--report", "--json", ALL).stdout)
        assert (found[0]["commit"], found[0]["rerun_action"]) == (broken, "skip-or-pick")
        assert "is not valid JSON" in found[0]["reason"]
        assert history.rerun("--report", ALL).returncode == 0

    def test_it_is_taken_over_elsewhere(self, history: History) -> None:
        history.ran("echo x >> out")
        history.said(BROKEN["no JSON"])
        said = history.reran(ALL, FROM_THE_FIRST, code=2)
        assert " picked as " in said[1]

    def test_of_two_records_the_last_one_counts(self, history: History) -> None:
        history.said(said('{"cmd": "touch ran"}') + said('{"cmd": "echo x >> out"}'))
        history.reran()
        assert history.repository.commit().run.record.cmd == "echo x >> out"
        assert not os.path.exists(history.repository.path("ran"))

    @pytest.mark.parametrize(
        "message",
        [
            said('{"cmd": "echo x >> out", "inputs": null, "chain": null, "pwd": null}'),
            said('{"cmd": ["echo", "x"], "inputs": "in"}').replace(b"\n", b"\r\n"),
            said('{"cmd": "echo x >> out"}', subject="feat: [DATALAD RUNCMD] text"),
            said('{"cmd": "echo x >> out"}', subject="Ticket 7\n\n[DATALAD RUNCMD] text"),
        ],
    )
    def test_what_datalad_would_not_read_is_run(self, history: History, message: bytes) -> None:
        history.said(message)
        assert len(history.reran()) == 1

    def test_a_message_in_another_encoding(self, history: History) -> None:
        message = compose("caf\u00e9", RunRecord("echo \u00e9 >> out")).decode().encode("latin-1")
        config = ("-c", "i18n.commitEncoding=ISO-8859-1")
        tree = history.git("write-tree")
        commit = history.git(
            *config, "commit-tree", "-p", history.head, "-F", "-", tree, given=os.fsdecode(message)
        )  # fmt: skip
        history.git("reset", "--quiet", "--soft", commit)
        history.reran()
        assert content(history, "out") == "\u00e9\n"
        assert history.repository.commit().run.text == "caf\u00e9"


class TestBounds:
    def repository(self, history: History) -> repo.Repository:
        return repo.discover(history.repository.top)

    def test_a_giant_message_is_not_read(self, history: History) -> None:
        record = json.dumps({"cmd": "touch ran", "x": "y" * (LARGEST + 1)})
        giant = history.said(said(record))
        assert f"{giant[:10]}: the commit message is larger than 32 MiB" in history.refused("--yes")

    def test_many_large_ones_are_read_in_portions(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(7):
            history.recorded(RunRecord(f"echo {number}", others={"x": "y" * 1000}))
        asked = []
        git = repo.Repository.git

        def counted(self: repo.Repository, *words: str, **more: Any) -> repo.Answer:
            if words[:2] == ("cat-file", "--batch"):
                asked.append(len(more["given"].splitlines()))
            return git(self, *words, **more)

        monkeypatch.setattr(repo.Repository, "git", counted)
        monkeypatch.setattr(run_commits, "_PORTION", 3_000)
        part = ranges.resolve(self.repository(history), None, "")
        assert part is not None
        found = run_commits.run_commits(self.repository(history), part)
        commands = [commit.recorded.cmd for commit in found if commit.recorded is not None]
        assert commands == [f"echo {number}" for number in range(7)]
        assert sum(asked) == 7
        assert max(asked) == 2

    def test_too_many_of_them_are_refused(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(3):
            history.recorded(RunRecord(f"echo {number}" + "x" * 500))
        monkeypatch.setattr(run_commits, "_MOST", 1_000)
        part = ranges.resolve(self.repository(history), None, "")
        assert part is not None
        with pytest.raises(GitError, match="name fewer commits"):
            run_commits.run_commits(self.repository(history), part)

    def test_a_long_history_takes_a_few_calls_of_git(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = []
        for number in range(2_000):
            record = RunRecord(f"echo {number}")
            text = compose("x", record) if number % 10 == 0 else b"plain\n"
            lines.append(b"commit refs/heads/long\ncommitter A <a@b> 1700000000 +0000\n")
            lines.append(b"data %d\n%s\n" % (len(text), text))
        subprocess.run(["git", "fast-import", "--quiet"], cwd=history.repository.top, input=b"".join(lines), check=True)
        called = []
        call = repo.call

        def counted(words: tuple[str, ...], **more: Any) -> repo.Answer:
            called.append(words)
            return call(words, **more)

        monkeypatch.setattr(repo, "call", counted)
        part = ranges.resolve(self.repository(history), "long", "")
        assert part is not None
        found = run_commits.run_commits(self.repository(history), part)
        assert len(found) == 2_000
        assert sum(commit.recorded is not None for commit in found) == 200
        assert len(called) <= 12

    def test_reading_one_is_bounded_too(self, history: History) -> None:
        giant = history.said(b"x" * (LARGEST + 1))
        with pytest.raises(RecordError, match="larger than 32 MiB"):
            run_commits.read(self.repository(history), giant)


def test_what_the_library_finds_in_a_message(history: History) -> None:
    """The message of DataLad's own documentation, and one that is none."""
    repository = repo.discover(history.repository.top)
    fine = history.said(said('{"pwd": ".", "cmd": "echo ok >okfile", "exit": 0}', subject="[DATALAD RUNCMD] fine"))
    found = run_commits.read(repository, fine)
    assert found is not None
    assert (found.text, found.record) == ("fine", RunRecord("echo ok >okfile", exit=0))
    assert run_commits.read(repository, history.wrote("plain")) is None
    assert shlex.split(found.record.cmd)[-1] == ">okfile"
