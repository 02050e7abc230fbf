"""Commits in every kind of repository, and with every configuration, that Git has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness import repositories

from vestige.record import head

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")

NOT_COMMITTED = 123
SCRIPT = "cat in > out; echo more >> folder/one; rm folder/two"
FILES = {"out": "A", "folder/one": "M", "folder/two": "D"}


def assert_usual(repository: Repository, *options: str) -> None:
    """A run is committed as anywhere, with something else staged or not."""
    made = repository.committed(SCRIPT, *options)
    assert made.files == FILES
    assert set(made.run.record.outputs) == {"out", "folder/one"}
    assert repository.state().status == ()
    repository.write("in", "staged\n")
    repository.write("mine", "mine\n")
    repository.git("add", "in", "mine")
    before = repository.state("out")
    assert repository.committed("echo newer > out").files == {"out": "M"}
    after = repository.state("out")
    assert (after.staged, after.unstaged, after.status) == (before.staged, before.unstaged, before.status)
    repository.assert_whole()


class TestWithoutACommit:
    def test_the_run_makes_the_first_one(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, unborn=True)
        repository.write("in", "in\n")
        made = repository.committed("cat in > out")
        assert (made.parents, made.files) == ((), {"out": "A"})
        assert repository.outcome["branch"] == "refs/heads/main"
        assert repository.outcome["uncommitted"] == ["in"]
        assert repository.state().status == ("? in",)
        repository.assert_whole()

    def test_with_something_staged(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, unborn=True)
        repository.write("in", "in\n")
        repository.git("add", "in")
        assert repository.committed("cat in > out").files == {"out": "A"}
        assert repository.git("status", "--porcelain") == "A  in"

    def test_of_a_run_that_changes_nothing(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, unborn=True)
        assert repository.sh("true").returncode == 0
        assert not repository.has_commits
        assert repository.outcome["status"] == "unchanged"
        assert repository.committed("true", "--allow-empty").files == {}


class TestHeads:
    def test_no_branch(self, repository: Repository) -> None:
        repository.git("checkout", "--quiet", "--detach")
        assert_usual(repository)
        assert repository.outcome["branch"] is None
        assert repository.git("rev-list", "--count", "main") == "1"
        assert b"on no branch" in repository.vestige.call("show").stdout

    @pytest.mark.parametrize("branch", ["feature/x", "b\u00e4r", "x.lock-not", "-dash-not"])
    def test_any_branch(self, repository: Repository, branch: str) -> None:
        repository.git("update-ref", f"refs/heads/{branch}", "HEAD")
        repository.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        made = repository.committed("echo new > out")
        assert repository.git("rev-parse", f"refs/heads/{branch}") == made.hash
        assert repository.outcome["branch"] == f"refs/heads/{branch}"

    def test_packed(self, repository: Repository) -> None:
        repository.git("pack-refs", "--all")
        assert not os.path.exists(repository.path(".git", "refs", "heads", "main"))
        assert_usual(repository)

    def test_a_branch_that_is_another_name(self, repository: Repository) -> None:
        repository.git("symbolic-ref", "refs/heads/other", "refs/heads/main")
        repository.git("symbolic-ref", "HEAD", "refs/heads/other")
        made = repository.committed("echo new > out")
        assert repository.git("rev-parse", "main") == made.hash

    def test_its_log(self, repository: Repository) -> None:
        made = repository.committed("echo new > out")
        assert repository.git("reflog", "-1", "--format=%H %gs") == f"{made.hash} commit: vestige run"


CONFIGS = {
    "index of version 4": (("index.version", "4"), ("feature.manyFiles", "true")),
    "split index": (("core.splitIndex", "true"), ("splitIndex.maxPercentChange", "0")),
    "untracked cache": (("core.untrackedCache", "true"),),
    "no modes": (("core.fileMode", "false"),),
    "no case": (("core.ignoreCase", "true"),),
    "no quoting": (("core.quotePath", "false"), ("core.precomposeUnicode", "true")),
    "another encoding": (("i18n.commitEncoding", "latin1"), ("i18n.logOutputEncoding", "latin1")),
    "other words": (
        ("diff.noprefix", "true"), ("diff.renames", "copies"), ("diff.external", "false"), ("status.short", "true"),
        ("log.showSignature", "true"), ("core.abbrev", "4"), ("color.ui", "always"), ("core.pager", "false"),
        ("diff.ignoreSubmodules", "all"), ("status.showUntrackedFiles", "no"), ("diff.algorithm", "histogram"),
    ),
    "a strange editor": (("core.editor", "false"), ("commit.template", "/nowhere"), ("commit.cleanup", "scissors")),
    "no log": (("core.logAllRefUpdates", "false"),),
    "no advice": (("advice.statusHints", "false"), ("core.commentChar", "=")),
    "checks": (("core.checkStat", "minimal"), ("core.trustctime", "false"), ("index.threads", "true")),
    "many parts": (("core.compression", "0"), ("core.fsync", "none"), ("pack.threads", "1")),
}  # fmt: skip


class TestConfigured:
    @pytest.mark.parametrize("what", CONFIGS)
    def test_as_people_do(self, repository: Repository, what: str) -> None:
        for name, value in CONFIGS[what]:
            repository.config(name, value)
        repository.git("read-tree", "HEAD")  # writes the index as it is configured now
        assert_usual(repository, "-m", "m\u00e4h")
        assert repository.commit("HEAD^").run.text == "m\u00e4h"

    def test_line_ends(self, repository: Repository) -> None:
        repository.config("core.autocrlf", "true")
        repository.write("in", "one\r\ntwo\r\n")
        repository.save()
        made = repository.committed("cat in > out; printf 'three\\r\\n' >> in")
        assert made.files == {"out": "A", "in": "M"}
        assert repository.git("cat-file", "blob", "HEAD:in") == "one\ntwo\nthree"
        assert repository.outcome["uncommitted"] == []
        assert repository.state().status == ()

    def test_filters(self, repository: Repository) -> None:
        repository.write(".gitattributes", "*.up filter=up\n*.txt eol=crlf\n*.u16 working-tree-encoding=UTF-16LE\n")
        repository.config("filter.up.clean", "tr a-z A-Z")
        repository.config("filter.up.required", "true")
        repository.write("a.up", "kept\n")
        repository.save()
        made = repository.committed("cat a.up in > out.up; printf 'x\\r\\n' > out.txt; printf 'x\\0' > out.u16")
        assert made.files == {"out.up": "A", "out.txt": "A", "out.u16": "A"}
        held = {name: repository.git("cat-file", "blob", f"HEAD:out.{name}") for name in ("up", "txt", "u16")}
        assert held == {"up": "KEPT\nIN", "txt": "x", "u16": "x"}
        assert repository.outcome["uncommitted"] == []
        assert repository.state().status == ()
        repository.config("filter.up.clean", "false")
        done = repository.sh("cat in in > out.up")
        assert done.returncode == NOT_COMMITTED
        assert b"clean filter 'up' failed" in done.stderr

    def test_a_monitor_of_files(self, repository: Repository) -> None:
        """What it says is believed by git: one that says nothing changed must not hide what did."""
        hook = repository.write(
            os.path.join(repository.vestige.home, "monitor"), "#!/bin/sh\nprintf 'token\\0'\n", mode=0o755
        )
        repository.config("core.fsmonitor", hook)
        repository.git("status")
        made = repository.committed("echo longer > in; echo new > out")
        assert made.files == {"in": "M", "out": "A"}

    def test_ignored_in_every_way(self, repository: Repository) -> None:
        repository.config(
            "core.excludesFile", repository.write(os.path.join(repository.vestige.home, "ignore"), "*.a\n")
        )
        repository.write(".git/info/exclude", "*.b\n")
        repository.write("folder/.gitignore", "*.c\n!kept.c\n")
        repository.save()
        made = repository.committed("for name in x.a x.b folder/x.c folder/kept.c x.c; do echo new > $name; done")
        assert set(made.files) == {"folder/kept.c", "x.c"}
        assert set(repository.left_out) == {"x.a", "x.b", "folder/x.c"}

    @pytest.mark.parametrize("value", ["../beside", "/tmp/beside"])
    def test_sidecars_stay_inside(self, repository: Repository, value: str) -> None:
        repository.config("datalad.run.record-directory", value)
        done = repository.sh("echo new > out", "--sidecar", "yes")
        assert done.returncode == NOT_COMMITTED
        assert b"`datalad.run.record-directory`" in done.stderr
        repository.config("datalad.run.record-directory", "records")
        repository.config("datalad.run.record-sidecar", "true")
        made = repository.committed("echo newer > out")
        assert {os.path.dirname(path) for path in made.files} == {"", "records"}


class TestFormats:
    def test_sha256(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, init=("--object-format=sha256",))
        assert_usual(repository)
        assert len(repository.outcome["commit"]) == 64
        blob = repository.git("rev-parse", "HEAD^:in")
        assert repository.commit("HEAD^").vestige["inputs"]["in"] == f"git:{blob}"

    def test_the_first_commit_in_sha256(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, unborn=True, init=("--object-format=sha256",))
        assert repository.committed("echo new > out").files == {"out": "A"}

    def test_references_in_tables(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, unborn=True)
        if subprocess.run(
            ("git", "init", "-q", "--ref-format=reftable", repository.path("x")), check=False, stderr=subprocess.DEVNULL
        ).returncode:
            pytest.skip("this Git has no reftable")
        shutil.rmtree(repository.path(".git"))
        repository.git("init", "--quiet", "--ref-format=reftable")
        repository.write("in", "in\n")
        repository.write("folder/one", "one\n")
        repository.write("folder/two", "two\n")
        repository.save()
        assert_usual(repository)

    def test_references_that_only_git_can_read(self, repository: Repository) -> None:
        """Where they are in tables, the record has nothing of them: git is asked when it comes to the commit."""
        repository.vestige.run("sh", "-c", SCRIPT)
        path = os.path.join(repository.runs()[-1], "record.json")
        record = repository.record
        record["code"] |= {"commit": None, "branch": None}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(record, file)
        assert repository.later().returncode == 0
        assert repository.commit().files == FILES
        stub = os.path.join(repository.vestige.home, "stub")
        repository.write(os.path.join(stub, ".git", "HEAD"), "ref: refs/heads/.invalid\n")
        assert (head.head(stub).branch, head.head(stub).commit) == (None, None)

    def test_a_shallow_clone(self, repository: Repository) -> None:
        repository.write("in", "second\n")
        repository.save()
        clone = repository.at(os.path.join(repository.vestige.home, "clone"))
        repository.git("clone", "--quiet", "--depth=1", f"file://{repository.top}", clone.top)
        assert_usual(clone)

    def test_objects_of_another_repository(self, repository: Repository) -> None:
        clone = repository.at(os.path.join(repository.vestige.home, "clone"))
        repository.git("clone", "--quiet", "--shared", repository.top, clone.top)
        assert_usual(clone)


class TestPlaces:
    def test_a_linked_work_tree(self, repository: Repository) -> None:
        linked = repository.at(os.path.join(repository.vestige.home, "linked"))
        repository.git("worktree", "add", "--quiet", "-b", "side", linked.top)
        before = repository.state()
        assert_usual(linked)
        assert repository.state() == before
        assert linked.outcome["branch"] == "refs/heads/side"

    def test_hooks_in_a_linked_work_tree(self, repository: Repository) -> None:
        linked = repository.at(os.path.join(repository.vestige.home, "linked"))
        repository.git("worktree", "add", "--quiet", "-b", "side", linked.top)
        repository.hook("pre-commit", "git diff --cached --name-only > seen; git rev-parse --show-toplevel >> seen")
        linked.committed("echo new > out")
        assert linked.read("seen") == f"out\n{linked.top}\n"

    def test_work_trees_at_once(self, repository: Repository) -> None:
        linked = [repository.at(os.path.join(repository.vestige.home, f"linked{i}")) for i in range(4)]
        for tree in linked:
            repository.git("worktree", "add", "--quiet", "-b", os.path.basename(tree.top), tree.top)
        running = [
            tree.vestige.start("sh", "-c", f"echo {i} > out; sleep .05", options=("--commit", "-m", f"{i}"))
            for tree in [repository, *linked]
            for i in range(2)
        ]
        for process in running:
            assert (process.communicate(), process.returncode) == ((b"", b""), 0)
        for tree in [repository, *linked]:
            assert tree.git("rev-list", "--count", "HEAD") in ("2", "3")
            assert tree.state().status == ()
            tree.assert_whole()

    def test_git_somewhere_else(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, init=("--separate-git-dir", os.path.join(vestige.home, "apart")))
        assert os.path.isfile(repository.path(".git"))
        assert_usual(repository)

    @pytest.mark.parametrize("name", ["two words", "new\nline", "b\udcffr", '"', "-dash", "$(x)"])
    def test_a_folder_of_any_name(self, vestige: Vestige, name: str) -> None:
        home = repositories.make(vestige)
        repository = home.at(name)
        os.mkdir(repository.top)
        repository.git("init", "--quiet")
        repository.write("in", "in\n")
        repository.save()
        assert repository.committed("cat in > out").files == {"out": "A"}
        assert repository.commit().run.record.inputs == ("in",)
        assert_clean_after_a_kill(repository)

    def test_a_folder_under_another_name(self, repository: Repository) -> None:
        os.symlink(repository.top, os.path.join(repository.vestige.home, "elsewhere"))
        assert_usual(repository.at(os.path.join(repository.vestige.home, "elsewhere")))

    def test_a_part_of_the_files(self, repository: Repository) -> None:
        for name in ("other/a", "other/b", "third/a"):
            repository.write(name, f"{name}\n")
        repository.save()
        repository.git("sparse-checkout", "set", "--cone", "folder")
        assert not os.path.exists(repository.path("other"))
        assert_usual(repository)
        repository.git("commit", "--quiet", "--message", "mine")
        made = repository.committed(
            "mkdir other; echo new > other/a; echo new > other/c", "-o", "third/*", "-o", "third/a"
        )
        assert made.files == {"other/a": "M", "other/c": "A"}
        assert repository.git("ls-files", "-t", "third") == "S third/a"
        assert repository.git("ls-tree", "--name-only", "HEAD", "third/", "other/").split() == [
            "other/a", "other/b", "other/c", "third/a"
        ]  # fmt: skip
        made = repository.committed("mv folder new; mv other new/")
        assert {path: how for path, how in made.files.items() if how == "D"} == {
            "folder/one": "D", "other/a": "D", "other/c": "D"
        }  # fmt: skip
        assert repository.git("ls-tree", "--name-only", "HEAD", "third/", "other/").split() == ["other/b", "third/a"]

    def test_a_sparse_index(self, repository: Repository) -> None:
        for name in ("other/a", "other/b"):
            repository.write(name, f"{name}\n")
        repository.save()
        repository.git("sparse-checkout", "set", "--cone", "--sparse-index", "folder")
        assert_usual(repository)
        assert repository.git("ls-tree", "-r", "--name-only", "HEAD", "other/").split() == ["other/a", "other/b"]

    def test_of_several_people(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige, init=("--shared=group",))
        repository.committed("echo new > out")
        repository.write("in", "staged")
        repository.git("add", "in")
        repository.committed("echo newer > out")
        for path in (".git", ".git/vestige", ".git/vestige/commit.lock", ".git/index", ".git/refs/heads/main"):
            assert os.stat(repository.path(path)).st_mode & 0o060 == 0o060, path


def assert_clean_after_a_kill(repository: Repository) -> None:
    """What is left in a journal can be read again."""
    repository.hook("pre-commit", "kill -9 $(cat /proc/$PPID/stat | cut -d' ' -f4)")
    repository.sh("echo newer > out", "--sidecar", "yes")
    os.unlink(repository.path(".git", "hooks", "pre-commit"))
    assert os.path.exists(repository.path(".git", "index.lock"))
    assert repository.vestige.call("ls").returncode == 0
    assert repository.git("status", "--porcelain").split() == ["M", "out"]
    repository.assert_whole()


class TestRefused:
    def test_a_bare_one(self, vestige: Vestige) -> None:
        home = repositories.make(vestige)
        bare = home.at(os.path.join(vestige.home, "bare.git"))
        home.git("init", "--quiet", "--bare", bare.top)
        done = bare.sh("touch started")
        assert done.returncode == 125
        assert b"`--commit` needs a Git repository around the current folder" in done.stderr
        home.config("core.bare", "true")
        done = home.sh("echo new > out")
        assert done.returncode in (125, NOT_COMMITTED)
        assert b"must be run in a work tree" in done.stderr

    @pytest.mark.needs("nobody")
    def test_one_of_somebody_else(self, repository: Repository) -> None:
        subprocess.run(("chown", "-R", "65534", repository.top), check=True)
        done = repository.sh("echo new > out")
        assert done.returncode in (125, NOT_COMMITTED)
        assert b"detected dubious ownership in repository at" in done.stderr
        assert f"git config --global --add safe.directory {repository.top}".encode() in done.stderr
        assert done.stderr.count(b"\n") == 1
        variables = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        assert repository.with_variables(**variables).committed("echo new > out").files == {"out": "A"}

    @pytest.mark.parametrize(
        ("begin", "words"),
        [
            (("merge", "--quiet", "side"), "a merge is in progress"),
            (("cherry-pick", "side"), "a cherry-pick is in progress"),
            (("revert", "--no-edit", "HEAD^"), "a revert is in progress"),
            (("rebase", "--quiet", "side"), "a rebase is in progress"),
            (("rebase", "--quiet", "--apply", "side"), "a rebase is in progress"),
        ],
    )
    def test_in_the_middle_of_something(self, repository: Repository, begin: tuple[str, ...], words: str) -> None:
        repository.git("checkout", "--quiet", "-b", "side")
        repository.write("in", "side\n")
        repository.save()
        repository.git("checkout", "--quiet", "main")
        for content in ("main\n", "more\n"):
            repository.write("in", content)
            repository.save()
        repository.git(*begin, fails=True)
        before = repository.git("status", "--porcelain=v2")
        done = repository.sh("echo new > out")
        assert done.returncode == NOT_COMMITTED
        assert f"not committed: {words}; when it is done, `vestige commit` makes the commit" in done.stderr.decode()
        os.unlink(repository.path("out"))
        assert repository.git("status", "--porcelain=v2") == before

    def test_a_broken_one(self, repository: Repository) -> None:
        with open(repository.path(".git", "index"), "wb") as file:
            file.write(b"rubbish")
        done = repository.sh("echo new > out")
        assert done.returncode in (125, NOT_COMMITTED)
        assert b"index" in done.stderr
        assert done.stderr.count(b"\n") == 1

    def test_one_that_is_gone(self, repository: Repository) -> None:
        kept = repository.with_variables(VESTIGE_STORE=os.path.join(repository.vestige.home, "store"))
        done = kept.sh("rm -r .git")
        assert done.returncode == NOT_COMMITTED
        assert b"not a git repository" in done.stderr


def test_what_the_environment_says_of_repositories_is_not_meant_for_it(repository: Repository) -> None:
    names = (
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
        "GIT_PREFIX", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_EXTERNAL_DIFF", "GIT_GRAFT_FILE",
    )  # fmt: skip
    strange = repository.with_variables(
        **dict.fromkeys(names, "/nowhere"), GIT_GLOB_PATHSPECS="1", GIT_CONFIG_PARAMETERS="'core.bare=true'"
    )
    done = strange.vestige.run("cp", "in", "out", options=("--commit",))
    assert (done.returncode, done.stderr) == (0, b"")
    assert repository.commit().files == {"out": "A"}
    named = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Grace"}
    repository.with_variables(**named).committed("cp folder/one out")
    assert repository.git("log", "-1", "--format=%an") == "Grace"


def test_git_tidies_up_when_there_is_much(repository: Repository) -> None:
    calls = os.path.join(repository.vestige.home, "calls")
    real = shutil.which("git", path=repository.vestige.variables["PATH"])
    program = repository.write(
        os.path.join(repository.vestige.home, "bin", "git"),
        f'#!/bin/sh\necho "$1" >> {calls}\nexec {real} "$@"\n',
        mode=0o755,
    )
    watched = repository.with_variables(
        PATH=os.pathsep.join([os.path.dirname(program), repository.vestige.variables["PATH"]])
    )
    watched.committed("echo new > out")
    assert "maintenance" not in repository.read(calls)
    for number in range(27):
        repository.write(f".git/objects/17/{number:038x}")
    watched.sh("echo newer > out")
    assert "maintenance" in repository.read(calls)


def test_the_programs_that_a_commit_takes(repository: Repository) -> None:
    """Each costs milliseconds: none more without a reason."""
    calls = os.path.join(repository.vestige.home, "calls")
    real = shutil.which("git", path=repository.vestige.variables["PATH"])
    program = repository.write(
        os.path.join(repository.vestige.home, "bin", "git"),
        f'#!/bin/sh\necho "$@" >> {calls}\nexec {real} "$@"\n',
        mode=0o755,
    )
    path = os.pathsep.join([os.path.dirname(program), repository.vestige.variables["PATH"]])
    repository.with_variables(PATH=path).sh("cat in > out")
    found = [line.removeprefix("-c core.fsmonitor=false ").split()[0] for line in repository.read(calls).splitlines()]
    assert len(found) <= 12, found
