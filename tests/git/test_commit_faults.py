"""Whatever fails or is killed while a commit is made: the repository is as before or as after, and says so."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import command, crash, places, repositories

from vestige import exit_codes
from vestige.finalising import finalise
from vestige.git import commit as commits
from vestige.git import journal, lock, transaction
from vestige.record import codec, place
from vestige.record.amend import with_commit
from vestige.record.model import Commit, CommitOptions
from vestige.store.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Vestige
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")

NOT_COMMITTED = 123
SCRIPT = "cat in > out; echo more >> folder/one; rm folder/two"
OUTPUTS = ("out", "folder/one", "folder/two")
FILES = {"out": "A", "folder/one": "M", "folder/two": "D"}


def kept(repository: Repository, script: str = SCRIPT, *options: str) -> RunFolder:
    """Run a script that is yet to be committed."""
    done = repository.vestige.run("sh", "-c", script, options=options)
    assert done.returncode == 0
    repository.vestige.finalised(repository.runs()[-1])
    return RunFolder(repository.runs()[-1])


def made_here(run: RunFolder, *, anew: bool = False) -> Commit:
    """Make the commit of a run in this process."""
    record = commits.commit_and_note(run, run.load(), CommitOptions(on_failure="save"), anew=anew)
    assert record.commit is not None
    return record.commit


def change_something(repository: Repository) -> None:
    """Leave staged, unstaged and untracked changes behind."""
    for name in ("staged", "both", "unstaged", "gone"):
        repository.write(name, f"{name}\n")
    repository.save()
    for name in ("staged", "both", "unstaged", "untracked"):
        repository.write(name, "changed\n")
    repository.git("add", "staged", "both")
    repository.git("rm", "--quiet", "gone")
    repository.write("both", "changed again\n")


class Killed:
    """A commit of one run that is killed again and again, each time from the same beginning."""

    def __init__(self, repository: Repository, *words: str) -> None:
        self.repository = repository
        self.run = kept(repository)
        self.words = words
        self.before = repository.state()
        self.others = repository.state(*OUTPUTS)
        self._saved = os.path.join(repository.vestige.home, "saved")
        os.mkdir(self._saved)
        for path in self._kept:
            shutil.copy2(path, self._saved)

    def at(self, step: int) -> bool:
        """Kill it before one of its steps; false: it had fewer."""
        program = (sys.executable, "-m", "harness.crash", str(step), "commit", self.run.path, *self.words)
        path = os.pathsep.join([os.path.dirname(os.path.dirname(crash.__file__)), command.package_parent()])
        done = self.repository.vestige.bare(*program, env=self.repository.vestige.variables | {"PYTHONPATH": path})
        assert done.returncode in (0, 128 + signal.SIGKILL), done.stderr.decode()
        return done.returncode != 0

    def reset(self) -> None:
        """Undo the commit."""
        self.repository.git("update-ref", "HEAD", self.before.head)
        for path in self._kept:
            shutil.copy2(os.path.join(self._saved, os.path.basename(path)), path)
        shutil.rmtree(self.repository.path(".datalad"), ignore_errors=True)

    def check_at_once(self) -> bool:
        """Check that nothing is lost, and return whether the branch has moved."""
        files = {path: file for path, file in self.repository.files().items() if not path.startswith(".datalad/")}
        assert files == self.before.files
        return self._head() != self.before.head

    def check(self) -> bool:
        """Check that the repository is as before or as after, and return which."""
        if self._head() == self.before.head:
            assert self.repository.state() == self.before
            return False
        made = self.repository.commit()
        assert made.parents == (self.before.head,)
        assert {path: how for path, how in made.files.items() if not path.startswith(".datalad/")} == FILES
        after = self.repository.state(*OUTPUTS)
        assert (after.staged, after.unstaged, after.status) == (
            self.others.staged,
            self.others.unstaged,
            self.others.status,
        )
        return True

    def _head(self) -> str:
        return self.repository.git("rev-parse", "HEAD")

    @property
    def _kept(self) -> tuple[str, str]:
        return self.repository.path(".git", "index"), os.path.join(self.run.path, "record.json")


class TestKilled:
    def test_before_any_of_its_steps(self, here: Repository) -> None:
        change_something(here)
        for name in ("pre-commit", "commit-msg", "post-commit"):
            here.hook(name, "exit 0")
        killed = Killed(here, "--sidecar", "yes")
        landings, step = [], 1
        while killed.at(step):
            landings.append(killed.check_at_once())
            transaction.recover(here.top)
            assert killed.check() == landings[-1]
            assert not any(name.startswith(("index", "journal")) for name in here.left_behind())
            if step % 4 == 0:
                here.git("commit", "--quiet", "--allow-empty", "--message", "mine")  # nothing is in the way
                here.git("reset", "--quiet", "--soft", "HEAD^")
                assert made_here(killed.run).status == "committed"
                assert killed.check()
            killed.reset()
            step += 1
        assert landings == sorted(landings)
        assert landings.count(False) > 10
        assert landings.count(True) > 4

    def test_the_finisher_of_a_run(self, repository: Repository) -> None:
        """Its record says that the commit is still to be made, and `vestige ls` takes Git's lock away."""
        impostor(repository, 'case " $* " in *" commit-tree "*) kill -9 $PPID; exit 1;; esac')
        before = repository.git("rev-parse", "HEAD")
        done = repository.sh("echo new > out")
        assert (done.returncode, done.stderr) == (exit_codes.NOT_COMMITTED, b"")
        os.unlink(os.path.join(repository.vestige.home, "bin", "git"))
        assert repository.record["commit"] is None
        assert os.path.exists(repository.path(".git", "index.lock"))
        listed = repository.vestige.call("ls")
        name = repository.record["id"][-8:]
        assert f"not committed yet: {name}; `vestige commit {name}`" in listed.stderr.decode()
        assert repository.git("rev-parse", "HEAD") == before
        repository.assert_whole()
        assert f"not committed yet: `vestige commit {name}`" in repository.vestige.call("show").stdout.decode()
        assert repository.later().returncode == 0
        assert repository.commit().files == {"out": "A"}

    @pytest.mark.parametrize("looking", [("ls",), ("ls", "--json"), ("show",), ("show", "--json")])
    def test_while_the_branch_moves(self, repository: Repository, looking: tuple[str, ...]) -> None:
        change_something(repository)
        impostor(repository, 'case " $* " in *" update-ref "*) real "$@"; kill -9 $PPID; exit 0;; esac')
        others = repository.state("out")
        repository.sh("echo new > out")
        os.unlink(os.path.join(repository.vestige.home, "bin", "git"))
        assert "out" in repository.git("diff", "--cached", "--name-only").splitlines()  # as if it was to be removed
        assert repository.vestige.call(*looking).returncode == 0
        after = repository.state("out")
        assert (after.staged, after.unstaged, after.status) == (others.staged, others.unstaged, others.status)
        assert repository.commit().files == {"out": "A"}
        repository.assert_whole()

    def test_and_somebody_removed_the_lock(self, repository: Repository) -> None:
        """Git tells people to. What they did with the index since stays."""
        change_something(repository)
        impostor(repository, 'case " $* " in *" update-ref "*) real "$@"; kill -9 $PPID; exit 0;; esac')
        repository.sh("echo new > out; echo new > folder/new; rm in")
        os.unlink(os.path.join(repository.vestige.home, "bin", "git"))
        os.unlink(repository.path(".git", "index.lock"))
        repository.write("mine", "mine\n")
        repository.write("out", "by hand\n")
        repository.git("add", "mine", "out")
        others = repository.state("out", "folder/new", "in")
        assert repository.vestige.call("ls").returncode == 0
        after = repository.state("out", "folder/new", "in")
        assert (after.staged, after.unstaged, after.status) == (others.staged, others.unstaged, others.status)
        assert repository.git("diff", "--cached", "--name-status", "--", "out", "folder/new", "in") == "M\tout"
        repository.assert_whole()

    def test_a_git_that_goes_on_is_waited_for(self, repository: Repository) -> None:
        impostor(repository, 'case " $* " in *" update-ref "*) kill -9 $PPID; sleep .5;; esac')
        repository.sh("echo new > out")
        assert repository.later().returncode == 0
        assert repository.commit().files == {"out": "A"}
        assert repository.git("rev-list", "--count", "HEAD") == "2"
        assert repository.outcome["commit"] == repository.commit().hash
        repository.assert_whole()

    def test_looking_does_not_wait_for_one_under_way(self, repository: Repository) -> None:
        repository.hook("pre-commit", "touch .git/begun; until test -e .git/go; do sleep .01; done")
        process = repository.vestige.start("sh", "-c", "echo new > out", options=("--commit",))
        while not os.path.exists(repository.path(".git", "begun")):
            assert process.poll() is None
        assert repository.vestige.call("ls").returncode == 0
        assert repository.vestige.call("show").returncode == 0
        assert os.path.exists(repository.path(".git", "index.lock"))
        repository.write(".git/go")
        assert (process.communicate(), process.returncode) == ((b"", b""), 0)
        assert repository.commit().files == {"out": "A"}

    def test_a_record_that_two_make_final_keeps_its_commit(
        self, here: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`vestige ls` may have begun before the finisher, and end after it."""
        run = kept(here)
        ended = run.load()
        written_by_finisher = dataclasses.replace(ended, commit=Commit("committed", commit="0" * 40))
        slow = finalise._with_files  # noqa: SLF001 - where it takes its time

        def overtaken(*arguments: Any) -> Any:
            made = slow(*arguments)
            with_commit(run.path, ended, Commit("committed", commit="0" * 40))
            return made

        place.write_atomically(
            os.path.join(run.path, place.RECORD_NAME), codec.record_text(dataclasses.replace(ended, status="running"))
        )
        monkeypatch.setattr(finalise, "_with_files", overtaken)
        assert finalise.finalise(run.path) == written_by_finisher
        assert here.outcome["commit"] == "0" * 40


def impostor(repository: Repository, script: str) -> None:
    """Put a `git` first in PATH that runs a script before the real one, which the script can call as `real`."""
    folder = os.path.join(repository.vestige.home, "bin")
    real = shutil.which("git", path=repository.vestige.variables["PATH"])
    repository.write(
        os.path.join(folder, "git"), f'#!/bin/sh\nreal() {{ {real} "$@"; }}\n{script}\nexec {real} "$@"\n', mode=0o755
    )
    repository.vestige.variables["PATH"] = os.pathsep.join([folder, repository.vestige.variables["PATH"]])


class TestGitFails:
    @pytest.mark.parametrize("after", [False, True])
    def test_at_any_call(self, here: Repository, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
        """Git itself is killed, before it has done its work or after it."""
        change_something(here)
        run = kept(here)
        before, others = here.state(), here.state(*OUTPUTS)
        count = os.path.join(here.vestige.home, "count")
        work = 'real "$@" > /dev/null 2>&1; ' if after else ""
        plain = os.environ["PATH"]
        impostor(here, f'echo >> {count}; if test $(wc -l < {count}) -eq "${{NUMBER:-0}}"; then {work}kill -9 $$; fi')
        number, outcomes = 0, []
        while number == 0 or number < len(here.read(count)):
            number += 1
            here.write(count)
            monkeypatch.setenv("NUMBER", str(number))
            monkeypatch.setenv("PATH", here.vestige.variables["PATH"])
            made = made_here(run, anew=True)
            monkeypatch.setenv("PATH", plain)
            outcomes.append(made.status)
            assert here.left_behind() in ([], ["commit.lock"])
            if made.status != "committed":
                assert made.status == "failed"
                assert made.reason
                assert here.state() == before
                continue
            assert here.commit().files == FILES
            after_it = here.state(*OUTPUTS)
            assert (after_it.staged, after_it.unstaged, after_it.status) == (
                others.staged, others.unstaged, others.status
            )  # fmt: skip
            here.git("reset", "--quiet", "--soft", "HEAD^")
            here.git("reset", "--quiet", "HEAD", "--", *OUTPUTS)
            assert here.state() == before
        assert outcomes.count("failed") > 10
        assert outcomes.count("committed") >= (2 if after else 1)
        here.assert_whole()


@pytest.fixture
def disk(vestige: Vestige) -> Iterator[str]:
    """Give a disk of 3 MB in the place of the working folder."""
    with places.tmpfs(vestige.folder, "size=3m") as folder:
        yield folder


@pytest.fixture
def on_disk(vestige: Vestige, disk: str, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Give a repository on a disk of 3 MB, and its store on another; this process has its environment."""
    assert vestige.folder == disk
    made = repositories.make(vestige, named_store=True)
    made.git("config", "core.fsync", "none")
    for name, value in made.vestige.variables.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.mark.parametrize("others", ["[1", "[1]", "[" * 5000])
def test_a_record_of_a_foreign_hand(repository: Repository, others: str) -> None:
    """What a rerun keeps of another tool's record is JSON within JSON."""
    repository.committed("echo new > out")
    path = Path(repository.runs()[-1], "record.json")
    record = json.loads(path.read_text())
    record["options"]["commit"]["others"] = others
    path.write_text(json.dumps(record))
    repository.write("out", "newer\n")
    done = repository.later("--again")
    assert done.returncode != 0
    assert b"`options.commit.others` must hold a JSON object" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 5000])
