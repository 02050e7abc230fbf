"""`vestige run --commit` in datasets of git-annex and DataLad: what comes of it is what DataLad would have made."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness import datasets, places, repositories
from harness.datasets import Dataset, Templates

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.command import Vestige

    Make = Callable[[Dataset], None]

pytestmark = pytest.mark.needs("recorder", "git", "git-annex", "datalad")

NOT_COMMITTED = 123
NOT_STARTED = 125


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(os.fspath(tmp_path_factory.mktemp("datasets")))


@pytest.fixture
def dataset(templates: Templates, vestige: Vestige) -> Dataset:
    return templates.copy("datalad", datasets.datalad, vestige)


@pytest.fixture
def clone(dataset: Dataset) -> Dataset:
    """Give a clone without any content."""
    dataset.git("clone", "--quiet", ".", os.path.join(dataset.vestige.home, "clone"))
    return dataset.at(os.path.join(dataset.vestige.home, "clone"))


def adjusted(dataset: Dataset) -> None:
    dataset.annex("adjust", "--unlock", "--quiet")


def adding_unlocked(dataset: Dataset) -> None:
    dataset.git("config", "annex.addunlocked", "true")


def by_config(dataset: Dataset) -> None:
    dataset.git("config", "annex.largefiles", "largerthan=5b and not include=*.txt")


def by_attributes(dataset: Dataset) -> None:
    dataset.write(".gitattributes", "* annex.largefiles=(largerthan=5b)\n*.dat annex.largefiles=anything\n")
    dataset.datalad("save", "--message", "rules")


def as_it_is(_: Dataset) -> None:
    pass


KINDS: dict[
    str, tuple[Make, Make]
] = {  # how it is made, and what is done to each copy: inodes matter to unlocked files
    "datalad": (datasets.datalad, as_it_is),
    "text2git": (datasets.text2git, as_it_is),
    "plain git-annex": (datasets.plain, as_it_is),
    "adjusted": (datasets.datalad, adjusted),
    "unlocked": (datasets.datalad, adding_unlocked),
    "rules in the config": (datasets.datalad, by_config),
    "rules in attributes": (datasets.datalad, by_attributes),
}


def of_kind(kind: str, templates: Templates, vestige: Vestige) -> Dataset:
    make, change = KINDS[kind]
    dataset = templates.copy(make.__name__, make, vestige)
    change(dataset)
    return dataset


class TestWhatIsAnnexed:
    SCRIPT = r"""
        echo text > text; echo text > text.txt; printf '\0\1\2' > binary; printf '\0\1\2\3\4\5' > binary.txt
        : > empty; : > .hidden; echo dot > .dotfile; mkdir -p .dots/deep new; echo dot > .dots/deep/file; echo n > new/n
        printf '\377\376a\0' > new/utf16; printf 'caf\351\n' > latin1; printf 'caf\303\251\n' > utf8
        printf 'a\001b' > control; echo run > program; chmod +x program; echo text > x.dat; ln -s in link
        ln -s nowhere lost; echo pass > new.py; cp in same; printf 'long line, no line feed' > long
        printf '%%PDF-1.4\n' > pdf; printf '\357\273\277bom\n' > bom; printf '\033[31mred\n' > colour; printf x > one
        printf '\n' > feed; printf '{"a": 1}\n' > json; seq 300000 > large; seq 100000 > numbers
        rm folder/two; mv folder/one folder/three
        printf 'é' > 'ä name'; printf x > ':(top)y'; printf x > '-z'
    """

    @pytest.mark.parametrize("kind", KINDS)
    def test_as_datalad_saves_it(self, templates: Templates, vestige: Vestige, kind: str) -> None:
        dataset = of_kind(kind, templates, vestige)
        twin = dataset.at(os.path.join(vestige.home, "twin"))
        shutil.copytree(dataset.top, twin.top, symlinks=True)
        twin.call("sh", "-c", self.SCRIPT)
        if kind == "plain git-annex":
            twin.annex("add", "--quiet", ".")
            twin.git("add", "--all")
            twin.git("commit", "--quiet", "--message", "by hand")
        else:
            twin.datalad("save", "--message", "by hand")
        done = dataset.sh(self.SCRIPT)
        assert (done.returncode, done.stderr) == (0, b"")
        assert dataset.outcome["left_out"] == []
        trees = [each.git("ls-tree", "-r", "-z", "HEAD").split("\0") for each in (dataset, twin)]
        if kind in ("adjusted", "unlocked"):  # git-annex before 10.2024 forgets that an unlocked file is a program
            trees = [[line.replace("100755", "100644") for line in tree] for tree in trees]
        assert trees[0] == trees[1]
        assert dataset.files() == twin.files()
        if kind != "plain git-annex":
            dataset.assert_sound()

    def test_an_ignored_output_that_is_declared(self, dataset: Dataset) -> None:
        dataset.write(".gitignore", "*.log\n")
        dataset.datalad("save")
        made = dataset.committed("echo log > a.log; echo log > b.log", "-o", "a.log")
        assert made.files == {"a.log": "A"}
        assert dataset.key("a.log")
        assert set(dataset.left_out) == {"b.log"}
        dataset.assert_sound()

    @pytest.mark.parametrize("kind", ["datalad", "text2git", "adjusted"])
    def test_never_the_sidecar(self, templates: Templates, vestige: Vestige, kind: str) -> None:
        dataset = of_kind(kind, templates, vestige)
        assert dataset.sh("echo new > out", "--sidecar", "yes").returncode == 0
        (sidecar,) = os.listdir(dataset.path(".datalad/runinfo"))
        assert dataset.mode(f".datalad/runinfo/{sidecar}") == "100644"
        assert dataset.key(f".datalad/runinfo/{sidecar}") is None
        assert not os.path.islink(dataset.path(".datalad/runinfo", sidecar))
        dataset.assert_sound()

    def test_a_link_that_was_moved_to_another_folder(self, dataset: Dataset) -> None:
        made = dataset.committed("mkdir -p a/b; mv in a/b/in")
        assert made.files == {"in": "D", "a/b/in": "A"}
        assert dataset.is_locked("a/b/in")
        assert dataset.read("a/b/in") == "in\n"
        dataset.assert_sound()

    def test_a_file_of_git_that_is_written_again_as_it_was(self, dataset: Dataset) -> None:
        """It was put into Git by hand: the rules would annex it, but nothing has changed."""
        dataset.write("byhand", "by hand\n")
        dataset.datalad("save", "--to-git")
        dataset.uncommitted("cat byhand > x; cat x > byhand; rm x")
        assert dataset.key("byhand") is None
        dataset.assert_sound()

    def test_a_file_committed_unlocked(self, dataset: Dataset) -> None:
        dataset.annex("unlock", "--quiet", "in")
        dataset.git("commit", "--quiet", "--all", "--message", "unlocked")
        assert dataset.mode("in") == "100644"
        dataset.uncommitted("cat in > x; cat x > in; rm x", "-o", "folder")
        made = dataset.committed("cat in > out")
        assert made.vestige["inputs"]["in"] == f"annex:{dataset.key('in')}"
        before = dataset.key("in")
        made = dataset.committed("echo more >> in")
        assert made.files == {"in": "T"}  # `git annex add` locks what was modified
        assert dataset.key("in") != before
        dataset.assert_sound()


class TestInputs:
    def test_by_name_and_key(self, dataset: Dataset) -> None:
        made = dataset.at("folder").committed("cat one ../in ../code.py > ../out")
        assert set(made.run.record.inputs) == {"one", "../in", "../code.py"}
        assert made.run.record.outputs == ("../out",)
        code = dataset.git("rev-parse", "HEAD:code.py")
        expected = {name: f"annex:{dataset.key(name)}" for name in ("in", "folder/one")}
        assert made.vestige["inputs"] == expected | {"code.py": f"git:{code}"}
        assert dataset.outcome["uncommitted"] == []
        dataset.assert_sound()

    def test_the_dataset_is_named(self, dataset: Dataset) -> None:
        made = dataset.committed("cat in > out")
        assert made.run.record.dsid == dataset.git("config", "-f", ".datalad/config", "datalad.dataset.id")

    def test_through_links_of_the_user(self, dataset: Dataset) -> None:
        os.symlink("folder", dataset.path("other"))
        os.symlink("other/one", dataset.path("current"))
        dataset.datalad("save")
        os.symlink(dataset.top, os.path.join(dataset.vestige.home, "elsewhere"))
        made = dataset.committed(f"cat current {dataset.vestige.home}/elsewhere/in > out")
        assert set(made.run.record.inputs) == {"folder/one", "in"}
        assert set(made.vestige["inputs"]) == {"folder/one", "in"}

    @pytest.mark.parametrize(
        "how", ["sort list > x; mv x list", "sort -o list list", "cat list > x; rm list; cat x x > list; rm x"]
    )
    def test_replaced_by_what_was_made_of_it(self, dataset: Dataset, how: str) -> None:
        dataset.write("list", "b\na\n")
        dataset.datalad("save")
        before = dataset.key("list")
        made = dataset.committed(how, *(("-o", "list") if "-o" in how else ()))
        assert made.files == {"list": "M"}
        assert made.vestige["inputs"] == {"list": f"annex:{before}"}
        assert made.run.record.inputs == ("list",)
        assert dataset.outcome["uncommitted"] == []
        assert dataset.is_locked("list")
        dataset.assert_sound()

    def test_one_content_under_two_names(self, dataset: Dataset) -> None:
        dataset.write("twin", "in\n")
        dataset.datalad("save")
        made = dataset.committed("cat in twin > out")
        assert made.vestige["inputs"] == {name: f"annex:{dataset.key('in')}" for name in ("in", "twin")}
        made = dataset.committed("cat twin > out2")
        assert made.run.record.inputs == ("twin",)

    def test_the_declared_output_that_is_only_read(self, dataset: Dataset) -> None:
        made = dataset.committed("cat in > out", "-o", "in", "--strict")
        assert made.files == {"out": "A"}
        assert made.vestige["inputs"] == {"in": f"annex:{dataset.key('in')}"}
        assert dataset.outcome["uncommitted"] == []
        assert dataset.is_locked("in")
        dataset.assert_sound()

    def test_what_is_not_committed_is_said(self, dataset: Dataset) -> None:
        dataset.annex("unlock", "--quiet", "in")
        dataset.git("reset", "--quiet")
        dataset.write("in", "changed\n")
        made = dataset.committed("cat in > out")
        assert made.files == {"out": "A"}
        assert dataset.outcome["uncommitted"] == ["in"]


class TestWhereFilesComeFrom:
    def test_by_their_names_in_the_work_tree(self, dataset: Dataset) -> None:
        dataset.committed("cat in in > twice")
        dataset.committed("cat twice in > thrice")
        first, last = (path[-8:] for path in dataset.runs())
        assert self.tree(dataset, "why", "thrice") == ["thrice  9 B", last, "twice  6 B", first, "in  3 B", "in  3 B"]
        assert self.tree(dataset, "used-by", "twice") == ["twice  6 B", last, "thrice  9 B"]

    @staticmethod
    def tree(dataset: Dataset, *words: str) -> list[str]:
        """Return files as they stand there, and runs by their ids."""
        lines = dataset.call(dataset.vestige.executable, *words).splitlines()
        bare = [line.lstrip(" │├└─") for line in lines]
        return [line.partition("  sh -c ")[0] for line in bare]


ODD_NAMES = ("two words", "-z", ":(top)in", "*", "ä", "a\nb", '"q"', "[in]", "{x}", "odd\udcff")


class TestGet:
    def test_files_folders_globs(self, clone: Dataset) -> None:
        made = clone.committed("cat in > out", "-i", "in")
        assert made.files == {"out": "A"}
        assert [clone.is_locked(name) for name in ("in", "folder/one", "folder/two")] == [True, False, False]
        clone.committed("cat folder/*e > out2", "-i", "folder/on*")
        assert [clone.is_locked(name) for name in ("folder/one", "folder/two")] == [True, False]
        clone.committed("cat folder/* > out3", "-i", "folder")
        assert clone.is_locked("folder/two")
        clone.drop("in", "folder")
        clone.at("folder").committed("cat ../in one > ../out4", "-i", "../in", "-i", ".")
        assert [clone.is_locked(name) for name in ("in", "folder/one", "folder/two")] == [True] * 3

    def test_the_whole_of_a_dataset(self, clone: Dataset) -> None:
        clone.committed("cat in folder/* > out", "-i", ".")
        assert all(clone.is_locked(name) for name in ("in", "folder/one", "folder/two"))

    def test_behind_a_link(self, clone: Dataset) -> None:
        os.symlink("folder/one", clone.path("current"))
        clone.git("add", "current")
        clone.git("commit", "--quiet", "--message", "link")
        made = clone.committed("cat current > out", "-i", "current")
        assert made.run.record.inputs == ("current", "folder/one")

    def test_names_of_any_bytes(self, dataset: Dataset) -> None:
        for name in ODD_NAMES:
            dataset.write(name, f"{name}\n")
        dataset.annex("add", "--quiet", ".")
        dataset.git("commit", "--quiet", "--message", "odd")
        dataset.git("clone", "--quiet", ".", os.path.join(dataset.vestige.home, "clone"))
        clone = dataset.at(os.path.join(dataset.vestige.home, "clone"))
        globs = [name.translate({ord(char): f"[{char}]" for char in "*[{"}) for name in ODD_NAMES]
        words = tuple(word for name in globs for word in ("-i", f"./{name}" if name.startswith("-") else name))
        done = clone.run(
            "sh", "-c", 'for n in * ./-z; do [ -d "$n" ] || test -r "$n" || test "$n" = in; done', options=words
        )
        assert done.returncode == 0, done.stderr
        assert all(clone.is_locked(name) for name in ODD_NAMES)

    def test_an_unlocked_file(self, dataset: Dataset) -> None:
        dataset.annex("unlock", "--quiet", "in", "folder")
        dataset.git("commit", "--quiet", "--all", "--message", "unlocked")
        dataset.git("clone", "--quiet", ".", os.path.join(dataset.vestige.home, "clone"))
        clone = dataset.at(os.path.join(dataset.vestige.home, "clone"))
        assert "/annex/objects/" in clone.read("in")
        made = clone.committed("cat in folder/two > out", "-i", "in", "-i", "folder")
        assert clone.read("out") == "in\ntwo\n"
        assert made.vestige["inputs"]["in"] == f"annex:{clone.key('in')}"
        clone.assert_sound()

    def test_what_can_not_be_had(self, dataset: Dataset, clone: Dataset) -> None:
        dataset.drop("in", "folder/two")
        before = clone.state()
        done = clone.sh("echo new > out", "-i", "in", "-i", "folder")
        assert done.returncode == NOT_STARTED
        (line,) = done.stderr.decode().splitlines()
        assert line.startswith("vestige: the content of `in`, `folder/two` can't be had: ")
        assert line.endswith("; the command was not run")
        assert not os.path.exists(clone.path("out"))
        assert not os.path.exists(clone.path(".vestige", "runs"))
        assert clone.state().status == before.status

    def test_what_is_assumed_to_be_there(self, clone: Dataset) -> None:
        done = clone.sh("cat in > out", "-i", "in", "--assume-ready", "inputs")
        assert done.returncode == 1
        assert not clone.is_locked("in")

    def test_nothing_is_called_for_what_is_there(self, dataset: Dataset) -> None:
        calls = counted(dataset)
        dataset.with_variables(PATH=calls.path).committed("cat in folder/* > code2.py", "-i", ".", "-i", "in")
        assert calls.made() == []


class TestOutputs:
    def test_content_that_is_there_can_be_changed(self, dataset: Dataset) -> None:
        before = dataset.key("in")
        made = dataset.committed("test -w in; test ! -L in; echo more >> in", "-o", "in")
        assert made.files == {"in": "M"}
        assert dataset.read("in") == "in\nmore\n"
        assert dataset.mode("in") == "120000"
        assert dataset.annex("contentlocation", str(before))  # the version before is untouched
        assert dataset.git("show", "HEAD~:in").endswith(str(before))
        assert made.run.record.outputs == ("in",)
        dataset.assert_sound()

    def test_an_edit_in_place_has_the_version_before_as_input(self, dataset: Dataset) -> None:
        before = dataset.key("in")
        made = dataset.committed(
            "sed -i s/in/out/ in; cat folder/one; echo more >> folder/one", "-o", "in", "-o", "folder/*"
        )
        assert made.files == {"in": "M", "folder/one": "M"}
        assert made.vestige["inputs"]["in"] == f"annex:{before}"
        assert dataset.outcome["uncommitted"] == []
        dataset.assert_sound()

    def test_content_that_is_not_there_is_out_of_the_way(self, dataset: Dataset) -> None:
        dataset.drop("folder/one", "folder/two")
        made = dataset.committed(
            "test ! -L folder/one; test -d folder; echo new > folder/one", "-o", "folder/one", "-o", "folder/two"
        )
        assert made.files == {"folder/one": "M", "folder/two": "D"}
        dataset.assert_sound()

    @pytest.mark.parametrize("output", ["folder", ".", "folder/*"])
    def test_folders(self, dataset: Dataset, output: str) -> None:
        dataset.drop("folder/two")
        is_glob = output == "folder/*"
        script = f"test -w folder/one; test {'!' if is_glob else ''} -L folder/two; echo more >> folder/one"
        made = dataset.committed(script, "-o", output)
        assert made.files == {"folder/one": "M"} | ({"folder/two": "D"} if is_glob else {})
        assert dataset.is_locked("folder/one")
        assert dataset.is_locked("in")
        assert "nothing to save" in dataset.datalad("status")

    def test_unchanged_is_locked_again_without_a_trace(self, dataset: Dataset) -> None:
        before = dataset.state()
        dataset.uncommitted("cat in folder/one > /dev/null", "-o", "in", "-o", "folder")
        assert dataset.state() == before
        dataset.assert_sound()

    def test_written_again_as_it_was(self, dataset: Dataset) -> None:
        before = dataset.state()
        dataset.uncommitted("echo in > in", "-o", "in")
        assert dataset.state() == before
        dataset.assert_sound()

    def test_what_else_is_staged_stays_so(self, dataset: Dataset) -> None:
        dataset.write("staged", "staged\n")
        dataset.annex("add", "--quiet", "staged")
        dataset.annex("unlock", "--quiet", "folder/two")
        dataset.write("code.py", "changed\n")
        dataset.git("-c", "annex.gitaddtoannex=false", "add", "code.py")
        dataset.write("untracked", "untracked\n")
        before = dataset.state("in", "out")
        made = dataset.committed("echo more >> in; echo new > out", "-o", "in")
        assert made.files == {"in": "M", "out": "A"}
        after = dataset.state("in", "out")
        assert (after.staged, after.unstaged, after.status, after.files) == (
            before.staged,
            before.unstaged,
            before.status,
            before.files,
        )

    def test_after_a_failure_it_is_as_the_command_left_it(self, dataset: Dataset) -> None:
        assert dataset.sh("echo more >> in; exit 3", "-o", "in", "-o", "folder/one").returncode == 3
        assert dataset.outcome["status"] == "refused"
        assert dataset.git("diff", "--cached") == ""
        assert dataset.read("in") == "in\nmore\n"
        assert dataset.vestige.call("commit").returncode == 0
        assert dataset.commit().files == {"in": "M"}
        dataset.assert_sound()

    def test_explicit(self, dataset: Dataset) -> None:
        made = dataset.committed("echo a > a; echo b > b; echo more >> in", "--explicit", "-o", "in", "-o", "a")
        assert made.files == {"in": "M", "a": "A"}
        assert dataset.state().status == ("? b",)

    def test_a_long_list(self, dataset: Dataset) -> None:
        """More than one command line can hold, of files to unlock, to fetch and to add."""
        names = [f"many/{number:0100}" for number in range(1500)]
        for name in names:
            dataset.write(name, name)
        dataset.annex("add", "--quiet", ".")
        dataset.git("commit", "--quiet", "--message", "many")
        made = dataset.committed("for n in many/*; do echo x >> $n; done", "-o", "many/*")
        assert {path for path in made.files if path.startswith("many/")} == set(names)
        assert "nothing to save" in dataset.datalad("status")


class TestRerun:
    @pytest.mark.parametrize("kind", KINDS)
    def test_by_datalad(self, templates: Templates, vestige: Vestige, kind: str) -> None:
        dataset = of_kind(kind, templates, vestige)
        script = "cat in folder/* > out; sed -i s/a/b/ code.py; echo more > folder/two"
        assert dataset.sh(script, "-i", "in", "-o", "out", "-o", "folder/two").returncode == 0
        ours = str(dataset.outcome["commit"])
        assert dataset.outcome["status"] == "committed"
        (said,) = json.loads("[" + ",".join(dataset.datalad("-f", "json", "rerun", "--report").splitlines()) + "]")
        assert (said["action"], said["commit"]) == ("run", ours)
        dataset.datalad("rerun")
        assert dataset.git("rev-parse", "HEAD^{tree}") != dataset.git(
            "rev-parse", f"{ours}^{{tree}}"
        )  # two has changed in
        theirs = dataset.git("log", "--format=%B", "-1", "main")
        assert f'"{ours}"' in theirs
        if kind != "plain git-annex":
            dataset.assert_sound()

    def test_with_the_same_result(self, dataset: Dataset) -> None:
        made = dataset.committed("cat in > out", "-o", "out")
        dataset.datalad("rerun")
        assert dataset.git("rev-parse", "HEAD") == made.hash
        dataset.assert_sound()

    def test_by_vestige_in_a_clone(self, dataset: Dataset) -> None:
        made = dataset.committed("cat in folder/one > out; echo more >> folder/two", "-o", "folder/two")
        dataset.git("clone", "--quiet", ".", os.path.join(dataset.vestige.home, "clone"))
        clone = dataset.at(os.path.join(dataset.vestige.home, "clone"))
        done = clone.vestige.call("rerun", "--yes", made.hash)
        assert done.returncode == 0, done
        assert clone.is_locked("out")
        assert "nothing to save" in clone.datalad("status")

    def test_of_a_run_by_datalad(self, dataset: Dataset) -> None:
        dataset.datalad("run", "--input", "in", "--output", "folder/one", "cat in >> folder/one")
        done = dataset.vestige.call("rerun", "--yes")
        assert done.returncode == 0, done
        assert dataset.read("folder/one") == "one\nin\nin\n"
        dataset.assert_sound()


class TestAllOrNothing:
    def refused(self, dataset: Dataset) -> None:
        dataset.hook("commit-msg", "exit 1")
        done = dataset.sh("echo new > out; echo more >> in", "-o", "in")
        assert done.returncode == NOT_COMMITTED
        assert dataset.outcome["status"] == "failed"

    @pytest.mark.parametrize("kind", ["datalad", "unlocked"])
    def test_refused_after_git_annex_had_taken_it_in(self, templates: Templates, vestige: Vestige, kind: str) -> None:
        dataset = of_kind(kind, templates, vestige)
        dataset.write("staged", "x\n")
        dataset.annex("add", "--quiet", "staged")
        head, staged = dataset.git("rev-parse", "HEAD"), dataset.git("diff", "--cached")
        self.refused(dataset)
        assert dataset.git("rev-parse", "HEAD") == head
        assert dataset.git("diff", "--cached") == staged
        assert (dataset.read("out"), dataset.read("in")) == ("new\n", "in\nmore\n")
        dataset.assert_whole()
        os.unlink(dataset.path(".git/hooks/commit-msg"))
        assert dataset.vestige.call("commit").returncode == 0
        assert dataset.commit().files == {"out": "A", "in": "M"} | ({"in": "T"} if kind == "unlocked" else {})
        assert dataset.git("diff", "--cached") == staged

    def test_a_content_that_was_known_before(self, dataset: Dataset) -> None:
        """git-annex keeps one of both, and not the one that the run has written."""
        dataset.hook("commit-msg", "exit 1")
        assert dataset.sh("cat folder/one > out").returncode == NOT_COMMITTED
        os.unlink(dataset.path(".git/hooks/commit-msg"))
        assert dataset.vestige.call("commit").returncode == 0
        assert dataset.commit().files == {"out": "A"}
        dataset.assert_sound()

    def test_killed_after_git_annex_had_taken_it_in(self, dataset: Dataset) -> None:
        dataset.hook("commit-msg", "kill -9 $(ps -o ppid= $PPID)")
        dataset.sh("echo new > out; echo more >> in", "-o", "in")
        assert dataset.record["commit"] is None
        os.unlink(dataset.path(".git/hooks/commit-msg"))
        assert dataset.vestige.call("commit").returncode == 0
        assert dataset.commit().files == {"out": "A", "in": "M"}
        dataset.assert_sound()

    def test_what_somebody_has_changed_since(self, dataset: Dataset) -> None:
        self.refused(dataset)
        os.unlink(dataset.path(".git/hooks/commit-msg"))
        os.unlink(dataset.path("out"))
        dataset.write("out", "other\n")
        dataset.annex("add", "--quiet", "out")
        dataset.git("reset", "--quiet")
        assert dataset.vestige.call("commit").returncode == 0
        assert dataset.commit().files == {"in": "M"}
        assert dataset.left_out == {"out": "changed since the run ended"}

    def test_git_annex_that_says_no(self, dataset: Dataset) -> None:
        calls = counted(dataset, fails="add")
        before = dataset.git("rev-parse", "HEAD")
        done = dataset.with_variables(PATH=calls.path).sh("echo new > out")
        assert done.returncode == NOT_COMMITTED
        assert b"git-annex can't take in the outputs" in done.stderr
        assert dataset.git("rev-parse", "HEAD") == before
        dataset.assert_whole()


@dataclasses.dataclass
class Calls:
    """A folder with a `git-annex` in it that notes how it is called."""

    path: str
    log: str

    def made(self) -> list[str]:
        """Return the commands of git-annex that were called, those of Git's hooks and filters as well."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as file:
            return [line.strip() for line in file]


