"""`vestige run --commit`: one commit that holds what the run changed and how, and nothing else is touched."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from vestige.git import datalad

if TYPE_CHECKING:
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")

NOT_COMMITTED = 123
CHANGES = {  # what a command does: what the commit holds of it
    "a new file": ("echo new > out", {"out": "A"}),
    "one in new folders": ("mkdir -p a/b; echo new > a/b/out", {"a/b/out": "A"}),
    "one moved into place": ("echo new > .out.tmp; mv .out.tmp out", {"out": "A"}),
    "a longer file": ("echo more >> in", {"in": "M"}),
    "a file rewritten": ("sort -r folder/one in > out; cp out in", {"in": "M", "out": "A"}),
    "a file that is gone": ("rm in", {"in": "D"}),
    "a folder that is gone": ("rm -r folder", {"folder/one": "D", "folder/two": "D"}),
    "another name": ("mv in out", {"in": "D", "out": "A"}),
    "another folder": ("mkdir new; mv in new", {"in": "D", "new/in": "A"}),
    "a folder with another name": (
        "mv folder new",
        {"folder/one": "D", "folder/two": "D", "new/one": "A", "new/two": "A"},
    ),
    "a new folder with another name": ("mkdir a; echo new > a/out; mv a b", {"b/out": "A"}),
    "a file in the place of another": ("mv folder/one in", {"folder/one": "D", "in": "M"}),
    "two that change places": ("mv in x; mv folder/one in; mv x folder/one", {"in": "M", "folder/one": "M"}),
    "two folders that change places": (
        "mkdir b; echo b > b/one; mv b x; mv folder b; mv x folder",
        {"folder/one": "M", "folder/two": "D", "b/one": "A", "b/two": "A"},
    ),
    "links": (
        "ln -s in link; ln -s nowhere lost; ln -s folder shelf; ln in hard",
        {"link": "A", "lost": "A", "shelf": "A", "hard": "A"},
    ),
    "a link in the place of a file": ("ln -sf folder/one in", {"in": "T"}),
    "a folder in the place of a file": ("rm in; mkdir in; echo new > in/out", {"in": "D", "in/out": "A"}),
    "an empty folder in the place of a file": ("rm in; mkdir in", {"in": "D"}),
    "a file in the place of a folder": (
        "rm -r folder; echo new > folder",
        {"folder": "A", "folder/one": "D", "folder/two": "D"},
    ),
    "a file in the place of a folder with another name": (
        "mv folder new; echo new > folder",
        {"folder": "A", "folder/one": "D", "folder/two": "D", "new/one": "A", "new/two": "A"},
    ),
    "a copied folder": ("cp -r folder new", {"new/one": "A", "new/two": "A"}),
    "one through a linked folder": ("ln -s folder link; echo new > link/out", {"link": "A", "folder/out": "A"}),
    "one written by a process in the background": ("{ sleep .1; echo new > out; } & wait", {"out": "A"}),
    "one that is there only meanwhile": ("echo x > tmp; rm tmp; echo new > out", {"out": "A"}),
    "what git was told of": ("echo new > out; git add out; git rm -q in", {"out": "A", "in": "D"}),
    "what git has moved": (
        "git mv in out; git mv folder new",
        {"in": "D", "out": "A", "folder/one": "D", "folder/two": "D", "new/one": "A", "new/two": "A"},
    ),
    "empty ones": (": > out; : > in; mkdir empty", {"out": "A", "in": "M"}),
}
ODD_NAMES = (
    b"-o", b"--", b":(top)x", b":!in", b'"quoted"', b"two words", b"new\nline", b"tab\t", b"back\\slash", b"\xff\xfe",
    b"b\xc3\xa4r", b"*", b"[a]", b"{b}", b"$(touch x)", b"#c", b"!d", b" ", b".gitignored", b"a\rb", b"\x1b[31m",
    b"s ", b"~", b"%s", b"'",
)  # fmt: skip


class TestWhatItHolds:
    @pytest.mark.parametrize("what", CHANGES)
    def test_each_way_to_change_a_file(self, repository: Repository, what: str) -> None:
        script, files = CHANGES[what]
        made = repository.committed(script)
        assert made.files == files
        assert repository.state().status == ()
        assert repository.outcome["files"] == len(files)
        repository.assert_whole()

    @pytest.mark.parametrize("staged", [False, True])
    def test_another_content_of_the_same_size_in_the_same_second(self, repository: Repository, *, staged: bool) -> None:
        """Git compares seconds, and reads again what is no older than its index."""
        moment = int(time.time()) - 10
        repository.write("out", "old\n")
        os.utime(repository.path("out"), (moment, moment))
        repository.save()
        if staged:
            repository.write("mine")
            repository.git("add", "mine")
        os.utime(repository.path(".git", "index"), (moment, moment))
        made = repository.committed(f"echo new > out; touch -d @{moment} out")
        assert made.files == {"out": "M"}
        assert repository.git("diff", "HEAD", "--name-only") == ("mine" if staged else "")

    def test_the_modes_of_files(self, repository: Repository) -> None:
        made = repository.committed("cp in out; chmod 755 out; cp in strange; chmod 4640 strange; ln -s in link")
        modes = [
            line.split()[0] for line in repository.git("ls-tree", made.hash, "out", "strange", "link").splitlines()
        ]
        assert modes == ["120000", "100755", "100644"]

    def test_a_mode_that_changed_alone_is_seen_of_what_is_declared(self, repository: Repository) -> None:
        made = repository.committed("chmod +x in", "-o", "in")
        assert made.files == {"in": "M"}

    @pytest.mark.parametrize("locale", ["C.UTF-8", "POSIX"])
    def test_names_of_any_bytes(self, repository: Repository, locale: str) -> None:
        folder = os.fsencode(repository.top)
        for name in ODD_NAMES:
            with open(os.path.join(folder, b"from-" + name), "wb") as file:
                file.write(name)
        repository.save()
        script = 'for name in from-* from-.*; do cat "./$name" > "./${name#from-}"; done'
        made = repository.with_variables(LC_ALL=locale).committed(script)
        assert {os.fsencode(name) for name in made.files} == set(ODD_NAMES)
        assert repository.state().status == ()
        record = made.run.record
        assert len(record.inputs) == len(record.outputs) == len(ODD_NAMES)
        assert len(made.vestige["outputs"]) == len(ODD_NAMES)
        repository.assert_whole()

    def test_in_another_folder_from_a_folder(self, repository: Repository) -> None:
        repository.write("results/old", "x")
        repository.save()
        made = repository.at("folder").committed("cat one ../in > ../results/out; cp two here")
        assert made.files == {"results/out": "A", "folder/here": "A"}
        record = made.run.record
        assert record.pwd == "folder"  # noqa: S105 - a folder
        assert (set(record.inputs), set(record.outputs)) == ({"one", "../in", "two"}, {"../results/out", "here"})
        assert {"folder/here", "results/out"} == set(made.vestige["outputs"])

    def test_from_a_folder_under_another_name(self, repository: Repository) -> None:
        os.symlink(repository.path("folder"), os.path.join(repository.vestige.home, "elsewhere"))
        made = repository.at(os.path.join(repository.vestige.home, "elsewhere")).committed("cp one out")
        assert made.files == {"folder/out": "A"}

    def test_five_hundred_files_from_six_thousand(self, repository: Repository) -> None:
        for number in range(6000):
            repository.write(f"many/{number}", f"{number}\n")
        repository.save()
        made = repository.committed(
            "mkdir out; cat many/* > all; for number in $(seq 500); do echo $number > out/$number; done"
        )
        sidecars = [path for path in made.files if path.startswith(".datalad/runinfo/")]
        assert len(sidecars) == 1
        assert set(made.files) == {"all", *sidecars, *(f"out/{number + 1}" for number in range(500))}
        assert repository.outcome["files"] == 501
        assert repository.state().status == ()
        content = subprocess.run(
            ("git", "cat-file", "blob", f"HEAD:{sidecars[0]}"), cwd=repository.top, stdout=subprocess.PIPE, check=True
        ).stdout
        found = datalad.parse(made.message, {os.path.basename(sidecars[0]): content}.get)
        assert found is not None
        assert (len(found.record.inputs), len(found.record.outputs)) == (6000, 501)
        assert found.record.vestige is not None
        assert set(found.record.vestige["inputs"]) == {f"many/{number}" for number in range(6000)}
        repository.assert_whole()

    def test_the_record(self, repository: Repository) -> None:
        made = repository.committed("cat in folder/one > out; exit 0", "-m", "A word\n\nand more", "--tag", "x")
        assert made.message.startswith(b"[DATALAD RUNCMD] A word\n\nand more\n\n=== Do not change lines below ===\n{\n")
        assert made.message.endswith(b"\n^^^ Do not change lines above ^^^\n")
        record = made.run.record
        assert record.cmd == "sh -c 'cat in folder/one > out; exit 0'"
        assert (record.pwd, record.exit, record.dsid, record.chain, record.extra_inputs) == (".", 0, None, (), ())
        assert (set(record.inputs), record.outputs) == ({"in", "folder/one"}, ("out",))
        blob = {path: repository.git("rev-parse", f"HEAD:{path}") for path in ("in", "folder/one")}
        assert made.vestige["inputs"] == {path: f"git:{oid}" for path, oid in blob.items()}
        sums = subprocess.run(("sha256sum", repository.path("out")), stdout=subprocess.PIPE, check=True).stdout
        assert made.vestige["outputs"] == {"out": f"sha256:{sums[:64].decode()}"}
        kept = repository.record
        assert (made.vestige["id"], made.vestige["started"]) == (kept["id"], kept["started"])
        assert made.vestige["version"] == kept["vestige"]
        assert made.vestige["figures"]["wall"] == f"{kept['resources']['wall']['value']:.6f}".rstrip("0") + " s exact"
        assert made.vestige["software"].startswith("sha256:")
        assert repository.outcome == {
            "status": "committed",
            "commit": made.hash,
            "branch": "refs/heads/main",
            "files": 1,
            "reason": None,
            "left_out": [],
            "uncommitted": [],
        }

    def test_braces_and_long_commands(self, repository: Repository) -> None:
        script = "awk '{print $1}' in > out # " + "x" * 100
        made = repository.committed(script)
        assert repository.read("out") == "in\n"
        subject = made.message.decode().splitlines()[0]
        assert subject.endswith("...")
        assert len(subject) == len("[DATALAD RUNCMD] ") + 40 + 3
        assert "awk" in made.run.record.cmd
        assert "{{print $1}}" in made.run.record.cmd

    def test_the_store_may_be_elsewhere(self, repository: Repository) -> None:
        elsewhere = repository.with_variables(VESTIGE_STORE=os.path.join(repository.vestige.home, "store"))
        assert elsewhere.committed("cat in > out").files == {"out": "A"}
        assert not os.path.exists(repository.path(".vestige"))


def change_all(repository: Repository) -> None:
    """Leave every kind of change behind that is none of a run's business."""
    for name in ("staged", "unstaged", "both", "deleted", "gone", "moved", "marked", "old/a"):
        repository.write(name, f"{name}\n")
    repository.save()
    repository.write("staged", "staged, changed\n")
    repository.write("both", "first\n")
    repository.write("fresh", "fresh\n")
    repository.git("add", "staged", "both", "fresh")
    repository.git("rm", "--quiet", "gone")
    repository.git("mv", "moved", "elsewhere")
    repository.git("update-index", "--chmod=+x", "marked")
    repository.write("both", "second\n")
    repository.write("unstaged", "unstaged, changed\n")
    os.unlink(repository.path("deleted"))
    repository.write("untracked", "untracked\n")
    repository.write("intended", "intended\n")
    repository.git("add", "--intent-to-add", "intended")
    repository.write("old/b", "b\n")


