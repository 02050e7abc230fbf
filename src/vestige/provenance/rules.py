"""Rules that tell data from all else that a run touches: software, settings, caches, the kernel's own files.

`BUILT_IN` is the table, the globs of the config come before it. A rule says what a file is; `_MAY_REPLACE` says of
which classes it may say so, since what was done is never overruled: nothing that was written becomes software.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vestige.settings import user_state
from vestige.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vestige.record.model import FileClass, FileType, Record

_USED: frozenset[FileClass] = frozenset({"input", "output", "modified", "unchanged"})
_ALL: frozenset[FileClass] = _USED | {"removed", "temporary", "listed", "probed"}
_MAY_REPLACE: dict[str, frozenset[FileClass]] = {
    "pseudo": _ALL,
    "cache": _USED,
    "temporary": _USED,
    "software": frozenset({"input"}),
    "config": frozenset({"input"}),
    "input": frozenset({"input"}),  # settles it against the rules below
    "output": frozenset({"output", "modified", "unchanged"}),
}
_DATA = {
    ".arrow", ".avro", ".bam", ".bcf", ".bed", ".bim", ".cram", ".csv", ".db", ".dta", ".duckdb", ".fa", ".fam",
    ".fasta", ".fastq", ".feather", ".fits", ".fq", ".geojson", ".gpkg", ".grib", ".grib2", ".h5", ".h5ad", ".hdf",
    ".hdf5", ".jsonl", ".las", ".laz", ".mat", ".nc", ".nc4", ".ndjson", ".nii", ".npy", ".npz", ".ods", ".orc",
    ".parquet", ".rda", ".rds", ".sas7bdat", ".sav", ".shp", ".sqlite", ".sqlite3", ".tif", ".tiff", ".tsv", ".vcf",
    ".xls", ".xlsx", ".xpt", ".zarr",
}  # fmt: skip
_PACKED = {".bz2", ".gz", ".xz", ".zip", ".zst"}
_KERNEL_TYPES = {"block", "char", "fifo", "socket"}
_PREFIX_PARTS = {"bin", "conda-meta", "etc", "include", "lib", "lib64", "libexec", "man", "sbin", "share", "ssl"}
_GIT_NAMES = {
    "HEAD", "ORIG_HEAD", "FETCH_HEAD", "config", "config.worktree", "index", "packed-refs", "commondir", "gitdir",
}  # fmt: skip
_LONGEST_CACHE = 200_000  # folders


class Subject(NamedTuple):
    """A file whose class is to be settled; a tuple, since there may be a million."""

    path: str  # text
    kind: FileClass  # by what was done to it
    type: FileType | None = None
    executed: bool = False
    names: tuple[str, ...] = ()  # text


class Verdict(NamedTuple):
    """What the rules say of a file."""

    kind: FileClass
    rule: str | None = None  # that decided; None: nothing but what was done to it
    package: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the table: it holds for files of which the folder fits and, if given, the name."""

    name: str
    kind: FileClass
    folder: Callable[[str, Home], bool]  # of the path of the folder, ending in `/`
    file: Callable[[str], bool] | None = None  # of the whole path


@dataclass(slots=True)
class Home:
    """What the rules know of the user's own place, and of prefixes that software is installed under."""

    path: str
    state: str  # ending in `/`; of vestige itself: what it counts is no output of a command that it ran
    prefixes: dict[str, bool] = field(default_factory=dict)

    def has(self, folder: str, *parts: str) -> bool:
        """Say whether a folder is one of these of the home folder, or below."""
        return folder.startswith(tuple(f"{self.path}/{part}/" for part in parts))

    def in_environment(self, folder: str) -> bool:
        """Say whether a folder belongs to a virtual environment, a conda prefix or a Python of its own."""
        at = folder.find("/", 1)
        while (end := folder.find("/", at + 1)) > 0:
            if folder[at + 1 : end] in _PREFIX_PARTS and self._is_prefix(folder[:at]):
                return True
            at = end
        return False

    def _is_prefix(self, folder: str) -> bool:
        found = self.prefixes.get(folder)
        if found is None:
            marked = any(os.path.lexists(f"{folder}/{mark}") for mark in ("pyvenv.cfg", "conda-meta"))
            found = self.prefixes[folder] = marked or _has_python(folder)
        return found


def _under(pattern: str) -> Callable[[str, Home], bool]:
    match = re.compile(pattern, re.DOTALL).search
    return lambda folder, _: match(folder) is not None