def counted(dataset: Dataset, *, fails: str = "") -> Calls:
    """Return a PATH whose git-annex notes its calls; the command `fails` says no."""
    folder = os.path.join(dataset.vestige.home, "counted")
    os.mkdir(folder)
    log = os.path.join(folder, "log")
    real = shutil.which("git-annex", path=dataset.vestige.variables["PATH"])
    script = f'#!/bin/sh\nfor word; do case $word in -*|*=*) ;; *) break ;; esac; done\necho "$word" >> {log}\n'
    if fails:
        script += f'test "$word" = {fails} && exit 1\n'
    path = os.path.join(folder, "git-annex")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{script}exec {real} "$@"\n')
    os.chmod(path, 0o755)  # noqa: S103 - a command
    return Calls(f"{folder}:{dataset.vestige.variables['PATH']}", log)


class TestCost:
    def test_one_call_for_all_that_is_annexed(self, dataset: Dataset) -> None:
        calls = counted(dataset)
        script = "echo new > out; echo new > out2; echo more >> in; echo code > more.py; rm folder/one"
        dataset.with_variables(PATH=calls.path).committed(script, "-o", "in", "-i", "folder/two")
        assert calls.made() == ["add"]

    def test_none_for_what_the_rules_leave_to_git(self, templates: Templates, vestige: Vestige) -> None:
        dataset = templates.copy("text2git", datasets.text2git, vestige)
        calls = counted(dataset)
        dataset.with_variables(PATH=calls.path).committed(
            "cat data in > /dev/null; seq 1000 > out; echo x >> in; : > e"
        )
        assert calls.made() == []
        dataset.assert_sound()

    def test_datasets_can_do_without_where_nothing_is_annexed(self, templates: Templates, vestige: Vestige) -> None:
        dataset = templates.copy("text2git", datasets.text2git, vestige)
        dataset.with_variables(PATH=without_git_annex(dataset)).committed("cat in > out")
        assert dataset.with_variables(PATH=without_git_annex(dataset)).sh("cat data > out2").returncode == NOT_COMMITTED
        assert "`git-annex`, which is not installed" in dataset.outcome["reason"]
        dataset.assert_whole()