class TestNothingElseIsTouched:
    def test_staged_unstaged_untracked(self, repository: Repository) -> None:
        change_all(repository)
        before = repository.state()
        made = repository.committed("cat in > out; echo more >> folder/one; rm folder/two; mkdir new; cp in new/in")
        assert made.files == {"out": "A", "folder/one": "M", "folder/two": "D", "new/in": "A"}
        outputs = ("out", "folder/one", "folder/two", "new/in")
        after = repository.state(*outputs)
        assert (after.staged, after.unstaged, after.status) == (before.staged, before.unstaged, before.status)
        assert after.files == {path: file for path, file in before.files.items() if path not in outputs}
        repository.assert_whole()

    def test_nothing_at_all_by_a_run_that_changes_nothing(self, repository: Repository) -> None:
        change_all(repository)
        before = repository.state()
        assert repository.sh("cat in folder/* > /dev/null").returncode == 0
        assert repository.state() == before

    @pytest.mark.parametrize("output", ["staged", "unstaged", "both", "gone", "fresh", "untracked", "deleted"])
    def test_of_a_file_with_changes_the_last_version_counts(self, repository: Repository, output: str) -> None:
        change_all(repository)
        before = repository.state(output)
        repository.committed(f"echo last >> {output}")
        assert repository.git("show", f"HEAD:{output}") == repository.read(output).rstrip("\n")
        after = repository.state(output)
        assert (after.staged, after.unstaged, after.status, after.files) == (
            before.staged,
            before.unstaged,
            before.status,
            before.files,
        )
        assert output not in repository.git("diff", "--name-only", "HEAD").splitlines()

    def test_a_conflict_in_another_file(self, repository: Repository) -> None:
        repository.git("checkout", "--quiet", "-b", "side")
        repository.write("in", "side\n")
        repository.save()
        repository.git("checkout", "--quiet", "main")
        repository.write("in", "main\n")
        repository.git("stash", "--quiet")
        repository.git("merge", "--quiet", "side")
        repository.git("stash", "pop", fails=True)
        before = repository.git("ls-files", "--unmerged")
        assert before
        assert repository.committed("echo new > out").files == {"out": "A"}
        assert repository.git("ls-files", "--unmerged") == before