def _in_home(*parts: str) -> Callable[[str, Home], bool]:
    return lambda folder, home: home.has(folder, *parts)


def _named(names: set[str]) -> Callable[[str], bool]:
    return lambda path: path.rpartition("/")[2] in names


def is_data(path: str) -> bool:
    """Say whether a file in a folder of software is data all the same, by its suffix; of R, `Meta` is not."""
    root, suffix = os.path.splitext(path.lower())
    if suffix in _PACKED:
        suffix = os.path.splitext(root)[1]
    return (suffix in _DATA or ".zarr/" in path) and "/Meta/" not in path


def _is_code(path: str) -> bool:
    return not is_data(path)


BUILT_IN: tuple[Rule, ...] = (
    # the first that holds and may
    Rule("kernel", "pseudo", _under(r"^(?!/)|^/(?:proc|sys|dev(?!/shm/))/")),
    Rule("semaphore", "pseudo", _under(r"^/dev/shm/$"), lambda path: path.startswith("/dev/shm/sem.")),  # noqa: S108
    Rule("memory", "pseudo", _under(r"^/$"), lambda path: path.startswith(("/memfd:", "/SYSV", "/anon_hugepage"))),
    Rule("git", "config", _under(r"/\.git/(?:.*/)?(?:refs|info|logs|hooks)/")),
    Rule("git", "config", _under(r"/\.git/(?:(?:worktrees|modules)/.*)?$"), _named(_GIT_NAMES)),
    Rule("system", "software", _under(r"^/(?:usr|bin|sbin|lib[^/]*|opt|snap|nix/store|gnu/store)/"), _is_code),
    Rule(
        "library",
        "software",
        _under(r"/(?:site-packages|dist-packages|node_modules|site-library|R/library|[^/]+-linux-gnu-library)/"),
        _is_code,
    ),
    Rule("standard library", "software", _under(r"/lib(?:64)?/python\d[^/]*/"), _is_code),
    Rule(
        "toolchain",
        "software",
        _under(r"/\.(?:pyenv|rustup|cargo|nvm|rbenv|asdf|sdkman|julia)/|/\.local/(?:lib|share/uv)/|/go/pkg/"),
        _is_code,
    ),
    Rule("environment", "software", lambda folder, home: home.in_environment(folder), _is_code),
    Rule("environment", "software", _under(""), _named({"pyvenv.cfg"})),
    Rule("package metadata", "software", _under(r"/[^/]+\.(?:dist|egg)-info/")),  # of an editable one
    Rule("bytecode", "cache", _under(r"/__pycache__/")),
    Rule("bytecode", "cache", _under(""), lambda path: path.endswith((".pyc", ".pyo"))),
    Rule("tool cache", "cache", _under(r"/\.(?:pytest|mypy|ruff)_cache/|/\.ipynb_checkpoints/|^/var/cache/")),
    Rule("user cache", "cache", _in_home(".cache")),
    Rule("vestige's own", "cache", lambda folder, home: folder.startswith(home.state)),
    Rule("system settings", "config", _under(r"^/etc/|^/run/(?:systemd|resolvconf|NetworkManager|nscd)/")),
    Rule("system settings", "config", _under(r"^/var/(?:lib/(?:sss|dpkg|rpm)|db/nscd)/")),
    Rule("user settings", "config", _in_home(".config")),
    Rule(
        "user settings",
        "config",
        lambda folder, home: folder == f"{home.path}/",
        lambda path: path.rpartition("/")[2].startswith("."),
    ),
)
_PACKAGE = Rule("package", "software", lambda _, __: False)  # of a package's own list of files