def without_git_annex(dataset: repositories.Repository) -> str:
    """Return a PATH with all programs but those of git-annex."""
    folder = os.path.join(dataset.vestige.home, "bin")
    if not os.path.isdir(folder):
        os.mkdir(folder)
        for place in reversed(dataset.vestige.variables["PATH"].split(":")):
            for name in os.listdir(place) if os.path.isdir(place) else ():
                if not name.startswith("git-annex"):
                    path = os.path.join(folder, name)
                    if os.path.lexists(path):
                        os.unlink(path)
                    os.symlink(os.path.join(place, name), path)
    return folder


class TestAdjustedBranch:
    @pytest.fixture
    def dataset(self, templates: Templates, vestige: Vestige) -> Dataset:
        return of_kind("adjusted", templates, vestige)

    def test_the_commit_is_on_the_branch_itself_too(self, dataset: Dataset) -> None:
        assert dataset.sh("cat in > out; echo more >> folder/one").returncode == 0
        made = dataset.commit("main")
        assert made.files == {"out": "A", "folder/one": "M"}
        assert (dataset.outcome["commit"], dataset.outcome["branch"]) == (made.hash, "refs/heads/main")
        assert [dataset.mode(name, "main") for name in ("out", "folder/one")] == ["120000"] * 2
        assert [dataset.mode(name) for name in ("out", "folder/one")] == ["100644"] * 2
        assert dataset.git("rev-parse", "HEAD~") == made.hash
        assert dataset.git("symbolic-ref", "HEAD") == "refs/heads/adjusted/main(unlocked)"
        assert made.vestige["inputs"]["in"] == f"annex:{dataset.key('in')}"
        assert "synced/main" not in dataset.git("branch", "--all")
        dataset.assert_sound()

    def test_nothing_for_what_is_written_as_it_was(self, dataset: Dataset) -> None:
        dataset.uncommitted("echo in > in; cat folder/one > x; cat x > folder/one; rm x", "-o", "folder")
        dataset.assert_sound()

    @pytest.mark.parametrize("how", ["git annex add k; git commit -qm inner", "datalad save -m inner"])
    @pytest.mark.parametrize("left", ["", "; echo left > left"])
    def test_a_command_that_commits(self, dataset: Dataset, how: str, left: str) -> None:
        before = dataset.git("rev-parse", "main")
        assert dataset.sh(f"(echo k > k; {how}) >&2{left}", stderr=subprocess.DEVNULL).returncode == 0
        made = dataset.commit("main")
        assert made.files == {"k": "A"} | ({"left": "A"} if left else {})
        assert made.parents[0] == before
        assert len(made.parents) == 2
        assert dataset.outcome["commit"] == made.hash
        assert made.run.record.cmd
        dataset.assert_sound()
        assert dataset.sh("echo next > next").returncode == 0  # what was merged stays in the history
        assert dataset.git("merge-base", "--is-ancestor", made.hash, "main") == ""

    def test_the_commit_stays_where_it_is_if_git_annex_says_no(self, dataset: Dataset) -> None:
        calls = counted(dataset, fails="sync")
        done = dataset.with_variables(PATH=calls.path).sh("echo new > out")
        assert done.returncode == 0
        assert dataset.outcome["status"] == "committed"
        assert dataset.outcome["commit"] == dataset.git("rev-parse", "HEAD")
        assert "`git annex sync` could not bring the commit" in dataset.outcome["reason"]
        dataset.datalad("save")
        dataset.annex("sync", "--quiet", "--no-push", "--no-pull", "--no-content")
        assert dataset.commit("main").files == {"out": "A"}


