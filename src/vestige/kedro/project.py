"""A pipeline that is about to run, as Kedro tells of it: the attributes of its span, and its plan."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from vestige.kedro import datasets
from vestige.kedro.code import Sources
from vestige.pipelines.plan import FOLDER, FORMAT
from vestige.record.place import write_atomically
from vestige.record.start import looks_secret
from vestige.spans.file import RUN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vestige.kedro.credentials import Credentials

_DEFAULT = "__default__"
_ASKED = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "namespaces")
_LONGEST_VALUE = 1000  # characters, of a parameter's JSON
_MOST = 1000  # names in an attribute
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_RUNNER = re.compile(r"(\w+)(?: object at |\()|(\w+)$")


def run_id(asked: Mapping[str, Any]) -> str | None:
    """Return what Kedro calls a run by; before 1.4 the session's id."""
    found = asked.get("run_id") or asked.get("session_id")
    return found if isinstance(found, str) else None


def name(asked: Mapping[str, Any]) -> str:
    """Return what a run is called: its pipelines."""
    return ", ".join(_pipelines(asked))


def attributes(asked: Mapping[str, Any], pipeline: Any, credentials: Credentials) -> dict[str, object]:  # noqa: ANN401
    """Return what was asked for."""
    told: dict[str, object] = {
        "run_id": run_id(asked),
        "kedro": asked.get("kedro_version"),
        "project": _package(),
        "runner": _runner(asked.get("runner")),
        "env": asked.get("env"),
        "pipelines": _pipelines(asked),
        "nodes": len(pipeline.nodes),
        "is_async": _is_async(),
        "only_missing_outputs": asked.get("only_missing_outputs") or None,
    }
    told |= {key: _names(asked.get(key), credentials) for key in _ASKED}
    return {key: value for key, value in told.items() if value is not None}


def write(span: str, asked: Mapping[str, Any], pipeline: Any, parameters: Parameters) -> None:  # noqa: ANN401
    """Write the plan of a run. Raises OSError."""
    _write(_path(span), plan(asked, pipeline, parameters))


def add_datasets(span: str, catalog: object) -> None:
    """Add what the datasets of a pipeline are to its plan, once the runner made them. Raises OSError, ValueError."""
    with open(_path(span), "rb") as file:
        found = json.load(file)
    _write(_path(span), {**found, "datasets": _datasets(found, catalog)})


def write_only(path: str, asked: Mapping[str, Any], pipeline: Any, catalog: Any, parameters: Parameters) -> None:  # noqa: ANN401
    """Write the plan of a run that is not to be, with its datasets, which are made for it. Raises OSError."""
    found = plan(asked, pipeline, parameters)
    for name in _names_of_datasets(found):
        with contextlib.suppress(Exception):  # one that can't be made is not described, and its node is run
            catalog.get(name)
    _write(path, {**found, "datasets": _datasets(found, catalog)})


def plan(asked: Mapping[str, Any], pipeline: Any, parameters: Parameters) -> dict[str, Any]:  # noqa: ANN401
    """Return what is about to run, without its datasets, which the runner makes."""
    top = str(asked.get("project_path") or os.getcwd())
    sources = Sources(top)
    return {
        "format": FORMAT,
        "run_id": run_id(asked),
        "project": _package(),
        "project_path": top,
        "nodes": [_node(node, sources, parameters) for node in pipeline.nodes],
        "datasets": {},
    }


class Parameters:
    """The parameters of a run, each looked at once."""

    def __init__(self, catalog: object, credentials: Credentials) -> None:
        """Take them from where Kedro has them."""
        self._catalog = catalog
        self._credentials = credentials
        self._known: dict[str, dict[str, object]] = {}

    def of(self, name: str) -> dict[str, object]:
        """Return a parameter's hash, and its value where that is short and nothing to hide."""
        if name not in self._known:
            self._known[name] = self._described(name)
        return self._known[name]

    def _described(self, name: str) -> dict[str, object]:
        value = getattr(datasets.in_catalog(self._catalog, name), "_data", None)
        try:
            text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain, allow_nan=False)
        except (TypeError, ValueError, RecursionError):  # keys of several kinds, numbers that JSON does not have
            text = ""
        told: dict[str, object] = {"hash": f"sha256:{hashlib.sha256((text or _plain(value)).encode()).hexdigest()}"}
        if text and len(text) <= _LONGEST_VALUE and not _is_secret(name, value) and not self._credentials.hold(text):
            told["value"] = json.loads(text)
        return told