def assert_not_committed(repository: Repository, done: subprocess.CompletedProcess[bytes], reason: str) -> None:
    """A commit that was asked for and not made: one line, an exit code of its own, and nothing has changed."""
    assert done.returncode == NOT_COMMITTED
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("vestige: not committed: ")
    assert reason in line
    assert repository.outcome["status"] in ("refused", "failed")
    assert reason in repository.outcome["reason"]
    repository.assert_whole()


class TestWhatIsLeftOut:
    def test_what_git_ignores_unless_declared(self, repository: Repository) -> None:
        repository.write(".gitignore", "*.log\nbuild/\n")
        repository.save()
        script = "cat in > out; cat in > a.log; mkdir -p build; cat in > build/b; cat in > folder/c.log"
        made = repository.committed(script)
        assert made.files == {"out": "A"}
        assert set(repository.left_out) == {"a.log", "build/b", "folder/c.log"}
        assert all(reason.startswith("ignored by Git") for reason in repository.left_out.values())
        assert made.vestige["left_out"] == repository.left_out
        made = repository.committed(script.replace("cat in", "cat in in"), "-o", "a.log", "-o", "build/*")
        assert made.files == {"out": "M", "a.log": "A", "build/b": "A"}
        assert set(repository.left_out) == {"folder/c.log"}

    def test_what_is_ignored_but_tracked_goes_in(self, repository: Repository) -> None:
        repository.write("kept.log", "x")
        repository.save()
        repository.write(".gitignore", "*.log\n")
        assert repository.committed("echo new > kept.log").files == {"kept.log": "M"}
        assert repository.left_out == {}

    def test_what_git_is_told_not_to_look_at(self, repository: Repository) -> None:
        repository.write("more", "x")
        repository.save()
        repository.git("update-index", "--skip-worktree", "in")
        repository.git("update-index", "--assume-unchanged", "more")
        made = repository.committed("echo new > in; echo new > more; echo new > out")
        assert made.files == {"out": "A"}
        assert repository.left_out == {
            "in": "marked as skip-worktree in the index",
            "more": "marked as assume-unchanged in the index",
        }
        assert repository.git("ls-files", "-v", "in", "more") == "S in\nh more"

    def test_what_is_neither_file_nor_link(self, repository: Repository) -> None:
        made = repository.committed("mkfifo pipe; echo new > out")
        assert made.files == {"out": "A"}
        assert repository.state().status == ()

    def test_what_somebody_changed_meanwhile(self, repository: Repository) -> None:
        assert repository.vestige.run("sh", "-c", "echo new > out; cat in > other").returncode == 0
        repository.write("out", "by hand\n")
        assert repository.later().returncode == 0
        assert repository.commit().files == {"other": "A"}
        assert repository.left_out == {"out": "changed since the run ended"}

    def test_what_another_repository_holds(self, repository: Repository) -> None:
        inner = repository.at("inner")
        os.mkdir(inner.top)
        inner.git("init", "--quiet")
        made = repository.committed("echo new > inner/out; echo new > out")
        assert made.files == {"out": "A"}
        assert repository.left_out == {"inner/out": "in another repository, inner, which is no submodule"}

    def test_what_lies_outside_and_what_is_vestiges_own(self, repository: Repository) -> None:
        outside = os.path.join(repository.vestige.home, "outside")
        made = repository.committed(f"echo new > {outside}; echo x > .vestige/mine; echo new > out")
        assert made.files == {"out": "A"}
        assert repository.left_out == {}


