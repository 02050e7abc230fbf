"""`vestige telemetry kedro`: what kedro-telemetry does in this project, why, what it would send; and its switch."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing
from vestige.errors import TelemetryError
from vestige.kedro import heap
from vestige.words import safe

if TYPE_CHECKING:
    import argparse

_WORDS = {True: "sends", False: "sends nothing", None: "can't be told"}
_ELSEWHERE = """\
For all projects, and for commands outside of one, one of these in the environment:
  export DO_NOT_TRACK=1
  export KEDRO_DISABLE_TELEMETRY=1"""


def kedro(arguments: argparse.Namespace) -> int:
    """Explain it, or switch it off."""
    folder = arguments.project or "."
    if arguments.switch_off:
        return _switch_off(folder)
    state = heap.state(folder, os.environ)
    installed = f"kedro-telemetry {state.version}" if state.version else "kedro-telemetry, which is not installed here,"
    print(safe(f"{installed} {_WORDS[state.sends]}: {state.rule}"))
    for fault in state.faults:
        print(safe(f"  {fault}"))
    if state.sends and state.project:
        print(f"\n`kedro run` would send this to {heap.ENDPOINT} before the first node runs:")
        _show(state.project)
        print("\n`vestige telemetry kedro --off` switches it off")
    return exit_codes.OK


def _show(project: str) -> None:
    try:
        content = heap.payload(project, os.environ)
    except TelemetryError as error:
        printing.say(str(error))
        return
    print(json.dumps(content, indent=1))


def _switch_off(folder: str) -> int:
    project = heap.project_of(folder)
    if project is None:
        raise TelemetryError(f"`{folder}` is in no project of Kedro's; `DO_NOT_TRACK=1` switches it off anywhere")
    print(safe(f"written: {heap.switch_off(project)}"))
    after = heap.state(folder, os.environ)
    print(safe(f"kedro-telemetry {_WORDS[after.sends]} here: {after.rule}"))
    print(_ELSEWHERE)
    return exit_codes.OK