def test_a_journal_of_a_foreign_hand(repository: Repository, content: str) -> None:
    repository.write(os.path.join(".git", "vestige", "journal.json"), content)
    assert repository.committed("echo new > out").files == {"out": "A"}


class TestNoPlace:
    @pytest.mark.needs("root")
    def test_on_a_disk_with_ever_more_room(self, on_disk: Repository) -> None:
        change_something(on_disk)
        run = kept(on_disk)
        before = on_disk.state()
        filler = places.fill(on_disk.path(".git"))
        size, free, reasons = os.path.getsize(filler), 0, []
        made = made_here(run)
        while made.status != "committed":
            assert made.status == "failed"
            assert made.reason
            reasons.append(made.reason)
            assert on_disk.state() == before
            free += 4096
            os.truncate(filler, size - free)
            made = made_here(run)
        assert "No space left on device" in reasons[0]
        assert len(reasons) > 2
        os.unlink(filler)
        assert on_disk.commit().files == FILES
        on_disk.assert_whole()

    @pytest.mark.needs("root")
    def test_for_the_run_either(self, vestige: Vestige, disk: str) -> None:
        """Where not even the record can be written, the exit code still says that there is no commit."""
        repository = repositories.make(vestige)
        repository.write("out", "old\n")
        repository.save()
        script = "echo new > out; cat /dev/zero > .git/filler 2> /dev/null; exit 0"
        done = repository.sh(script)
        assert done.returncode == NOT_COMMITTED
        assert done.stderr.startswith(b"vestige: ")
        assert done.stderr.count(b"\n") == 1
        os.unlink(os.path.join(disk, ".git", "filler"))
        assert repository.later("-o", "out").returncode == 0  # what the recorder saw of it had no place either
        assert repository.commit().files == {"out": "M"}

    @pytest.mark.needs("root")
    def test_for_the_record_of_it(self, repository: Repository) -> None:
        """The commit stands; that it could not be noted is found out later."""
        with places.tmpfs(os.path.join(repository.vestige.home, "small"), "size=1m") as folder:
            elsewhere = repository.with_variables(VESTIGE_STORE=folder)
            elsewhere.hook("post-commit", f"cat /dev/zero > {folder}/filler 2> /dev/null; exit 0")
            done = elsewhere.sh("echo new > out")
            assert (done.returncode, done.stderr) == (0, b"")
            made = elsewhere.commit()
            assert elsewhere.record["commit"] is None
            os.unlink(os.path.join(folder, "filler"))
            assert elsewhere.later().returncode == 0
            assert elsewhere.outcome["commit"] == made.hash == elsewhere.git("rev-parse", "HEAD")

    @pytest.mark.needs("root")
    def test_that_may_be_written(self, on_disk: Repository) -> None:
        run = kept(on_disk)
        before = on_disk.state()
        subprocess.run(["mount", "-o", "remount,ro", on_disk.top], check=True)
        made = made_here(run)
        subprocess.run(["mount", "-o", "remount,rw", on_disk.top], check=True)
        assert (made.status, made.reason) == (
            "failed",
            f"can't write in {on_disk.top}/.git/vestige: Read-only file system",
        )
        assert on_disk.state() == before

    @pytest.mark.needs("nobody")
    def test_that_belongs_to_the_user(self, open_vestige: Vestige) -> None:
        os.chown(open_vestige.folder, 0, 0)
        repository = repositories.make(open_vestige)
        for path in (repository.top, os.path.join(open_vestige.home, ".gitconfig")):
            subprocess.run(["chown", "-R", str(places.NOBODY), path], check=True)
        subprocess.run(["chown", "-R", "root", repository.path(".git", "objects")], check=True)
        words = [*places.AS_NOBODY, *open_vestige.words("sh", "-c", "echo new > out", options=("--commit",))]
        done = repository.vestige.bare(*words)
        assert done.returncode == NOT_COMMITTED
        assert b"not committed: `git update-index` failed in" in done.stderr
        assert b"insufficient permission for adding an object" in done.stderr
        subprocess.run(["chown", "-R", str(places.NOBODY), repository.path(".git")], check=True)
        done = repository.vestige.bare(*places.AS_NOBODY, open_vestige.executable, "commit")
        assert done.returncode == 0, done.stderr

    def test_for_the_index(self, here: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        """The branch has moved, and the index can't follow: whoever comes next lets it."""
        change_something(here)
        run = kept(here)
        others = here.state(*OUTPUTS)

        def refuse(source: str, target: str) -> None:
            if target.endswith(".git/index"):
                raise OSError(errno.EIO, os.strerror(errno.EIO), target)
            os.rename(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refuse)
            made = made_here(run)
        assert (made.status, made.reason) == (
            "failed",
            f"can't commit in {here.top}: Input/output error at {here.path('.git', 'index')}",
        )
        transaction.recover(here.top)
        after = here.state(*OUTPUTS)
        assert (after.staged, after.unstaged, after.status) == (others.staged, others.unstaged, others.status)
        assert made_here(run).commit == here.commit().hash
        assert here.commit().files == FILES
        here.assert_whole()


class TestHooks:
    def test_one_refuses(self, repository: Repository) -> None:
        change_something(repository)
        repository.hook("pre-commit", "echo '\x1b[31mtoo large' >&2; exit 1")
        before = repository.state("out")
        done = repository.sh("echo new > out")
        assert done.returncode == NOT_COMMITTED
        assert done.stderr == b"vestige: not committed: the hook `pre-commit` refused the commit: \\x1b[31mtoo large\n"
        assert repository.state("out") == dataclasses.replace(before, status=(*before.status,))
        repository.assert_whole()
        repository.hook("pre-commit", "exit 0")
        repository.hook("commit-msg", "exit 4")
        repository.later()
        assert repository.outcome["reason"] == "the hook `commit-msg` refused the commit with exit code 4"

    def test_what_they_are_given(self, repository: Repository) -> None:
        seen = os.path.join(repository.vestige.home, "seen")
        script = f'{{ pwd; env; echo "ARGS=$*"; git diff --cached --name-only; }} > {seen}-$(basename $0)'
        for name in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"):
            repository.hook(name, script)
        repository.write("mine")
        repository.git("add", "mine")
        theirs = repository.with_variables(MINE="1", LC_ALL="C.UTF-8", LANG="de_DE.UTF-8", GIT_DIR="/nowhere")
        del theirs.vestige.variables["GIT_DIR"]
        theirs.committed("echo new > out")
        for name in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"):
            lines = repository.read(f"{seen}-{name}").splitlines()
            assert lines[0] == repository.top
            assert {"MINE=1", "LC_ALL=C.UTF-8", "LANG=de_DE.UTF-8", "GIT_EDITOR=:"} <= set(lines)
            assert "GIT_OPTIONAL_LOCKS=0" not in lines
            assert "GIT_LITERAL_PATHSPECS=1" not in lines
            (index,) = [line for line in lines if line.startswith("GIT_INDEX_FILE=")]
            listed = lines[lines.index(next(line for line in lines if line.startswith("ARGS="))) + 1 :]
            assert listed == (["mine"] if name == "post-commit" else ["out"])
            assert (index == f"GIT_INDEX_FILE={repository.path('.git', 'index')}") is (name == "post-commit")
        message = repository.path(".git", "COMMIT_EDITMSG")
        assert f"ARGS={message} message" in repository.read(f"{seen}-prepare-commit-msg").splitlines()
        assert f"ARGS={message}" in repository.read(f"{seen}-commit-msg").splitlines()

    @pytest.mark.parametrize("staged", [False, True])
    def test_one_that_changes_what_is_committed(self, repository: Repository, *, staged: bool) -> None:
        if staged:
            change_something(repository)
        repository.hook("pre-commit", "tr a-z A-Z < out > .git/x; cat .git/x > out; echo 1 > log; git add out log")
        others = repository.state("out", "log")
        made = repository.committed("echo new > out")
        assert made.files == {"out": "A", "log": "A"}
        assert repository.git("show", "HEAD:out") == "NEW"
        after = repository.state("out", "log")
        assert (after.staged, after.unstaged, after.status) == (others.staged, others.unstaged, others.status)
        assert not repository.git("status", "--porcelain", "out", "log")
        repository.assert_whole()

    def test_one_that_adds_to_the_message(self, repository: Repository) -> None:
        repository.hook("commit-msg", 'echo "\nSigned-off-by: Ada <ada@example.org>" >> "$1"')
        made = repository.committed("echo new > out", "-m", "text")
        assert made.message.endswith(b"\n\nSigned-off-by: Ada <ada@example.org>\n")
        assert (made.run.text, made.run.record.outputs) == ("text", ("out",))
        assert repository.git("log", "-1", "--format=%(trailers:key=Signed-off-by,valueonly)").startswith("Ada")

    @pytest.mark.parametrize("script", ['echo short > "$1"', 'grep -v "^^^" "$1" > "$1.x"; mv "$1.x" "$1"', ': > "$1"'])
    def test_one_that_destroys_the_record(self, repository: Repository, script: str) -> None:
        repository.hook("commit-msg", script)
        done = repository.sh("echo new > out")
        assert done.returncode == NOT_COMMITTED
        assert b"took the record out of the message" in done.stderr
        assert repository.git("log", "--format=%s") == "first"

    def test_one_that_leaves_something_in_the_background(self, repository: Repository) -> None:
        repository.hook("pre-commit", "sleep 300 & echo $! > .git/pid")
        began = time.monotonic()
        repository.committed("echo new > out")
        assert time.monotonic() - began < 60
        os.kill(int(repository.read(".git/pid")), signal.SIGKILL)

    def test_one_that_fails_afterwards(self, repository: Repository) -> None:
        repository.hook("post-commit", "echo no >&2; exit 1")
        repository.committed("echo new > out")
        repository.write(".git/hooks/post-commit", "#!/no/such/interpreter\n", mode=0o755)
        repository.committed("echo newer > out")

    def test_a_folder_for_them(self, repository: Repository) -> None:
        repository.write("tools/hooks/pre-commit", "#!/bin/sh\necho told off >&2\nexit 1\n", mode=0o755)
        repository.save()
        repository.config("core.hooksPath", "tools/hooks")
        done = repository.at("folder").sh("echo new > out")
        assert (done.returncode, b"told off" in done.stderr) == (NOT_COMMITTED, True)
        repository.config("core.hooksPath", "/dev/null")
        repository.committed("echo new > out")

    def test_a_git_that_has_no_command_for_them(self, repository: Repository) -> None:
        impostor(repository, 'case " $* " in *" version "*) echo git version 2.25.1; exit;; " hook "*) exit 1;; esac')
        repository.hook("pre-commit", "git diff --cached --name-only >&2; exit 1")
        done = repository.sh("echo new > out")
        assert done.stderr == b"vestige: not committed: the hook `pre-commit` refused the commit: out\n"


class TestLocks:
    def test_of_another_git_is_waited_for(self, repository: Repository) -> None:
        lock = repository.write(".git/index.lock")
        process = repository.vestige.start("sh", "-c", "echo new > out", options=("--commit",))
        while not os.path.exists(repository.path(".git", "vestige", "journal.json")):
            assert process.poll() is None
        time.sleep(0.1)
        assert process.poll() is None
        os.unlink(lock)
        assert (process.communicate(), process.returncode) == ((b"", b""), 0)
        assert repository.commit().files == {"out": "A"}

    def test_of_a_git_that_died(self, here: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        run = kept(here)
        lock = here.write(".git/index.lock", "left")
        monkeypatch.setattr(journal.Journal.__init__, "__kwdefaults__", {"patience": 0.05})
        made = made_here(run)
        assert made.status == "failed"
        assert made.reason == (
            f"another git holds {lock}, or died and left it; where no git is running, remove it, and `vestige commit` "
            "makes the commit"
        )
        assert here.read(lock) == "left"
        os.unlink(lock)
        assert made_here(run).status == "committed"

    def test_of_another_vestige(self, here: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        run = kept(here)
        monkeypatch.setattr(lock.held.__wrapped__, "__kwdefaults__", {"patience": 0.05})  # type: ignore[attr-defined]
        with lock.held(here.path(".git")):
            made = made_here(run)
        assert made.status == "failed"
        assert made.reason is not None
        assert made.reason.startswith("another commit of vestige has held")
        assert made_here(run).status == "committed"

    def test_of_a_reference(self, here: Repository) -> None:
        """`update-ref` fails after all is prepared."""
        run = kept(here)
        before = here.state()
        path = here.write(".git/refs/heads/main.lock")
        made = made_here(run)
        assert made.status == "failed"
        assert made.reason is not None
        assert "main.lock" in made.reason
        assert here.state() == before
        os.unlink(path)
        assert made_here(run).status == "committed"

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
    def test_where_there_are_no_hard_links(
        self, here: Repository, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        run = kept(here)
        monkeypatch.setattr(os, "link", refuse)
        assert made_here(run).status == "committed"
        here.assert_whole()


class TestSigning:
    def signer(self, repository: Repository, script: str) -> None:
        """Have commits signed by a script in the place of GnuPG."""
        path = repository.write(os.path.join(repository.vestige.home, "gpg"), f"#!/bin/sh\n{script}\n", mode=0o755)
        repository.config("gpg.program", path)
        repository.config("commit.gpgSign", "true")

    def test_it_works(self, repository: Repository) -> None:
        self.signer(
            repository,
            'cat > /dev/null; echo "[GNUPG:] SIG_CREATED D 1 2 00 3 4" >&2\n'
            "echo '-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----'",
        )
        made = repository.committed("echo new > out")
        assert "gpgsig -----BEGIN PGP SIGNATURE-----" in repository.git("cat-file", "commit", made.hash)
        assert made.run.record.outputs == ("out",)

    def test_it_fails(self, repository: Repository) -> None:
        self.signer(repository, "echo 'gpg: no secret key' >&2; exit 2")
        done = repository.sh("echo new > out")
        assert done.returncode == NOT_COMMITTED
        assert b"not committed: `git commit-tree` failed in" in done.stderr
        assert b"gpg" in done.stderr
        repository.assert_whole()


class TestWhoIsIt:
    def test_nobody_knows(self, repository: Repository) -> None:
        os.unlink(os.path.join(repository.vestige.home, ".gitconfig"))
        repository.config("user.useConfigOnly", "true")
        done = repository.sh("echo new > out")
        assert done.returncode == NOT_COMMITTED
        assert b"Please tell me who you are" in done.stderr
        assert b'git config --global user.email "you@example.com"' in done.stderr
        repository.config("user.name", "Ada")
        repository.config("user.email", "ada@example.org")
        assert repository.later().returncode == 0

    def test_the_environment_knows(self, repository: Repository) -> None:
        os.unlink(os.path.join(repository.vestige.home, ".gitconfig"))
        names = {f"GIT_{role}_{what}": f"x{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        repository.with_variables(**names).committed("echo new > out")
        assert repository.git("log", "-1", "--format=%an %ce") == "xNAME xEMAIL"

    def test_without_git(self, repository: Repository) -> None:
        alone = repository.with_variables(PATH=os.path.dirname(repository.vestige.executable))
        done = alone.run("/bin/sh", "-c", "echo new > out")
        assert (done.returncode, done.stderr) == (
            NOT_COMMITTED,
            b"vestige: not committed: `git` is not installed, or not in PATH\n",
        )
        assert repository.later().returncode == 0
