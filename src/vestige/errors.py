"""Everything vestige raises on purpose.

::

    VestigeError                 exit code 2 (125 from `vestige run` before the command started)
    ├── UsageError               the words of a command line or of a call are off
    ├── ConfigError              a config file or an environment variable holds something unusable
    ├── StoreError               the place for runs can't be read or written
    │   ├── RunNotFoundError     no run has this id or prefix
    │   └── AmbiguousRunError    several runs have this prefix
    ├── RecordError              a record is foreign, cut, hostile or of a newer schema
    ├── RecorderError            the recorder is missing or could not be started
    ├── GitError                 Git, or git-annex, is missing or said no; its own words are in the message
    ├── TelemetryError           a schema, a report or what is kept for telemetry can't be used
    └── ServerError              a server can't have its address or its packages
        └── CollectorError       the collector can't have its database

`Terminated` is none of them: it is what Ctrl-C raises, for SIGTERM and SIGHUP.

A message says what failed, on which path or pid, and what to do next, in one line and without a full stop.
"""

from __future__ import annotations

from vestige.text import printable


class VestigeError(Exception):
    """Base of all expected errors; `str()` of it is the one line a person reads."""

    def __str__(self) -> str:
        """Return the message on one line; what a terminal would obey (escape sequences, line feeds) is escaped."""
        return printable(super().__str__())


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came to this process, and, unlike Ctrl-C, to none that it has started."""

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        super().__init__(number)
        self.number = number


class UsageError(VestigeError):
    """The words of a command line or of a call are off."""


class ConfigError(VestigeError):
    """A config file or an environment variable holds something unusable."""


class StoreError(VestigeError):
    """The place for runs can't be read or written."""


class RunNotFoundError(StoreError):
    """No run has this id or prefix."""


class AmbiguousRunError(StoreError):
    """Several runs have this prefix."""


class RecordError(VestigeError):
    """A record is foreign, cut, hostile or of a newer schema."""


class RecorderError(VestigeError):
    """The recorder is missing or could not be started."""


class GitError(VestigeError):
    """Git, or git-annex, is missing or said no; its own words are in the message."""


class TelemetryError(VestigeError):
    """A schema, a report or what is kept for telemetry can't be used."""


class ServerError(VestigeError):
    """A server can't have its address or its packages."""


class CollectorError(ServerError):
    """The collector can't have its database."""