class Rules:
    """The rules as they hold for one run."""

    def __init__(
        self, record: Record, owner: Callable[[bytes], str | None], editable: frozenset[str] = frozenset()
    ) -> None:
        """`editable` are packages whose files are somebody's own sources."""
        home = _plain(record.environment.get("HOME") or os.path.expanduser("~"))
        cwd = _plain(record.cwd)
        self._owner = owner
        self._editable = editable
        self._home = Home(home.rstrip("/"), f"{user_state(os.environ) or '/nowhere'}/")
        self._globs = list(_globs(record.options.classes, cwd=cwd, home=self._home.path))
        self._words = {os.path.normpath(os.path.join(cwd, _plain(word))) for word in record.argv[1:]}
        self._by_folder: dict[str, tuple[Rule, ...]] = {}

    def verdict(self, subject: Subject) -> Verdict:
        """Settle the class of a file."""
        path = _plain(subject.path)
        package = self._owner(to_bytes(subject.path)) if subject.kind == "input" else None
        for kind, glob, fits in self._globs:
            if subject.kind in _MAY_REPLACE[kind] and fits(path):
                return Verdict(kind, glob, package)
        if subject.type in _KERNEL_TYPES:
            return Verdict("pseudo", "kernel", package)
        rule = self._rule(subject, f"{path}/" if subject.type == "directory" else path, package)
        if rule is None:
            return Verdict(subject.kind, None, package)
        if rule.kind != "pseudo" and subject.kind == "input" and self._is_named(subject, path):
            return Verdict("input", "named on the command line", package)
        return Verdict(rule.kind, rule.name, package)

    def is_pseudo(self, path: str) -> bool:
        """Say whether the kernel makes up what stands at a path (text): there is nothing to look at later."""
        plain = _plain(path)
        return any(rule.kind == "pseudo" and (rule.file is None or rule.file(plain)) for rule in self._rules_of(plain))

    def _rule(self, subject: Subject, path: str, package: str | None) -> Rule | None:
        for rule in self._rules_of(path):
            if subject.kind in _MAY_REPLACE[rule.kind] and (rule.file is None or rule.file(path)):
                return rule
        is_software = package is not None and package not in self._editable and not is_data(path)
        return _PACKAGE if is_software else None

    def _is_named(self, subject: Subject, path: str) -> bool:
        """Say whether somebody named the file on the command line, as data: then it is input wherever it is."""
        if subject.executed:
            return False
        return path in self._words or any(_plain(name) in self._words for name in subject.names)

    def _rules_of(self, path: str) -> tuple[Rule, ...]:
        """Return the rules that hold for files of a path's folder: they are asked once a folder."""
        folder = path[: path.rfind("/") + 1]
        found = self._by_folder.get(folder)
        if found is None:
            if len(self._by_folder) >= _LONGEST_CACHE:
                self._by_folder.clear()
            found = self._by_folder[folder] = tuple(rule for rule in BUILT_IN if rule.folder(folder, self._home))
        return found


def _globs(
    classes: dict[str, tuple[str, ...]], *, cwd: str, home: str
) -> Iterable[tuple[FileClass, str, Callable[[str], bool]]]:
    for kind, globs in classes.items():
        if kind in _MAY_REPLACE:
            for glob in globs:
                match = re.compile(_pattern(_plain(glob), cwd=cwd, home=home), re.DOTALL).fullmatch
                yield kind, glob, lambda path, match=match: match(path) is not None  # type: ignore[misc]


def _pattern(glob: str, *, cwd: str, home: str) -> str:
    """Return a glob as a regular expression: `*` stays within a folder, `**` does not.

    A glob without a slash is a name in any folder, one that is not absolute begins where the run began.
    """
    if glob.startswith("**/"):
        glob = f"/{glob}"
    if "/" not in glob.rstrip("/"):
        return f".*/{_translated(glob.rstrip('/'))}(?:/.*)?"
    whole = home + glob[1:] if glob.startswith("~/") else os.path.join(cwd, glob)
    return _translated(os.path.normpath(whole)) + ("/.*" if glob.endswith("/") else "")


def _translated(glob: str) -> str:
    parts = re.split(r"(\*\*/?|\*|\?|\[[^]/]+\])", glob)
    return "".join(
        _WILD.get(part) or (_choice(part) if index % 2 else re.escape(part)) for index, part in enumerate(parts)
    )


def _choice(part: str) -> str:
    """Return `[a-z]` or `[!a-z]` as a regular expression; what is none stands for itself."""
    inner = part[1:-1].replace("\\", r"\\").replace("[", r"\[")
    pattern = f"[^{inner[1:]}]" if inner.startswith("!") and len(inner) > 1 else f"[{inner}]"
    try:
        re.compile(pattern)
    except re.error:
        return re.escape(part)
    return pattern


_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _plain(text: str) -> str:
    """Return text as Python's `os` functions take it."""
    return text if not text.startswith('"') else os.fsdecode(to_bytes(text))


def _has_python(folder: str) -> bool:
    """Say whether a Python is installed under a prefix, wherever somebody has built it."""
    try:
        names = os.listdir(f"{folder}/lib")
    except (OSError, ValueError):
        return False
    return any(name.startswith("python") and os.path.lexists(f"{folder}/lib/{name}/os.py") for name in names)
