"""Where runs are kept: which store, its folders and what is in them, new ids, files that appear whole or not at all.

On the start-up path of `vestige run`: imports nothing that the interpreter has not loaded already.

A front end needs four calls::

    store = find_store(explicit=option, configured=config, environ=os.environ, cwd=os.getcwd())
    now = time.time_ns()
    run_id = new_id(now)
    folder = create_run(store, run_id, now, record=tinyjson.dumps(start_record(...)), environ=os.environ)

and one that reads hands `stores_to_read(store, environ)` to `store.Runs`.
"""

from __future__ import annotations

import os
import time

from vestige.errors import StoreError

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STORE_VARIABLE = "VESTIGE_STORE"
STORE_NAME = ".vestige"
MARK_NAME = "init"
# what is in the folder of a run (docs/reference/record.md)
RECORD_NAME = "record.json"
EVENTS_NAME = "events.jsonl"
PROCESSES_NAME = "processes.jsonl"
POINTS_NAME = "usage.jsonl"
FILES_NAME = "files.jsonl"
SPANS_NAME = "spans.jsonl"
PARTS_NAME = "spans"  # a folder: `vestige.spans.file` writes into it
_GITIGNORE = b"# run records are kept out of version control\n*\n"
_MARK = b"made by `vestige init`: the runs of this folder and of all below it are kept here\n"
_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000


class Store:
    """A place for runs: `path` of the store and `source`, why it is this one.

    `source` is `option`, `environment` or `config` (somebody named it), `folder` (the nearest that `vestige init` made,
    upward from here), `git` (the top of the Git work tree), `here` (the current folder) or `state` (the state folder).
    """

    __slots__ = ("path", "source")

    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self.source = source

    @property
    def named(self) -> bool:
        """Whether somebody named this store: then no other is taken in its stead."""
        return self.source in ("option", "environment", "config")

    @property
    def runs(self) -> str:
        """The folder that holds a folder for every run."""
        return os.path.join(self.path, "runs")

    def __repr__(self) -> str:
        return f"Store(path={self.path!r}, source={self.source!r})"


def find_store(*, explicit: str | None, configured: str | None, environ: Mapping[str, str], cwd: str) -> Store:
    """Decide which store is meant; nothing is made, nothing needs to exist.

    `explicit` is `--store`, `configured` is `store` of the config with its own folder already put before it. Both and
    VESTIGE_STORE name the store itself (what is otherwise called `.vestige`), relative to `cwd`, with `~` for home.
    """
    named = ((explicit, "option"), (environ.get(STORE_VARIABLE), "environment"), (configured, "config"))
    for path, source in named:
        if path:
            return Store(os.path.normpath(os.path.join(cwd, os.path.expanduser(path))), source)
    folder = cwd
    while True:
        path = os.path.join(folder, STORE_NAME)
        # a store that came about by itself, in the home folder say, must not draw in all that is below
        if os.path.exists(os.path.join(path, MARK_NAME)):
            return Store(path, "folder")
        if os.path.lexists(os.path.join(folder, ".git")):  # a file in linked work trees: gitrepository-layout(5)
            return Store(path, "git")
        above = os.path.dirname(folder)
        if above == folder:
            return Store(os.path.join(cwd, STORE_NAME), "here")
        folder = above


def mark_store(store: Store) -> None:
    """Make the store, and mark it as the one for every folder below its own.

    Raises StoreError when it can't be made.
    """
    make_store(store)
    try:
        write_atomically(os.path.join(store.path, MARK_NAME), _MARK)
    except OSError as error:
        raise StoreError(_cannot("mark the store", store.path, error)) from error


def state_store(environ: Mapping[str, str]) -> Store:
    """Return the store for commands that run where nothing can be written."""
    home = environ.get("XDG_STATE_HOME") or ""
    if not os.path.isabs(home):  # "must be absolute, otherwise ignored": XDG Base Directory Specification
        home = os.path.join(os.path.expanduser("~"), ".local", "state")
    return Store(os.path.join(home, "vestige"), "state")


