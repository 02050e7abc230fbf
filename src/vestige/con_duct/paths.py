"""The four files of a con-duct log, and the prefix that their names begin with.

On the way to the command: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import os
import time

from vestige.errors import ConfigError, StoreError

FOLDER = os.path.join(".duct", "logs")  # where logs go unless told otherwise
NAMES = {"stdout": "stdout", "stderr": "stderr", "usage": "usage.jsonl", "info": "info.json"}
_DIGITS = 3  # of a width


class Paths:
    """The paths of one log, as given: what is relative stays so."""

    __slots__ = ("info", "prefix", "stderr", "stdout", "usage")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.stdout = prefix + NAMES["stdout"]
        self.stderr = prefix + NAMES["stderr"]
        self.usage = prefix + NAMES["usage"]
        self.info = prefix + NAMES["info"]

    def all(self) -> tuple[str, ...]:
        """Return the four paths in con-duct's order."""
        return (self.stdout, self.stderr, self.usage, self.info)

    def taken(self) -> list[str]:
        """Return those that exist."""
        return [path for path in self.all() if os.path.exists(path)]

    def make_folder(self) -> None:
        """Make the folder that they are in. Raises StoreError."""
        folder = os.path.dirname(self.prefix)
        try:
            if folder:
                os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise StoreError(f"can't make the folder {folder}: {error.strerror}; choose another with `-p`") from error

    def remove(self) -> None:
        """Remove the files that there are. Raises StoreError."""
        for path in filter(os.path.lexists, self.all()):
            try:
                os.unlink(path)
            except OSError as error:  # noqa: PERF203 - four files
                raise StoreError(f"can't remove {path}: {error.strerror}") from error


def fill_prefix(template: str, pid: int) -> str:
    """Return a prefix with its placeholders filled in. Raises ConfigError."""
    moment = time.strftime("%Y.%m.%dT%H.%M.%S")
    if any(map(_is_wide, template.replace("{{", "").split("{")[1:])):  # a width takes as much memory as it says
        raise ConfigError("the output prefix may ask for more than 999 letters in one place: no file has such a name")
    try:
        prefix = os.path.expanduser(template).format(pid=pid, datetime=moment, datetime_filesafe=moment)
    except KeyError as error:
        raise ConfigError(f"the output prefix has no placeholder {error}: only {{datetime}} and {{pid}}") from error
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise ConfigError(f"the output prefix can't be read: {error}; braces themselves are written twice") from error
    if "\0" in prefix:
        raise ConfigError("the output prefix holds a NUL")
    return prefix


def _is_wide(placeholder: str) -> bool:
    """Say whether what follows a brace asks for a width of more than three digits, or takes it from elsewhere."""
    inside, closed, _ = placeholder.partition("}")
    _, colon, spec = inside.partition(":")
    return bool(colon) and (not closed or sum(map(str.isdigit, spec)) > _DIGITS)


def conflict(paths: list[str]) -> str:
    """Return what con-duct says about files that are in the way."""
    return "\n".join(["Conflicting files:", *(f"- {path}" for path in paths),
                      "Use --clobber to overwrite conflicting files."])  # fmt: skip
