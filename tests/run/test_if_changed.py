"""`vestige run --if-changed`: the second time nothing runs, unless anything that the first run used is another."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from harness import recorded
from harness.waiting import until

import vestige as api
from vestige.cli import run as front
from vestige.history import unchanged
from vestige.invocation import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.command import Vestige

pytestmark = pytest.mark.needs("recorder")

ASKED = ("--if-changed",)
SAYING = (*ASKED, "--summary", "line")
SCRIPT = """\
import glob, sys
import parts, library
rows = [line for name in sorted(glob.glob("data/*.csv")) for line in open(name)]
with open("out.txt", "w") as out:
    out.writelines(rows)
print(len(rows), parts.WORD, library.VERSION)
print("warned", file=sys.stderr)
"""


@dataclass
class Again:
    """A command that is run again and again."""

    vestige: Vestige
    words: tuple[str, ...]

    def __call__(self, **more: Any) -> tuple[bytes, str]:
        """Run it if need be; return its stdout, and what vestige said of that."""
        done = self.vestige.run(*self.words, options=SAYING, **more)
        assert done.returncode == 0, done.stderr
        own = [line for line in done.stderr.decode().splitlines() if line.startswith("vestige: ")]
        (said,) = own or [""]
        return done.stdout, said.removeprefix("vestige: ")

    def skipped(self, **more: Any) -> bytes:
        """Run it, be told that nothing changed, see that no run was made, and return stdout."""
        before = self.vestige.folders()
        out, said = self(**more)
        assert said.startswith("skipped: nothing changed since run "), said
        assert self.vestige.folders() == before
        return out

    def not_skipped(self, **more: Any) -> str:
        """Run it, see that it ran, and return the reason."""
        before = len(self.vestige.folders())
        _, said = self(**more)
        assert said.startswith("not skipped: "), said
        assert len(self.vestige.folders()) == before + 1
        return said.removeprefix("not skipped: ")


def write(vestige: Vestige, name: str, text: str) -> str:
    path = vestige.path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@pytest.fixture
def script(vestige: Vestige) -> Again:
    """A Python script with data, a module and a package, which has run twice: the second time it was skipped."""
    write(vestige, "script.py", SCRIPT)
    write(vestige, "parts.py", "WORD = 'a'\n")
    write(vestige, "data/1.csv", "1\n")
    write(vestige, "site-packages/library/__init__.py", "from library.version import VERSION\n")
    write(vestige, "site-packages/library/version.py", "VERSION = 1\n")
    vestige.variables["PYTHONPATH"] = vestige.path("site-packages")
    again = Again(vestige, (sys.executable, "script.py"))
    assert again.not_skipped() == "no earlier run of this command in this folder is kept"
    assert again.skipped() == b"1 a 1\n"
    return again


CHANGES: dict[str, tuple[Callable[[Vestige], object], str]] = {
    "input": (lambda it: write(it, "data/1.csv", "2\n"), "`data/1.csv` changed"),
    "script": (lambda it: write(it, "script.py", SCRIPT + "#\n"), "`script.py` changed"),
    "module": (lambda it: write(it, "parts.py", "WORD = 'b'\n"), "`parts.py` changed"),
    "package": (lambda it: write(it, "site-packages/library/version.py", "VERSION = 2\n"), "version.py` changed"),
    "new package": (lambda it: write(it, "site-packages/glob.py", "glob = 1\n"), "entries of `site-packages` changed"),
    "new file": (lambda it: write(it, "data/2.csv", "2\n"), "entries of `data` changed"),
    "file gone": (lambda it: os.unlink(it.path("data/1.csv")), "`data/1.csv` is gone"),
    "output gone": (lambda it: os.unlink(it.path("out.txt")), "`out.txt` is gone"),
    "output changed": (lambda it: write(it, "out.txt", "2\n"), "`out.txt` changed"),
    "variable": (lambda it: it.variables.update(MINE="1"), "the environment is not as in run"),
    "known variable": (lambda it: it.variables.update(OMP_NUM_THREADS="1"), "variable `OMP_NUM_THREADS` is not as in"),
    "code made again": (lambda it: shutil.rmtree(it.path("__pycache__")), "entries of `.` changed"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_makes_it_run_once_more(vestige: Vestige, script: Again, change: str) -> None:
    act, reason = CHANGES[change]
    act(vestige)
    if change == "new package":
        done = vestige.run(*script.words, options=SAYING)
        assert reason in done.stderr.decode()
        return
    assert reason in script.not_skipped()
    script.skipped()


UNCHANGES: dict[str, Callable[[Vestige], object]] = {
    "touched input": lambda it: os.utime(it.path("data/1.csv")),
    "input written again": lambda it: write(it, "data/1.csv", "1\n"),
    "touched output": lambda it: os.utime(it.path("out.txt")),
    "another folder": lambda it: write(it, "notes/new.txt", "x"),
    "variable of the terminal": lambda it: it.variables.update(TERM="dumb", SSH_TTY="/dev/pts/9", SHLVL="7"),
    "setting of vestige": lambda it: it.variables.update(VESTIGE_HASH="fast"),
}


@pytest.mark.parametrize("change", UNCHANGES)
def test_what_does_not_matter(vestige: Vestige, change: str) -> None:
    write(vestige, "data/1.csv", "1\n")
    os.mkdir(vestige.path("notes"))
    again = Again(vestige, ("sh", "-c", "cat data/1.csv; sort data/1.csv > out.txt"))
    again()
    UNCHANGES[change](vestige)
    assert again.skipped() == b"1\n"


@pytest.mark.needs("gcc")
def test_a_compiler(vestige: Vestige) -> None:
    write(vestige, "a.c", '#include "a.h"\nint main(void) { return X; }\n')
    write(vestige, "a.h", "#define X 0\n")
    os.mkdir(vestige.path("include"))
    again = Again(vestige, ("gcc", "-Iinclude", "-o", "a", "a.c"))
    again()
    again.skipped()
    write(vestige, "a.h", "#define X 1\n")
    assert "`a.h` changed" in again.not_skipped()
    again.skipped()
    write(vestige, "a.c", "#include <a.h>\nint main(void) { return X; }\n")
    shutil.copy(vestige.path("a.h"), vestige.path("include/a.h"))
    again.not_skipped()
    os.unlink(vestige.path("a"))
    assert "`a` is gone" in again.not_skipped()


def test_a_header_that_comes_before_the_one_that_was_found(vestige: Vestige) -> None:
    os.mkdir(vestige.path("first"))
    write(vestige, "second/conf", "x\n")
    again = Again(vestige, ("sh", "-c", "cat first/conf 2>/dev/null || cat second/conf"))
    again()
    again.skipped()
    write(vestige, "first/conf", "y\n")
    assert "`first/conf` is there" in again.not_skipped()


def test_a_pipeline(vestige: Vestige) -> None:
    write(vestige, "numbers", "3\n1\n2\n")
    again = Again(vestige, ("sh", "-c", "sort -n numbers | uniq | head -2 > two; wc -l < two"))
    again()
    assert again.skipped() == b"2\n"
    write(vestige, "numbers", "5\n")
    assert "`numbers` changed" in again.not_skipped()


def test_a_program_before_it_in_the_path(vestige: Vestige) -> None:
    first = vestige.path("bin")
    os.mkdir(first)
    vestige.variables["PATH"] = f"{first}:{vestige.variables['PATH']}"
    again = Again(vestige, ("sh", "-c", "echo x | sort"))
    again()
    again.skipped()
    found = shutil.which("sort")
    assert found
    os.symlink(found, vestige.path("bin/sort"))
    assert f"`{first}/sort` is new" in again.not_skipped()


class TestNever:
    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("exit 3", "failed with exit code 3"),
            ("kill -9 $$", "failed with exit code 137"),
            ("cat data && echo more >> data", "changed `data`, which it had read"),
            ("rm data || touch data", "removed `data`"),
        ],
    )
    def test_again(self, vestige: Vestige, script: str, reason: str) -> None:
        for _ in range(2):
            write(vestige, "data", "content\n")
            done = vestige.run("sh", "-c", script, options=(*SAYING, "--no-wait"))
            until(lambda: recorded.is_over(vestige.folders()[-1]), "the end")
        assert reason in done.stderr.decode()
        assert len(vestige.folders()) == 2

    def test_with_processes_left_behind(self, vestige: Vestige) -> None:
        for _ in range(2):
            done = vestige.run(
                "sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $! >> pids", options=(*SAYING, "--no-wait")
            )
            until(lambda: vestige.last().record["status"] == "ended", "its record")
        with open(vestige.path("pids"), encoding="utf-8") as file:
            for pid in map(int, file):
                os.kill(pid, signal.SIGKILL)
        assert "left processes behind" in done.stderr.decode()
        assert len(vestige.folders()) == 2

    def test_what_it_wrote_on_in(self, vestige: Vestige) -> None:
        again = Again(vestige, ("sh", "-c", "echo more >> log"))
        again()
        again.skipped()  # there was no log before
        write(vestige, "log", "content\n")
        again.not_skipped()
        assert "wrote on in" in again.not_skipped()
        with open(vestige.path("log"), encoding="utf-8") as log:
            assert log.read() == "content\nmore\nmore\n"

    def test_with_data_on_stdin(self, vestige: Vestige) -> None:
        for _ in range(2):
            done = vestige.run("cat", options=SAYING, input=b"x")
            assert done.stdout == b"x"
        assert b"stdin is a pipe" in done.stderr

    def test_with_output_into_a_file(self, vestige: Vestige) -> None:
        for _ in range(2):
            with open(vestige.path("out"), "wb") as out:
                done = vestige.run("echo", "x", options=SAYING, stdout=out)
        assert b"wrote its stdout into a file" in done.stderr

    def test_but_with_no_output_into_a_file(self, vestige: Vestige) -> None:
        for _ in range(2):
            with open(vestige.path("out"), "wb") as out:
                done = vestige.run("true", options=SAYING, stdout=out)
        assert b"vestige: skipped" in done.stderr

    def test_untraced(self, vestige: Vestige) -> None:
        vestige.run("true", options=("--trace", "off"))
        assert b"was not seen whole" in vestige.run("true", options=SAYING).stderr
        assert b"tracing is off" in vestige.run("true", options=(*SAYING, "--trace", "off")).stderr

    def test_inside_another_run(self, vestige: Vestige) -> None:
        inner = (vestige.executable, "run", *ASKED, "echo", "x")
        for _ in range(2):
            assert vestige.run(*inner).stdout == b"x\n"
        assert len(vestige.folders()) == 4

    def test_with_a_pipe_beside_the_streams(self, vestige: Vestige) -> None:
        script = f"exec 9< <(echo x); {vestige.executable} run --if-changed --summary line bash -c 'cat <&9'"
        for _ in range(2):
            done = vestige.shell(script)
            assert done.stdout == b"x\n"
        assert b"descriptor 9 is a pipe" in done.stderr

    def test_after_a_build_that_went_by_times(self, vestige: Vestige) -> None:
        """What it did not need to open is not known; an earlier run of the same command did open it."""
        copies = "open(name + '.out', 'w').write(open(name).read())"
        looks = f"import os\nfor name in 'ab':\n  os.path.exists(name + '.out') or {copies}"
        write(vestige, "a", "1\n")
        write(vestige, "b", "2\n")
        again = Again(vestige, (sys.executable, "-c", looks))
        again()
        os.unlink(vestige.path("a.out"))
        assert "`a.out` is gone" in again.not_skipped()  # which opens a and a.out, and nothing of b
        os.unlink(vestige.path("b.out"))
        assert "`b.out` changed since run" in again.not_skipped()
        assert os.path.exists(vestige.path("b.out"))


class TestOutput:
    def test_both_streams_in_their_order(self, vestige: Vestige) -> None:
        script = "echo 1; sleep 0.1; echo 2 >&2; sleep 0.1; echo 3; printf '\\0\\377' >&2"
        first = vestige.run("sh", "-c", script, options=ASKED)
        with vestige.start("sh", "-c", script, options=ASKED, stderr=subprocess.STDOUT) as process:
            out, _ = process.communicate(timeout=30)
        second = vestige.run("sh", "-c", script, options=ASKED)
        assert out == b"1\n2\n3\n\0\xff"
        assert (second.stdout, second.stderr) == (first.stdout, first.stderr) == (b"1\n3\n", b"2\n\0\xff")
        assert len(vestige.folders()) == 1

    def test_much_of_it(self, vestige: Vestige) -> None:
        words = ("sh", "-c", "seq 300000; seq 300000 >&2; seq 3")
        first, second = (vestige.run(*words, options=ASKED) for _ in range(2))
        assert (second.stdout, second.stderr) == (first.stdout, first.stderr)
        assert len(vestige.folders()) == 1

    def test_both_in_one_pipe(self, vestige: Vestige) -> None:
        outs = []
        for _ in range(2):
            words = vestige.words("sh", "-c", "echo 1; echo 2 >&2; echo 3", options=ASKED)
            outs.append(vestige.bare(*words, stderr=subprocess.STDOUT).stdout)
        assert outs == [b"1\n2\n3\n"] * 2
        assert len(vestige.folders()) == 1
        done = vestige.run("sh", "-c", "echo 1; echo 2 >&2; echo 3", options=SAYING)
        assert b"were one, and are not now" in done.stderr

    def test_a_reader_that_goes_away(self, vestige: Vestige) -> None:
        vestige.run("seq", "300000", options=ASKED)
        with vestige.start("seq", "300000", options=ASKED) as process:
            assert process.stdout
            assert process.stdout.read(2) == b"1\n"
            process.stdout.close()
            assert process.wait(timeout=30) == -signal.SIGPIPE
        assert len(vestige.folders()) == 1

    def test_a_full_disk_is_no_reason_to_run_it(self, vestige: Vestige) -> None:
        vestige.run("echo", "x", options=ASKED)
        with open("/dev/full", "wb") as full:
            done = vestige.run("echo", "x", options=ASKED, stdout=full)
        assert done.returncode == 125
        assert b"can't give the output of run" in done.stderr
        assert len(vestige.folders()) == 1


class TestWords:
    def test_none_where_stderr_is_no_terminal(self, vestige: Vestige) -> None:
        first, second = (vestige.run("true", options=ASKED) for _ in range(2))
        assert (first.stderr, second.stderr) == (b"", b"")
        assert len(vestige.folders()) == 1

    @pytest.mark.parametrize("option", ["-q", "--summary=none"])
    def test_none_where_none_are_wanted(self, vestige: Vestige, option: str) -> None:
        first, second = (vestige.run("true", options=(*ASKED, option)) for _ in range(2))
        assert (first.stderr, second.stderr) == (b"", b"")

    def test_which_run_and_when(self, vestige: Vestige) -> None:
        vestige.variables["TZ"] = "UTC"
        vestige.run("true", options=ASKED)
        run = vestige.last()
        said = vestige.run("true", options=SAYING).stderr.decode()
        started = run.record["started"][:16].replace("T", " ")
        assert said == f"vestige: skipped: nothing changed since run {run.record['id'][-8:]} ({started})\n"

    def test_a_path_can_not_steer_the_terminal(self, vestige: Vestige) -> None:
        name = "in\033[31m\n"
        write(vestige, name, "x")
        again = Again(vestige, ("cat", name))
        again()
        write(vestige, name, "y")
        assert again.not_skipped().startswith("`in\\x1b[31m\\n` changed since")

    def test_on_a_terminal(self, vestige: Vestige) -> None:
        first, second = self.on_terminal(vestige), self.on_terminal(vestige)
        assert first.startswith("vestige: not skipped: no earlier run")
        assert "printed\r\n" in first
        assert "vestige: skipped: nothing changed since run" in second
        assert "; what it printed is not shown again" in second
        assert "printed\r\n" not in second
        third = vestige.run("echo", "printed", options=SAYING, stdin=subprocess.DEVNULL)
        assert b"stdin is not what it was in run" in third.stderr
        assert third.stdout == b"printed\n"

    def on_terminal(self, vestige: Vestige) -> str:
        terminal = pexpect.spawn(
            vestige.executable,
            ["run", "--if-changed", "echo", "printed"],
            timeout=30,
            cwd=vestige.folder,
            env=vestige.variables,  # type: ignore[arg-type,unused-ignore]
            dimensions=(24, 200),
            encoding="utf-8",
        )
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0
        return str(terminal.before)


class TestWithOtherOptions:
    @pytest.mark.needs("git")
    def test_no_commit_is_made_where_nothing_runs(self, vestige: Vestige) -> None:
        git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", vestige.folder)
        vestige.variables.update(GIT_AUTHOR_NAME="x", GIT_AUTHOR_EMAIL="x@example.org")
        vestige.variables.update(GIT_COMMITTER_NAME="x", GIT_COMMITTER_EMAIL="x@example.org")
        write(vestige, "data", "x\n")
        for words in (("init", "-q"), ("add", "data"), ("commit", "-qm", "data")):
            vestige.bare(*git, *words)
        for _ in range(2):
            done = vestige.run("sh", "-c", "sort data > out", options=(*ASKED, "--commit"))
            assert done.returncode == 0, done.stderr
        assert len(vestige.folders()) == 1
        assert len(vestige.bare(*git, "log", "--oneline").stdout.splitlines()) == 2

    @pytest.mark.needs("git")
    def test_a_declared_input_that_it_never_opened(self, vestige: Vestige) -> None:
        vestige.variables.update(GIT_AUTHOR_NAME="x", GIT_AUTHOR_EMAIL="x@example.org")
        vestige.variables.update(GIT_COMMITTER_NAME="x", GIT_COMMITTER_EMAIL="x@example.org")
        write(vestige, "data", "x\n")
        for words in (("init", "-q"), ("add", "data"), ("commit", "-qm", "data")):
            vestige.bare("git", *words)
        options = (*SAYING, "--commit", "-i", "data")
        words = ("sh", "-c", "echo {inputs} > out")
        assert vestige.run(*words, options=options).returncode == 0
        assert b"vestige: skipped" in vestige.run(*words, options=options).stderr
        write(vestige, "data", "y\n")
        assert b"`data` changed since" in vestige.run(*words, options=options).stderr

    def test_wrong_words_are_wrong_in_any_case(self, vestige: Vestige) -> None:
        vestige.run("true", options=ASKED)
        done = vestige.run("true", options=(*ASKED, "--explicit"))
        assert done.returncode == 125
        assert done.stderr == b"vestige: `--explicit` goes with `--commit`\n"


class TestWhateverGoesWrong:
    def test_the_command_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(unchanged, "earlier_run", fail)
        request = Request()
        request.argv = ["true"]
        assert front._skipped(request) is None  # noqa: SLF001 - what main calls

    def test_the_runs_can_not_be_listed(self, vestige: Vestige) -> None:
        write(vestige, "store/runs", "a file")
        vestige.variables["VESTIGE_STORE"] = vestige.path("store")
        done = vestige.run("true", options=ASKED)
        assert done.returncode == 125  # said by what makes the run folder
        assert b"store" in done.stderr

    def test_two_at_once(self, vestige: Vestige) -> None:
        both = [vestige.start("sh", "-c", "sleep 0.3; echo x", options=SAYING) for _ in range(2)]
        for process in both:
            with process:
                out, _ = process.communicate(timeout=30)
            assert out == b"x\n"
        assert len(vestige.folders()) == 2


class TestFromPython:
    @pytest.fixture(autouse=True)
    def _place(self, vestige: Vestige, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in vestige.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(vestige.folder)

    def call(self, **more: Any) -> api.Run:
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return api.run(["sh", "-c", "cat data; echo e >&2"], if_changed=True, **{**given, **more})

    def test_the_earlier_run_is_returned(self, vestige: Vestige) -> None:
        write(vestige, "data", "1\n")
        first, second = self.call(), self.call()
        assert second.id == first.id
        assert (second.stdout, second.stderr) == (b"1\n", b"e\n")
        write(vestige, "data", "2\n")
        assert self.call().stdout == b"2\n"
        assert self.call(env={**os.environ, "MINE": "1"}).id != second.id

    def test_nothing_can_be_given_to_a_file_again(self, vestige: Vestige) -> None:
        write(vestige, "data", "1\n")
        first = self.call()
        with open(vestige.path("out"), "wb") as out:
            assert self.call(stdout=out).id != first.id
        assert self.call().id == first.id  # the run into a file is the newest, the one before still stands
        assert self.call(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).id == first.id

    def test_both_in_one(self, vestige: Vestige) -> None:
        write(vestige, "data", "1\n")
        first = self.call(stderr=subprocess.STDOUT)
        assert self.call(stderr=subprocess.STDOUT).id == first.id
        assert self.call().id != first.id

    def test_data_on_stdin(self, vestige: Vestige) -> None:
        path = write(vestige, "data", "1\n")
        with open(path, "rb") as file:
            first = self.call(stdin=file)
            assert self.call(stdin=file).id != first.id
        assert first.record.options.stdin == "file"
