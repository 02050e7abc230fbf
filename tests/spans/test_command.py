"""`vestige span`: it becomes the command, and says which part of the run that is."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from harness import spans
from harness.spans import Told, variables

if TYPE_CHECKING:
    from harness.command import Vestige


def shell(vestige: Vestige, text: str, code: int = 0) -> Told:
    """Run a shell script under vestige."""
    done = vestige.record("bash", "-c", text, env=variables(vestige))
    assert done.completed.returncode == code, done.completed.stderr.decode()
    return Told(done.run, done.completed.stdout.decode(), spans.lines(done.run))


def test_parts_of_a_script(vestige: Vestige) -> None:
    told = shell(
        vestige,
        """
        vestige span -a fold=3 --attribute=x=1=2 all -- bash -c '
            vestige span inner -- sleep 0.2
            python3 -c "import vestige
with vestige.span(\\"python\\"): pass"
            head -c 150000000 /dev/zero | tail -c 150000000 > /dev/null'
        """,
    )
    assert told.tree() == {"all": None, "inner": "all", "python": "all"}
    assert told.named("all")["attributes"] == {"fold": "3", "x": "1=2"}
    assert {span["kind"] for span in told.spans} == {"command", "span"}
    inner = told.named("inner")
    assert inner["end"] - inner["start"] == pytest.approx(0.2, abs=0.15)
    assert inner["memory_peak"]["value"] < 5_000_000  # that of sleep, not of the interpreter before it
    whole = told.named("all")
    assert whole["memory_peak"]["value"] > 100_000_000  # tail keeps what it was given
    assert whole["memory_peak"]["method"] == "bound"
    assert (whole["cpu"]["method"], whole["status"]) == ("bound", "ok")


def test_it_is_the_command_itself(vestige: Vestige) -> None:
    told = shell(vestige, "echo $$; exec vestige span me -- sh -c 'echo $$; trap'")
    first, second = told.out.split()
    assert first == second


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        ("false", 1, {"type": "exit", "message": "exit code 1"}),
        ("sh -c 'exit 7'", 7, {"type": "exit", "message": "exit code 7"}),
        ("sh -c 'kill -9 $$'", 137, {"type": "signal", "message": "SIGKILL"}),
    ],
)
def test_a_command_that_fails(vestige: Vestige, words: str, code: int, error: dict[str, str]) -> None:
    told = shell(vestige, f"vestige span part -- {words}; exit $?", code)
    assert told.named("part")["error"] == error
    assert told.run.record["spans"]["failed"] == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("x -- nosuchcommand", 127, "vestige: nosuchcommand: command not found"),
        ("x -- /etc/passwd", 126, "vestige: /etc/passwd: Permission denied"),
        ("x -- /", 126, "vestige: /: Permission denied"),
        ("x", 125, "a name and a command are needed"),
        ("", 125, "a name and a command are needed"),
        ("x --", 125, "a name and a command are needed"),
        ("-b x -- true", 125, "unknown option `-b`"),
        ("-a x -- true", 125, "`-a` takes KEY=VALUE"),
        ("-a", 125, "`-a` takes KEY=VALUE"),
        ("-a k=v x true", 0, ""),
        ("x -- true", 0, ""),
        ("--help", 0, ""),
    ],
)
def test_exit_codes(vestige: Vestige, words: str, code: int, said: str) -> None:
    done = vestige.shell(f"vestige span {words}")
    assert (done.returncode, said in done.stderr.decode(), b"Traceback" in done.stderr) == (code, True, False)
    if code and "nosuch" in words:
        told = shell(vestige, f"vestige span {words}", code)
        assert told.spans[0]["error"]["type"] == "FileNotFoundError"


def test_a_script_without_a_first_line(vestige: Vestige) -> None:
    path = vestige.path("plain")
    with open(path, "w", encoding="utf-8") as file:
        file.write("echo $1\n")
    os.chmod(path, 0o755)  # noqa: S103 - it is to be executed
    assert vestige.shell("vestige span x -- ./plain words").stdout == b"words\n"


def test_signals_are_as_without(vestige: Vestige) -> None:
    """Python ignores SIGPIPE; a command that inherits this would write on and on."""
    done = vestige.shell("vestige span x -- yes | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout.decode().split() == ["y", str(128 + signal.SIGPIPE)]


def test_nothing_is_written_outside_of_a_run(vestige: Vestige) -> None:
    before = os.listdir(vestige.home)
    assert vestige.shell("vestige span x -- env | grep -c VESTIGE_SPAN").stdout == b"0\n"
    assert os.listdir(vestige.home) == before
    assert os.listdir(vestige.folder) == []


def test_a_run_within_a_span_is_a_run_of_its_own(vestige: Vestige) -> None:
    told = shell(vestige, "vestige span outer -- vestige run vestige span inner -- true")
    inner = [span["name"] for folder in vestige.folders() for span in spans.lines(vestige.finalised(folder))]
    assert sorted(inner) == ["inner", "outer"]
    assert {span["parent"] for span in told.spans} == {None}
