"""What is counted of Kedro, and what is said of kedro-telemetry; with real Kedro where it is there."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from harness.command import package_parent
from hypothesis import given
from hypothesis import strategies as st

from vestige.kedro import heap, usage
from vestige.telemetry.schema import load

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = load().events["kedro_command"].fields["name"].values
with_kedro = pytest.mark.skipif(find_spec("kedro_telemetry") is None, reason="needs Kedro")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "run --pipeline words --params top_n=5 --tags=secret -n x",
            ("run", ("pipeline", "params", "tags", "nodes"), None),
        ),
        ("catalog describe-datasets --env prod", ("catalog-describe-datasets", ("env",), None)),
        ("catalog my-own", ("catalog", (), None)),
        ("--version /home/me/secret", ("version", (), None)),
        ("-h secret", ("help", (), None)),
        ("", ("help", (), None)),
        ("probe show --password x", ("other", (), None)),
        ("new --starter spaceflights-pandas --name x", ("new", ("starter", "name"), "spaceflights-pandas")),
        ("new -s git@host:me/private", ("new", ("starter",), "git@host:me/private")),
        ("run -psecret --pipe x -- --env", ("run", ("pipeline", "pipe"), None)),
    ],
)
def test_a_command_line_is_told_in_kedros_words(line: str, said: tuple[str, tuple[str, ...], str | None]) -> None:
    found = usage.in_kedros_words(line.split(), COMMANDS)
    assert (found.name, found.options, found.starter) == said


@given(st.lists(st.text()))
def test_no_other_word_gets_into_a_label(args: list[str]) -> None:
    found = usage.in_kedros_words(args, COMMANDS)
    events = load().events
    assert events["kedro_command"].fields["name"].allows(found.name)
    for option in found.options:
        assert events["kedro_option"].fields["name"].allows(events["kedro_option"].fields["name"].label(option))


@pytest.mark.parametrize(
    ("tools", "found"),
    [
        ("tools = \"['Linting', 'Custom Logging']\"\nexample_pipeline = \"True\"", ["lint", "log", "example"]),
        ('tools = ["PySpark"]', ["pyspark"]),
        ('tools = "[\'None\']"\nexample_pipeline = "False"', []),
        ('tools = "[["', []),
        ("tools = 3", []),
        ("tools = [[1]]", []),
    ],
)
def test_the_tools_of_a_project(tmp_path: Path, tools: str, found: list[str]) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.kedro]\n{tools}\n")
    assert usage.tools(str(tmp_path)) == found


def project(place: Path) -> Path:
    top = place / "mini"
    (top / "src" / "mini").mkdir(parents=True)
    (top / "conf" / "base").mkdir(parents=True)
    (top / "conf" / "local").mkdir()
    (top / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "mini"\nproject_name = "mini"\nkedro_init_version = "1.0.0"\nsource_dir = "src"\n'
    )
    package = top / "src" / "mini"
    (package / "__init__.py").touch()
    (package / "settings.py").touch()
    (package / "pipeline_registry.py").write_text(
        "from kedro.pipeline import node, pipeline\n"
        "def one(): return 1\n"
        "def bad(): raise ZeroDivisionError\n"
        "def register_pipelines():\n"
        "    good, failing = (pipeline([node(function, None, 'number')]) for function in (one, bad))\n"
        "    return {'__default__': good, 'bad': failing}\n"
    )
    (top / "conf" / "base" / "catalog.yml").write_text("number:\n  type: MemoryDataset\n")
    return top


@pytest.mark.parametrize(
    ("content", "sends", "word"),
    [
        (None, True, "nothing says no"),
        ("consent: false", False, "says `consent: false`"),
        ("consent: no", False, "says `consent: false`"),
        ("consent: true", True, "says `consent: true`"),
        ('consent: "false"', True, "is ignored"),
        ("Consent: false", True, "is ignored"),
        ("", True, "is ignored"),
        ("consent: [", None, "is malformed"),
    ],
)
@with_kedro
def test_the_state_is_what_kedro_telemetry_itself_decides(
    tmp_path: Path, content: str | None, sends: bool | None, word: str
) -> None:
    plugin = importlib.import_module("kedro_telemetry.plugin")

    top = project(tmp_path)
    if content is not None:
        (top / ".telemetry").write_text(content)
    state = heap.state(str(top / "src"), {})
    assert (state.project, state.sends) == (str(top), sends)
    assert word in state.rule
    assert bool(state.faults) is ("ignored" in word or "malformed" in word)
    try:
        decided = plugin.__dict__["_check_for_telemetry_consent"](top) in (True, None)
    except Exception:  # noqa: BLE001 - it is the fault that is meant
        decided = None
    assert decided is sends


@pytest.mark.parametrize("value", ["1", "0", "false"])
def test_a_variable_with_any_text_switches_it_off(tmp_path: Path, value: str) -> None:
    for name in heap.VARIABLES:
        state = heap.state(str(tmp_path), {name: value})
        assert (state.sends, state.rule) == (False, f"`{name}` is set")
        assert bool(state.faults) is (value != "1")


def test_without_pyyaml_what_people_write_is_read_all_the_same() -> None:
    assert heap.plain("# mine\nconsent: false  # no\n") == {"consent": False}
    assert heap.plain("consent: 'false'\nother: x") == {"consent": "false", "other": "x"}
    with pytest.raises(NotImplementedError):
        heap.plain("consent: [")


def _vestige(top: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"HOME": str(top.parent), "PATH": os.environ["PATH"], "PYTHONPATH": package_parent()}
    call = [sys.executable, "-m", *words]
    return subprocess.run(call, cwd=top, env=environ, capture_output=True, text=True, check=False, timeout=120)


@with_kedro
def test_what_it_would_send_is_shown_and_switched_off(tmp_path: Path) -> None:
    top = project(tmp_path)
    before = (top / "pyproject.toml").read_text()
    shown = _vestige(top, "vestige", "telemetry", "kedro")
    assert shown.returncode == 0, shown.stderr
    payload = json.loads(shown.stdout[shown.stdout.index("{") : shown.stdout.rindex("}") + 1])
    assert payload["properties"]["number_of_nodes"] == 1
    assert payload["properties"]["dataset_type_count.kedro.io.memory_dataset.MemoryDataset"] == 1
    assert (top / "pyproject.toml").read_text() == before  # kedro-telemetry itself would have written an id into it
    off = _vestige(top, "vestige", "telemetry", "kedro", "--off")
    assert "sends nothing here" in off.stdout
    assert "export DO_NOT_TRACK=1" in off.stdout
    assert (top / ".telemetry").read_text() == "consent: false\n"


_SETTINGS = """
from importlib.metadata import distributions
from vestige.kedro.usage_hooks import run_hooks
points = (point for one in distributions() for point in one.entry_points)  # as pluggy looks for them
is_found = any((point.group, point.name) == ("kedro.hooks", "vestige-usage") for point in points)
HOOKS = () if is_found else (run_hooks,)
"""
_KEDRO = """
import sys
from kedro.framework.cli.cli import main
from kedro.framework.cli.hooks import get_cli_hook_manager
from vestige.kedro import usage_hooks
manager = get_cli_hook_manager()
if not manager.is_registered(usage_hooks.command_hooks):
    manager.register(usage_hooks.command_hooks)
