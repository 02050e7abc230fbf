"""Makes docs/reference/record.md and the JSON Schemas from `vestige.record.model`; a test holds them to it.

After a change of the model: `python tests/record/reference.py`.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import os
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from vestige.record import model

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "reference", "record.md")
SCHEMAS = os.path.join(ROOT, "src", "vestige", "record", "schema")
ROOTS: dict[str, type] = {
    "record": model.Record,
    "process": model.Process,
    "usage": model.Point,
    "file": model.FileUse,
    "span": model.Span,
}
NESTED: dict[type, tuple[type, ...]] = {
    model.Record: (
        model.Exit,
        model.Machine,
        model.Figure,
        model.Stream,
        model.Survivor,
        model.Completeness,
        model.Gap,
        model.Options,
        model.CommitOptions,
        model.FileCount,
        model.Package,
        model.Connection,
        model.Code,
        model.Commit,
        model.LeftOut,
        model.SpanCounts,
        model.Slowest,
    ),
    model.Span: (model.SpanError,),
    model.FileUse: (model.FileState,),
}
ALL_NESTED = [nested for kinds in NESTED.values() for nested in kinds]
OPTIONAL: dict[type, tuple[str, ...]] = {
    model.Figure: ("lower", "upper", "reason")
}  # left out when there is nothing to say
_WORDS = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}

INTRODUCTION = """\
# record.json and its companions

<!-- made by `python tests/record/reference.py` from src/vestige/record/model.py -->

A run is a folder, `.vestige/runs/<UTC time>-<short id>/`. The short id is the last eight digits of the run's id.

| file | what it holds |
|---|---|
| `record.json` | the record: one JSON object, written before the command starts, replaced as a whole at the end |
| `processes.jsonl` | one line for every process of the run, in the order in which they were first seen |
| `files.jsonl` | one line for every path that the run touched, in the order in which they were first touched |
| `usage.jsonl` | the time series, at most 2,000 lines |
| `spans.jsonl` | one line for every named part of the run, in the order in which they began; none: no file |
| `spans/` | what the processes of the run wrote of their spans, line by line ([spans](../guide/spans.md)) |
| `pipelines/` | the plans of Kedro pipelines ([Kedro](../guide/kedro.md)) |
| `events.jsonl` | what the recorder saw ([events.md](events.md)): all others are made from it |
| `stdout`, `stderr` | captured output |

Everything is ASCII JSON. Readers pass over keys that they do not know. A change that old readers can't read gets a new
`schema`. The JSON Schemas (draft 2020-12) are in the package: `vestige/record/schema/record-1.json`, `process-1.json`,
`usage-1.json`, `file-1.json`, `span-1.json`.

**Units** are SI: seconds and bytes. **Text** marks strings that may stand for any bytes, as Linux paths and arguments
may hold them: valid UTF-8 that does not begin with `"` is written as it is, anything else as Git writes such paths, the
whole in double quotes with `\\"`, `\\\\` and `\\ooo` (three octal digits). Text in quotes that is written in another
way, as `"\\0"` or `"a"b"`, stands for itself.

**Status** `running`: the recorder is at work, or was killed and nobody has looked since. It holds a lock (`flock`) on
`events.jsonl` for as long as it lives; whoever finds the lock free makes the record final. `ended`: the end was seen.
`interrupted`: recorder and guard, or the whole machine, stopped before the end; the record says what was seen by then.

**The environment** is an allow-list of variables that decide how programs behave (`PATH`, `LANG`, `OMP_*`, `CUDA_*`,
`PYTHON*` and their like). The value of a variable whose name or value looks like a password, a key or a token is `***`.
Arguments of commands are never changed: a password on a command line is in the record.
"""


def page() -> str:
    """Return docs/reference/record.md."""
    comments = field_comments()
    parts = [INTRODUCTION]
    for heading, kind in (
        ("record.json", model.Record),
        ("A line of processes.jsonl", model.Process),
        ("A line of files.jsonl", model.FileUse),
        ("A line of usage.jsonl", model.Point),
        ("A line of spans.jsonl", model.Span),
    ):
        parts.append(_section(f"## {heading}", kind, comments))
        parts += [_section(f"### {nested.__name__}", nested, comments) for nested in NESTED.get(kind, ())]
        if kind is model.Record:
            parts.append(_figures())
    return "\n".join(parts)


def schema(name: str) -> str:
    """Return the JSON Schema of `record`, `process`, `file` or `usage`."""
    definitions: dict[str, Any] = {}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vestige:{name}:1",
        "title": inspect.cleandoc(ROOTS[name].__doc__ or "").splitlines()[0],
        **_object(ROOTS[name], definitions),
    }
    if name == "record":
        whole["properties"]["schema"] = {"const": model.SCHEMA}
    if definitions:
        whole["$defs"] = dict(sorted(definitions.items()))
    return json.dumps(whole, indent=2) + "\n"


def field_comments() -> dict[str, dict[str, str]]:
    """Return the comment beside every field, by class."""
    source = inspect.getsource(model)
    lines = source.splitlines()
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = {
                statement.target.id: lines[statement.end_lineno - 1].partition("  # ")[2]
                for statement in node.body
                if isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and statement.end_lineno is not None
            }
    return found


def _section(heading: str, kind: type, comments: dict[str, dict[str, str]]) -> str:
    hints = get_type_hints(kind)
    rows = [
        f"| `{field.name}` | {_type_words(hints[field.name])} | {_cell(comments[kind.__name__][field.name])} |"
        for field in _fields(kind)
    ]
    return "\n".join(
        [heading, "", inspect.cleandoc(kind.__doc__ or ""), "", "| key | type | meaning |", "|---|---|---|", *rows, ""]
    )


def _figures() -> str:
    rows = [f"| `{name}` | {unit} | {_cell(meaning)} |" for name, (unit, meaning) in model.FIGURES.items()]
    lines = [
        "### Figures",
        "",
        "The keys of `resources`, all of them always there. Every one is a `Figure`.",
        "",
        "| figure | unit | meaning |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _fields(kind: type) -> list[dataclasses.Field[Any]]:
    """Return the fields in the order in which they are written: `schema` first."""
    return sorted(dataclasses.fields(kind), key=lambda field: field.name != "schema")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _type_words(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type_words(argument) for argument in arguments))
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin is tuple:
        return f"list of {_type_words(arguments[0])}"
    if origin is dict:
        return f"object of {_type_words(arguments[1])}"
    if kind in ALL_NESTED:
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return "anything" if kind is Any else _WORDS[kind].replace("integer", "whole number")


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {
        "type": "object",
        "properties": {field.name: _type_schema(hints[field.name], definitions) for field in _fields(kind)},
        "required": [field.name for field in _fields(kind) if field.name not in OPTIONAL.get(kind, ())],
    }


def _type_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_schema(arguments, definitions)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _type_schema(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type_schema(arguments[1], definitions)}
    if kind in ALL_NESTED:
        name = kind.__name__
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    return {} if kind is Any else {"type": _WORDS[kind]}


def _union_schema(arguments: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    if all(argument in _WORDS for argument in arguments):
        words = [_WORDS[argument] for argument in arguments]
        return {"type": [word for word in words if word != "integer" or "number" not in words]}
    return {"anyOf": [_type_schema(argument, definitions) for argument in arguments]}


def main() -> None:
    """Write all of them."""
    files = {PAGE: page()} | {os.path.join(SCHEMAS, f"{name}-1.json"): schema(name) for name in ROOTS}
    for path, content in files.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)


if __name__ == "__main__":
    main()
