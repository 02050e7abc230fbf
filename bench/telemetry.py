"""What telemetry costs where a network swallows everything, beside kedro-telemetry: a resolver that never answers.

On a machine by namespaces, as in the tests: no container and no root, or nothing would be sent at all. A yes is given
and a report is due before every round; it is the first of its week each time.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import spread
import table
from errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workloads import Workloads

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))

from harness import machine as machines

_ROUNDS = 11
_SLOW_ROUNDS = 3  # of what takes ten seconds
_OFF, _DUE = "counting off", "a report is due"
_KEDRO_OFF, _KEDRO_ON, _KEDRO_VESTIGE = "telemetry off", "kedro-telemetry sends", "vestige counts, a report is due"
_REGISTRY = """\
from kedro.pipeline import node, pipeline
def one(): return 1
def register_pipelines(): return {"__default__": pipeline([node(one, None, "number")])}
"""
_PROJECT = """\
[tool.kedro]
package_name = "mini"
project_name = "mini"
kedro_init_version = "1.0.0"
source_dir = "src"
"""
_FILES = {
    "pyproject.toml": _PROJECT,
    "conf/base/catalog.yml": "number:\n  type: MemoryDataset\n",
    "conf/local/.keep": "",
    "src/mini/__init__.py": "",
    "src/mini/settings.py": "",
    "src/mini/pipeline_registry.py": _REGISTRY,
}
_DRIVER = """
import datetime as dt, json, os, subprocess, sys, time
from vestige.telemetry import answers, places, own, source, surroundings, wire
rounds, calls = json.loads(sys.argv[1])
kept = places.of_user(os.environ)
around = surroundings.of_process()
def prepare():
    subprocess.run(["rm", "-rf", kept.state, ".vestige"])
    said = answers.Answers(collectors={"vestige": "https://telemetry.example.org"})
    answers.store(kept.answers, said.saying(source.own(said.collectors, around), "yes", ""))
    last = dt.date.today() - dt.timedelta(weeks=1)
    own.here().count("command", {"name": "ls"}, last)
    own.here().count("command", {"name": "ls"})
    os.utime(kept.due, (0, 0))
spent = {name: [] for name in calls}
for _ in range(rounds):
    for name, (words, variables) in calls.items():
        prepare()
        begun = time.perf_counter()
        subprocess.run(words, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        spent[name].append(time.perf_counter() - begun)
        end = time.monotonic() + (30 if "due" in name else 0)
        while "no answer within" not in (open(kept.log).read() if os.path.exists(kept.log) else ""):
            time.sleep(0.3)
            if time.monotonic() > end:
                assert "due" not in name, "nothing was tried"
                break
print(json.dumps(spent))
"""


def telemetry(work: Workloads) -> table.Section:
    """Measure `vestige run true`, `vestige ls` and `kedro run`."""
    title = "Telemetry, and a resolver that never answers"
    reason = machines.unmet()
    if reason:
        return table.Section(title, f"Not measured: {reason}.", ())
    commands = {"vestige run true": ("run", "true"), "vestige ls": ("ls",)}
    found = {name: _vestige(work, list(words)) for name, words in commands.items()}
    kedro = _kedro(work)
    rows = tuple(_row(name, spent, _OFF) for name, spent in found.items())
    run = spread.of_ratios(found["vestige run true"][_DUE], found["vestige run true"][_OFF])
    return table.Section(
        title,
        "No network, and a name server that takes questions and answers none; every round begins with a report that is "
        "due to be sent. The command does not wait for it: its sender, started when all else is done, gives up after "
        f"two seconds and tries again on another day. {_ROUNDS} rounds, {_SLOW_ROUNDS} of Kedro.",
        (
            table.Table(("", _OFF, _DUE, "ratio"), rows),
            table.Table(("", _KEDRO_OFF, _KEDRO_ON, _KEDRO_VESTIGE), (_kedro_row(kedro),)),
        ),
        (table.at_most("`run true` with a report due and a dead resolver, beside counting off", 1.25, run),),
    )


def _vestige(work: Workloads, words: list[str]) -> dict[str, list[float]]:
    python = work.made.python
    call = [python, "-m", "vestige", *words]
    return _measured(work, work.rounds(_ROUNDS), {_OFF: (call, {"VESTIGE_TELEMETRY": "off"}), _DUE: (call, {})}, {})


def _kedro(work: Workloads) -> dict[str, list[float]]:
    call = [os.path.join(os.path.dirname(work.made.python), "kedro"), "run"]
    quiet = {"KEDRO_DISABLE_TELEMETRY": "1"}
    rounds = min(_SLOW_ROUNDS, work.rounds(_SLOW_ROUNDS))
    calls = {_KEDRO_OFF: (call, quiet), _KEDRO_ON: (call, {"VESTIGE_TELEMETRY": "off"})}
    spent = _measured(work, rounds, calls, _FILES)
    # `consent: false` would lower vestige's own mode too: kedro-telemetry is told so in the place where only it looks
    told = {"GITHUB_REPOSITORY_OWNER": "kedro-org"}
    return spent | _measured(work, rounds, {_KEDRO_VESTIGE: (call, told)}, _FILES)


def _measured(
    work: Workloads, rounds: int, calls: dict[str, tuple[list[str], dict[str, str]]], files: dict[str, str]
) -> dict[str, list[float]]:
    with machines.machine() as made:
        made.deaf, made.interpreter, made.limit = True, work.made.python, 3600
        for path, text in files.items():
            made.write(os.path.join("work", path), text)
        done = made.run(made.python("-c", _DRIVER, json.dumps([rounds, calls])))
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
    if not found:
        raise BenchError(f"telemetry: {done.stderr[-500:]}")
    return found


def _row(name: str, spent: dict[str, list[float]], base: str) -> tuple[str, ...]:
    ratio = table.ratio(spread.of_ratios(spent[_DUE], spent[base]))
    return (f"`{name}`", _median(spent[base]), _median(spent[_DUE]), ratio)


def _kedro_row(spent: dict[str, list[float]]) -> tuple[str, ...]:
    return ("`kedro run`, one node", *(_median(spent[name]) for name in (_KEDRO_OFF, _KEDRO_ON, _KEDRO_VESTIGE)))


def _median(values: Sequence[float]) -> str:
    return table.seconds(spread.of(values).median)