@pytest.mark.needs("root")
class TestAsRoot:
    """No mode stops root from writing through the link of a locked file, into git-annex's store."""

    def test_what_is_appended_is_the_next_version(self, dataset: Dataset) -> None:
        before = str(dataset.key("in"))
        made = dataset.committed("echo more >> in")
        assert made.files == {"in": "M"}
        assert dataset.read("in") == "in\nmore\n"
        assert dataset.is_locked("in")
        ((path, reason),) = dataset.left_out.items()
        assert path.startswith(".git/annex/objects/")
        assert path.endswith(before)
        assert "`in`" in reason
        assert f"whereis --key={before}" in reason
        assert made.vestige["left_out"] == dataset.left_out
        assert dataset.annex("whereis", f"--key={before}", fails=True).startswith(f"whereis {before} (0 copies)")
        dataset.assert_sound()

    def test_a_copy_elsewhere_brings_it_back(self, clone: Dataset) -> None:
        before = str(clone.key("in"))
        made = clone.committed("cat in; echo more >> in", "-i", "in")
        assert made.vestige["inputs"] == {"in": f"annex:{before}"}
        assert clone.outcome["uncommitted"] == []
        clone.annex("get", "--quiet", f"--key={before}")
        clone.git("checkout", "--quiet", "HEAD~")
        assert clone.read("in") == "in\n"
        clone.assert_sound()

    def test_where_text_goes_to_git(self, templates: Templates, vestige: Vestige) -> None:
        dataset = templates.copy("text2git", datasets.text2git, vestige)
        made = dataset.committed("echo text > data")
        assert made.files == {"data": "T"}
        assert dataset.key("data") is None
        assert len(dataset.left_out) == 1
        dataset.assert_sound()

    def test_content_that_two_files_have(self, dataset: Dataset) -> None:
        for name in ("twin", "third"):
            dataset.write(name, "in\n")
        dataset.datalad("save")
        made = dataset.committed("echo more >> in; echo yet >> folder/../twin")
        assert made.files == {"in": "M", "twin": "M"}
        assert dataset.read("in") == dataset.read("twin") == "in\nmore\nyet\n"
        assert not dataset.is_locked("third")
        assert "nothing to save" in dataset.datalad("status")

    def test_touched_alone(self, dataset: Dataset) -> None:
        dataset.uncommitted("touch in; echo in > in")
        assert dataset.outcome["left_out"] == []
        dataset.assert_sound()

    def test_what_is_not_to_be_committed_is_said_all_the_same(self, dataset: Dataset) -> None:
        made = dataset.committed("echo more >> in; echo new > out", "--explicit", "-o", "out")
        assert made.files == {"out": "A"}
        assert list(dataset.left_out) == [os.readlink(dataset.path("in"))]
        dataset.annex("fsck", "--quiet", "in", fails=True)

    def test_of_a_run_that_failed(self, dataset: Dataset) -> None:
        before = dataset.key("in")
        assert dataset.sh("echo more >> in; exit 3").returncode == 3
        assert dataset.outcome["status"] == "refused"
        ((path, reason),) = dataset.left_out.items()
        assert path == os.readlink(dataset.path("in"))
        assert reason.endswith("; `git annex fsck` takes it out of the store")
        assert dataset.vestige.call("commit").returncode == 0
        assert dataset.commit().files == {"in": "M"}
        assert f"--key={before}" in dataset.left_out[path]
        dataset.assert_sound()

    def test_the_commit_is_made_later(self, dataset: Dataset) -> None:
        before = dataset.key("in")
        dataset.hook("commit-msg", "exit 1")
        assert dataset.sh("echo more >> in").returncode == NOT_COMMITTED
        os.unlink(dataset.path(".git/hooks/commit-msg"))
        assert dataset.vestige.call("commit").returncode == 0
        assert dataset.commit().files == {"in": "M"}
        ((_, reason),) = dataset.left_out.items()
        assert f"--key={before}" in reason
        dataset.assert_sound()


