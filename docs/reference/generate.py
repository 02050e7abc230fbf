# ruff: noqa: INP001 - a script
"""Writes the pages of this folder that say what the code says: commands, config, environment, exit codes.

`python docs/reference/generate.py` writes them, `tests/test_reference.py` fails while they differ.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import textwrap
from typing import TYPE_CHECKING

from vestige import exit_codes, settings
from vestige.cli import dispatch, run_options, span
from vestige.duct import listing as duct_listing
from vestige.duct import options as duct_options
from vestige.duct import plotting as duct_plotting
from vestige.duct import pretty as duct_pretty
from vestige.history import fields, tables, where
from vestige.report import listing
from vestige.telemetry import noise
from vestige.telemetry import schema as schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

HERE = os.path.dirname(os.path.abspath(__file__))
_NOTE = "<!-- written by docs/reference/generate.py from the code: change it there -->\n"

_FORMATS = f"""\
## What programs can rely on
Results go to stdout, talk to stderr. Tables are for people and may change; these stay as they are, and only gain keys
or columns:

- `vestige ls --json`: a list of records, each with one more key `folder`. `vestige show --json`: one such record.
- `vestige stats --json`: a list of `{{"template", "count", "failed", "first", "last", "measures"}}`; a measure (`wall`,
  `cpu`, `peak_memory`, `io_bytes`) is `{{"unit", "count", "median", "lower", "upper", "p90", "largest", "trend",
  "newest"}}`, `trend` null where there is none beyond noise. `vestige suggest --json`: `template`, `runs`, `failed`,
  `out_of_memory`, `since`, `requests` (a list of `{{"option", "value", "runs", "p99", "largest", "room", "why"}}`) and
  `cautions`. `vestige gc --json`: `runs` (a list of `{{"run", "folder", "size"}}`), `kept`, `reasons`, `beyond`.
  `vestige query --json`: a list of objects, `--schema --json`: tables, each its columns with their types.
- `vestige show --processes --json`: a list of the lines of `processes.jsonl`; `--usage --json`: of `usage.jsonl`.
- `vestige show --files --json`: a list of the lines of `files.jsonl`. `--tree --json`: a list of `{{"process", "depth",
  "pid", "argv", "read", "written"}}`, parents first; `process` is the line in `processes.jsonl`, from 0, null where it
  is not known who it was; `read` and `written` are paths.
- `vestige show --software --json`, `--network --json`: the lists `software` and `network` of `record.json`.
  `--software --requirements`: a requirements file that pip takes; what it could not take stands in comments.
- `vestige why --json`, `vestige used-by --json`: `nodes` and `edges`. A node has an `id` and is of `type` `file`
  (`path`, `hash`, `size`, `class`) or `run` (`run`, `folder`, `argv`, `started`, `ended`, `status`, `exit_code`). An
  edge goes `from` one `to` another in the direction of time; its `relation` is `read`, `wrote`, or between two files
  `copied`, `changed`, `perhaps`, `other`. `start` is the file that was asked about, `standing` how it is now (`same`,
  `changed`, `gone`, `unknown`), `others` are further runs that wrote it, `remover` is the run that removed it, `cut` is
  true where `--depth` left something out.
- `vestige show --output --json`: a list of `{{"time", "stream", "text"}}`: seconds since the run's start, `stdout` or
  `stderr`, and the output that came then. Output that is no valid UTF-8 stands as in [events.jsonl](events.md).
- `vestige rerun --report --json`: a list of what would be done, with DataLad's names: `commit`, `parents`,
  `rerun_action` (`checkout`, `run`, `merge`, `skip-or-pick`, `skip`), `reason` why a record is not run; where there is
  a record, `author`, `date`, `diff` (a list of `{{"path", "state", "type"}}`), `run_message` and the record as
  `run_info`.
- `vestige compare --json`: an object of schema `vestige.comparison/1`. `sides`: `name`, `runs` (ids), `logs`,
  `command`, `outcomes`, `started`, `watched`. `same`: nothing that was seen differs. `noise`: `known` from three
  runs of each side on. `explanations`, of each side but the first: `outcome` (`slower`, `faster`, `equal`,
  `unknown`), `seconds`, `spent` (a list of `{{"what", "seconds"}}`; `work`, `together`, `starved`, `storage`,
  `asleep`, `waiting`), `hints` and the `sentence`. `figures`: `name`, `unit`, and for each of the `sides` its
  `figure`, the `values` of its runs, their `methods`, and `ratio`, 95 % `band`, `verdict` (`alike`, `noise`,
  `more`, `less`, `unknown`) beside the first. `differences`: `topic`, `name`, `values` and `sizes` by side.
  `parts`: nodes or spans with `figures` and `reasons`.
