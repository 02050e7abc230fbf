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

    Globs = dict[str, tuple[str, ...]]
    Value = str | bool | int | tuple[str, ...] | Globs

CAPTURES = ("auto", "all", "stdout", "stderr", "none")
TRACES = ("auto", "off")
SUMMARIES = ("full", "line", "none")
HASHES = ("full", "fast", "none")
IO_URINGS = ("auto", "deny")
COMMITS = ("off", "auto")
CLASSES = (  # the same as model.FileClass, which costs dataclasses (a test holds them together)
    "input", "output", "modified", "removed", "temporary", "unchanged", "cache", "config", "software", "listed",
    "probed", "pseudo",
)  # fmt: skip

PROJECT_FILES = ("vestige.toml", "pyproject.toml")

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_LARGEST_SIZE = 1 << 63
_LARGEST_FILE = 8 << 20  # B; a link in somebody's project may lead to a file without end
_DIGITS = 20  # more than any size has


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
        "hash",
        kind="a word",
        default="full",
        choices=HASHES,
        variable="VESTIGE_HASH",
        meaning="What is hashed of the files that the run used. `full`: all of their content, SHA-256. `fast`: their "
        "size, first, middle and last MiB, marked so",
    ),
    Key(
        "hash_limit",
        kind="a size as `500M` or `1.5G`",
        default=0,
        variable="VESTIGE_HASH_LIMIT",
        meaning="Files larger than this are not hashed, and the record says so; `0`: no limit. Units are decimal",
    ),
    Key(
        "io_uring",
        kind="a word",
        default="auto",
        choices=IO_URINGS,
        variable="VESTIGE_IO_URING",
        meaning="`deny`: programs that ask for io_uring, through which files can be opened unseen, are refused it, as "
        "in most containers, and fall back to calls that can be seen",
    ),
    Key(
        "deny_network",
        kind="true or false",
        default=False,
        variable="VESTIGE_DENY_NETWORK",
        meaning="Whether connections to other machines fail with EACCES; this machine itself can be reached. The "
        "command does not start where that can't be had",
    ),
    Key(
        "classes",
        kind="a table of lists of text",
        default={},
        meaning='Classes of files by glob, before the built-in rules: `input = ["*.cfg", "models/**"]`. A glob '
        "without a slash is for names; one with a slash is for whole paths, and a relative one starts at the folder of "
        "the file. The classes are " + ", ".join(f"`{name}`" for name in CLASSES) + "; both files' tables add up",
    ),
    Key(
        "commit",
        kind="a word",
        default="off",
        choices=COMMITS,
        variable="VESTIGE_COMMIT",
        meaning="`auto`: every run that succeeds in a Git work tree and changes files leaves a commit of them, as with "
        "`--commit`; that none could be made is said in the record and in the summary",
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

READ_ELSEWHERE = (  # what is wrong in these must not stop a run
    Key(
        "telemetry",
        kind="a table",
        default={},
        meaning='`mode = "off"` or `"local"`: nothing is counted here, or nothing sent; no file can say yes. '
        "`schema`, the path of a schema, and `collector`, a URL, are for a project that counts its own use: "
        "[telemetry](../guide/telemetry.md)",
    ),
    Key(
        "kedro",
        kind="a table",
        default={},
        meaning="`record = true`: a plain `kedro run` of the project is a run of vestige: [Kedro](../guide/kedro.md)",
    ),
    Key(
        "gc",
        kind="a table",
        default={},
        meaning="What `vestige gc` keeps where its command line says nothing: `keep_last = 1000`, "
        '`keep_within = "30d"`, `keep_tags = ["paper"]`, `max_size = "10GB"`: [history](../guide/history.md)',
    ),
)

VARIABLES = (
    *(Variable(key.variable, f"As `{key.name}` of the config: {key.meaning}") for key in KEYS if key.variable),
    Variable("VESTIGE_COLLECTOR_DATABASE", "URL of the database of `vestige collector`, as `--database`: "
             "there a password in it could be seen in the list of processes"),
    Variable("VESTIGE_TELEMETRY", "`off`: nothing is counted; `local`: nothing is sent; `on`: no objection, but no yes "
             "either. Anything else is `off`"),
    Variable("VESTIGE_TELEMETRY_COLLECTOR", "URL of the collector that is asked about, instead of the schema's"),
    Variable("DO_NOT_TRACK", "If set, and not to `0`, `false` or `no`: nothing is counted"),
    Variable("KEDRO_DISABLE_TELEMETRY", "If set to anything: nothing is counted"),
    Variable("CI", "If set, and not to `0`, `false` or `no`, as are those of a dozen systems: nothing is sent, nobody "
             "asked"),
    Variable("HTTPS_PROXY", "With `ALL_PROXY` and `NO_PROXY`, also in small letters: the way to a collector, by "
             "`socks5://` or `http://`"),
    Variable("VESTIGE_RECORDER", "Path of the recorder, instead of the one in the package; for tests"),
    Variable("VESTIGE_RUN", "Set by vestige for the command: the folder of its run"),
    Variable("VESTIGE_RUN_ID", "Set by vestige for the command: the id of its run; a run inside names it as parent"),
    Variable("VESTIGE_SPAN", "Set by `vestige span` for its command: the id of its span, which those inside belong to"),
    Variable("VESTIGE_KEDRO_PLAN", "Set by `kedro vestige run --if-changed` for a Kedro that is only asked what it "
             "would run: the file to write that into"),
    Variable("NO_COLOR", "If set and not empty, no colours anywhere"),
    Variable("XDG_CACHE_HOME", "Hashes of files and owners of system files are remembered in `vestige` in it; "
             "default `~/.cache`"),
    Variable("XDG_CONFIG_HOME", "The user file is `vestige/config.toml` in it; default `~/.config`"),
    Variable("XDG_RUNTIME_DIR", "`vestige serve --open` makes the file in it that leads a browser to its address; "
             "default: the folder for temporary files"),
    Variable("XDG_STATE_HOME", "Runs go to `vestige` in it where the default store can't be written, counts of "
             "vestige's use to `vestige/telemetry`; default `~/.local/state`"),
)  # fmt: skip

_BY_NAME = {key.name: key for key in KEYS}
_ELSEWHERE = frozenset(key.name for key in READ_ELSEWHERE)


class Settings:
    """What holds for one invocation, and for each key where it was set."""

    __slots__ = (
        "capture", "classes", "commit", "deny_network", "environment", "hash", "hash_limit", "io_uring", "origins",
        "store", "summary", "tags", "trace", "wait",
    )  # fmt: skip

    def __init__(self) -> None:
        self.store: str | None = None
        self.capture = "auto"
        self.trace = "auto"
        self.summary = "full"
        self.hash = "full"
        self.hash_limit = 0  # bytes; 0: no limit
        self.io_uring = "auto"
        self.deny_network = False
        self.classes: Globs = {}
        self.commit = "off"
        self.wait = False
        self.tags: tuple[str, ...] = ()
        self.environment: tuple[str, ...] = ()
        self.origins: dict[str, str] = {}

    def take(self, key: Key, value: Value, origin: str) -> None:
        """Set one key; lists and tables of them add up, anything else is replaced."""
        if isinstance(value, tuple):
            value = (*getattr(self, key.name), *value)
        elif isinstance(value, dict):
            value = _joined(value, getattr(self, key.name))
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
            worded = {"true": True, "false": False}.get(given, given) if key.kind == "true or false" else given
            settings.take(key, _checked(key, worded, origin=key.variable or "", folder=None), key.variable or "")
    return settings


def table(name: str, environ: Mapping[str, str], cwd: str | None) -> dict[str, tuple[object, str]]:
    """Return one of the tables of the config that a run does not look at: each value, and the file that it stands in.

    What the project says goes before what the user does. Raises ConfigError.
    """
    found: dict[str, tuple[object, str]] = {}
    for path, content in _tables(environ, cwd):
        inner = content.get(name, {}) if isinstance(content, dict) else {}
        if not isinstance(inner, dict):
            raise ConfigError(f"`{path}`: `{name}` must be a table")
        found |= {key: (value, path) for key, value in inner.items()}
    return found


def size(text: str) -> int:
    """Return the bytes that `500M` or `1.5 GB` stands for, in decimal units. Raises ValueError."""
    words = text.strip().upper().removesuffix("B").rstrip()
    unit = words[-1:] if words[-1:].isalpha() else ""
    number = words[: len(words) - len(unit)].rstrip()
    whole, _, part = number.partition(".")
    if unit not in _UNITS or not (whole + part).isdecimal() or not number.isascii() or len(number) > _DIGITS:
        raise ValueError(f"`{text}` is no size")
    count = int(float(number) * _UNITS[unit]) if part else int(whole) * _UNITS[unit]
    if count >= _LARGEST_SIZE:
        raise ValueError(f"`{text}` is larger than any file")
    return count


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


def user_cache(environ: Mapping[str, str]) -> str | None:
    """Return the folder for what can be found out again, which need not exist; None without a home."""
    base = environ.get("XDG_CACHE_HOME")
    if not base or not os.path.isabs(base):
        home = environ.get("HOME")
        base = os.path.join(home, ".cache") if home else None
    return os.path.join(base, "vestige") if base else None


def user_state(environ: Mapping[str, str]) -> str | None:
    """Return the folder for what can't be found out again, which need not exist; None without a home."""
    base = environ.get("XDG_STATE_HOME")
    if not base or not os.path.isabs(base):
        home = environ.get("HOME")
        base = os.path.join(home, ".local", "state") if home else None
    return os.path.join(base, "vestige") if base else None


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
            raw = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"can't read `{path}`: {error.strerror}") from error
    if len(raw) > _LARGEST_FILE:
        raise ConfigError(f"`{path}` is larger than {_LARGEST_FILE >> 20} MiB: it is no config")
    return raw