class TestWhenThereIsNone:
    def test_outside_of_a_repository_the_command_is_not_started(self, repository: Repository) -> None:
        outside = repository.at(repository.vestige.home)
        done = outside.sh("touch started")
        assert (done.returncode, done.stdout) == (125, b"")
        assert b"`git init`" in done.stderr
        assert not os.path.exists(outside.path("started"))

    @pytest.mark.parametrize("how", ["config", "variable"])
    def test_asked_for_by_the_config(self, repository: Repository, how: str) -> None:
        if how == "config":
            repository.write("vestige.toml", 'commit = "auto"\n')
            repository.save()
        auto = repository if how == "config" else repository.with_variables(VESTIGE_COMMIT="auto")
        done = auto.vestige.run("sh", "-c", "echo new > out")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert repository.commit().files == {"out": "A"}
        assert auto.vestige.run("sh", "-c", "echo new > out2; exit 3").returncode == 3
        assert repository.outcome["status"] == "refused"
        repository.hook("pre-commit", "exit 1")
        done = auto.vestige.run("sh", "-c", "echo new > out3")
        assert (done.returncode, done.stderr) == (0, b"")
        assert repository.outcome["status"] == "failed"
        assert auto.vestige.run("sh", "-c", "echo new > out4", options=("--no-commit",)).returncode == 0
        assert repository.record["commit"] is None

    def test_asked_for_by_the_config_outside_of_a_repository(self, repository: Repository) -> None:
        outside = repository.at(repository.vestige.home).with_variables(VESTIGE_COMMIT="auto")
        done = outside.vestige.run("sh", "-c", "echo new > out; exit 3")
        assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")
        assert outside.record["options"]["commit"] is None

    def test_no_file_differs(self, repository: Repository) -> None:
        before = repository.git("rev-parse", "HEAD")
        done = repository.sh("cat in > copy; cat copy > in; rm copy; touch folder/one")
        assert (done.returncode, done.stderr) == (0, b"")
        assert repository.git("rev-parse", "HEAD") == before
        assert (repository.outcome["status"], repository.outcome["commit"]) == ("unchanged", None)
        assert "no file differs" in repository.outcome["reason"]
        assert repository.committed("true", "--allow-empty").files == {}
        assert repository.outcome["files"] == 0

    def test_what_was_declared_is_never_made(self, repository: Repository) -> None:
        assert repository.committed("echo new > out", "-o", "never.txt", "-o", "never/*").files == {"out": "A"}
        assert repository.left_out == {}
        done = repository.sh("true", "-o", "never.txt")
        assert (done.returncode, done.stderr) == (0, b"")

    def test_the_command_fails(self, repository: Repository) -> None:
        before = repository.state()
        done = repository.sh("echo new > out; exit 3")
        hint = "the command failed with exit code 3; `vestige commit` commits all the same"
        assert (done.returncode, done.stderr) == (3, f"vestige: not committed: {hint}\n".encode())
        assert repository.state("out").head == before.head
        assert (repository.outcome["status"], repository.outcome["reason"]) == ("refused", hint)
        assert repository.run("/no/such/program").returncode == 127
        assert repository.sh("kill -9 $$").returncode == 137

    def test_the_command_fails_and_is_committed(self, repository: Repository) -> None:
        done = repository.sh("echo new > out; exit 3", "--on-failure", "save")
        assert (done.returncode, done.stderr) == (3, b"")
        made = repository.commit()
        assert (made.files, made.run.record.exit) == ({"out": "A"}, 3)

    def test_nobody_saw_which_files(self, repository: Repository) -> None:
        done = repository.sh("echo new > out", "--trace", "off")
        assert_not_committed(repository, done, "nobody saw which files it changed")
        made = repository.committed("echo newer > out; rm in", "--trace", "off", "-o", "out", "-o", "i*")
        assert made.files == {"out": "A", "in": "D"}
        assert made.vestige["files"] == "none"


