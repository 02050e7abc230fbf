"""con-duct's own `ls`, `pp` and `plot` on what `vestige duct` wrote: no warning, no error, and the right figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from duct.sides import con_duct
from harness.command import environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("con-duct")
BURN = "import os, time\nx = bytearray(30 << 20)\nos.fork()\nend = time.time() + 0.8\nwhile time.time() < end: pass"
CALLS = (
    ("true", "true"), ("failed", "sh", "-c", "exit 3"), ("burn", sys.executable, "-S", "-c", BURN),
    ("killed", "sh", "-c", "kill -9 $$"), ("odd", "sh", "-c", "echo 'a\n\x1b[1mb' {x} %s '\udcff'"),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tools: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder of logs that `vestige duct` wrote, and the environment."""
    where = tmp_path_factory.mktemp("logs")
    variables = environment(tools=tools, home=str(tmp_path_factory.mktemp("home"))) | {"MPLBACKEND": "agg"}
    program = [os.path.join(tools, "vestige"), "duct", "-l", "NONE", "--fail-time", "0", "--s-i", "0.1", "--r-i", "0.2"]
    for name, *command in CALLS:
        call = [*program, "-m", f"it is {name}", "-p", f"{name}_", *command]
        subprocess.run(call, cwd=where, env=variables, check=False, stdout=subprocess.DEVNULL)
    return where, variables


def call(folder: tuple[Path, dict[str, str]], *words: str) -> str:
    """Return what con-duct prints; it has nothing to say about the files, and ends well."""
    done = subprocess.run([con_duct(), *words], cwd=folder[0], env=folder[1], capture_output=True, check=False)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert not any(f"[{level}" in said for level in ("WARNING", "ERROR", "CRITICAL")), said
    assert "Traceback" not in said
    assert "Warning" not in said
    return done.stdout.decode()


NAMES = [f"{name}_info.json" for name, *_ in CALLS]
INFOS = pytest.mark.parametrize("info", NAMES)
USAGES = pytest.mark.parametrize("usage", [f"{name}_usage.jsonl" for name, *_ in CALLS])


@pytest.mark.parametrize("form", ["auto", "pyout", "summaries", "json", "json_pp", "yaml"])
@pytest.mark.parametrize(
    "options", [[], ["--sort-by", "peak_rss", "exit_code", "--reverse"], ["-e", "exit_code == 3 or peak_rss > 2e7"]]
)
def test_its_listing(folder: tuple[Path, dict[str, str]], form: str, options: list[str]) -> None:
    shown = call(folder, "ls", *NAMES, "-f", form, *options)
    assert "burn_" in shown
    assert "failed_" in shown


def test_all_of_its_fields(folder: tuple[Path, dict[str, str]]) -> None:
    from vestige.duct.fields import FIELDS  # noqa: PLC0415 - what is under test otherwise

    rows = json.loads(call(folder, "ls", *NAMES, "-f", "json", "-F", *FIELDS))
    assert [set(row) for row in rows] == [set(FIELDS)] * len(NAMES)
    codes = {row["prefix"]: row["exit_code"] for row in rows}
    assert codes == {"true_": "0", "failed_": "3", "burn_": "0", "killed_": "137", "odd_": "0"}


@INFOS
@pytest.mark.parametrize("options", [[], ["-H"]])
def test_its_pretty_printing(folder: tuple[Path, dict[str, str]], info: str, options: list[str]) -> None:
    assert "'peak_rss'" in call(folder, "pp", info, *options)


@USAGES
def test_its_pretty_printing_of_samples(folder: tuple[Path, dict[str, str]], usage: str) -> None:
    assert "'totals'" in call(folder, "pp", "-H", usage)


@pytest.mark.parametrize("cpu", ["ps-pcpu", "ps-cpu-timepoint"])
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
@pytest.mark.parametrize("name", ["burn_info.json", "burn_usage.jsonl", "true_info.json", "odd_usage.jsonl"])
def test_its_plot(folder: tuple[Path, dict[str, str]], name: str, suffix: str, cpu: str) -> None:
    out = f"{name}-{cpu}.{suffix}"
    call(folder, "plot", name, "-o", out, "--cpu", cpu)
    assert (folder[0] / out).stat().st_size > 1000