def _parsed(path: str, raw: bytes) -> dict[str, object]:
    try:
        import tomllib as toml  # noqa: PLC0415 - only where there is a file to read
    except ImportError:  # Python 3.10
        import tomli as toml  # type: ignore[import-not-found,no-redef,unused-ignore]  # noqa: PLC0415
    try:
        return toml.loads(raw.decode("utf-8"))
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(f"`{path}` is no valid TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"`{path}` is nested too deeply") from error


def _apply_table(settings: Settings, path: str, table: object) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"`{path}`: `tool.vestige` must be a table")
    for name, value in table.items():
        if name in _ELSEWHERE:
            continue
        key = _BY_NAME.get(name)
        if key is None:
            raise ConfigError(f"`{path}`: unknown key `{name}`{_meant(name)}")
        origin = f"`{path}`"
        settings.take(key, _checked(key, value, origin=origin, folder=os.path.dirname(path)), origin)


def _meant(name: str) -> str:
    from vestige.nearest import nearest  # noqa: PLC0415 - only when there is an error

    names = [key.name for key in (*KEYS, *READ_ELSEWHERE)]
    near = nearest(name, names)
    return f": did you mean `{near}`?" if near else "; allowed are " + ", ".join(f"`{known}`" for known in names)


def _checked(key: Key, value: object, *, origin: str, folder: str | None) -> Value:
    """Return `value` in the type of `key`, or raise a ConfigError that says what is allowed."""
    if key.name == "classes":
        return _classes(value, origin, folder)
    fitting = _fitting(key, value, folder)
    if fitting is None:
        place = origin if folder is None else f"{origin}: `{key.name}`"
        raise ConfigError(f"{place} can't be `{value}`; {'allowed are' if key.choices else 'it takes'} {key.allowed}")
    return fitting