class TestExplicit:
    def test_only_what_is_declared(self, repository: Repository) -> None:
        repository.write("untracked")
        script = "echo new > out; echo new > other; echo new > folder/new; cat in > /dev/null"
        made = repository.committed(script, "--explicit", "-o", "out", "-o", "fold*/n*")
        assert made.files == {"out": "A", "folder/new": "A"}
        assert (made.run.record.inputs, made.run.record.outputs) == ((), ("out", "fold*/n*"))
        assert "other" in repository.git("status", "--porcelain")

    def test_from_a_folder(self, repository: Repository) -> None:
        absolute = repository.path("folder", "two")
        options = ("--explicit", "-o", "../out*", "-o", "here/", "-o", absolute)
        made = repository.at("folder").committed(
            "mkdir here; for x in ../out1 here/x there two; do date > $x; done", *options
        )
        assert made.files == {"out1": "A", "folder/here/x": "A", "folder/two": "M"}

    def test_nothing_is_declared(self, repository: Repository) -> None:
        before = repository.git("rev-parse", "HEAD")
        done = repository.sh("echo new > out", "--explicit")
        assert (done.returncode, done.stderr, repository.git("rev-parse", "HEAD")) == (0, b"", before)
        assert repository.outcome["status"] == "unchanged"

    @pytest.mark.parametrize("trace", ["auto", "off"])
    @pytest.mark.parametrize(
        ("script", "outputs", "files"),
        [
            ("rm in folder/one", ("in",), {"in": "D"}),
            ("rm in folder/one", ("folder/*",), {"folder/one": "D"}),
            ("rm in folder/one", ("**/one",), {"folder/one": "D"}),
            ("rm in; rm -r folder", ("folder",), {"folder/one": "D", "folder/two": "D"}),
            ("rm in; mv folder new", ("folder",), {"folder/one": "D", "folder/two": "D"}),
            ("rm in folder/one; echo new > folder/new", ("folder",), {"folder/one": "D", "folder/new": "A"}),
            ("rm in folder/one; echo new > out", (".",), {"in": "D", "folder/one": "D", "out": "A"}),
        ],
    )  # fmt: skip
    def test_what_is_gone(
        self, repository: Repository, script: str, outputs: tuple[str, ...], files: dict[str, str], trace: str
    ) -> None:
        words = tuple(word for output in outputs for word in ("-o", output))
        assert repository.committed(script, "--explicit", "--trace", trace, *words).files == files


