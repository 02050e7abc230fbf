"""What kedro-telemetry does in a project: which of its rules decides, what is wrong with its file, what it would send.

Its rules, as of 0.9: `DO_NOT_TRACK` or `KEDRO_DISABLE_TELEMETRY` with any text, Kedro's own CI, a `.telemetry` file
with `consent: true` or `false` in the project's folder; where none of them says anything it sends.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.errors import ConfigError, TelemetryError
from vestige.telemetry.project import parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = ("DO_NOT_TRACK", "KEDRO_DISABLE_TELEMETRY")
ENDPOINT = "https://heapanalytics.com/api/track"
FILE = ".telemetry"
_LARGEST = 1 << 20  # B
_SECONDS = 120.0  # to load the project
_LINE = re.compile(r"(\w+)\s*:\s*(?:(['\"])(.*)\2|([^#'\"\[{&*!|>]*?))\s*(?:#.*)?")
_YES, _NO = ("true", "yes", "on"), ("false", "no", "off")  # as YAML 1.1 has them
_SHOWN = """
import json, os, sys
from pathlib import Path
from kedro import __version__ as kedro
from kedro.framework.project import PACKAGE_NAME, pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro_telemetry import plugin
folder = Path(sys.argv[1])
bootstrap_project(folder)
properties = {"project_version": kedro, "telemetry_version": plugin.TELEMETRY_VERSION, "python_version": sys.version,
              "os": sys.platform, "is_ci_env": plugin._is_known_ci_env(plugin.KNOWN_CI_ENV_VAR_KEYS)}
properties = plugin._add_tool_properties(properties, folder / "pyproject.toml")
properties["command"], properties["main_command"] = "kedro run", "run"
with KedroSession.create(project_path=folder, save_on_close=False) as session:
    catalog = session.load_context().catalog
    properties |= plugin._format_project_statistics_data(catalog, pipelines.get("__default__"), pipelines)
print("\\n" + json.dumps(properties))
"""


@dataclass(frozen=True, slots=True)
class State:
    """What kedro-telemetry does. `sends` is None where every command of Kedro fails instead, or nobody can tell."""

    project: str | None
    version: str | None  # of kedro-telemetry beside this Python; None: it is not there
    sends: bool | None
    rule: str
    faults: tuple[str, ...] = ()


def state(folder: str, environ: Mapping[str, str]) -> State:
    """Return what it does for a command given in `folder`."""
    project = project_of(folder)
    version = _version()
    said = next((name for name in VARIABLES if environ.get(name)), None)
    path = os.path.join(project, FILE) if project else None
    sends, rule, faults = _file(path) if path and os.path.lexists(path) else (True, _default(project), ())
    if said is not None:
        odd = environ[said].lower() in ("0", "false", "no")
        note = (f"`{said}={environ[said]}` switches it off too: any text does",) if odd else ()
        return State(project, version, sends=False, rule=f"`{said}` is set", faults=note)
    if environ.get("GITHUB_REPOSITORY_OWNER") == "kedro-org":
        return State(project, version, sends=False, rule="this is Kedro's own CI")
    return State(project, version, sends, rule, faults)


def project_of(folder: str) -> str | None:
    """Return the nearest folder upward whose pyproject.toml has `[tool.kedro]`."""
    place = os.path.abspath(folder)
    while True:
        if "kedro" in _tools(place):
            return place
        above = os.path.dirname(place)
        if above == place:
            return None
        place = above


def payload(project: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `kedro run` would send from a project, by kedro-telemetry's own code; ids that exist are shown.

    The project is loaded as Kedro loads it, in a process in which both kinds of telemetry are off.
    Raises TelemetryError where it can't be.
    """
    if importlib.util.find_spec("kedro_telemetry") is None:
        raise TelemetryError("kedro-telemetry is not installed beside vestige: what it would send can't be shown")
    quiet = {**environ, "KEDRO_DISABLE_TELEMETRY": "1", "VESTIGE_TELEMETRY": "off"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _SHOWN, project],
            cwd=project,
            env=quiet,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        properties = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise TelemetryError(f"the project was not loaded within {_SECONDS:.0f} s") from error
    except (ValueError, IndexError) as error:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise TelemetryError(f"the project can't be loaded: {last[0] if last else 'it said nothing'}") from error
    return {
        "app_id": environ.get("HEAP_APPID_DEV", "2388822444"),
        "event": "Kedro Project Statistics",
        "timestamp": "the local time, labelled as UTC",
        "identity": _identity(environ),
        "properties": {"username": _identity(environ), "project_id": _project_id(project), **properties},
    }


