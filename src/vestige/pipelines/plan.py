"""What a Kedro pipeline was about to do: `pipelines/ID.json` of the run folder, by the id of its `kedro.run` span.

It is the command's own word, as its spans are: any key may be missing, of a wrong type or hostile.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vestige.lines import is_deep, open_regular, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "pipelines"
FORMAT = 1
_LARGEST = 16 << 20  # B, of a file
_MOST = 1000  # files of a run
_LONGEST = 4096  # characters, of a word
_ENDING = ".json"


@dataclass(frozen=True, slots=True)
class Code:
    """What a node calls."""

    function: str  # dotted: "flights.pipelines.reporting.nodes.summarise"
    file: str | None = None  # absolute
    line: int | None = None  # its first, from 1
    hash: str | None = None  # "sha256:…" of all parts; None: it is not of the project, or has no source
    parts: tuple[str, ...] = ()  # dotted names of what went into the hash


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of the parameters that a node takes."""

    hash: str | None  # "sha256:…" of its canonical JSON
    text: str | None = None  # its JSON; None: it is too long, or looks like a secret


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """A node of the pipeline."""

    name: str
    namespace: str | None = None
    tags: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()  # names of datasets and of parameters
    outputs: tuple[str, ...] = ()
    parameters: dict[str, Parameter] = field(default_factory=dict)  # by name: "params:test_share"
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class PlannedDataset:
    """A dataset of the pipeline, as it stood when the pipeline was over."""

    type: str | None = None  # class, dotted
    paths: tuple[str, ...] = ()  # absolute
    uri: str | None = None  # of a remote one, without user, password and query
    versioned: bool = False
    kept: bool = True  # False: it is gone with the process
    definition: str | None = None  # "sha256:…" of what the catalog says of it, without credentials


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline that was run."""

    run_id: str | None = None  # Kedro's
    project: str | None = None  # name of its package
    project_path: str | None = None
    nodes: tuple[PlannedNode, ...] = ()  # in the order in which they were to run
    datasets: dict[str, PlannedDataset] = field(default_factory=dict)  # empty: the pipeline did not come to its end


def has_plans(folder: str) -> bool:
    """Say whether a run was one of pipelines."""
    return os.path.isdir(os.path.join(folder, FOLDER))


def plans(folder: str) -> dict[str, Plan]:
    """Return what the pipelines of a run were about to do, by the id of their span."""
    return {span: plan for span, path in _files(os.path.join(folder, FOLDER)) if (plan := plan_at(path)) is not None}


def _files(folder: str) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in itertools.islice(entries, _MOST):
                if entry.name.endswith(_ENDING):
                    yield entry.name.removesuffix(_ENDING), entry.path
    except OSError:
        return


def plain_name(dataset: str) -> str:
    """Return the name without what it is read as: `flights@spark` and `flights@pandas` are the same data."""
    return dataset.partition("@")[0]


def plan_at(path: str) -> Plan | None:
    """Return what a file says; None where it says nothing that can be read."""
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST + 1)
    except OSError:
        return None
    found = parse(content) if len(content) <= _LARGEST else None
    if found is None or found.get("format") != FORMAT:
        return None
    return Plan(
        run_id=_word(found.get("run_id")),
        project=_word(found.get("project")),
        project_path=_word(found.get("project_path")),
        nodes=tuple(_node(each) for each in _list(found.get("nodes")) if isinstance(each, dict)),
        datasets={_text(name): _dataset(each) for name, each in _dict(found.get("datasets")).items()},
    )


def _node(found: dict[str, Any]) -> PlannedNode:
    return PlannedNode(
        name=_word(found.get("name")) or "",
        namespace=_word(found.get("namespace")),
        tags=_words(found.get("tags")),
        inputs=_words(found.get("inputs")),
        outputs=_words(found.get("outputs")),
        parameters={_text(name): _parameter(_dict(each)) for name, each in _dict(found.get("parameters")).items()},
        code=_code(_dict(found.get("code"))),
    )


def _parameter(found: dict[str, Any]) -> Parameter:
    is_told = "value" in found and not is_deep(found["value"])
    return Parameter(_word(found.get("hash")), json.dumps(found["value"]) if is_told else None)


def _code(found: dict[str, Any]) -> Code | None:
    function, line = _word(found.get("function")), found.get("line")
    if function is None:
        return None
    return Code(
        function=function,
        file=_word(found.get("file")),
        line=line if type(line) is int and line > 0 else None,
        hash=_word(found.get("hash")),
        parts=_words(found.get("parts")),
    )


def _dataset(found: object) -> PlannedDataset:
    said = _dict(found)
    return PlannedDataset(
        type=_word(said.get("type")),
        paths=_words(said.get("paths")),
        uri=_word(said.get("uri")),
        versioned=said.get("versioned") is True,
        kept=said.get("kept") is not False,
        definition=_word(said.get("definition")),
    )


def _dict(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _words(found: object) -> tuple[str, ...]:
    return tuple(_text(each) for each in _list(found) if isinstance(each, str))


def _word(found: object) -> str | None:
    return _text(found) if isinstance(found, str) else None


def _text(found: str) -> str:
    """Return text that any file can hold: without halves of surrogate pairs."""
    return found[:_LONGEST].encode("utf-8", "backslashreplace").decode("utf-8")
