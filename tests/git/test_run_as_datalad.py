"""`vestige run --commit` with what DataLad's users say to `datalad run`: declarations, placeholders, sidecars."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest

import vestige as api

if TYPE_CHECKING:
    from harness.repositories import Repository

pytestmark = pytest.mark.needs("recorder", "git")
NOT_STARTED = 125


def refused(repository: Repository, *command: str, options: tuple[str, ...] = ()) -> str:
    """Call it; the command must not be started, and the reason be one line, which is returned."""
    before = repository.state()
    done = repository.run(*command, options=options)
    assert done.returncode == NOT_STARTED, done
    assert repository.state() == before
    (line,) = os.fsdecode(done.stderr).splitlines()
    return line.removeprefix("vestige: ")


def shown(repository: Repository, *words: str, mode: str = "basic") -> list[str]:
    """Return what a dry run prints."""
    done = repository.run(*words, options=("--dry-run", mode))
    assert done.returncode == 0, done
    return os.fsdecode(done.stdout).splitlines()


class TestWords:
    def test_one_word_is_a_script(self, repository: Repository) -> None:
        done = repository.run("cat in folder/* | sort > out; exit 0")
        assert done.returncode == 0, done
        assert repository.commit().run.record.cmd == "cat in folder/* | sort > out; exit 0"
        assert repository.read("out") == "in\none\ntwo\n"

    def test_one_word_is_a_program_if_there_is_one(self, repository: Repository) -> None:
        program = repository.write("my program", "#!/bin/sh\necho x > out\n", mode=0o755)
        done = repository.run(program)
        assert done.returncode == 0, done
        assert repository.commit().files == {"out": "A"}

    def test_none_at_all(self, repository: Repository) -> None:
        assert "no command given" in refused(repository)

    def test_two_dashes_end_the_options_once(self, repository: Repository) -> None:
        assert repository.run("--", "sh", "-c", 'echo "$1" > out', "sh", "--").returncode == 0
        assert repository.read("out") == "--\n"
        assert repository.run("--", "--").returncode == 127

    def test_after_the_first_word_all_belongs_to_the_command(self, repository: Repository) -> None:
        done = repository.run("echo", "--version", "-m", "--commit")
        assert done.stdout == b"--version -m --commit\n"

    def test_that_are_not_ascii(self, repository: Repository) -> None:
        name = "\u0431\u03bc \u4e2d"
        assert repository.run(f"echo {name} > '{name}'; cat < '{name}' > out").returncode == 0
        made = repository.commit()
        assert made.files == {name: "A", "out": "A"}
        assert made.run.record.cmd == f"echo {name} > '{name}'; cat < '{name}' > out"
        assert made.run.text == made.run.record.cmd
        done = repository.run("sh", "-c", f"echo {name} >&2; exit 7")
        assert (done.returncode, done.stderr.decode().splitlines()[0]) == (7, name)

    def test_what_is_longer_than_forty_letters_is_cut_in_the_subject(self, repository: Repository) -> None:
        repository.run("echo " + "x" * 50 + " > out")
        assert repository.commit().run.text == "echo " + "x" * 35 + "..."

    def test_from_python_the_folder_decides(self, here: Repository) -> None:
        made = api.run(["sh", "-c", "cat one > out"], cwd=here.path("folder"), commit=True)
        assert made.exit_code == 0
        assert here.commit().files == {"folder/out": "A"}
        assert here.commit().run.record.pwd == os.path.basename(here.path("folder"))


class TestDeclared:
    def test_an_input_that_is_not_there(self, repository: Repository) -> None:
        reason = "no input is there for `no*`"
        assert reason in refused(repository, "touch", "ran", options=("-i", "no*"))
        assert reason in refused(repository, "touch", "ran", options=("-i", "no*", "--explicit", "-o", "ran"))

    def test_outside_of_the_repository(self, repository: Repository) -> None:
        assert "`../x` is outside of the repository" in refused(repository, "touch", "ran", options=("-i", "../x"))
        assert "is outside of the repository" in refused(repository, "touch", "ran", options=("-o", "/tmp/x"))

    def test_globs_are_kept_as_they_are(self, repository: Repository) -> None:
        repository.run("cat {inputs} > out", options=("-i", "folder/*", "-o", "o*"))
        record = repository.commit().run.record
        assert (record.inputs, record.outputs) == (("folder/*",), ("o*",))

    def test_or_expanded_once_the_command_has_ended(self, repository: Repository) -> None:
        options = ("-i", "folder/*", "-o", "o*", "--expand", "both")
        repository.run("cat {inputs} > out; echo > other", options=options)
        record = repository.commit().run.record
        assert record.inputs == ("folder/one", "folder/two")
        assert record.outputs == ("other", "out")

    def test_absolute_names_become_relative_ones(self, repository: Repository) -> None:
        options = ("-i", repository.path("in"), "-o", repository.path("out"))
        repository.run("cat {inputs} > {outputs}", options=options)
        record = repository.commit().run.record
        assert (record.inputs, record.outputs) == (("in",), ("out",))

    def test_from_a_folder_they_are_relative_to_that(self, repository: Repository) -> None:
        done = repository.run(
            "cat {inputs} > {outputs}", options=("-i", "../in", "-o", "../out"), cwd=repository.path("folder")
        )
        assert done.returncode == 0, done
        made = repository.commit()
        assert made.files == {"out": "A"}
        assert (made.run.record.inputs, made.run.record.outputs) == (("../in",), ("../out",))

    def test_folders_without_a_file_are_no_matter(self, repository: Repository) -> None:
        done = repository.run("mkdir -p a/b c; echo > out", options=("-o", "a", "-o", "c", "-o", "out"))
        assert done.returncode == 0, done
        assert repository.commit().files == {"out": "A"}

    def test_all_outputs_are_inputs(self, repository: Repository) -> None:
        repository.run("sort -r {inputs} -o in", options=("-i", "{outputs}", "-o", "in", "-o", "folder/one"))
        record = repository.commit().run.record
        assert (record.inputs, record.outputs) == (("in", "folder/one"), ("in", "folder/one"))

    def test_one_placeholder_alone_is_all_that_it_stands_for(self, repository: Repository) -> None:
        for name in ("in", "folder/one"):
            repository.git("config", "--add", "datalad.run.substitutions.data", name)
        repository.run("cat {inputs} > out", options=("-i", "{data}", "-i", "folder/two"))
        assert repository.read("out") == "in\none\ntwo\n"
        assert repository.commit().run.record.inputs == ("in", "folder/one", "folder/two")

    def test_where_nothing_is_committed_yet(self, repository: Repository) -> None:
        repository.git("init", "--quiet", "new")
        new = repository.at("new")
        assert "no input is there for `*`" in refused(new, "touch ran", options=("-i", "*"))
        assert new.run("echo x > out", options=("-i", ".", "-o", ".")).returncode == 0
        assert new.commit().files == {"out": "A"}

    def test_made_ready_by_somebody_else(self, repository: Repository) -> None:
        options = ("-i", "in", "-o", "out", "--assume-ready", "both")
        assert repository.run("cat {inputs} > {outputs}", options=options).returncode == 0
        assert "no input is there" in refused(repository, "true", options=("-i", "no", "--assume-ready", "both"))


class TestExplicit:
    def test_in_a_tree_with_changes(self, repository: Repository) -> None:
        repository.write("in", "changed\n")
        repository.write("untracked")
        before = repository.state("folder/out")
        done = repository.run(
            "cat ../in > out; echo > other; rm other", options=("--explicit", "-i", "../in", "-o", "out"),
            cwd=repository.path("folder"),
        )  # fmt: skip
        assert done.returncode == 0, done
        assert repository.commit().files == {"folder/out": "A"}
        after = repository.state("folder/out")
        assert (after.unstaged, after.status, after.files) == (before.unstaged, before.status, before.files)

    def test_globs_are_looked_at_again_when_it_has_ended(self, repository: Repository) -> None:
        repository.run("touch a.txt b.txt c.dat", options=("--explicit", "-o", "*.txt"))
        assert repository.commit().files == {"a.txt": "A", "b.txt": "A"}

    def test_what_the_command_commits_itself_stays_committed(self, repository: Repository) -> None:
        done = repository.run(
            "echo x > other; git add other; git commit --quiet -m inner; echo y > out",
            options=("--explicit", "-o", "out"),
        )
        assert done.returncode == 0, done
        made = repository.commit()
        assert len(made.parents) == 2
        assert made.files == {"other": "A", "out": "A"}
        assert repository.state().status == ()


class TestPlaceholders:
    def test_each_of_them(self, repository: Repository) -> None:
        repository.git("config", "datalad.run.substitutions.who", "Ada")
        cmd = "echo {inputs} {inputs[1]} {outputs} {outputs[0]} {pwd} {dspath} {who} {{inputs}} > {outputs[0]}"
        options = ("-i", "one", "-i", "two", "-i", ".", "-o", "out")
        done = repository.run(cmd, options=options, cwd=repository.path("folder"))
        assert done.returncode == 0, done
        top = repository.top
        assert repository.read("folder/out") == f"one two two out out {top}/folder {top} Ada {{inputs}}\n"
        assert repository.commit().run.record.cmd == cmd

    def test_a_temporary_folder(self, repository: Repository) -> None:
        repository.run("echo {tmpdir} > out; rmdir {tmpdir}")
        assert os.path.basename(repository.read("out")).startswith("datalad-run-")

    def test_names_are_quoted_one_by_one(self, repository: Repository) -> None:
        names = ["a b", "c'd", "$e; touch ran", "{f}"]
        for name in names:
            repository.write(f"odd/{name}", f"{name}\n")
        repository.save()
        repository.run("cat {inputs} > out", options=("-i", "odd/*"))
        assert sorted(repository.read("out").splitlines()) == sorted(names)
        assert not os.path.exists(repository.path("ran"))

    def test_in_a_list_of_words_each_is_a_word(self, repository: Repository) -> None:
        repository.write("odd/a b", "x\n")
        repository.write("odd/c", "y\n")
        repository.save()
        repository.run("cp", "{inputs}", "{outputs}", options=("-i", "odd/*", "-o", "folder"))
        assert repository.commit().files == {"folder/a b": "A", "folder/c": "A"}
        assert repository.commit().run.record.cmd == "cp {inputs} {outputs}"

    def test_a_glob_without_a_match_stays_as_it_is(self, repository: Repository) -> None:
        repository.run("echo {outputs[2]} {outputs} > out", options=("-o", "folder/*", "-o", "no*"))
        assert repository.read("out") == "no* folder/one folder/two no*\n"

    def test_all_other_braces_are_braces(self, repository: Repository) -> None:
        repository.write("in", "a b\n")
        repository.save()
        repository.run("sh", "-c", "awk '{print $2}' in > out; echo {x} ${y:-z} {} >> out")
        assert repository.read("out") == "b\n{x} z {}\n"

    def test_there_are_not_so_many(self, repository: Repository) -> None:
        assert "{inputs[7]}" in refused(repository, "cat {inputs[7]} > out", options=("-i", "in"))


class TestSidecars:
    def test_on_the_command_line(self, repository: Repository) -> None:
        made = repository.committed("echo x > out", "--sidecar=yes")
        (path,) = set(made.files) - {"out"}
        assert os.path.dirname(path) == ".datalad/runinfo"
        assert b'"cmd":' not in made.message

    @pytest.mark.parametrize(("values", "expected"), [(("true",), 2), (("false",), 1), (("false", "true"), 2)])
    def test_in_the_config_of_which_the_last_value_counts(
        self, repository: Repository, values: tuple[str, ...], expected: int
    ) -> None:
        for value in values:
            repository.git("config", "--add", "datalad.run.record-sidecar", value)
        assert len(repository.committed("echo x > out").files) == expected

    def test_the_command_line_goes_before_the_config(self, repository: Repository) -> None:
        repository.git("config", "datalad.run.record-sidecar", "true")
        assert repository.committed("echo x > out", "--sidecar=no").files == {"out": "A"}

    def test_in_a_folder_that_is_configured(self, repository: Repository) -> None:
        repository.git("config", "datalad.run.record-directory", "records")
        made = repository.committed("echo x > out", "--sidecar=yes")
        assert sorted(map(os.path.dirname, made.files)) == ["", "records"]
        assert repository.vestige.call("rerun").returncode == 0

    def test_with_explicit_outputs(self, repository: Repository) -> None:
        made = repository.committed("echo x > out; echo y > other", "--sidecar=yes", "--explicit", "-o", "out")
        assert len(made.files) == 2
        assert "other" not in made.files

    def test_where_the_record_is_too_long_for_one_word_of_a_command_line(self, repository: Repository) -> None:
        names = [f"many/{number:04}{'x' * 60}" for number in range(2_000)]
        for name in names:
            repository.write(name)
        repository.save()
        made = repository.committed("echo x > out", "-i", "many/*", "--expand=inputs")
        assert len(made.files) == 2
        assert len(made.message) < 1_000


class TestDryRun:
    def test_what_it_shows(self, repository: Repository) -> None:
        done = repository.run(
            "cat {inputs} > {outputs}", options=("-i", "o*", "-o", "new", "--dry-run", "basic"),
            cwd=repository.path("folder"),
        )  # fmt: skip
        assert os.fsdecode(done.stdout).splitlines() == [
            "location: folder",
            "command: cat {inputs} > {outputs}",
            "expanded command: /bin/sh -c 'cat one > new'",
            "expanded inputs:",
            "  one",
            "expanded outputs:",
            "  new",
        ]

    def test_only_what_there_is_to_show(self, repository: Repository) -> None:
        assert shown(repository, "touch", "ran") == ["location: .", "command: touch ran"]

    def test_the_command_alone(self, repository: Repository) -> None:
        assert shown(repository, "touch", "a b", mode="command") == [shlex.join(["touch", "a b"])]

    def test_nothing_is_run_or_kept(self, repository: Repository) -> None:
        repository.write("in", "changed\n")
        before = repository.state()
        shown(repository, "touch", "ran")
        assert repository.state() == before
        assert not os.path.exists(repository.store)

    def test_of_another_kind(self, repository: Repository) -> None:
        assert "`--dry-run`" in refused(repository, "true", options=("--dry-run", "other"))


class TestSubmodules:
    @pytest.fixture
    def inner(self, repository: Repository) -> Repository:
        """Give a repository below a plain folder of the other one, which has it as a submodule."""
        repository.git("init", "--quiet", "plain/sub")
        made = repository.at("plain/sub")
        made.write("text", "x\n")
        made.write("other", "x\n")
        made.save()
        repository.save("with a submodule")
        return made

    def test_inside_of_one_the_commit_is_made_there(self, repository: Repository, inner: Repository) -> None:
        before = repository.git("rev-parse", "HEAD")
        inner.write("folder/empty")
        inner.save()
        options = ("-i", "../text", "-o", "../out")
        done = inner.run("cat {inputs} > {outputs}", options=options, cwd=inner.path("folder"))
        assert done.returncode == 0, done
        assert inner.commit().files == {"out": "A"}
        assert repository.git("rev-parse", "HEAD") == before

    def test_what_is_written_into_one_is_committed_in_both(self, repository: Repository, inner: Repository) -> None:
        repository.committed("echo y >> plain/sub/text; rm plain/sub/other", "-o", "plain/sub/text")
        assert inner.commit().files == {"text": "M", "other": "D"}
        assert repository.commit().files == {"plain/sub": "M"}
        assert repository.git("rev-parse", "HEAD:plain/sub") == inner.commit().hash
        assert repository.state().status == inner.state().status == ()

    @pytest.mark.parametrize("options", [(), ("--explicit", "-o", "plain/sub")])
    def test_a_commit_in_there_is_merged_in_both(
        self, repository: Repository, inner: Repository, options: tuple[str, ...]
    ) -> None:
        then = repository.commit().hash, inner.commit().hash
        done = repository.sh("cd plain/sub; echo y >> text; git commit --quiet -am inner; rm other", *options)
        assert done.returncode == 0, done
        assert (repository.commit().parents[0], inner.commit().parents[0]) == then
        assert len(repository.commit().parents) == len(inner.commit().parents) == 2
        assert inner.commit().files == {"text": "M", "other": "D"}
        assert repository.git("rev-parse", "HEAD:plain/sub") == inner.commit().hash
        assert repository.state().status == inner.state().status == ()

    def test_commits_in_both_are_merged_in_both(self, repository: Repository, inner: Repository) -> None:
        script = "git rm -q in; git commit --quiet -m outer; cd plain/sub; git rm -q text; git commit --quiet -m inner"
        assert repository.sh(script).returncode == 0
        assert len(repository.commit().parents) == len(inner.commit().parents) == 2
        assert repository.commit().files == {"in": "D", "plain/sub": "M"}
        assert inner.commit().files == {"text": "D"}

    def test_a_commit_around_it_leaves_it_alone(self, repository: Repository, inner: Repository) -> None:
        before = inner.state()
        assert repository.sh("echo y > out; git add out; git commit --quiet -m outer").returncode == 0
        assert len(repository.commit().parents) == 2
        assert inner.state() == before


class TestSubmodulesThatAreNotThere:
    @pytest.fixture
    def clone(self, repository: Repository) -> Repository:
        """Give a clone of a repository, without its submodule."""
        repository.git("init", "--quiet", "../origin")
        origin = repository.at("../origin")
        origin.write("text", "x\n")
        origin.save()
        allowed = ("-c", "protocol.file.allow=always")
        repository.git(*allowed, "submodule", "--quiet", "add", os.path.realpath(origin.top), "plain/sub")
        repository.save("with a submodule")
        repository.git("clone", "--quiet", ".", "../clone")
        return repository.at("../clone")

    def test_they_are_installed_for_reruns(self, clone: Repository) -> None:
        clone.run("cat {inputs} >> out", options=("-i", "plain/sub/t*"))
        clone.git("submodule", "--quiet", "deinit", "--force", "plain/sub")
        assert not os.path.exists(clone.path("plain/sub/text"))
        done = clone.vestige.call("rerun")
        assert done.returncode == 0, done
        assert clone.read("out") == "x\nx\n"


class TestAfterwards:
    def test_the_hint_is_in_the_reason(self, repository: Repository) -> None:
        assert repository.run("false").returncode == 1
        assert "`vestige commit` commits all the same" in repository.outcome["reason"]
        api_run = repository.runs()[-1]
        assert os.path.exists(os.path.join(api_run, "record.json"))

    def test_a_declared_output_that_is_gone_is_a_deletion(self, repository: Repository) -> None:
        repository.run("rm in", options=("-o", "in"))
        assert repository.commit().files == {"in": "D"}