sys.argv = ["kedro", *sys.argv[1:]]
main()
"""


@with_kedro
def test_real_commands_and_runs_are_counted(tmp_path: Path) -> None:
    top = project(tmp_path)
    (top / "src" / "mini" / "settings.py").write_text(_SETTINGS)
    (top / ".telemetry").write_text("consent: false\n")
    script = tmp_path / "kedro_main.py"
    script.write_text(_KEDRO)
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": package_parent()}
    for words in (["run"], ["run", "--pipeline", "bad"], ["registry", "list"]):
        call = [sys.executable, str(script), *words]
        done = subprocess.run(call, cwd=top, env=environ, capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode == 0) is (words[-1] != "bad"), done.stderr
    stats: list[dict[str, Any]] = json.loads(_vestige(top, "vestige", "telemetry", "stats", "--json").stdout)
    counted = {(one["event"], *one["fields"].values()): one["count"] for one in stats[0]["counts"]}
    assert counted["kedro_command", "run", "ok"] == counted["kedro_command", "run", "failed"] == 1
    assert counted["kedro_command", "registry-list", "ok"] == 1
    assert counted["kedro_option", "pipeline"] == 1
    assert counted["kedro_run", "ok", "0"] == counted["kedro_run", "failed", "0"] == 1
    assert counted["kedro_error", "ZeroDivisionError"] == 1
    assert counted["kedro_runner", "SequentialRunner"] == 2
    assert counted["kedro_dataset", "1", "io.MemoryDataset"] == 2
    assert counted["kedro_size", "1", "nodes"] == 2
    assert sorted(os.listdir(top)) == [".telemetry", "conf", "pyproject.toml", "src"]
