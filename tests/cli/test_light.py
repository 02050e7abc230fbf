"""`vestige run` starts fast: the modules that it may import are listed here."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.front import SOURCE

import vestige

if TYPE_CHECKING:
    from pathlib import Path

OWN = {
    "vestige",
    "vestige._version",
    "vestige.cli",
    "vestige.cli.front",
    "vestige.cli.run",
    "vestige.cli.run_options",
    "vestige.errors",
    "vestige.exit_codes",
    "vestige.invocation",
    "vestige.observe",
    "vestige.observe.inherited",
    "vestige.observe.recorder",
    "vestige.record",
    "vestige.record.head",
    "vestige.record.machine",
    "vestige.record.place",
    "vestige.record.start",
    "vestige.record.tinyjson",
    "vestige.settings",
    "vestige.text",
}
BUILTIN = {"__future__", "_json", "_sha2", "_sha256", "_signal"}

TELL = "import sys\nprint(*sys.modules, sep='\\n', flush=True)\n"
TELL_BEFORE_EXEC = f"""
import os
def tell(path, argv):
    exec({TELL!r})
    os._exit(0)
os.execv = tell
from vestige.cli.front import main
main(["vestige", "run", "true"])
"""


def modules(code: str, folder: Path) -> set[str]:
    start = f"import sys; sys.path.append({SOURCE!r})\n"
    call = [sys.executable, "-I", "-c", start + code]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_run_imports_nothing_beyond_the_list(tmp_path: Path) -> None:
    assert modules(TELL_BEFORE_EXEC, tmp_path) - modules(TELL, tmp_path) - OWN - BUILTIN == set()


def test_the_list_is_not_longer_than_needed(tmp_path: Path) -> None:
    assert modules(TELL_BEFORE_EXEC, tmp_path) >= OWN


def test_a_config_file_costs_a_toml_reader_only_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert not modules(TELL_BEFORE_EXEC, tmp_path) & {"tomllib", "tomli", "re"}
    (tmp_path / "pyproject.toml").write_text('[tool.vestige]\ntags = ["x"]\n')
    assert modules(TELL_BEFORE_EXEC, tmp_path) & {"tomllib", "tomli"}


def test_importing_the_package_loads_nothing_of_it(tmp_path: Path) -> None:
    loaded = modules("import vestige\n" + TELL, tmp_path) - modules(TELL, tmp_path)
    assert loaded == {"vestige", "vestige._version", "__future__"}


HEAVY = {
    "vestige.finalising.finalise", "vestige.observe.events", "vestige.provenance.hashing", "vestige.report.plot_canvas",
    "vestige.telemetry.asking", "asyncio", "rich", "ssl", "urllib.request",
}  # fmt: skip


@pytest.mark.parametrize("words", [["ls", "--json"], ["show", "--json"]], ids=" ".join)
def test_a_look_at_what_is_kept_loads_nothing_that_observes_draws_or_asks(tmp_path: Path, words: list[str]) -> None:
    assert vestige.run(["true"], store=str(tmp_path / "store")).exit_code == 0
    look = f"""
import contextlib, io
from vestige.cli.dispatch import main
with contextlib.redirect_stdout(io.StringIO()) as said:
    code = main({[*words, "--store", str(tmp_path / "store")]!r})
assert (code, '"argv"' in said.getvalue()) == (0, True)
"""
    assert modules(look + TELL, tmp_path) & HEAVY == set()


@pytest.mark.parametrize("refusal", ["VESTIGE_TELEMETRY=off", "DO_NOT_TRACK=1", "KEDRO_DISABLE_TELEMETRY=1", None])
@pytest.mark.parametrize("ending", ["look", "finish"])
def test_who_says_no_to_telemetry_loads_none_of_it(tmp_path: Path, refusal: str | None, ending: str) -> None:
    result = vestige.run(["true"], store=str(tmp_path / "store"))
    name, _, value = (refusal or "VESTIGE_TELEMETRY=local").partition("=")
    words = {"look": ["ls", "--json", "--store", str(tmp_path / "store")], "finish": [result.folder]}
    module = {"look": "vestige.cli.dispatch", "finish": "vestige.cli.finish"}
    code = f"""
import contextlib, io, os
for name in ("VESTIGE_TELEMETRY", "DO_NOT_TRACK", "KEDRO_DISABLE_TELEMETRY"):
    os.environ.pop(name, None)
os.environ |= {{{name!r}: {value!r}, "XDG_STATE_HOME": {str(tmp_path / "state")!r}}}
with contextlib.redirect_stdout(io.StringIO()):
    from {module[ending]} import main
    main({words[ending]!r})
"""
    loaded = {name for name in modules(code + TELL, tmp_path) if name.startswith("vestige.telemetry.")}
    if refusal is None:
        assert "vestige.telemetry.standing" in loaded
    else:
        assert loaded <= {"vestige.telemetry.surroundings"}