class TestWhatWasUsed:
    def dirty(self, repository: Repository) -> None:
        """Leave inputs behind that no commit holds: one changed, one staged, one untracked."""
        repository.write("staged", "staged\n")
        repository.save()
        repository.write("staged", "staged, changed\n")
        repository.git("add", "staged")
        repository.write("in", "in, changed\n")
        repository.write("untracked", "untracked\n")

    def test_is_named(self, repository: Repository) -> None:
        self.dirty(repository)
        made = repository.committed("cat in staged untracked folder/one > out")
        assert made.files == {"out": "A"}
        assert set(repository.outcome["uncommitted"]) == {"in", "staged", "untracked"}
        hashes = made.vestige["inputs"]
        assert hashes["folder/one"].startswith("git:")
        assert all(hashes[path].startswith("sha256:") for path in ("in", "staged", "untracked"))
        shown = repository.vestige.call("show").stdout.decode()
        assert "used with changes that no commit holds: in\n" in shown

    def test_is_refused_if_strict(self, repository: Repository) -> None:
        self.dirty(repository)
        before = repository.state()
        done = repository.sh("cat in staged untracked folder/one > out", "--strict")
        assert_not_committed(repository, done, "uncommitted changes: in, staged, untracked")
        assert repository.state("out") == before
        assert repository.committed("cat folder/one > out", "--strict").files == {"out": "A"}

    def test_is_taken_in(self, repository: Repository) -> None:
        self.dirty(repository)
        made = repository.committed("cat in staged untracked folder/one > out", "--commit-inputs")
        assert made.files == {"in": "M", "staged": "M", "untracked": "A", "out": "A"}
        assert repository.outcome["uncommitted"] == []
        assert repository.state().status == ()

    @pytest.mark.parametrize("kind", ["changed", "staged", "removed"])
    def test_and_changed_itself(self, repository: Repository, kind: str) -> None:
        """What it held before is gone, but that no commit held it is known."""
        repository.write("clean", "clean\n")
        repository.write("another\n  size: 1", "clean\n")
        repository.save()
        repository.write("in", "in, changed\n")
        if kind == "staged":
            repository.git("add", "in")
        made = repository.committed(
            "rm in clean ano*"
            if kind == "removed"
            else 'for name in in clean ano*; do x=$(cat "$name"); echo $x$x > "$name"; done'
        )
        change = "D" if kind == "removed" else "M"
        assert made.files == {"in": change, "clean": change, "another\n  size: 1": change}
        assert repository.outcome["uncommitted"] == ["in"]

    def test_and_was_only_touched(self, repository: Repository) -> None:
        os.utime(repository.path("in"))
        repository.committed("cat in > out", "--strict")
        assert repository.outcome["uncommitted"] == []

    def test_with_another_mode(self, repository: Repository) -> None:
        os.chmod(repository.path("in"), 0o755)  # noqa: S103 - that is the point
        repository.committed("cat in > out")
        assert repository.outcome["uncommitted"] == ["in"]


class TestTheCommandCommits:
    COMMIT = "git add -A; git commit -qm inner"

    def test_and_leaves_something(self, repository: Repository) -> None:
        old = repository.git("rev-parse", "HEAD")
        done = repository.sh(f"echo new > out; {self.COMMIT}; echo more > left")
        assert (done.returncode, done.stderr) == (0, b"")
        merge = repository.commit()
        assert merge.files == {"out": "A", "left": "A"}
        assert (merge.parents[0], repository.commit("HEAD^2").files) == (old, {"left": "A"})
        assert repository.commit("HEAD^2").message == b"Remaining changes after command execution\n"
        assert repository.git("log", "-1", "--format=%s", "HEAD^2^") == "inner"
        assert set(merge.run.record.outputs) == {"out", "left"}
        assert repository.state().status == ()
        assert repository.outcome["files"] == 1
        repository.assert_whole()

    def test_and_leaves_nothing(self, repository: Repository) -> None:
        old = repository.git("rev-parse", "HEAD")
        assert repository.sh(f"echo new > out; {self.COMMIT}").returncode == 0
        merge = repository.commit()
        assert (merge.parents[0], merge.files) == (old, {"out": "A"})
        assert repository.git("log", "-1", "--format=%s", merge.parents[1]) == "inner"
        assert merge.run.record.outputs == ("out",)
        assert repository.state().status == ()

    def test_the_first_one(self, repository: Repository) -> None:
        unborn = repository.at(os.path.join(repository.vestige.home, "unborn"))
        os.mkdir(unborn.top)
        unborn.git("init", "--quiet")
        assert unborn.sh(f"echo new > out; {self.COMMIT}; echo more > left").returncode == 0
        made = unborn.commit()
        assert (made.files, unborn.commit("HEAD^").files) == ({"left": "A"}, {"out": "A"})
        assert unborn.state().status == ()

    def test_by_a_run_of_its_own(self, repository: Repository) -> None:
        inner = f"{repository.vestige.executable} run --commit -m inner sh -c 'echo new > out'"
        assert repository.sh(f"{inner}; echo more > left", "-m", "outer").returncode == 0
        subjects = repository.git("log", "--topo-order", "--format=%s", "HEAD", "^HEAD^1").splitlines()
        assert subjects == [
            "[DATALAD RUNCMD] outer", "Remaining changes after command execution", "[DATALAD RUNCMD] inner"
        ]  # fmt: skip
        assert repository.state().status == ()

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("git checkout -q -b other", "the command switched from `main` to `other` while it ran"),
            ("git checkout -q --detach", "the command switched from `main` to no branch while it ran"),
            ("git commit -q --amend -m other", "the command rewrote the history of `main`"),
            ("git reset -q --hard HEAD^", "the command rewrote the history of `main`"),
        ],
    )
    def test_in_a_way_that_can_not_be_followed(self, repository: Repository, script: str, reason: str) -> None:
        repository.write("in", "second\n")
        repository.save("second")
        done = repository.sh(f"echo new > out; {script}")
        head = repository.git("rev-parse", "HEAD")
        assert_not_committed(repository, done, reason)
        assert repository.git("rev-parse", "HEAD") == head
        assert repository.state().status == ("? out",)

    def test_somebody_else_does_meanwhile(self, repository: Repository) -> None:
        process = repository.vestige.start(
            "sh", "-c", "echo new > out; touch ready; until test -e go; do sleep .01; done; rm ready go; echo x >> in",
            options=("--commit",),
        )  # fmt: skip
        while not os.path.exists(repository.path("ready")):
            assert process.poll() is None
        repository.write("mine", "mine\n")
        repository.git("add", "mine")
        repository.git("commit", "--quiet", "--message", "mine")
        mine = repository.git("rev-parse", "HEAD")
        repository.write("go")
        assert process.communicate() == (b"", b"")
        assert process.returncode == 0
        made = repository.commit()
        assert (made.parents, made.files) == ((mine,), {"out": "A", "in": "M"})
        assert repository.state().status == ()

    def test_somebody_else_switches_meanwhile(self, repository: Repository) -> None:
        repository.git("branch", "other")
        process = repository.vestige.start(
            "sh", "-c", "echo new > out; until test -e .git/go; do sleep .01; done", options=("--commit",)
        )
        while not os.path.exists(repository.path("out")):
            assert process.poll() is None
        repository.git("checkout", "--quiet", "other")
        repository.write(".git/go")
        _, said = process.communicate()
        assert process.returncode == NOT_COMMITTED
        assert b"somebody switched from `main` to `other` while it ran" in said