def _fitting(key: Key, value: object, folder: str | None) -> Value | None:
    """Return `value` in the type of `key`, None if it is of another."""
    if key.kind == "a list of text":
        return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else None
    if key.kind == "true or false":
        return value if isinstance(value, bool) else None
    if key.name == "hash_limit":
        return _size(value)
    if not isinstance(value, str) or not value:
        return None
    if key.choices:
        return value if value in key.choices else None
    return _path(value, folder)


def _size(value: object) -> int | None:
    """Return a number of bytes, given as such or as text with a unit; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < _LARGEST_SIZE else None
    try:
        return size(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _classes(table: object, origin: str, folder: str | None) -> Globs:
    """Return the globs of each class, those with a slash as whole paths. Raises ConfigError."""
    if not isinstance(table, dict):
        raise ConfigError(f"{origin}: `classes` must be a table of lists of globs")
    found: Globs = {}
    for name, globs in table.items():
        if name not in CLASSES:
            raise ConfigError(f"{origin}: `classes` has no class `{name}`; there are {', '.join(CLASSES)}")
        if not isinstance(globs, list) or not all(isinstance(glob, str) and glob for glob in globs):
            raise ConfigError(f"{origin}: `classes.{name}` must be a list of globs")
        found[name] = tuple(_anchored(glob, folder or "") for glob in globs)
    return found


def _anchored(glob: str, folder: str) -> str:
    """Return a glob with a slash as one for whole paths, so that it means the same wherever the run begins."""
    inner = glob.rstrip("/")
    if "/" not in inner or inner.startswith(("/", "**/")):
        return glob
    if glob.startswith("~"):
        return os.path.expanduser(glob)
    escaped = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in folder)
    return os.path.join(escaped, glob.removeprefix("./"))


def _joined(first: Globs, second: Globs) -> Globs:
    """Return both tables as one: for each class the first one's globs go first."""
    return {name: (*first.get(name, ()), *second.get(name, ())) for name in (*first, *second)}


def _path(value: str, folder: str | None) -> str:
    expanded = os.path.expanduser(value)
    return expanded if folder is None else os.path.join(folder, expanded)