@pytest.mark.needs("nobody")
class TestAsNobody:
    @pytest.fixture
    def dataset(self, open_vestige: Vestige) -> Dataset:
        made = Dataset(open_vestige)
        with open(os.path.join(open_vestige.home, ".gitconfig"), "w", encoding="utf-8") as file:
            file.write(repositories.CONFIG)
        made.vestige.variables.pop("VESTIGE_STORE")
        as_nobody(made, "git", "init", "--quiet")
        as_nobody(made, "git", "annex", "init", "--quiet")
        as_nobody(made, "sh", "-c", "echo in > in; git annex add --quiet in; git commit --quiet --message first")
        return made

    def test_a_locked_file_can_not_be_written(self, dataset: Dataset) -> None:
        done = as_nobody(dataset, "sh", "-c", "echo more >> in", commit=True)
        assert done.returncode != 0
        assert b"in: Permission denied" in done.stderr
        assert dataset.read("in") == "in\n"

    def test_an_output_can(self, dataset: Dataset) -> None:
        done = as_nobody(dataset, "sh", "-c", "echo more >> in", commit=True, options=("-o", "in"))
        assert (done.returncode, done.stderr) == (0, b"")
        assert dataset.read("in") == "in\nmore\n"
        as_nobody(dataset, "git", "annex", "fsck", "--quiet")
        said = as_nobody(dataset, "git", "log", "--format=%s", "--name-status", "-1").stdout.decode()
        assert said.split() == ["[DATALAD", "RUNCMD]", "sh", "-c", "'echo", "more", ">>", "in'", "M", "in"]


