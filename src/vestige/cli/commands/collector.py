"""`vestige collector`: the server for telemetry reports, and what its operator does besides."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vestige import exit_codes
from vestige.cli import printing
from vestige.errors import ServerError, UsageError
from vestige.quantity import counted

if TYPE_CHECKING:
    import argparse

    from vestige.collector.store import Store

EXAMPLES = """\
examples:
  vestige collector serve                                   on 127.0.0.1:8700, reports in an SQLite file
  vestige collector serve --schema tool.json                also takes the reports of a project's own schema
  vestige collector serve --name telemetry.example.org --behind 127.0.0.1    behind a proxy on this machine
  vestige collector serve --database postgresql:///reports  in PostgreSQL
  vestige collector export --format parquet -o out          what may be published, for other programs
  vestige collector prune                                   remove reports older than 30 days, as the server does
  vestige collector schema check tool.json                  is it a schema, and what would be collected
"""

_LARGEST_PORT = 65535


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `vestige collector` and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="take reports and show pages of them", allow_abbrev=False)
    serve.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen; default: 127.0.0.1")
    serve.add_argument("--port", type=int, default=8700, metavar="N", help="default: 8700; 0: any that is free")
    _add_database(serve)
    serve.add_argument("--schema", action="append", default=[], metavar="FILE", help="a schema to take reports of, "
                       "besides `vestige/1` and `kedro/1`; repeated: several")  # fmt: skip
    serve.add_argument("--name", action="append", default=[], metavar="HOST", help="a name by which the server is "
                       "called, besides the local ones; requests to any other are refused")  # fmt: skip
    serve.add_argument("--behind", action="append", default=[], metavar="ADDRESS", help="a proxy whose "
                       "`X-Forwarded-For` is believed; default: none is")  # fmt: skip
    serve.add_argument("--rate", type=int, default=1000, metavar="N", help="reports and deletions an hour that one "
                       "network may send; default: 1000; 0: any number")  # fmt: skip
    export = actions.add_parser("export", help="write aggregates to a file", allow_abbrev=False)
    _add_database(export)
    export.add_argument("--format", choices=("csv", "parquet"), default="csv", metavar="FORMAT",
                        help="`csv` or `parquet`; default: csv")  # fmt: skip
    export.add_argument("-o", "--output", default=".", metavar="DIR", help="a folder; default: the current one")
    export.add_argument("--raw", action="store_true", help="also aggregates of fewer than 10 reports, and the raw "
                        "reports: not for publication")  # fmt: skip
    prune = actions.add_parser(
        "prune", help="remove reports older than 30 days; their aggregates stay", allow_abbrev=False
    )
    _add_database(prune)
    schema = actions.add_parser("schema", help="look at schemas")
    check = schema.add_subparsers(dest="schema_action", metavar="check", required=True).add_parser(
        "check", help="say whether a file is a schema"
    )
    check.add_argument("file", metavar="FILE", help="the schema")


def execute(arguments: argparse.Namespace) -> int:
    """Do one of them."""
    try:
        import sqlalchemy  # noqa: F401, PLC0415 - whether the extra is there
        import starlette  # noqa: F401, PLC0415
    except ImportError as error:
        raise ServerError(f"{error.name} is missing: `pip install 'vestige[collector]'`") from error
    act = {"serve": _serve, "export": _export, "prune": _prune, "schema": _check_schema}[arguments.action]
    act(arguments)
    return exit_codes.OK


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", metavar="URL", help="`sqlite:///FILE` or `postgresql://USER@HOST/NAME`; default: "
                        "`VESTIGE_COLLECTOR_DATABASE`, else a file in the user's state folder")  # fmt: skip


def _open(arguments: argparse.Namespace) -> Store:
    from vestige.collector import database  # noqa: PLC0415 - needs the extra
    from vestige.collector.store import Store  # noqa: PLC0415

    given = arguments.database or os.environ.get("VESTIGE_COLLECTOR_DATABASE")
    return Store.open(given or database.default_url(os.environ))


def _serve(arguments: argparse.Namespace) -> None:
    from vestige.collector import published, serving  # noqa: PLC0415 - needs the extra
    from vestige.collector.collector import Collector  # noqa: PLC0415
    from vestige.collector.limits import Rate  # noqa: PLC0415
    from vestige.web.listening import Address  # noqa: PLC0415

    if not 0 <= arguments.port <= _LARGEST_PORT:
        raise UsageError(f"`--port` goes up to {_LARGEST_PORT}")
    if arguments.rate < 0:
        raise UsageError("`--rate` needs a number from 0 on")
    known = published.load(arguments.schema)
    store = _open(arguments)
    names = tuple(name.lower() for name in (*arguments.name, arguments.host))
    collector = Collector(store, known.schemas, known.documents, names=names, rate=Rate(arguments.rate))
    address = Address(arguments.host, arguments.port, tuple(arguments.behind))
    try:
        serving.serve(collector, address, lambda url: printing.say(f"collector at {url}, reports go to {store.url}"))
    finally:
        store.close()


def _export(arguments: argparse.Namespace) -> None:
    from vestige.collector.export import export  # noqa: PLC0415 - needs the extra

    for written in export(_open(arguments), arguments.output, arguments.format, raw=arguments.raw):
        printing.say(f"{written.path}: {counted(written.rows, 'row')}")


def _prune(arguments: argparse.Namespace) -> None:
    from vestige.collector.reports import today  # noqa: PLC0415 - needs the extra

    pruned = _open(arguments).prune(today())
    gone, forgotten = counted(pruned.reports, "report"), counted(pruned.ids, "id")
    printing.say(f"removed {gone}, and forgot {forgotten} that can't come again")


def _check_schema(arguments: argparse.Namespace) -> None:
    from vestige.collector.reports import today  # noqa: PLC0415 - needs the extra
    from vestige.telemetry import schema  # noqa: PLC0415 - only here

    found = schema.load(arguments.file)
    print(f"{found.id}: {found.purpose}")
    for name, fields in [("in every report", found.context), *((it.name, it.fields) for it in found.events.values())]:
        print(f"  {name}: {', '.join(fields) or 'only how often'}")
    ended = [event.name for event in found.events.values() if event.expires <= today()]
    if ended:
        printing.say(f"expired, so not counted any more: {', '.join(ended)}")