def _node(node: Any, sources: Sources, parameters: Parameters) -> dict[str, object]:  # noqa: ANN401
    return {
        "name": node.name,
        "namespace": node.namespace,
        "tags": sorted(node.tags),
        "inputs": list(node.inputs),
        "outputs": list(node.outputs),
        "parameters": {each: parameters.of(each) for each in node.inputs if datasets.is_parameter(each)},
        "code": _code(node.func, sources),
    }


def _code(function: object, sources: Sources) -> dict[str, object]:
    """Return what is told of a function; nodes may call anything that can be called, however it is made."""
    try:
        return sources.told(function)
    except Exception:  # noqa: BLE001 - one that fails at being looked at must not cost the plan
        return {"function": type(function).__qualname__, "hash": None}


def _names_of_datasets(plan: Mapping[str, Any]) -> list[str]:
    names = {each for node in plan["nodes"] for each in node["inputs"] + node["outputs"]}
    return sorted(each for each in names if not datasets.is_parameter(each))


def _datasets(plan: Mapping[str, Any], catalog: object) -> dict[str, object]:
    """Return what there is to say of the datasets of a plan, those that were made."""
    made = {name: datasets.in_catalog(catalog, name) for name in _names_of_datasets(plan)}
    return {name: _dataset(found, name, catalog) for name, found in made.items() if found is not None}


def _definition(name: str, catalog: object) -> str | None:
    """Return the hash of what the catalog says of a dataset, without credentials; None where that can't be told."""
    try:
        told = catalog.config_resolver.resolve_pattern(name)  # type: ignore[attr-defined] # whatever catalog it is
        config = {key: value for key, value in told.items() if key != "credentials"}
        text = json.dumps(config, sort_keys=True, default=_plain)
    except Exception:  # noqa: BLE001 - a catalog of another kind
        return None
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _dataset(found: object, name: str, catalog: object) -> dict[str, object]:
    where = datasets.location(found)
    return {
        "type": datasets.type_of(found),
        "paths": list(where.paths),
        "uri": where.uri,
        "versioned": datasets.is_versioned(found),
        "kept": datasets.is_kept(found),
        "definition": _definition(name, catalog),
    }


def _pipelines(asked: Mapping[str, Any]) -> list[str]:
    """Return their names, sorted: Kedro gives several in any order, and none but one before 1.4."""
    found = asked.get("pipeline_names") or asked.get("pipeline_name") or _DEFAULT
    return [found] if isinstance(found, str) else sorted(map(str, found))


def _runner(told: object) -> str | None:
    """Return the name of its class out of `<kedro.runner.thread_runner.ThreadRunner object at 0x7f…>`."""
    match = _RUNNER.search(str(told))
    if told is None or str(told) == "None":
        return "SequentialRunner"
    return (match.group(1) or match.group(2)) if match else None


def _is_async() -> bool | None:
    """Return whether `kedro run --async` was asked for; None where that is not the command."""
    click = sys.modules.get("click")
    context = click.get_current_context(silent=True) if click else None
    found = context.params.get("is_async") if context else None
    return found if isinstance(found, bool) else None


def _package() -> str | None:
    """Return the name of the project's package."""
    found = getattr(sys.modules.get("kedro.framework.project"), "PACKAGE_NAME", None)
    return found if isinstance(found, str) else None


def _names(given: object, credentials: Credentials) -> list[str] | None:
    """Return what a selection names; None where there is none."""
    if not given:
        return None
    each: Iterable[object] = [given] if isinstance(given, str) else given  # type: ignore[assignment]
    return sorted(credentials.masked(str(one)) for one in each)[:_MOST]


def _is_secret(name: str, value: object) -> bool:
    """Say whether a parameter, or anything in it, looks like a password, a key or a token."""
    if isinstance(value, dict):
        return any(_is_secret(f"{name}.{key}", inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return any(_is_secret(name, inner) for inner in value)
    return looks_secret(name, str(value))


def _plain(value: object) -> str:
    """Return what stands for a value that JSON does not have; where it lies in memory says nothing."""
    words = str(sorted(map(str, value)) if isinstance(value, set | frozenset) else value)
    return f"{type(value).__qualname__}: {_ADDRESS.sub('', words)}"


def _path(span: str) -> str:
    return os.path.join(os.environ[RUN_VARIABLE], FOLDER, f"{span}.json")


def _write(path: str, plan: Mapping[str, object]) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_atomically(path, json.dumps(plan).encode())
