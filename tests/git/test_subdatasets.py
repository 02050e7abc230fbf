"""`vestige run --commit` across submodules: one commit in each, the innermost first, as DataLad saves subdatasets."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness import datasets, repositories
from harness.datasets import Dataset, Templates
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")

NOT_COMMITTED = 123
NOT_STARTED = 125
INNER = ("sub", "sub/subsub", "plain/deep")
needs_datalad = pytest.mark.needs("git-annex", "datalad")


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(os.fspath(tmp_path_factory.mktemp("datasets")))


@pytest.fixture
def dataset(templates: Templates, vestige: Vestige) -> Dataset:
    """Give a dataset with the subdatasets of `INNER`."""
    return templates.copy("nested", datasets.nested, vestige)


@pytest.fixture
def clone(dataset: Dataset) -> Dataset:
    """Give a clone in which no subdataset is installed."""
    folder = os.path.join(dataset.vestige.home, "clone")
    dataset.git("clone", "--quiet", ".", folder)
    return dataset.at(folder)


@pytest.fixture
def modules(repository: Repository) -> Repository:
    """Give a repository of plain Git with the submodule `sub`, and `sub/deep` in that."""
    home = repository.vestige.home
    for name in ("deep", "sub"):
        source = repository.at(os.path.join(home, f"{name}.source"))
        os.mkdir(source.top)
        source.git("init", "--quiet")
        source.write("in", f"{name}\n")
        source.write("old", "old\n")
        source.save()
        if name == "sub":
            source.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"{home}/deep.source", "deep")
            source.save()
    words = ("-c", "protocol.file.allow=always", "submodule", "--quiet")
    repository.git(*words, "add", f"{home}/sub.source", "sub")
    repository.git(*words, "update", "--init", "--recursive")
    repository.save()
    return repository


def heads(repository: Repository, *names: str) -> dict[str, str]:
    """Return the commits of a repository, whose name is `.`, and of its submodules."""
    return {name: repository.at(name).git("rev-parse", "HEAD") for name in (".", *names)}


def gitlink(repository: Repository, name: str) -> str:
    return repository.git("rev-parse", f"HEAD:{name}")


def assert_linked(repository: Repository, *names: str) -> None:
    """Each repository has recorded where its submodules stand, and nothing is left to commit anywhere."""
    for name in names:
        above = max((other for other in (".", *names) if name.startswith(f"{other}/")), key=len, default=".")
        link = gitlink(repository.at(above), os.path.relpath(name, above))
        assert link == repository.at(name).git("rev-parse", "HEAD"), name
    for name in (".", *names):
        assert repository.at(name).state().status == (), name
        repository.at(name).assert_whole()


class TestPlainSubmodules:
    def test_one_commit_in_each(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        made = modules.committed(
            "cat sub/in in > sub/out; echo more >> sub/deep/in; rm sub/deep/old; echo x > out", "-m", "all"
        )
        assert made.files == {"out": "A", "sub": "M"}
        sub, deep = modules.at("sub").commit(), modules.at("sub/deep").commit()
        assert (sub.files, deep.files) == ({"out": "A", "deep": "M"}, {"in": "M", "old": "D"})
        assert (sub.parents, deep.parents) == ((before["sub"],), (before["sub/deep"],))
        assert made.message == sub.message == deep.message
        assert set(made.run.record.inputs) == {"in", "sub/in"}
        assert set(made.run.record.outputs) == {"out", "sub/out", "sub/deep/in"}
        assert set(made.vestige["inputs"]) == {"in", "sub/in", "sub/deep/old"}
        assert made.vestige["inputs"]["sub/in"] == f"git:{modules.at('sub').git('rev-parse', 'HEAD:in')}"
        assert modules.outcome["files"] == 6
        assert_linked(modules, "sub", "sub/deep")

    def test_in_the_innermost_alone(self, modules: Repository) -> None:
        made = modules.committed("echo new > sub/deep/out")
        assert made.files == {"sub": "M"}
        assert modules.at("sub").commit().files == {"deep": "M"}
        assert modules.at("sub/deep").commit().files == {"out": "A"}
        assert_linked(modules, "sub", "sub/deep")

    def test_only_read(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        made = modules.committed("cat sub/in sub/deep/in > out")
        assert made.files == {"out": "A"}
        assert set(made.run.record.inputs) == {"sub/in", "sub/deep/in"}
        after = heads(modules, "sub", "sub/deep")
        assert (after["sub"], after["sub/deep"]) == (before["sub"], before["sub/deep"])

    def test_a_head_that_is_on_no_branch_stays_so(self, modules: Repository) -> None:
        modules.at("sub").git("checkout", "--quiet", "--detach")
        modules.committed("echo new > sub/out")
        assert modules.at("sub").git("symbolic-ref", "-q", "HEAD", fails=True) == ""
        assert_linked(modules, "sub", "sub/deep")

    def test_the_branch_that_is_checked_out_is_moved(self, modules: Repository) -> None:
        modules.at("sub").git("checkout", "--quiet", "-b", "work")
        modules.committed("echo new > sub/out")
        assert modules.at("sub").git("rev-parse", "work") == gitlink(modules, "sub")
        assert_linked(modules, "sub", "sub/deep")

    def test_from_inside_the_submodule_is_the_repository(self, modules: Repository) -> None:
        before = heads(modules)
        sub = modules.at("sub")
        made = sub.committed("cat in ../in > out; echo outside > ../out; echo d > deep/out")
        assert made.files == {"out": "A", "deep": "M"}
        assert heads(modules) == before
        assert set(os.listdir(modules.top)) >= {"out"}
        done = sub.sh("echo new > ../out", "-o", "../out")
        assert done.returncode == NOT_STARTED
        assert b"outside of the repository" in done.stderr

    def test_what_else_is_staged_in_each_stays_so(self, modules: Repository) -> None:
        for name in (".", "sub"):
            modules.at(name).write("staged", "staged\n")
            modules.at(name).git("add", "staged")
            modules.at(name).write("in", "changed\n")
        before = {name: modules.at(name).state("out", "sub", "deep") for name in (".", "sub")}
        modules.committed("echo new > sub/out; echo new > out; echo new > sub/deep/out")
        for name in (".", "sub"):
            after = modules.at(name).state("out", "sub", "deep")
            assert (after.staged, after.unstaged, after.status) == (
                before[name].staged,
                before[name].unstaged,
                before[name].status,
            )

    def test_later_with_vestige_commit(self, modules: Repository) -> None:
        assert modules.vestige.run("sh", "-c", "echo new > sub/deep/out; echo x > out").returncode == 0
        assert modules.later().returncode == 0
        assert modules.commit().files == {"out": "A", "sub": "M"}
        assert_linked(modules, "sub", "sub/deep")

    def test_a_submodule_that_the_command_adds(self, modules: Repository) -> None:
        source = os.path.join(modules.vestige.home, "deep.source")
        made = modules.committed(
            f"git -c protocol.file.allow=always submodule --quiet add {source} more; echo new > more/out"
        )
        assert made.files == {".gitmodules": "M", "more": "A"}
        assert modules.at("more").commit().files == {"out": "A"}
        assert_linked(modules, "sub", "sub/deep", "more")

    def test_one_that_it_adds_and_leaves_as_it_is(self, modules: Repository) -> None:
        source = os.path.join(modules.vestige.home, "deep.source")
        made = modules.committed(f"git -c protocol.file.allow=always submodule --quiet add {source} more")
        assert made.files == {".gitmodules": "M", "more": "A"}
        assert_linked(modules, "sub", "sub/deep", "more")

    @pytest.mark.parametrize("how", ["rm -rf sub", "git rm -q sub"])
    def test_one_that_it_removes(self, modules: Repository, how: str) -> None:
        made = modules.committed(f"{how}; echo new > out")
        assert made.files == {"sub": "D", "out": "A"} | ({".gitmodules": "M"} if "git" in how else {})
        assert modules.left_out == {}
        assert modules.state().status == ()

    def test_one_that_it_moves(self, modules: Repository) -> None:
        made = modules.committed("git mv sub moved; echo new > moved/deep/out")
        assert made.files == {"sub": "D", "moved": "A", ".gitmodules": "M"}
        assert modules.at("moved/deep").commit().files == {"out": "A"}
        assert modules.left_out == {}
        assert_linked(modules, "moved", "moved/deep")

    def test_a_file_where_one_is_not_installed(self, modules: Repository) -> None:
        modules.git("submodule", "--quiet", "deinit", "--force", "sub")
        made = modules.committed("echo new > sub/out; echo new > out")
        assert made.files == {"out": "A"}
        assert modules.left_out == {"sub/out": "in the folder of a submodule that is not there"}

    def test_a_repository_that_is_no_submodule_is_left_out(self, modules: Repository) -> None:
        inner = modules.at("sub/other")
        os.mkdir(inner.top)
        inner.git("init", "--quiet")
        made = modules.committed("echo new > sub/other/out; echo new > sub/out")
        assert made.files == {"sub": "M"}
        assert modules.left_out == {"sub/other/out": "in another repository, sub/other, which is no submodule"}

    def test_a_merge_in_progress_somewhere_stops_all(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        modules.at("sub").write(modules.at("sub").git_path("MERGE_HEAD"), f"{before['sub']}\n")
        done = modules.sh("echo new > sub/out; echo new > sub/deep/out; echo new > out")
        assert done.returncode == NOT_COMMITTED
        assert "a merge is in progress" in modules.outcome["reason"]
        assert heads(modules, "sub", "sub/deep") == before
        for name in (".", "sub", "sub/deep"):
            modules.at(name).assert_whole()

    @pytest.mark.parametrize("level", [".", "sub", "sub/deep"])
    def test_a_hook_that_refuses_in_one_stops_all(self, modules: Repository, level: str) -> None:
        hook = install_hook(modules.at(level), "pre-commit", "exit 1")
        before = heads(modules, "sub", "sub/deep")
        assert modules.sh(IN_EACH).returncode == NOT_COMMITTED
        assert heads(modules, "sub", "sub/deep") == before
        for name in (".", "sub", "sub/deep"):
            modules.at(name).assert_whole()
        os.unlink(hook)
        assert modules.vestige.call("commit").returncode == 0
        assert_linked(modules, "sub", "sub/deep")

    @pytest.mark.parametrize("level", [".", "sub", "sub/deep"])
    def test_killed_before_all_is_prepared(self, modules: Repository, level: str) -> None:
        """Nothing has happened anywhere."""
        hook = install_hook(modules.at(level), "pre-commit", KILL)
        before = {name: modules.at(name).state() for name in (".", "sub", "sub/deep")}
        modules.sh(IN_EACH)
        assert modules.record["commit"] is None
        os.unlink(hook)
        assert modules.vestige.call("ls").returncode == 0
        for name, state in before.items():
            after = modules.at(name).state()
            assert (after.head, after.branch, after.staged) == (state.head, state.branch, state.staged)
            modules.at(name).assert_whole()
        assert modules.vestige.call("commit").returncode == 0
        assert modules.commit().files == {"out": "A", "sub": "M"}
        assert_linked(modules, "sub", "sub/deep")

    @pytest.mark.parametrize("level", [".", "sub", "sub/deep"])
    @pytest.mark.parametrize("there", [".", "sub"])
    def test_killed_when_some_have_moved(self, modules: Repository, level: str, there: str) -> None:
        """The next command there, and then the next one in the outermost repository, lets the others follow."""
        install_hook(modules.at(level), "reference-transaction", f'test "$1" != prepared || {KILL}')
        before = heads(modules, "sub", "sub/deep")
        modules.sh(IN_EACH)
        until(lambda: heads(modules, level)[level] != before[level], "git to end")
        hook_path = modules.at(level).git_path("hooks/reference-transaction")
        os.unlink(hook_path)
        moved = {name for name, head in heads(modules, "sub", "sub/deep").items() if head != before[name]}
        assert moved == {name for name in before if name == level or name.startswith(f"{level}/") or level == "."}
        until(lambda: modules.at(there).vestige.call("ls").returncode == 0 and is_whole(modules.at(there)), "the rest")
        assert modules.vestige.call("ls").returncode == 0
        assert_linked(modules, "sub", "sub/deep")
        assert modules.commit().files == {"out": "A", "sub": "M"}
        assert modules.at("sub").commit().files == {"out": "A", "deep": "M"}
        assert modules.record["commit"] is None
        made = heads(modules, "sub", "sub/deep")
        assert modules.vestige.call("commit").returncode == 0
        assert heads(modules, "sub", "sub/deep") == made
        assert modules.outcome["commit"] == made["."]


IN_EACH = "echo new > sub/out; echo new > sub/deep/out; echo new > out"
KILL = "kill -9 $(ps -o ppid= $PPID)"  # the process that has started the git that has started the hook


def install_hook(repository: Repository, name: str, script: str) -> str:
    """Install a hook, in a submodule as well, and return its path."""
    path = repository.git_path(f"hooks/{name}")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return repository.write(path, f"#!/bin/sh\n{script}\n", mode=0o755)


def is_whole(repository: Repository) -> bool:
    return repository.left_behind() == ["commit.lock"]


class TestCommandsThatCommit:
    """As DataLad 1.7: a merge wherever the command has committed, and in all repositories around it."""

    def merged(self, repository: Repository, before: dict[str, str], *names: str) -> None:
        """Check that exactly these have a merge of what was there before with what the command has made."""
        for name, commit in before.items():
            made = repository.at(name).commit()
            if name in names:
                assert made.parents[0] == commit, name
                assert len(made.parents) == 2, name
                assert made.run.record.cmd
            else:
                assert commit in (made.hash, *made.parents), name
                assert len(made.parents) < 2, name

    @pytest.mark.parametrize("left", ["", "; echo left > left"])
    def test_in_a_submodule_alone(self, modules: Repository, left: str) -> None:
        before = heads(modules, "sub", "sub/deep")
        script = f"cd sub && echo new > out && git add out && git commit --quiet --message inner{left}"
        assert modules.sh(script).returncode == 0
        self.merged(modules, before, ".", "sub")
        assert modules.commit().files == {"sub": "M"}
        assert modules.at("sub").commit().files == {"out": "A"} | ({"left": "A"} if left else {})
        subjects = modules.at("sub").git("log", "--format=%s", f"{before['sub']}..HEAD^2").splitlines()
        assert subjects == [*(["Remaining changes after command execution"] if left else []), "inner"]
        assert_linked(modules, "sub", "sub/deep")

    def test_in_both(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        script = "echo n > n; git add n; git commit -qm outer; cd sub; echo n > n; git add n; git commit -qm inner"
        assert modules.sh(script).returncode == 0
        self.merged(modules, before, ".", "sub")
        assert modules.commit().files == {"n": "A", "sub": "M"}
        assert_linked(modules, "sub", "sub/deep")

    def test_in_the_innermost_of_three(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        assert modules.sh("cd sub/deep; git rm -q old; git commit -qm inner; rm in").returncode == 0
        self.merged(modules, before, ".", "sub", "sub/deep")
        assert modules.at("sub/deep").commit().files == {"in": "D", "old": "D"}
        assert_linked(modules, "sub", "sub/deep")

    def test_in_the_outermost_alone(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        assert modules.sh("echo n > n; git add n; git commit -qm outer; echo new > sub/out").returncode == 0
        self.merged(modules, before, ".")
        assert modules.at("sub").commit().files == {"out": "A"}
        assert_linked(modules, "sub", "sub/deep")

    def test_without_a_file(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        assert modules.sh("git -C sub commit -q --allow-empty -m inner").returncode == 0
        self.merged(modules, before, ".", "sub")
        assert_linked(modules, "sub", "sub/deep")

    def test_with_the_pointer_moved_by_the_command_itself(self, modules: Repository) -> None:
        before = heads(modules, "sub", "sub/deep")
        script = "(cd sub; echo n > n; git add n; git commit -qm inner); git add sub; git commit -qm outer"
        assert modules.sh(script).returncode == 0
        self.merged(modules, before, ".", "sub")
        assert_linked(modules, "sub", "sub/deep")

    def test_another_version_checked_out_is_no_commit_in_there(self, modules: Repository) -> None:
        """Nothing but the pointer moves."""
        before = heads(modules, "sub", "sub/deep")
        modules.at("sub").write("in", "next\n")
        modules.at("sub").save()
        modules.save()
        made = modules.committed("git -C sub checkout --quiet HEAD~")
        assert made.files == {"sub": "M"}
        assert gitlink(modules, "sub") == before["sub"]
        assert_linked(modules, "sub", "sub/deep")

    @pytest.mark.parametrize(
        "how",
        [
            "commit --quiet --amend --message other",
            "reset --quiet --hard HEAD~ && git -C sub commit --quiet --allow-empty --message other",
        ],
    )
    def test_a_history_that_was_rewritten_stops_all(self, modules: Repository, how: str) -> None:
        before = heads(modules, "sub/deep")
        done = modules.sh(f"echo new > out; echo new > sub/deep/out; git -C sub {how} 2>&1")
        assert done.returncode == NOT_COMMITTED
        assert "the command rewrote the history of `main` in sub" in modules.outcome["reason"]
        assert heads(modules, "sub/deep") == before

    def test_commits_of_somebody_else_are_no_merge(self, modules: Repository) -> None:
        modules.at("sub").write("mine", "x\n")
        modules.at("sub").save()
        made = modules.committed("echo new > sub/out")
        assert made.files == {"sub": "M"}
        assert len(modules.at("sub").commit().parents) == 1
        assert_linked(modules, "sub", "sub/deep")


@needs_datalad
class TestSubdatasets:
    def assert_sound(self, dataset: Dataset, *names: str) -> None:
        assert "nothing to save" in dataset.datalad("status", "--recursive")
        for name in (".", *names):
            dataset.at(name).annex("fsck", "--quiet")
        assert_linked(dataset, *names)

    def test_one_commit_in_each(self, dataset: Dataset) -> None:
        made = dataset.committed(
            "cat sub/in in > sub/out; echo x > sub/subsub/out; cat plain/deep/folder/* > plain/deep/out"
        )
        assert made.files == {"sub": "M", "plain/deep": "M"}
        for name in INNER:
            inner = dataset.at(name)
            assert inner.mode("out") == "120000"
            assert inner.is_locked("out")
            assert inner.commit().message == made.message
        assert made.run.record.dsid == dataset.git("config", "-f", ".datalad/config", "datalad.dataset.id")
        inputs = {"in": dataset, "sub/in": dataset.at("sub"), "plain/deep/folder/one": dataset.at("plain/deep")}
        for path, inner in inputs.items():
            key = inner.key(os.path.relpath(dataset.path(path), inner.top))
            assert made.vestige["inputs"][path] == f"annex:{key}"
        self.assert_sound(dataset, *INNER)

    def test_datalad_runs_it_again(self, dataset: Dataset) -> None:
        made = dataset.committed("cat sub/in >> sub/folder/one; cp in sub/subsub/out", "-o", "sub/folder/one")
        assert set(made.run.record.outputs) == {"sub/folder/one", "sub/subsub/out"}
        dataset.datalad("rerun")
        assert dataset.at("sub").read("folder/one") == "one\nin\nin\n"
        assert f'"{made.hash}"' in dataset.git("log", "--format=%B", "-1")
        self.assert_sound(dataset, *INNER)

    def test_vestige_runs_it_again(self, dataset: Dataset) -> None:
        made = dataset.committed("cat sub/in >> sub/folder/one; cp in sub/subsub/out", "-o", "sub/folder/one")
        done = dataset.at("plain").vestige.call("rerun", "--yes")
        assert done.returncode == 0, done
        assert dataset.at("sub").read("folder/one") == "one\nin\nin\n"
        again = dataset.commit()
        assert again.files == {"sub": "M"}
        assert again.run.record.chain == (made.hash,)
        assert dataset.at("sub").commit().files == {"folder/one": "M"}
        self.assert_sound(dataset, *INNER)

    def test_empty_folders_as_outputs(self, dataset: Dataset) -> None:
        dataset.uncommitted("mkdir -p empty/inside sub/empty", "-o", "empty", "-o", "sub/empty")

    def test_outputs_in_a_subdataset_are_made_writable(self, dataset: Dataset) -> None:
        dataset.at("sub").drop("folder/two")
        script = "test -w sub/in; test ! -L sub/folder/two; echo more >> sub/in; test -w sub/subsub/folder/one"
        dataset.committed(script, "-o", "sub/in", "-o", "sub/folder/two", "-o", "sub/subsub/folder")
        assert dataset.at("sub").commit().files == {"in": "M", "folder/two": "D"}
        self.assert_sound(dataset, *INNER)

    def test_a_folder_ends_where_a_subdataset_begins(self, dataset: Dataset) -> None:
        dataset.uncommitted("test -w in; test -L sub/in; test -L sub/subsub/in", "-o", ".")
        self.assert_sound(dataset, *INNER)

    def test_a_command_that_saves(self, dataset: Dataset) -> None:
        before = heads(dataset, *INNER)
        script = "cd sub/subsub; echo new > out; datalad save >&2; echo left > left"
        assert dataset.sh(script, stderr=subprocess.DEVNULL).returncode == 0
        for name in (".", "sub", "sub/subsub"):
            assert dataset.at(name).commit().parents[0] == before[name]
            assert len(dataset.at(name).commit().parents) == 2
        assert dataset.at("sub/subsub").commit().files == {"out": "A", "left": "A"}
        self.assert_sound(dataset, *INNER)

    @pytest.mark.needs("root")
    def test_as_root_through_the_link_of_a_locked_file(self, dataset: Dataset) -> None:
        dataset.committed("echo more >> sub/in")
        assert dataset.at("sub").commit().files == {"in": "M"}
        ((path, reason),) = dataset.left_out.items()
        assert path.startswith("sub/.git/annex/objects/")
        assert "overwritten through" in reason
        self.assert_sound(dataset, *INNER)

    def test_a_subdataset_on_an_adjusted_branch(self, dataset: Dataset) -> None:
        sub = dataset.at("sub")
        sub.annex("adjust", "--unlock", "--quiet")
        made = dataset.committed("echo more >> sub/in; echo new > sub/out; echo new > out")
        assert made.files == {"sub": "M", "out": "A"}
        assert gitlink(dataset, "sub") == sub.git("rev-parse", "main") == sub.git("rev-parse", "HEAD~")
        assert sub.commit("main").files == {"in": "M", "out": "A"}
        assert sub.mode("out", "main") == "120000"
        assert "nothing to save" in dataset.datalad("status", "--recursive")


@needs_datalad
class TestInstalling:
    def test_on_the_way_to_an_input(self, dataset: Dataset, clone: Dataset) -> None:
        made = clone.committed("cat sub/subsub/in > out", "-i", "sub/subsub/in")
        assert made.files == {"out": "A"}
        assert made.run.record.inputs == ("sub/subsub/in",)
        assert not os.path.lexists(clone.path("plain/deep/.git"))
        for name in ("sub", "sub/subsub"):
            assert clone.at(name).git("symbolic-ref", "HEAD") == "refs/heads/main"
            assert clone.at(name).git("rev-parse", "HEAD") == dataset.at(name).git("rev-parse", "HEAD")
        assert clone.at("sub/subsub").is_locked("in")
        assert not clone.at("sub").is_locked("in")

    @pytest.mark.parametrize("glob", ["s*/fold*/o*", "sub/*/one", "*/folder/one", "sub/folder/**"])
    def test_for_what_a_glob_may_match_in_there(self, clone: Dataset, glob: str) -> None:
        made = clone.committed("cat sub/folder/one > out", "-i", glob)
        assert made.run.record.inputs == (glob,)
        assert clone.at("sub").is_locked("folder/one")

    def test_a_whole_one(self, clone: Dataset) -> None:
        clone.committed("cat sub/in sub/folder/* > out", "-i", "sub")
        assert all(clone.at("sub").is_locked(name) for name in ("in", "folder/one", "folder/two"))
        assert not os.path.lexists(clone.path("sub/subsub/.git"))

    def test_for_an_output(self, clone: Dataset) -> None:
        made = clone.committed("test -d plain/deep/folder; echo new > plain/deep/out", "-o", "plain/deep/out")
        assert made.files == {"plain/deep": "M"}
        deep = clone.at("plain/deep")
        assert deep.is_locked("out")  # git-annex is in use there as well
        assert deep.git("symbolic-ref", "HEAD") == "refs/heads/main"
        assert gitlink(clone, "plain/deep") == deep.git("rev-parse", "HEAD")
        assert "nothing to save" in clone.datalad("status", "--recursive")

    def test_from_a_folder(self, clone: Dataset) -> None:
        clone.at("plain").committed("cat deep/in ../sub/in > ../out", "-i", "deep/i?", "-i", "../sub/in")
        assert clone.read("out") == "in\nin\n"

    def test_one_that_can_not_be_had(self, dataset: Dataset, clone: Dataset) -> None:
        os.rename(dataset.path("sub"), dataset.path("elsewhere"))
        done = clone.sh("echo new > out", "-i", "sub/in")
        assert done.returncode == NOT_STARTED
        (line,) = done.stderr.decode().splitlines()
        assert line.startswith("vestige: the submodule `sub` can't be installed in ")
        assert not os.path.lexists(clone.path("out"))

    def test_a_commit_that_no_branch_has_any_more(self, dataset: Dataset, clone: Dataset) -> None:
        dataset.at("sub").git("commit", "--quiet", "--amend", "--message", "other")
        clone.committed("cat sub/in > out", "-i", "sub/in")
        assert clone.at("sub").git("symbolic-ref", "-q", "HEAD", fails=True) == ""

    def test_none_is_installed_for_a_look(self, clone: Dataset) -> None:
        clone.sh("true", "-i", "sub/in", "-o", "sub/in", "--dry-run", "basic")
        assert os.listdir(clone.path("sub")) == []

    def test_plain_git_does_without_git_annex(self, modules: Repository) -> None:
        folder = os.path.join(modules.vestige.home, "clone")
        modules.git("clone", "--quiet", ".", folder)
        clone = modules.at(folder)
        made = clone.committed("cat sub/deep/in > out", "-i", "sub/deep/*")
        assert made.run.record.inputs == ("sub/deep/*",)
        assert repositories.Repository(clone.vestige).read("out") == "deep\n"

    def test_what_the_user_says_of_protocols_holds(self, clone: Dataset) -> None:
        clone.git("config", "protocol.file.allow", "never")
        done = clone.sh("true", "-i", "sub/in")
        assert done.returncode == NOT_STARTED
        assert b"transport 'file' not allowed" in done.stderr
