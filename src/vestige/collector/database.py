"""Opens a database by its URL: SQLite or PostgreSQL, with the tables of this version."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from vestige.errors import CollectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.pool import ConnectionPoolEntry

WRITES = "vestige_writes"  # the execution option of connections that are going to write
_KINDS = ("sqlite", "postgresql")
_MIGRATIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrations")
_LOCK = 0x76657374  # of PostgreSQL, while one of several servers that start together makes the tables
_BUSY = 30.0  # s that a connection to SQLite waits for another process's write


def default_url(environ: Mapping[str, str]) -> str:
    """Return the URL of the database in the user's state folder, which is made if need be. Raises CollectorError."""
    base = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    folder = os.path.join(base, "vestige")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise CollectorError(f"can't make `{folder}`: {error.strerror}; name a database by `--database`") from error
    return f"sqlite:///{folder}/collector.sqlite"


def connect(url: str) -> sa.Engine:
    """Return an engine for `url`, the tables made or brought up to date. Raises CollectorError."""
    try:
        engine = _engine(_parsed(url))
        with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            _migrate(connection)
    except SQLAlchemyError as error:
        raise CollectorError(f"can't use the database: {reason(error)}") from error
    except CommandError as error:
        raise CollectorError("the database was made by a newer vestige: use that one, or another database") from error
    return engine


def reason(error: SQLAlchemyError) -> str:
    """Return what the database itself said, on one line; SQLAlchemy's own text would quote the statement's values."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise CollectorError("`--database` must be as in sqlite:///FILE or postgresql://HOST/NAME") from error
    kind = parsed.get_backend_name()
    if kind not in _KINDS:
        raise CollectorError(f"`--database` can't be of {kind}: sqlite and postgresql are known")
    if kind == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise CollectorError("`--database` must name a file, as in sqlite:///FILE: reports in memory would be lost")
    return parsed.set(drivername="postgresql+psycopg") if kind == "postgresql" else parsed


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    _make_private(str(url.database))
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: str) -> None:
    """Make the file, if there is none, for its owner only; what SQLite puts beside it gets the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise CollectorError(f"can't open the database `{path}`: {error.strerror}") from error


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin_sqlite` does
    connection.execute("PRAGMA journal_mode=WAL")  # readers and the writer don't wait for each other
    connection.execute("PRAGMA synchronous=FULL")  # what was accepted survives a power cut; one fsync a batch


def _begin_sqlite(connection: sa.Connection) -> None:
    """Begin; a writer at once as such, for a reader that turns writer may find that it reads from the past."""
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
