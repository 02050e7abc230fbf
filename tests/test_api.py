"""`import vestige`: the names it offers and what they do."""

from __future__ import annotations

import importlib.resources
import inspect
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.front import NONE

import vestige

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True, params=["recorder", "portable"])
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A folder to be in, with whatever observer is there and with the portable one."""
    for name in [name for name in os.environ if name.startswith(("VESTIGE_", "XDG_"))]:
        if name != "VESTIGE_RECORDER":
            monkeypatch.delenv(name)
    if request.param == "portable":
        monkeypatch.setenv("VESTIGE_RECORDER", NONE)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_names() -> None:
    assert sorted(vestige.__all__) == vestige.__all__
    assert all(getattr(vestige, name) is not None for name in vestige.__all__)
    assert dir(vestige) == vestige.__all__
    with pytest.raises(AttributeError, match="no attribute `nothing`"):
        _ = vestige.nothing


def test_everything_is_documented_and_typed() -> None:
    assert importlib.resources.files("vestige").joinpath("py.typed").is_file()
    for name in vestige.__all__:
        thing = getattr(vestige, name)
        assert name == "__version__" or inspect.getdoc(thing)
    for function in (vestige.run, vestige.load, vestige.runs):
        signature = inspect.signature(function)
        assert "Raises:" in (function.__doc__ or "")
        assert all(parameter.annotation is not parameter.empty for parameter in signature.parameters.values())


def test_run(place: Path) -> None:
    run = vestige.run(
        ["sh", "-c", "echo out; echo err >&2; exit 3"],
        message="a note",
        tags=["x"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert (run.exit_code, run.stdout, run.stderr) == (3, b"out\n", b"err\n")
    assert (run.record.message, run.record.tags) == ("a note", ("x",))
    assert run.folder.startswith(str(place / ".vestige" / "runs"))
    assert run.record.argv == ("sh", "-c", "echo out; echo err >&2; exit 3")
    assert isinstance(run.record.resources["wall"], vestige.Figure)


def test_run_in_one_pipe() -> None:
    run = vestige.run(["sh", "-c", "echo a; echo b >&2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (run.stdout, run.stderr) == (b"a\nb\n", None)


def test_processes_and_usage() -> None:
    run = vestige.run([sys.executable, "-c", "import time; time.sleep(0.5)"], stdout=subprocess.DEVNULL)
    processes, points = list(run.processes()), list(run.usage())
    assert any(process.argv and process.argv[0] == sys.executable for process in processes)
    assert points
    assert all(isinstance(point, vestige.Point) for point in points)
    assert run.stdout is None


def test_folder_and_environment(place: Path) -> None:
    (place / "below").mkdir()
    run = vestige.run(
        ["sh", "-c", "pwd; echo $SEASON $VESTIGE_RUN_ID"],
        cwd=place / "below",
        env={"SEASON": "spring", "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
    )
    assert run.stdout == f"{place}/below\nspring {run.id}\n".encode()
    assert run.record.cwd == str(place / "below")


def test_output_longer_than_a_pipe_goes_through() -> None:
    run = vestige.run(["head", "-c", "3000000", "/dev/zero"], stdout=subprocess.PIPE)
    assert run.stdout == bytes(3_000_000)


def test_config_counts_and_arguments_go_before_it(place: Path) -> None:
    (place / "vestige.toml").write_text('tags = ["c"]\ncapture = "none"\n')
    assert vestige.run(["echo", "x"], stdout=subprocess.PIPE).stdout is None
    run = vestige.run(["echo", "x"], tags=["d"], capture="auto", stdout=subprocess.PIPE)
    assert (run.stdout, run.record.tags) == (b"x\n", ("c", "d"))


def test_load_and_runs(place: Path) -> None:
    first, second = vestige.run(["true"]), vestige.run(["false"])
    assert [run.id for run in vestige.runs()] == [second.id, first.id]
    assert vestige.load("last").exit_code == 1
    assert vestige.load(first.id) == vestige.load(first.folder) == first
    with pytest.raises(vestige.RunNotFoundError):
        vestige.load("zzz")
    with pytest.raises(vestige.RunNotFoundError):
        vestige.load("last", store=place / "elsewhere")


def test_a_store_of_ones_own(place: Path) -> None:
    run = vestige.run(["true"], store=place / "mine")
    assert run.folder.startswith(str(place / "mine"))
    assert [found.id for found in vestige.runs(store=place / "mine")] == [run.id]
    assert list(vestige.runs()) == []


def test_a_damaged_run_is_a_warning(place: Path) -> None:
    run = vestige.run(["true"])
    bad = place / ".vestige" / "runs" / "20200101T000000Z-00000000"
    bad.mkdir()
    (bad / "record.json").write_text("[]")
    with pytest.warns(UserWarning, match="20200101T000000Z-00000000 can't be read"):
        assert [found.id for found in vestige.runs()] == [run.id]


def test_a_command_that_is_not_there_is_no_exception() -> None:
    run = vestige.run(["no-such-command"], stderr=subprocess.DEVNULL)
    assert run.exit_code == 127


@pytest.mark.parametrize("argv", ["ls -l", [], ["a\0b"]])
def test_words_that_cannot_be_run(place: Path, argv: list[str]) -> None:
    with pytest.raises(vestige.UsageError):
        vestige.run(argv)
    assert not (place / ".vestige").exists()


def test_a_folder_that_is_not_there(place: Path) -> None:
    with pytest.raises(vestige.UsageError, match="`cwd` is no folder"):
        vestige.run(["true"], cwd=place / "nowhere")
    assert not (place / ".vestige").exists()


def test_a_recorder_for_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alien = tmp_path / "alien"
    alien.write_bytes(b"\x7fELF alien")
    alien.chmod(0o755)
    monkeypatch.setenv("VESTIGE_RECORDER", str(alien))
    run = vestige.run(["sh", "-c", "exit 3"])
    assert run.exit_code == 3
    assert run.record.completeness
    assert run.record.completeness.observer == "portable"


def test_a_network_that_cannot_be_denied(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(vestige.UsageError, match="tracing off"):
        vestige.run(["true"], deny_network=True, trace="off")
    alien = tmp_path / "alien"
    alien.write_bytes(b"\x7fELF alien")
    alien.chmod(0o755)
    monkeypatch.setenv("VESTIGE_RECORDER", str(alien))
    with pytest.raises(vestige.RecorderError, match="can't be denied"):
        vestige.run(["touch", "started"], deny_network=True)
    assert list(vestige.runs()) == []
    assert not (place / "started").exists()


def test_what_to_observe_is_in_the_record() -> None:
    options = vestige.run(["true"], hash="none", hash_limit=5).record.options
    assert (options.hash, options.hash_limit, options.io_uring) == ("none", 5, "auto")
    with pytest.raises(vestige.UsageError, match="`hash_limit`"):
        vestige.run(["true"], hash_limit=-5)


def test_a_store_that_cannot_be_made(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(vestige.StoreError):
        vestige.run(["true"], store=place / "file")


def test_a_bad_config(place: Path) -> None:
    (place / "vestige.toml").write_text("wait = 3\n")
    with pytest.raises(vestige.ConfigError):
        vestige.run(["true"])


def test_an_observer_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\nexit 9\n")
    mute.chmod(0o755)
    monkeypatch.setenv("VESTIGE_RECORDER", str(mute))
    with pytest.raises(vestige.RecorderError, match="ended with 9"):
        vestige.run(["true"])