class TestManyAtOnce:
    @pytest.mark.parametrize("number", [4, 20])
    def test_each_has_its_own_commit(self, repository: Repository, number: int) -> None:
        scripts = [f"cat in > out{i}; mkdir -p d{i}; echo {i} >> d{i}/x; sleep .1" for i in range(number)]
        running = [
            repository.vestige.start("sh", "-c", script, options=("--commit", "-m", f"run {i}"))
            for i, script in enumerate(scripts)
        ]
        for process in running:
            assert process.communicate() == (b"", b"")
            assert process.returncode == 0
        commits = [repository.commit(commit) for commit in repository.git("rev-list", f"-{number}", "HEAD").split()]
        assert [len(made.parents) for made in commits] == [1] * number
        found = {made.run.text: made.files for made in commits}
        assert found == {f"run {i}": {f"out{i}": "A", f"d{i}/x": "A"} for i in range(number)}
        assert repository.git("rev-list", "--count", "HEAD") == str(number + 1)
        assert repository.state().status == ()
        repository.assert_whole()

    def test_beside_commits_by_hand(self, repository: Repository) -> None:
        running = [
            repository.vestige.start("sh", "-c", f"echo {i} > out{i}; sleep 0.0{i}", options=("--commit",))
            for i in range(6)
        ]
        mine = 0
        while any(process.poll() is None for process in running):
            repository.write("mine", f"{mine}\n")
            words = ("git", "-c", "core.filesRefLockTimeout=1000", "commit", "--quiet", "--message", "mine", "mine")
            repository.git("add", "--intent-to-add", "mine") if mine == 0 else None
            done = subprocess.run(
                words, cwd=repository.top, env=repository.vestige.variables, capture_output=True, check=False
            )
            # Git reads HEAD before it takes the lock, and refuses if somebody else's commit came between
            assert done.returncode == 0 or b"index.lock" in done.stderr or b"cannot lock ref 'HEAD'" in done.stderr
            mine += done.returncode == 0
        for process in running:
            assert (process.communicate(), process.returncode) == ((b"", b""), 0)
        subjects = repository.git("log", "--format=%s").splitlines()
        assert subjects.count("mine") == mine
        assert sum(subject.startswith("[DATALAD RUNCMD]") for subject in subjects) == 6
        # `git commit FILE` reads the index before it takes the lock: the index may lose an entry, no commit does
        assert {f"out{i}" for i in range(6)} <= set(repository.git("ls-tree", "--name-only", "HEAD").splitlines())


class TestItsWords:
    def test_nothing_on_a_pipe(self, repository: Repository) -> None:
        done = repository.sh("echo out; echo err >&2; echo new > out")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"out\n", b"err\n")

    @pytest.mark.parametrize(
        ("options", "lines"), [(("-q",), 0), (("--summary", "none"), 1), ((), 1), (("--summary", "line"), 1)]
    )
    def test_why_there_is_no_commit(self, repository: Repository, options: tuple[str, ...], lines: int) -> None:
        repository.hook("pre-commit", "echo not today >&2; exit 1")
        done = repository.sh("echo new > out", *options)
        assert done.returncode == NOT_COMMITTED
        assert len(done.stderr.splitlines()) == lines
        assert repository.outcome["reason"] == "the hook `pre-commit` refused the commit: not today"

    def test_the_summary_names_it(self, repository: Repository) -> None:
        repository.write("in", "changed")
        repository.write(".gitignore", "*.log\n")
        done = repository.sh("cat in > out; cat in > a.log", "--summary", "full")
        said = done.stderr.decode()
        assert f"commit     {repository.commit().hash[:10]} on main, 1 file\n" in said
        assert "left out   a.log: ignored by Git; `-o` takes it in\n" in said
        assert "dirty      in: used with changes that no commit holds\n" in said