- `vestige bench --json`: `results`, each with the keys of `hyperfine --export-json`, and `tag`, `runs` (ids), `doubts`
  and `figures` by name: `mean`, `stddev`, `median`, `values`, `method`. `--csv`: hyperfine's columns, then the mean of
  every other figure.
- `vestige telemetry --json`: `mode` (`off`, `local`, `on`), `rules` (a list of `{"mode", "why", "kind"}`, the one that
  decides first), `schema`, `schema_hash`, `collector`, `collector_named_in`, `answers`, `state` (paths), `waiting` and
  `to_delete` (lists of report ids). `stats --json`: a list of `{"schema", "weeks", "full", "unreadable", "counts"}`, a
  count is `{"event", "fields", "count"}`. `log --json`: a list of `{
    "time", "collector", "what", "report", "token", "request", "status", "answer", "trouble"
}`. `preview`: one report a line, the bytes that are sent.
- `vestige doctor --json`: a list of `{{"name", "title", "ok", "why", "remedy"}}`; `ok` is true, false, or null where it
  is neither good nor bad.
- `vestige ls --csv`: a header and these columns. A figure that is not known is empty. `command` is quoted for a shell;
  `argv` of the JSON form is exact.

```
{" ".join(listing.CSV_COLUMNS)}
```

RUN is `last`, `last~N`, the start of a short id, of a full id or of a folder's name, or the path of a run folder.
"""

_FIELDS = """\
What `vestige ls --where` and `--sort`, `vestige stats --where` and the table `runs` of `vestige query` know of a run.
How to use them: [history](../guide/history.md).

## Conditions
"""
_CONDITIONS = """\
- Numbers take units: bytes `B`, `kB`, `MB`, `GB`, `TB` (decimal) and `KiB`, `MiB`, `GiB` (binary), seconds `us`, `ms`,
  `s`, `min`, `h`, `d`, `w`.
- Times are an age (`started > 2h`: in the last two hours), a day (`started = 2026-07-01`: all of it, local time) or a
  date with a time.
- Text is put in single or double quotes, a quote in it twice; a plain word needs none. Comparisons tell capitals from
  small letters; `~` and `!~` search for a regular expression of Python, in the first 4,000 letters; `(?i)` at its
  beginning takes both for the same. A pattern that takes longer than five seconds is given up.
- `tags = 'x'` holds where one of the tags is `x`.
- A comparison with a value that is not known does not hold, `!=` and `not in` included; `not` before it does. `is null`
  asks for it.
- Of a figure that is only a bound (`_method` says `bound`), the bound is compared.
"""
_TABLES = """\
`runs` has the fields above. The others have a line for each line of the files of that name in all run folders, or of
the lists in `record.json`, with the columns that [record](record.md) explains, and `run`, the run's `id`. A figure is a
struct: `cpu.value`.
"""
_LABELS = """\
Every count is itself a power of two: `1`, `2`, `4`, … `>=65536` times in a week, rounded down. Any word that is not
listed becomes `other`. The rules are in [telemetry](telemetry.md).
"""
_DUCT_USAGE = "vestige duct [OPTION]... [--] COMMAND [ARGUMENT]..."
_PRECEDENCE = """\
Highest first: the command line, the environment, the project file, the user file, the default. Lists (`tags`,
`environment`, `--tag`) and the table `classes` add up instead.

- The project file is the nearest of `vestige.toml` and `pyproject.toml` with a table `[tool.vestige]`, from the current
  folder up to the top of the Git repository; outside of a repository only the current folder is looked at. In one
  folder `vestige.toml` goes first. Only one project file counts.
- The user file is `$XDG_CONFIG_HOME/vestige/config.toml`, by default `~/.config/vestige/config.toml`.

`vestige.toml` and the user file have the keys at their top, `pyproject.toml` in the table:

```toml
[tool.vestige]
tags = ["flights"]
summary = "line"
environment = ["MODEL_*"]

[tool.vestige.classes]
input = ["*.cfg", "models/**"]
cache = ["build/**"]
```

A key or value that is not known is an error that names the file: exit code 125 from `vestige run`, 2 elsewhere. In the
table `telemetry` it is none: telemetry is off then, and says so. Every file with that table counts, not only the
nearest: each of them can say no.
"""


def pages() -> dict[str, str]:
    """Return the pages by their file names."""
    return {
        "commands.md": _commands(),
        "config.md": _config(),
        "environment.md": _environment(),
        "fields.md": _run_fields(),
        "exit-codes.md": _exit_codes(),
        "telemetry-schema.md": _telemetry(),
    }


def _commands() -> str:
    parts = ["# Commands\n", _NOTE]
    for name, meaning in dispatch.COMMANDS.items():
        if name == "run":
            parts.append(_section(name, meaning, run_options.USAGE, _examples(run_options.EXAMPLES), _run_rows()))
        elif name == "duct":
            parts.append(_section(name, meaning, _DUCT_USAGE, _examples(duct_options.EXAMPLES), _duct_rows()))
            parts += map(_duct_section, (duct_listing, duct_pretty, duct_plotting))
        elif name == "span":
            parts.append(_section(name, meaning, span.USAGE.partition(" ")[2], _examples(span.EXAMPLES), span.ROWS))
        elif name != "help":
            parser = dispatch.parser_of(name)
            module = importlib.import_module(f"vestige.cli.commands.{name.replace('-', '_')}")
            parts.append(_section(name, meaning, _usage(parser), module.EXAMPLES, _rows(parser)))
    parts += ["`vestige help COMMAND` and `vestige COMMAND --help` show the same; `vestige --version` the version.\n"]
    return "\n".join([*parts, _FORMATS])


def _duct_section(module: ModuleType) -> str:
    """Return the section of a subcommand of the drop-in."""
    parser = module.make_parser()
    purpose = str(parser.description).partition("\n")[0].rstrip(".")
    name = parser.prog.removeprefix("vestige ")
    return _section(name, purpose, _usage(parser), _examples(module.EXAMPLES), _rows(parser))


def _section(name: str, meaning: str, usage: str, examples: str, rows: Iterable[tuple[str, str]]) -> str:
    shown, _, more = examples.partition("\n\n")
    return (
        f"## vestige {name}\n{meaning.capitalize()}.\n\n```\n{usage}\n```\n\n"
        f"Examples:\n\n```sh\n{_code(shown)}\n```\n\n"
        + (f"{more.strip()}\n\n" if more else "")
        + f"{_table(('word', 'meaning'), rows)}"
    )


def _code(examples: str) -> str:
    """Return the examples of a command as shell code, what they mean as comments."""
    lines = (re.split(r" {2,}", line.strip(), maxsplit=1) for line in examples.splitlines()[1:] if line)
    pairs = [(words[0], words[1] if len(words) > 1 else "") for words in lines]
    width = max((len(example) for example, meaning in pairs if meaning), default=0)
    return "\n".join(f"{example:<{width}}  # {meaning}" if meaning else example for example, meaning in pairs)


def _examples(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(["examples:", *(f"  {example}  {meaning}" for example, meaning in pairs)])


def _run_rows() -> Iterator[tuple[str, str]]:
    for option in run_options.OPTIONS:
        yield " ".join(f"`{flag}`" for flag in option.flags) + _metavar(option.metavar), option.meaning


def _duct_rows() -> Iterator[tuple[str, str]]:
    for option in duct_options.OPTIONS:
        meaning = option.meaning + (f"; `{option.variable}`" if option.variable else "")
        yield " ".join(f"`{flag}`" for flag in option.flags) + _metavar(option.metavar), meaning


def _usage(parser: argparse.ArgumentParser) -> str:
    words = [_positional(action) for action in parser._actions if not action.option_strings]  # noqa: SLF001
    return " ".join([parser.prog, "[OPTION]...", *words])


def _positional(action: argparse.Action) -> str:
    name = str(action.metavar)
    return {"?": f"[{name}]", "*": f"[{name}...]", "+": f"{name}..."}.get(str(action.nargs), name)


def _rows(parser: argparse.ArgumentParser, under: str = "") -> Iterator[tuple[str, str]]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list them
        if action.dest == "help":
            continue
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - actions with arguments of their own
            for choice in action._choices_actions:  # noqa: SLF001
                words = f"{under}{choice.dest}"
                yield f"`{words}`", str(choice.help)
                yield from _rows(action.choices[choice.dest], under=f"{words} ")
            continue
        names = " ".join(f"`{flag}`" for flag in action.option_strings) or f"`{action.metavar}`"
        yield (
            (f"`{under.rstrip()}` " if under else "")
            + names
            + (_metavar(str(action.metavar)) if action.option_strings and action.metavar else ""),
            str(action.help),
        )


def _metavar(words: str) -> str:
    return f" `{words}`" if words else ""


def _config() -> str:
    rows = (
        (f"`{key.name}`", key.allowed, _default(key), f"`{key.variable}`" if key.variable else "", key.meaning)
        for key in (*settings.KEYS, *settings.READ_ELSEWHERE)
    )
    table = _table(("key", "takes", "default", "variable", "meaning"), rows)
    return f"# Config\n\n{_NOTE}\n{_PRECEDENCE}\n{table}"


def _default(key: settings.Key) -> str:
    if key.default is None:
        return "none"
    if isinstance(key.default, tuple | dict):
        return "empty"
    return f"`{str(key.default).lower() if isinstance(key.default, bool) else key.default}`"


def _environment() -> str:
    rows = ((f"`{variable.name}`", variable.meaning) for variable in settings.VARIABLES)
    table = _table(("variable", "meaning"), rows)
    return f"# Environment variables\n\n{_NOTE}\nAn empty variable counts as unset.\n\n{table}"


def _run_fields() -> str:
    rows = ((f"`{name}`", field.kind, field.meaning) for name, field in fields.FIELDS.items())
    grammar = (where.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    tables_ = "\n\n".join(_table_columns(name) for name in tables.VIEWS)
    return "\n".join(
        [
            f"# Fields of runs\n\n{_NOTE}\n{_FIELDS}",
            f"```\n{textwrap.dedent(grammar)}\n```\n\n{_CONDITIONS}",
            f"## Fields\n\n{_table(('field', 'kind', 'meaning'), rows)}",
            f"## Tables of `vestige query`\n\n{_TABLES}\n{tables_}\n",
        ]
    )


def _table_columns(name: str) -> str:
    columns = ", ".join(f"`{column}`" for column in tables.schema()[name])
    return f"- `{name}`, {tables.VIEWS[name].meaning}: {columns}"


def _exit_codes() -> str:
    parts = ["# Exit codes\n", _NOTE, "## vestige run", _table(("code", "meaning"), exit_codes.RUN)]
    return "\n".join([*parts, "## All other commands", _table(("code", "meaning"), exit_codes.OTHERS)])


def _telemetry() -> str:
    schema = schemas.load()
    said = f"Schema `{schema.id}`. Purpose: {schema.purpose}. Contact: {schema.contact}. "
    title = "# What vestige counts of its own use\n"
    collector = f"Collector: {schema.collector or 'none'}.\n"
    parts = [title, _NOTE, said + collector, _LABELS, "## Once a report\n", _fields(schema.context)]
    for event in schema.events.values():
        told = f"{event.question} Owner: {event.owner}. Counted until {event.expires}."
        parts += [f"## {event.name}\n", f"{told}\n", _fields(event.fields)]
    return "\n".join(parts)


def _fields(fields: Mapping[str, schemas.Field]) -> str:
    rows = (
        (f"`{field.name}`", _form(field), field.question, field.owner, str(field.expires)) for field in fields.values()
    )
    return _table(("field", "values", "question", "owner", "until"), rows)


def _form(field: schemas.Field) -> str:
    if field.kind == "version":
        return f"a version's first {field.parts} parts, or `other`"
    if field.kind == "bucket":
        unit = {"s": "seconds", "B": "bytes", "1": "a number"}[field.unit]
        return f"{unit} in powers of two: `0` below {field.low}, from {field.low} to `>={field.high}`"
    if field.kind == "answer":
        return f"`yes` or `no`, true with a probability of {100 * noise.truth(field.epsilon):.0f} %"
    return ", ".join(f"`{value}`" for value in field.labels)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [titles, tuple("---" for _ in titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def main() -> int:
    """Write the pages."""
    for name, text in pages().items():
        with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