def as_nobody(
    dataset: Dataset, *words: str, commit: bool = False, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    called = dataset.vestige.words(*words, options=("--commit", *options)) if commit else list(words)
    done = dataset.vestige.bare(*places.AS_NOBODY, *called)
    assert commit or done.returncode == 0, done
    return done


class TestWithoutGitAnnex:
    """Of plain Git, it is never asked for."""

    def test_a_plain_repository(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige)
        plain = repository.with_variables(PATH=without_git_annex(repository))
        made = plain.committed("cat in folder/* > out; echo more >> in", "-i", ".", "-o", "in", "-o", "folder")
        assert made.files == {"out": "A", "in": "M"}
        assert stat.S_ISREG(os.lstat(plain.path("in")).st_mode)

    def test_a_link_that_looks_like_one_of_git_annex(self, vestige: Vestige) -> None:
        repository = repositories.make(vestige)
        os.symlink(".git/annex/objects/a/b/KEY/KEY", repository.path("link"))
        repository.write("pointer", "/annex/objects/KEY\n")
        repository.save()
        plain = repository.with_variables(PATH=without_git_annex(repository))
        assert plain.committed("echo new > pointer; ln -sf in link; echo x > out").files == {
            "pointer": "M",
            "link": "M",
            "out": "A",
        }
        done = plain.sh("true", "-i", "pointer", "-i", "in")
        assert done.returncode == 0