def stores_to_read(store: Store, environ: Mapping[str, str]) -> list[Store]:
    """Return the stores in which the runs made from here are found, the likeliest first.

    That is `store`; and where nobody named it and it was never made or can't be written, the user's state store too.
    """
    state = state_store(environ)
    if store.named or os.access(store.runs, os.W_OK) or not os.path.isdir(state.runs):
        return [store]
    return [store, state] if os.path.isdir(store.runs) else [state]


def make_store(store: Store) -> None:
    """Make the store with its `.gitignore`; an existing one is left as it is.

    Raises StoreError when it can't be made.
    """
    try:
        os.makedirs(store.runs, exist_ok=True)
        ignore = os.path.join(store.path, ".gitignore")
        if not os.path.lexists(ignore):
            write_atomically(ignore, _GITIGNORE)
    except OSError as error:
        raise StoreError(_cannot("make the store", store.path, error)) from error


def new_id(now_ns: int | None = None) -> str:
    """Return a new UUIDv7 (RFC 9562, section 5.7): Unix time in ms, then 74 random bits."""
    milliseconds = (time.time_ns() if now_ns is None else now_ns) // _MILLISECOND
    random = int.from_bytes(os.urandom(10), "big")
    number = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    number |= 0b10 << 62 | random & (1 << 62) - 1
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def short_id(run_id: str) -> str:
    """Return the eight digits by which people call a run: the last ones of its id, which are random."""
    return run_id[-8:]


def run_folder_name(run_id: str, now_ns: int) -> str:
    """Return `<UTC time>-<short id>`, so that names sort by time."""
    return time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime(now_ns // _SECOND)) + short_id(run_id)


def make_run_folder(store: Store, run_id: str, now_ns: int) -> str:
    """Make the store if need be and in it the folder of a new run, and return the folder's path.

    Raises StoreError when it can't be made.
    """
    make_store(store)
    folder = os.path.join(store.runs, run_folder_name(run_id, now_ns))
    try:
        os.mkdir(folder)
    except OSError as error:
        raise StoreError(_cannot("make the run folder", folder, error)) from error
    return folder


def create_run(store: Store, run_id: str, now_ns: int, *, record: bytes, environ: Mapping[str, str]) -> str:
    """Make the folder of a new run with its first `record.json` and return the folder's path.

    Where nobody named `store` and it can't be written, the user's state store takes its place. Raises StoreError when
    no place can be written; then nothing is left behind.
    """
    try:
        return _create_in(store, run_id, now_ns, record)
    except StoreError:
        if store.named:
            raise
        state = state_store(environ)
        try:
            return _create_in(state, run_id, now_ns, record)
        except StoreError as error:
            raise StoreError(
                f"neither {store.path} nor {state.path} can be written; choose a place with `--store`"
            ) from error


def take_back(folder: str) -> None:
    """Remove the folder of a run that never began, which holds its first record and nothing else. Raises OSError."""
    os.unlink(os.path.join(folder, RECORD_NAME))
    os.rmdir(folder)


def write_atomically(path: str, content: bytes, *, durable: bool = False) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    `durable` waits for the disk before the new content takes the name: a power cut then leaves old or new as well. The
    first record does without (an fsync may take 50 ms, and `events.jsonl` can rebuild it). Raises OSError; the old
    content then stands.
    """
    temporary = write_temporary(path, (content,), durable=durable)
    try:
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_temporary(path: str, parts: Iterable[bytes], *, durable: bool = False) -> str:
    """Write what is to replace `path` into a new file beside it and return the new file's path.

    Raises OSError; then the new file is gone again.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.urandom(4).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            for part in parts:
                _write_all(descriptor, part)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def utc_text(now_ns: int) -> str:
    """Return a moment as RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(now_ns, _SECOND)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"


def _create_in(store: Store, run_id: str, now_ns: int, record: bytes) -> str:
    folder = make_run_folder(store, run_id, now_ns)
    try:
        write_atomically(os.path.join(folder, RECORD_NAME), record)
    except OSError as error:
        os.rmdir(folder)
        raise StoreError(_cannot("write", os.path.join(folder, RECORD_NAME), error)) from error
    return folder


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _cannot(what: str, path: str, error: OSError) -> str:
    return f"can't {what} at {path}: {error.strerror}; choose another place with `--store`"
