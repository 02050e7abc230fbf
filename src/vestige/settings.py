"""What can be set, where, and what wins: the registers of environment variables and config keys.

Precedence, highest first: command line, environment, project file, user file, default. `docs/reference/config.md` and
`environment.md` are generated from the registers here. `vestige run` reads this module before the command starts, so
it imports nothing that the interpreter has not loaded already, and a TOML reader only where there is a file to read.
"""

from __future__ import annotations

import os

from vestige.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Value = str | bool | tuple[str, ...]

CAPTURES = ("auto", "all", "stdout", "stderr", "none")
TRACES = ("auto", "off")
SUMMARIES = ("full", "line", "none")

PROJECT_FILES = ("vestige.toml", "pyproject.toml")


class Key:
    """One key of the config: its type, default and meaning, and the environment variable that overrides it."""

    __slots__ = ("choices", "default", "kind", "meaning", "name", "variable")

    def __init__(  # noqa: PLR0913 - a row of the register
        self,
        name: str,
        *,
        kind: str,
        default: Value | None,
        meaning: str,
        choices: tuple[str, ...] = (),
        variable: str | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.meaning = meaning
        self.choices = choices
        self.variable = variable

    @property
    def allowed(self) -> str:
        """What the key takes, in words."""
        return ", ".join(f"`{choice}`" for choice in self.choices) or self.kind


class Variable:
    """One environment variable that vestige reads or sets."""

    __slots__ = ("meaning", "name")

    def __init__(self, name: str, meaning: str) -> None:
        self.name = name
        self.meaning = meaning


KEYS = (
    Key(
        "store",
        kind="a path",
        default=None,
        variable="VESTIGE_STORE",
        meaning="The folder that runs are kept in. In a file, a relative path starts at the folder of that file. "
        "Unset: the nearest one upward that `vestige init` made, else `.vestige` at the top of the Git repository, "
        "else in the current folder; where that can't be written, `$XDG_STATE_HOME/vestige`",
    ),
    Key(
        "capture",
        kind="a word",
        default="auto",
        choices=CAPTURES,
        variable="VESTIGE_CAPTURE",
        meaning="Which output of the command is copied into the run folder. `auto`: what goes into a pipe; terminals "
        "and files are handed through untouched",
    ),
    Key(
        "trace",
        kind="a word",
        default="auto",
        choices=TRACES,
        variable="VESTIGE_TRACE",
        meaning="Whether every process is seen at its start and end. `off` for commands that need `sudo` or another "
        "setuid helper",
    ),
    Key(
        "summary",
        kind="a word",
        default="full",
        choices=SUMMARIES,
        variable="VESTIGE_SUMMARY",
        meaning="What is printed after the command, on a terminal only",
    ),
    Key(
        "wait",
        kind="true or false",
        default=False,
        meaning="Whether the run lasts until the last process that the command left behind has ended",
    ),
    Key(
        "tags",
        kind="a list of text",
        default=(),
        meaning="Tags of every run, before those of `--tag`; both files' lists add up",
    ),
    Key(
        "environment",
        kind="a list of text",
        default=(),
        meaning="Names of environment variables kept in the record beside the usual ones, `*` at the end for any "
        "ending; what looks like a secret is masked all the same; both files' lists add up",
    ),
)

VARIABLES = (
    *(Variable(key.variable, f"As `{key.name}` of the config: {key.meaning}") for key in KEYS if key.variable),
    Variable("VESTIGE_RECORDER", "Path of the recorder, instead of the one in the package; for tests"),
    Variable("VESTIGE_RUN", "Set by vestige for the command: the folder of its run"),
    Variable("VESTIGE_RUN_ID", "Set by vestige for the command: the id of its run; a run inside names it as parent"),
    Variable("NO_COLOR", "If set and not empty, no colours anywhere"),
    Variable("XDG_CONFIG_HOME", "The user file is `vestige/config.toml` in it; default `~/.config`"),
    Variable("XDG_STATE_HOME", "Runs go to `vestige` in it where the default store can't be written; "
             "default `~/.local/state`"),
)  # fmt: skip

_BY_NAME = {key.name: key for key in KEYS}


class Settings:
    """What holds for one invocation, and for each key where it was set."""

    __slots__ = ("capture", "environment", "origins", "store", "summary", "tags", "trace", "wait")

    def __init__(self) -> None:
        self.store: str | None = None
        self.capture = "auto"
        self.trace = "auto"
        self.summary = "full"
        self.wait = False
        self.tags: tuple[str, ...] = ()
        self.environment: tuple[str, ...] = ()
        self.origins: dict[str, str] = {}

    def take(self, key: Key, value: Value, origin: str) -> None:
        """Set one key; lists add up, anything else is replaced."""
        if isinstance(value, tuple):
            value = (*getattr(self, key.name), *value)
        setattr(self, key.name, value)
        self.origins[key.name] = origin


def load(environ: Mapping[str, str], cwd: str | None) -> Settings:
    """Return the settings of files and environment for an invocation in `cwd` (None: it is gone).

    Raises:
        ConfigError: a file or a variable holds something unusable.
    """
    settings = Settings()
    for path, table in _tables(environ, cwd):
        _apply_table(settings, path, table)
    for key in KEYS:
        given = environ.get(key.variable) if key.variable else None
        if given:
            settings.take(key, _checked(key, given, origin=key.variable or "", folder=None), key.variable or "")
    return settings


def git_top_level(cwd: str) -> str | None:
    """Return the nearest folder upward from `cwd` that holds `.git`, or None."""
    folder = cwd
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def user_file(environ: Mapping[str, str]) -> str | None:
    """Return the path of the user's config file, which need not exist; None without a home."""
    base = environ.get("XDG_CONFIG_HOME")
    if not base or not os.path.isabs(base):  # the XDG specification: relative ones are to be ignored
        home = environ.get("HOME")
        base = os.path.join(home, ".config") if home else None
    return os.path.join(base, "vestige", "config.toml") if base else None


def _tables(environ: Mapping[str, str], cwd: str | None) -> Iterator[tuple[str, object]]:
    """Yield the user's table, then the project's: the later one wins."""
    path = user_file(environ)
    raw = _read(path, must_be_readable=False) if path else None
    if path and raw is not None:
        yield path, _parsed(path, raw)
    found = _project_table(cwd) if cwd else None
    if found:
        yield found


def _project_table(cwd: str) -> tuple[str, object] | None:
    """Return the nearest project file with a table for vestige, from `cwd` to the Git top level (inclusive).

    Outside of a repository only the current folder is looked at: what lies above may be anybody's.
    """
    top = git_top_level(cwd) or cwd
    folder = cwd
    while True:
        for name in PROJECT_FILES:
            path = os.path.join(folder, name)
            table = _table_of(path)
            if table is not None:
                return path, table
        if folder == top:
            return None
        folder = os.path.dirname(folder)


def _table_of(path: str) -> object | None:
    raw = _read(path)
    if raw is None:
        return None
    if not path.endswith("pyproject.toml"):
        return _parsed(path, raw)
    if b"tool.vestige" not in raw:
        return None
    tools = _parsed(path, raw).get("tool")
    return tools.get("vestige") if isinstance(tools, dict) else None


def _read(path: str, *, must_be_readable: bool = True) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not must_be_readable and isinstance(error, PermissionError):
            return None  # another user's home, kept in HOME by su or sudo
        raise ConfigError(f"can't read `{path}`: {error.strerror}") from error
    try:
        with open(descriptor, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"can't read `{path}`: {error.strerror}") from error


def _parsed(path: str, raw: bytes) -> dict[str, object]:
    try:
        import tomllib as toml  # noqa: PLC0415 - only where there is a file to read
    except ImportError:  # Python 3.10
        import tomli as toml  # type: ignore[import-not-found,no-redef,unused-ignore]  # noqa: PLC0415
    try:
        return toml.loads(raw.decode("utf-8"))
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(f"`{path}` is no valid TOML: {error}") from error


def _apply_table(settings: Settings, path: str, table: object) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"`{path}`: `tool.vestige` must be a table")
    for name, value in table.items():
        key = _BY_NAME.get(name)
        if key is None:
            raise ConfigError(f"`{path}`: unknown key `{name}`; allowed are {_names()}")
        origin = f"`{path}`"
        settings.take(key, _checked(key, value, origin=origin, folder=os.path.dirname(path)), origin)


def _names() -> str:
    return ", ".join(f"`{key.name}`" for key in KEYS)


def _checked(key: Key, value: object, *, origin: str, folder: str | None) -> Value:
    """Return `value` in the type of `key`, or raise a ConfigError that says what is allowed."""
    if key.kind == "a list of text":
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return tuple(value)
    elif key.kind == "true or false":
        if isinstance(value, bool):
            return value
    elif isinstance(value, str) and key.choices:
        if value in key.choices:
            return value
    elif isinstance(value, str) and value:
        return _path(value, folder)
    place = origin if folder is None else f"{origin}: `{key.name}`"
    raise ConfigError(f"{place} can't be `{value}`; allowed is {key.allowed}")


def _path(value: str, folder: str | None) -> str:
    expanded = os.path.expanduser(value)
    return expanded if folder is None else os.path.join(folder, expanded)
