"""What is counted of Kedro: commands and options by Kedro's own vocabulary, how runs end, how large projects are.

Plain functions, called by `usage_hooks`. Names that are not Kedro's own (of projects, plugins, datasets, errors) become
`other` before they are written anywhere.
"""

from __future__ import annotations

import ast
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.errors import ConfigError, VestigeError
from vestige.telemetry import own
from vestige.telemetry.project import parse_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vestige.telemetry.counting import Counting

_SHORT = {"-c": "config", "-e": "env", "-n": "nodes", "-p": "pipeline", "-r": "runner", "-s": "starter", "-t": "tags",
          "-v": "verbose", "-y": "yes"}  # fmt: skip
_FIRST = {"-V": "version", "--version": "version", "-h": "help", "--help": "help"}
_TOOLS = {"Linting": "lint", "Testing": "test", "Custom Logging": "log", "Documentation": "docs",
          "Data Structure": "data", "PySpark": "pyspark"}  # fmt: skip
_PUBLIC = ("kedro_datasets", "kedro_datasets_experimental", "kedro")
_PARAMETERS = ("parameters", "params:")
_LARGEST = 1 << 20  # B


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a project is; sizes are None where they are not known."""

    nodes: int | None = None  # of the default pipeline
    pipelines: int | None = None
    datasets: int | None = None
    validated: int | None = None
    types: Mapping[str, int] = field(default_factory=dict)  # "pandas.CSVDataset"
    validators: Mapping[str, int] = field(default_factory=dict)  # by library


@dataclass(frozen=True, slots=True)
class Said:
    """A command line in Kedro's own words; `name` is `other` for any that is not Kedro's."""

    name: str
    options: tuple[str, ...] = ()
    starter: str | None = None


def count_command(args: Sequence[str], exit_code: object, folder: str | None) -> None:
    """Count a command of Kedro's that is over."""
    with suppress(OSError, VestigeError, ValueError):
        counting = own.here(folder)
        said = in_kedros_words(args, _vocabulary(counting, "kedro_command", "name"))
        counting.count("kedro_command", {"name": said.name, "outcome": "failed" if exit_code else "ok"})
        for option in said.options:
            counting.count("kedro_option", {"name": option})
        if said.starter is not None:
            counting.count("kedro_starter", {"name": said.starter})


def count_run(  # noqa: PLR0913 - all that is known of a run
    *, seconds: float, error: BaseException | None, runner: object, version: str, shape: Shape, folder: str | None
) -> None:
    """Count a run of a pipeline that is over, and what kind of project it was."""
    with suppress(OSError, VestigeError, ValueError):
        counting = own.here(folder)
        counting.count("kedro_run", {"outcome": "failed" if error else "ok", "seconds": seconds})
        counting.count("kedro_version", {"version": version})
        counting.count("kedro_runner", {"name": _runner(runner)})
        if error is not None:
            counting.count("kedro_error", {"kind": type(error).__name__})
        for event, fields in _shape_events(shape):
            counting.count(event, fields)
        for tool in tools(folder):
            counting.count("kedro_tool", {"name": tool})


def in_kedros_words(args: Sequence[str], commands: Iterable[str]) -> Said:
    """Return a command line without any word that is not Kedro's own. Values are never looked at."""
    known = set(commands)
    words = list(args)
    if not words or words[0] in _FIRST:
        return Said(_FIRST.get(words[0], "help") if words else "help")
    leading = [word for word in words[:2] if not word.startswith("-")]
    for length in (2, 1):
        name = "-".join(leading[:length])
        if len(leading) >= length and name in known:
            return Said(name, tuple(dict.fromkeys(_options(words[length:]))), _starter(words))
    return Said("other")


def shape(catalog: Any, pipelines: Mapping[str, Any]) -> Shape:  # noqa: ANN401 - Kedro's, of any version
    """Return how large a project is. Nothing is loaded."""
    names = [
        name for name in (catalog.keys() if hasattr(catalog, "keys") else catalog.list()) if not _is_parameter(name)
    ]
    types = (
        Counter(_public_type(catalog.get_type(name) or "") for name in names) if hasattr(catalog, "get_type") else {}
    )
    specs = getattr(catalog, "validator_specs", None) or {}
    libraries = Counter(str(getattr(spec, "class_path", "")).split(".")[0] for spec in specs.values())
    default = pipelines.get("__default__")
    nodes = len(default.nodes) if default is not None else None
    return Shape(nodes, len(pipelines), len(names), len(specs), types, libraries)


def tools(folder: str | None) -> list[str]:
    """Return the tools that `[tool.kedro]` of a project names, in Kedro's short words."""
    if folder is None:
        return []
    path = os.path.join(folder, "pyproject.toml")
    try:
        with open(path, "rb") as file:
            table = parse_toml(path, file.read(_LARGEST)).get("tool", {}).get("kedro", {})
        given = table.get("tools", [])
        listed = ast.literal_eval(given) if isinstance(given, str) else given  # the template writes a list's own text
        names = [_TOOLS[name] for name in listed if name in _TOOLS]
    except (OSError, ConfigError, AttributeError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return []
    return [*names, *(["example"] if str(table.get("example_pipeline")) == "True" else [])]


def _vocabulary(counting: Counting, event: str, name: str) -> tuple[str, ...]:
    source = counting.standing.source
    return source.schema.events[event].fields[name].values if source else ()


def _options(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if word == "--":
            return
        if word.startswith("--"):
            yield word[2:].partition("=")[0]
        elif word[:2] in _SHORT:
            yield _SHORT[word[:2]]


def _starter(words: Sequence[str]) -> str | None:
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in ("-s", "--starter"):
            return after
        if word.startswith("--starter="):
            return word.partition("=")[2]
    return None


def _runner(given: object) -> str:
    """Return the name of a runner's class: Kedro says it as a name, a path or a repr, and None for the usual one."""
    return str(given or "SequentialRunner").split("(")[0].rpartition(".")[2].strip("<>'\" ").split(" ")[0]


def _public_type(path: str) -> str:
    """Return `pandas.CSVDataset` for `kedro_datasets.pandas.csv_dataset.CSVDataset`; those of others are `other`."""
    parts = path.split(".")
    if parts[0] not in _PUBLIC or len(parts) < 3 or (parts[0] == "kedro" and parts[1] != "io"):  # noqa: PLR2004
        return "other"
    return f"{parts[1]}.{parts[-1]}"


def _is_parameter(name: str) -> bool:
    return name.startswith(_PARAMETERS)


def _shape_events(shape: Shape) -> Iterator[tuple[str, dict[str, object]]]:
    for what in ("nodes", "datasets", "pipelines", "validated"):
        number = getattr(shape, what)
        if number is not None:
            yield "kedro_size", {"what": what, "number": number}
    for kind, number in shape.types.items():
        yield "kedro_dataset", {"type": kind, "number": number}
    for library, number in shape.validators.items():
        yield "kedro_validator", {"library": library, "number": number}
