"""`vestige verify`: a run repeated elsewhere, what comes out the same, what does not and why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from harness.repositories import Repository

NOT_REPEATED = 3


def verified(repository: Repository, *words: str, code: int = 0) -> list[dict[str, Any]]:
    done = repository.vestige.call("verify", "--json", *words)
    assert done.returncode == code, done
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def outputs(found: list[dict[str, Any]]) -> dict[str, str]:
    """Return the verdict on each output of the first repetition."""
    (one,) = found
    return {path: how["verdict"] for path, how in one["repetitions"][0]["outputs"].items()}


def said(repository: Repository, *words: str) -> str:
    """Return why verify refused."""
    done = repository.vestige.call("verify", *words)
    assert done.returncode == 2, done
    return done.stderr.decode()


class TestRepeats:
    def test_a_committed_run(self, repository: Repository) -> None:
        repository.committed("sort in > out; cp folder/one folder/three")
        before = repository.state()
        found = verified(repository)
        assert outputs(found) == {"out": "identical", "folder/three": "identical"}
        assert repository.state() == before
        assert len(repository.git("worktree", "list").splitlines()) == 1

    def test_a_run_that_is_not_committed(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "sort in > out")
        assert outputs(verified(repository)) == {"out": "identical"}

    def test_it_can_be_committed_once_it_has_been_seen_to_repeat(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "sort in > out")
        verified(repository)
        assert repository.vestige.call("commit", "-m", "sorted").returncode == 0
        assert repository.git("show", "--format=%s", "--name-only").split("\n")[0].endswith("sorted")

    def test_it_starts_from_what_was_before_the_run(self, repository: Repository) -> None:
        """A file that the run appends to is as it was, not as it has become."""
        repository.committed("echo more >> in")
        assert outputs(verified(repository)) == {"in": "identical"}

    def test_in_a_folder_of_the_repository(self, repository: Repository) -> None:
        inner = repository.at("folder")
        assert inner.vestige.run("sh", "-c", "cat one ../in > ../both").returncode == 0
        assert outputs(verified(inner)) == {"both": "identical"}

    def test_with_inputs_that_no_commit_holds(self, repository: Repository) -> None:
        repository.write(".gitignore", "raw\n")
        repository.write("raw/table.csv", "a,b\n1,2\n")
        repository.write("in", "changed, and not committed\n")
        assert repository.vestige.run("sh", "-c", "cat in raw/table.csv > out").returncode == 0
        assert outputs(verified(repository)) == {"out": "identical"}

    def test_what_git_ignores_is_an_output_all_the_same(self, repository: Repository) -> None:
        repository.write(".gitignore", "*.log\n")
        repository.vestige.run("sh", "-c", "date +%N > a.log; cat in > b.log")
        assert outputs(verified(repository, code=NOT_REPEATED)) == {"a.log": "different", "b.log": "identical"}

    def test_what_it_printed_where_that_was_captured(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "cat in > out; date +%N")
        assert outputs(verified(repository, code=NOT_REPEATED)) == {"out": "identical", "(stdout)": "different"}

    def test_a_removal(self, repository: Repository) -> None:
        repository.committed("rm folder/one; echo > out")
        assert outputs(verified(repository)) == {"out": "identical"}

    def test_a_failing_command_that_fails_again(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "echo x > out; exit 4")
        (one,) = verified(repository)
        assert (one["exit"], one["repeats"]) == (4, True)

    def test_software_beside_the_code(self, repository: Repository) -> None:
        """An environment in the repository, which no commit holds, is used where it is."""
        repository.write(".gitignore", ".venv\n")
        subprocess.run(["python3", "-m", "venv", "--without-pip", repository.path(".venv")], check=True)
        done = repository.vestige.run(".venv/bin/python", "-c", "import sys; open('out', 'w').write(str(sys.flags))")
        assert done.returncode == 0
        assert outputs(verified(repository)) == {"out": "identical"}

    def test_a_submodule(self, repository: Repository, tmp_path: Path) -> None:
        inner = tmp_path / "inner"
        repository.git("clone", "--quiet", repository.top, str(inner))
        repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
        repository.save()
        assert repository.vestige.run("sh", "-c", "cat sub/in > out").returncode == 0
        assert outputs(verified(repository)) == {"out": "identical"}
        assert len(repository.at("sub").git("worktree", "list").splitlines()) == 1


class TestDiffers:
    def test_the_output_that_varies_is_named_with_its_reason(self, repository: Repository) -> None:
        repository.committed("sort in > out; date +%FT%T.%N > stamp")
        (one,) = verified(repository, code=NOT_REPEATED)
        found = one["repetitions"][0]["outputs"]
        assert {path: how["verdict"] for path, how in found.items()} == {"out": "identical", "stamp": "different"}
        assert "timestamp" in found["stamp"]["reason"]

    def test_equal_by_content(self, repository: Repository) -> None:
        repository.write("keys.py", "import json, random\nkeys = list('abcdefgh')\nrandom.shuffle(keys)\n"
                         "json.dump({key: 1 for key in keys}, open('out.json', 'w'))\n")  # fmt: skip
        assert repository.run("python3", "keys.py").returncode == 0
        assert outputs(verified(repository))["out.json"] in ("equal", "identical")

    def test_an_output_that_does_not_come_again(self, repository: Repository) -> None:
        repository.write("flag", "")
        repository.vestige.run("sh", "-c", "test -e flag && echo x > out; echo y > always")
        os.unlink(repository.path("flag"))
        (one,) = verified(repository, code=NOT_REPEATED)
        assert {path: how["verdict"] for path, how in one["repetitions"][0]["outputs"].items()} == {
            "out": "missing", "always": "identical",
        }  # fmt: skip

    def test_an_input_that_is_not_what_it_was(self, repository: Repository) -> None:
        repository.write("loose", "1\n")
        repository.vestige.run("sh", "-c", "cat loose > out")
        repository.write("loose", "something else\n")
        (one,) = verified(repository, code=NOT_REPEATED)
        assert any("loose" in words for words in one["repetitions"][0]["problems"])

    def test_an_input_that_changed_before_it_was_hashed(self, repository: Repository) -> None:
        repository.write("loose", "1\n")
        other = subprocess.Popen(
            ["sh", "-c", "until [ -s out ]; do sleep 0.01; done; echo other > loose"], cwd=repository.top
        )
        repository.vestige.run("sh", "-c", "cat loose > out; sleep 1")
        assert other.wait(60) == 0
        (one,) = verified(repository, code=NOT_REPEATED)
        assert any("loose" in words for words in one["repetitions"][0]["problems"])

    def test_another_exit_code(self, repository: Repository) -> None:
        repository.vestige.run("sh", "-c", "cat in > out; exit $(($(date +%N | tail -c 3 | sed 's/^0*//') % 200 + 1))")
        (one,) = verified(repository, "--times", "3", code=NOT_REPEATED)
        assert not one["repeats"]

    def test_times_finds_what_varies(self, repository: Repository) -> None:
        repository.committed("cat in > out; echo $$ > pid")
        done = repository.vestige.call("verify", "--times", "3")
        assert done.returncode == NOT_REPEATED
        text = done.stdout.decode()
        assert "1 of 2 outputs repeat in all of 3 repetitions" in text
        assert "identical   out" in text
        assert "different   pid" in text
        assert "wall" in text
        assert "then" in text


class TestCommits:
    def test_by_revision_and_range(self, repository: Repository) -> None:
        repository.committed("cat in > first")
        repository.committed("cat first > second")
        assert outputs(verified(repository, "HEAD")) == {"second": "identical"}
        assert [list(one["repetitions"][0]["outputs"]) for one in verified(repository, "HEAD~2..HEAD")] == [
            ["first"], ["second"],
        ]  # fmt: skip

    def test_of_somebody_else_only_after_a_yes(self, repository: Repository, tmp_path: Path) -> None:
        repository.committed("cat in > out; date +%N > stamp")
        clone = str(tmp_path / "clone")
        repository.git("clone", "--quiet", repository.top, clone)
        other = repository.at(clone)
        assert "`--yes` runs them" in said(other, "HEAD")
        assert outputs(verified(other, "HEAD", "--yes", code=NOT_REPEATED)) == {
            "out": "identical", "stamp": "different",
        }  # fmt: skip

    def test_a_commit_of_datalad_s_form_by_hand(self, repository: Repository) -> None:
        repository.write("copy", "in\n")
        record = '{"cmd": "cat {inputs} > {outputs}", "inputs": ["in"], "outputs": ["copy"], "pwd": ".", "exit": 0}'
        begin, end = "=== Do not change lines below ===", "^^^ Do not change lines above ^^^"
        repository.git("add", "copy")
        repository.git("commit", "-qm", f"[DATALAD RUNCMD] by hand\n\n{begin}\n{record}\n{end}\n")
        assert outputs(verified(repository, "HEAD", "--yes")) == {"copy": "identical"}

    def test_one_bad_record_does_not_stop_a_range(self, repository: Repository) -> None:
        repository.committed("cat in > out")
        begin, end = "=== Do not change lines below ===", "^^^ Do not change lines above ^^^"
        repository.git("commit", "--allow-empty", "-qm", f"[DATALAD RUNCMD] bad\n\n{begin}\n{{oops\n{end}\n")
        done = repository.vestige.call("verify", "HEAD~2..HEAD")
        assert done.returncode == 0, done
        assert b"is passed over" in done.stderr

    def test_no_such_thing(self, repository: Repository) -> None:
        assert "neither a run that is kept nor a commit" in said(repository, "nonsense")
        assert "holds the record of a run" in said(repository, "HEAD")


class TestRefuses:
    def test_a_command_that_names_the_repository_itself(self, repository: Repository) -> None:
        repository.vestige.run("cp", repository.path("in"), repository.path("out"))
        assert "still work on these files" in said(repository)

    def test_a_run_that_wrote_elsewhere(self, repository: Repository, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        repository.vestige.run("sh", "-c", f"cat in > out; echo > {elsewhere}")
        assert "`--yes` lets it" in said(repository)
        assert outputs(verified(repository, "--yes")) == {"out": "identical"}

    def test_a_run_outside_of_git(self, repository: Repository, tmp_path: Path) -> None:
        folder = tmp_path / "plain"
        folder.mkdir()
        plain = repository.at(str(folder))
        plain.vestige.run("sh", "-c", "echo > out")
        assert "not made in a Git work tree" in said(plain)

    def test_no_run_at_all(self, repository: Repository) -> None:
        assert "no run yet" in said(repository)
        assert "1 or more" in said(repository, "--times", "0")


def test_the_repetition_is_a_run_of_its_own(repository: Repository) -> None:
    repository.committed("cat in > out")
    first = repository.record["id"]
    verified(repository)
    assert repository.record["tags"] == ["verify"]
    assert repository.record["commit"] is None
    assert outputs(verified(repository)) == {"out": "identical"}  # of the first one, not of the repetition
    shutil.rmtree(repository.runs()[-1])
    assert first != repository.record["id"]


def test_keep_leaves_the_files(repository: Repository) -> None:
    repository.committed("cat in > out")
    done = repository.vestige.call("verify", "--keep")
    assert done.returncode == 0
    tree = done.stderr.decode().partition("kept: ")[2].strip()
    with open(os.path.join(tree, "out"), encoding="utf-8") as file:
        assert file.read() == "in\n"
    repository.git("worktree", "remove", "--force", tree)
    shutil.rmtree(os.path.dirname(tree))


@pytest.mark.parametrize("name", [b"\xff odd", b"new\nline", b":colon", b"-dash", b'"quoted"'])
def test_odd_names(repository: Repository, name: bytes) -> None:
    script = b'cat in > "$1"'
    assert repository.run("sh", "-c", script, "sh", b"./" + name).returncode == 0
    assert list(outputs(verified(repository)).values()) == ["identical"]


def test_autocrlf(repository: Repository) -> None:
    """What the commit has is not byte for byte what was in the work tree."""
    repository.git("config", "core.autocrlf", "true")
    repository.committed(r"printf 'a\r\nb\r\n' > out.txt")
    assert outputs(verified(repository)) == {"out.txt": "identical"}
