"""`kedro vestige run`: the project under `vestige run`, all of it or the nodes that have to run.

What Kedro would run is learnt from Kedro itself: `kedro run` with the same words, in which the plugin writes the plan
and ends the program before the first node (`vestige.kedro.hooks`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from vestige import api, exit_codes
from vestige.cli import printing
from vestige.errors import ConfigError, VestigeError
from vestige.kedro.hooks import PLAN_VARIABLE
from vestige.kedro.stale import verdicts
from vestige.pipelines.plan import plan_at
from vestige.quantity import counted
from vestige.words import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vestige.kedro.stale import Verdict
    from vestige.pipelines.plan import Plan

_SILENT = {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1"}  # while it is only asked
_MOST_NAMES = 100_000  # B: a word of a command line has at most 128 KiB


def run(words: Sequence[str], environ: Mapping[str, str], *, if_changed: bool) -> int:
    """Become `kedro run WORDS` under vestige; return an exit code where there is nothing to run, or that fails."""
    try:
        nodes = _nodes(words, environ) if if_changed else None
    except VestigeError as error:
        printing.say(str(error))
        return exit_codes.FAILED
    if nodes == []:
        return exit_codes.OK
    chosen = [f"--nodes={','.join(nodes)}"] if nodes else []
    command = [sys.executable, "-m", "vestige", "run", "--", *_kedro(), "run", *words, *chosen]
    return os.execvpe(command[0], command, dict(environ))  # noqa: S606 - no shell is wanted


def _nodes(words: Sequence[str], environ: Mapping[str, str]) -> list[str] | None:
    """Return the nodes that have to run, and say why; None: all of them."""
    plan = _plan(words, environ)
    found = verdicts(plan, api.kept())
    stale = [verdict for verdict in found if verdict.is_stale]
    for line in _lines(found):
        printing.say(line)
    if len(stale) == len(found):
        return None
    names = [verdict.node for verdict in stale]
    if sum(len(name) + 1 for name in names) > _MOST_NAMES:
        printing.say("all of them are run: their names do not fit into a command line")
        return None
    return names


def _lines(found: Sequence[Verdict]) -> list[str]:
    stale = [verdict for verdict in found if verdict.is_stale]
    of = counted(len(found), "node")
    if not stale:
        return [f"nothing to run: nothing changed for any of {of}"]
    reasons = [f"{safe(verdict.node)}: {safe(verdict.reasons[0])}" for verdict in stale]
    return [f"{len(stale)} of {of} {'has' if len(stale) == 1 else 'have'} to run", *(f"  {line}" for line in reasons)]


def _plan(words: Sequence[str], environ: Mapping[str, str]) -> Plan:
    """Ask Kedro what it would run. Raises ConfigError where it does not say, with its own words on stderr."""
    with tempfile.TemporaryDirectory(prefix="vestige-") as folder:
        path = os.path.join(folder, "plan.json")
        asked = {**environ, **_SILENT, PLAN_VARIABLE: path}
        asked.pop("VESTIGE_RUN", None)
        done = subprocess.run([*_kedro(), "run", *words], env=asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)  # fmt: skip
        plan = plan_at(path)
    if plan is None:
        sys.stderr.buffer.write(done.stdout)
        raise ConfigError("Kedro did not say what it would run; is the plugin `vestige` switched off in settings.py?")
    return plan


def _kedro() -> list[str]:
    """Return how Kedro was called, so that it is called again as it was."""
    name = sys.argv[0]
    if os.path.basename(name) != "kedro" or not os.access(name, os.X_OK):
        return [sys.executable, "-m", "kedro"]
    found = shutil.which("kedro")  # as people type it: the same command as `vestige run kedro run`
    return ["kedro"] if found is not None and os.path.abspath(found) == os.path.abspath(name) else [name]