class TestLater:
    def test_the_last_run(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "cat in > out")
        done = repository.later()
        made = repository.commit()
        assert (done.returncode, done.stdout.decode()) == (0, f"{made.hash[:10]} on main, 1 file\n")
        assert made.files == {"out": "A"}
        assert made.run.text == "sh -c 'cat in > out'"
        assert (repository.outcome["status"], repository.outcome["commit"]) == ("committed", made.hash)
        again = repository.later()
        assert (again.returncode, again.stdout) == (2, b"")
        assert f"the run is committed already, as {made.hash}; `--again`" in again.stderr.decode()

    def test_an_earlier_one(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "cat in > out")
        repository.committed("echo new > other")
        assert repository.later("last~1", "-m", "what for").returncode == 0
        made = repository.commit()
        assert (made.files, made.run.text) == ({"out": "A"}, "what for")

    def test_again(self, repository: Repository) -> None:
        made = repository.committed("echo new > out")
        done = repository.later("--again")
        assert (done.returncode, done.stdout) == (0, b"nothing to commit: no file differs from what is committed\n")
        assert repository.outcome["commit"] == made.hash
        repository.git("reset", "--quiet", "--soft", "HEAD^")
        assert repository.later("--again").returncode == 0
        assert repository.commit().files == {"out": "A"}
        assert repository.commit().hash == repository.outcome["commit"]

    def test_one_that_was_made_but_never_noted(self, repository: Repository) -> None:
        made = repository.committed("echo new > out")
        path = os.path.join(repository.runs()[-1], "record.json")
        record = repository.record | {"commit": None}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(record, file)
        for command in ("ls", "show"):
            shown = repository.vestige.call(command)
            name = record["id"][-8:]
            assert "not committed yet" in (shown.stdout + shown.stderr).decode()
            assert f"`vestige commit {name}`" in (shown.stdout + shown.stderr).decode()
        repository.write("in", "later")
        repository.save("later")
        head = repository.git("rev-parse", "HEAD")
        assert repository.later("--allow-empty").returncode == 0
        assert (repository.outcome["commit"], repository.outcome["files"]) == (made.hash, 1)
        assert repository.git("rev-parse", "HEAD") == head

    def test_one_of_which_not_all_was_seen(self, repository: Repository) -> None:
        repository.vestige.run("true")
        record = repository.vestige.finalised(repository.runs()[-1]).record
        record["completeness"] |= {"files": "partial", "gaps": [{"what": "x", "reason": "it was dark", "remedy": None}]}
        with open(os.path.join(repository.runs()[-1], "record.json"), "w", encoding="utf-8") as file:
            json.dump(record, file)
        assert repository.later().returncode == 0
        assert repository.outcome["status"] == "unchanged"
        assert repository.outcome["reason"].endswith("of those that were seen: it was dark")

    def test_one_that_failed(self, repository: Repository) -> None:
        repository.sh("echo new > out; exit 3")
        assert repository.later().returncode == 0
        assert (repository.commit().files, repository.commit().run.record.exit) == ({"out": "A"}, 3)

    def test_with_more_outputs(self, repository: Repository) -> None:
        repository.write(".gitignore", "*.log\n")
        repository.save()
        repository.vestige.run("sh", "-c", "echo new > out; echo new > a.log; echo new > b.log")
        assert repository.later("-o", "a.log", "-i", "in").returncode == 0
        made = repository.commit()
        assert made.files == {"out": "A", "a.log": "A"}
        assert made.run.record.inputs == ("in",)
        assert set(repository.left_out) == {"b.log"}

    def test_as_json(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "cat in > out")
        done = repository.later("--json")
        assert json.loads(done.stdout) == repository.outcome
        failed = repository.at(repository.vestige.home)
        failed.vestige.run("sh", "-c", "cat work/in > out")
        done = failed.later("--json")
        assert done.returncode == 2
        assert json.loads(done.stdout)["status"] == "failed"

    def test_one_that_goes_on(self, repository: Repository) -> None:
        process = repository.vestige.start("sh", "-c", "touch out; until test -e go; do sleep .01; done")
        while not os.path.exists(repository.path("out")):
            assert process.poll() is None
        done = repository.later()
        assert (done.returncode, b"the run goes on" in done.stderr) == (2, True)
        repository.write("go")
        process.communicate()

    def test_without_a_repository(self, repository: Repository) -> None:
        outside = repository.at(repository.vestige.home)
        outside.vestige.run("sh", "-c", "echo new > out")
        done = outside.later()
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert b"no Git work tree can be used at" in done.stderr
        assert b"not a git repository" in done.stderr