def switch_off(project: str) -> str:
    """Write the file that switches it off, and return its path. Raises TelemetryError."""
    path = os.path.join(project, FILE)
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="ascii") as file:
            file.write("consent: false\n")
        os.replace(temporary, path)
    except OSError as error:
        raise TelemetryError(f"can't write `{path}`: {error.strerror}") from error
    return path


def _version() -> str | None:
    try:
        return importlib.metadata.version("kedro-telemetry")
    except importlib.metadata.PackageNotFoundError:
        return None


def _default(project: str | None) -> str:
    where = f"`{project}` has no `{FILE}`" if project else "outside of a project no file is read"
    return f"nothing says no: {where}, and what is not refused is sent"


def _file(path: str) -> tuple[bool | None, str, tuple[str, ...]]:
    """Return what a `.telemetry` file makes of it."""
    try:
        content = _parsed(path)
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        fault = f"`{path}` can't be parsed, and every command of Kedro in this project fails by that: {error}"
        return None, f"`{path}` is malformed", (fault,)
    except NotImplementedError:
        return None, f"`{path}` can't be read here without PyYAML", ()
    consent = content.get("consent") if isinstance(content, dict) else None
    if isinstance(consent, bool):
        return consent, f"`{path}` says `consent: {str(consent).lower()}`", ()
    return True, f"`{path}` is ignored, and what is not refused is sent", (_why_ignored(path, content),)


def _why_ignored(path: str, content: object) -> str:
    if isinstance(content, dict) and "consent" in content:
        return f"`{path}`: `consent` is {content['consent']!r}, which is neither true nor false to it"
    near = [key for key in content if str(key).lower() == "consent"] if isinstance(content, dict) else []
    return f"`{path}` has `{near[0]}` where it looks for `consent`" if near else f"`{path}` has no `consent`"


def _parsed(path: str) -> object:
    """Return the YAML of a file, as Kedro would read it. Raises SyntaxError, NotImplementedError without a reader."""
    with open(path, encoding="utf-8") as file:
        text = file.read(_LARGEST)
    if importlib.util.find_spec("yaml") is None:
        return plain(text)
    import yaml  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - Kedro brings it

    try:
        content: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SyntaxError(str(error).replace("\n", " ")) from error
    return content


def plain(text: str) -> dict[str, object]:
    """Return a file of nothing but words and values, which is all that people write there."""
    content: dict[str, object] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith(("#", "---")):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise NotImplementedError
        name, quote, quoted, bare = found.groups()
        word = quoted if quote else bare.strip()
        content[name] = (
            word if quote else {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}.get(word.lower(), word)
        )
    return content


def _tools(folder: str) -> Mapping[str, Any]:
    path = os.path.join(folder, "pyproject.toml")
    try:
        with open(path, "rb") as file:
            raw = file.read(_LARGEST)
        tools = parse_toml(path, raw).get("tool", {}) if b"kedro" in raw else {}
    except (OSError, ConfigError):
        return {}
    return tools if isinstance(tools, dict) else {}


def _identity(environ: Mapping[str, str]) -> str:
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
    path = os.path.join(base, "kedro", "telemetry.toml")
    try:
        with open(path, "rb") as file:
            return str(parse_toml(path, file.read(_LARGEST))["telemetry"]["uuid"])
    except (OSError, ConfigError, KeyError, TypeError):
        return f"drawn when first sent, and kept in `{path}` for good"


def _project_id(project: str) -> str:
    drawn = _tools(project).get("kedro_telemetry", {})
    known = drawn.get("project_id") if isinstance(drawn, dict) else None
    where = f"`{os.path.join(project, 'pyproject.toml')}`"
    return f"a hash of `{known}` in {where}" if known else f"a hash of an id that the first command writes into {where}"
