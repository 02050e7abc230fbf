"""git-annex and DataLad datasets: content of inputs is fetched, outputs are made writable, results are annexed.

git-annex takes half as long to start as a whole commit here, so it is called only where there is something to do for
it; whether there is, the work tree tells. It reads lists from stdin: of the words on its command line some versions
drop the bytes that are not in the locale.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from vestige.errors import GitError
from vestige.git.datasets import submodules
from vestige.git.datasets.annexed import annexed, keys
from vestige.git.datasets.largefiles import left_to_git
from vestige.git.repo import join
from vestige.text import from_os

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vestige.git.datasets.annexed import Annexed
    from vestige.git.datasets.submodules import Place
    from vestige.git.repo import Answer, Repository

NO_FILTER = tuple(word for name in ("clean", "smudge", "process") for word in ("-c", f"filter.annex.{name}="))
_AS_JSON = ("--json", "--json-error-messages")
_LIST = ("--batch", "-z", *_AS_JSON)
_NAMED = 3  # files in a message
_FICLONE = 0x40049409  # ioctl_ficlone(2): the copy shares its blocks until one of both is written
_OWN_FOLDERS = (".git", ".vestige")


class Staging(NamedTuple):
    """Files of a commit, by how they get into an index. Paths are relative to the top."""

    plain: tuple[str, ...]  # as they are in the work tree
    pointers: tuple[str, ...] = ()  # unlocked files: git-annex's filter puts a pointer in their place
    taken: frozenset[str] = frozenset()  # of `plain`, what git-annex has put a link in the place of


def is_used(repository: Repository) -> bool:
    """Say whether a repository is git-annex's too."""
    return os.path.isdir(os.path.join(repository.common_dir, "annex"))


def get(repository: Repository, paths: Sequence[str]) -> None:
    """Fetch the content of files and folders, and install the submodules on the way to them.

    Paths are relative to the top; one that is not there is a glob for what may be found in a submodule. Raises GitError
    if content can't be had, or a submodule.
    """
    submodules.install(repository, paths)
    for place in submodules.by_repository(repository, _there(repository, paths)):
        missing = [found for found, _ in _found(place) if not found.is_there]
        if missing:
            _fetch(place.repository, missing)


def make_writable(repository: Repository, paths: Sequence[str]) -> None:
    """Put a copy in the place of each annexed file whose content is there, remove each whose content is not.

    In a folder, only the former. Paths as for `get`. Nothing is staged: what is unchanged is locked again with the
    commit, and no trace is left. Raises GitError.
    """
    for place in submodules.by_repository(repository, _there(repository, paths)):
        is_named: dict[Annexed, bool] = {}
        for found, named in _found(place):
            is_named[found] = named or is_named.get(found, False)
        for found, named in is_named.items():
            _open_up(found, is_named=named)


def take_in(repository: Repository, paths: Sequence[str], *, commit: str | None, index: str) -> Staging:
    """Let git-annex take in those of the files that are to be annexed, and say how all are to be staged.

    Afterwards they are links, or still files where the branch or the config wants them unlocked. What is unlocked and
    as committed is locked again, or left alone if it is committed so.

    Args:
        repository: it must be git-annex's.
        paths: added, changed or gone.
        commit: on top of which they are to be committed.
        index: a copy of the index, for git-annex to write in.

    Raises:
        GitError: it can't be called, or says no.
    """
    regular = [path for path in paths if _is_regular(repository, path)]
    asked = set(regular) - left_to_git(repository, regular)
    unchanged = _unchanged(repository, regular, asked, commit)
    moved = {path for path in paths if _leads_astray(repository, path)}
    candidates = [path for path in paths if path in moved or path in asked - unchanged]
    if candidates:
        _add(repository, candidates, index)
    still = [path for path in candidates if _is_regular(repository, path)]
    pointers = keys(repository, repository.index(still, index)) if still else {}
    plain = (path for path in paths if path not in pointers and path not in unchanged)
    return Staging(tuple(plain), tuple(path for path in still if path in pointers), frozenset(candidates) - {*still})


def _found(place: Place) -> Iterator[tuple[Annexed, bool]]:
    """Yield what is annexed of paths, and of all in folders, and whether it was named itself."""
    pointers: bool | None = None
    for path in place.paths:
        whole = os.path.normpath(os.path.join(place.repository.top, path))
        if os.path.isdir(whole) and not os.path.islink(whole):
            if pointers is None:
                pointers = is_used(place.repository) or _is_clone(place.repository)
            in_folder = (annexed(file, pointers=pointers) for file in _files(whole))
            yield from ((found, False) for found in in_folder if found is not None)
        else:
            one = annexed(_behind_links(whole, place.repository.top))
            if one is not None:
                yield one, True


def _there(repository: Repository, paths: Sequence[str]) -> Iterator[str]:
    """Yield the paths that are there, and what the others match as globs; relative to the top."""
    absent = []
    for path in paths:
        if os.path.lexists(os.path.join(repository.top, path)):
            yield path
        else:
            absent.append(path)
    if absent:
        from vestige.git import placeholders  # noqa: PLC0415 - for what is not there literally

        yield from placeholders.expand(absent, repository.top).found


def _is_clone(repository: Repository) -> bool:
    """Say whether git-annex was in use where this comes from: it sets itself up with the first file that is fetched."""
    words = ("for-each-ref", "--count=1", "refs/heads/git-annex", "refs/remotes/*/git-annex")
    return bool(repository.git(*words).out)


def _files(folder: str) -> Iterator[str]:
    """Yield the paths of all files and links in a folder that are not in a repository further inside."""
    for above, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(above, name))]
        folders[:] = [name for name in folders if name not in _OWN_FOLDERS and not _is_inner(os.path.join(above, name))]
        yield from (os.path.join(above, name) for name in (*names, *links))


def _is_inner(folder: str) -> bool:
    return os.path.lexists(os.path.join(folder, ".git"))


def _behind_links(path: str, top: str) -> str:
    """Follow the user's own links, as far as they stay in the repository, to the file that they are for."""
    seen = set()
    while os.path.islink(path) and path not in seen and annexed(path, pointers=False) is None:
        seen.add(path)
        target = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
        if not target.startswith(f"{top}/"):
            break
        path = target
    return path


def _fetch(repository: Repository, missing: Sequence[Annexed]) -> None:
    names = [os.path.relpath(found.path, repository.top) for found in missing]
    answers = [_call(repository, "get", *_LIST, given=join(names))]
    broken = [name for name in names if "\n" in name]  # which a list of git-annex does not get, to its end or at all
    if broken:
        answers.append(_call(repository, "get", *_AS_JSON, "--", *broken))
    absent = [name for name, found in zip(names, missing, strict=True) if _is_absent(found.path)]
    if absent:
        said = "; ".join(dict.fromkeys(said for answer in answers for said in _complaints(answer)))
        said = said or answers[0].words
        raise GitError(f"the content of {_named(absent)} can't be had: {said}; the command was not run")


def _is_absent(path: str) -> bool:
    found = annexed(path)
    return found is not None and not found.is_there


def _open_up(found: Annexed, *, is_named: bool) -> None:
    try:
        if found.is_there:
            _unlock(found)
        elif is_named:
            os.unlink(found.path)
    except OSError as error:
        raise GitError(f"can't make {found.path} writable: {error.strerror}") from error


def _unlock(found: Annexed) -> None:
    """Put a copy in the place of a link: what `git annex unlock` does, for which the index need not change.

    It keeps the time, by which `selection` knows it again.
    """
    content = found.content or ""
    status = os.stat(content)
    copy = os.path.join(os.path.dirname(found.path), f".vestige-unlocking-{os.getpid()}")
    try:
        _copy(content, copy)
        os.chmod(copy, stat.S_IMODE(status.st_mode) | stat.S_IWUSR)
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.replace(copy, found.path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(copy)


def _copy(source: str, target: str) -> None:
    import fcntl  # noqa: PLC0415 - only where something is unlocked
    import shutil  # noqa: PLC0415

    with open(source, "rb") as content, open(target, "xb") as copy:
        with suppress(OSError):  # not on this file system
            fcntl.ioctl(copy, _FICLONE, content.fileno())
            return
        shutil.copyfileobj(content, copy, 1 << 20)


def _is_regular(repository: Repository, path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(os.path.join(repository.top, path)).st_mode)
    except OSError:
        return False


def _unchanged(repository: Repository, paths: Sequence[str], asked: set[str], commit: str | None) -> set[str]:
    """Return those that are committed as files, and as they are; a file for a committed link is a change here.

    Of what goes to Git anyway, git itself sees that; but not of an unlocked file, where the commit has a pointer.
    """
    if commit is None or not paths:
        return set()
    files = {path: entry for path, entry in repository.tree(commit, paths).items() if entry.mode.startswith("100")}
    unlocked = keys(repository, files)
    doubtful = [path for path in paths if path in files and (path in asked or path in unlocked)]
    return set(doubtful) - repository.differing(commit, doubtful).keys() if doubtful else set()


def _leads_astray(repository: Repository, path: str) -> bool:
    """Say whether a link to annexed content was moved, and so leads nowhere: git-annex mends that."""
    found = annexed(os.path.join(repository.top, path), pointers=False)
    own = os.path.join(repository.top, ".git", "annex", "objects", "")
    return found is not None and not (found.content or "").startswith(own)


def _add(repository: Repository, paths: Sequence[str], index: str) -> None:
    is_dataset = os.path.isdir(os.path.join(repository.top, ".datalad"))
    rules = ("-c", "annex.dotfiles=true") if is_dataset else ()  # as `datalad save`: the rules hold for all files
    words = (*rules, "add", *_LIST, "--no-check-gitignore")  # what is ignored was named on purpose
    answer = _call(repository, *words, given=join(paths), index=index)
    complaints = list(dict.fromkeys(_complaints(answer)))
    if answer.code or complaints:
        raise GitError(f"git-annex can't take in the outputs: {'; '.join(complaints) or answer.words}")


def _call(repository: Repository, *words: str, given: bytes | None = None, index: str | None = None) -> Answer:
    variables = {"LC_ALL": "C.UTF-8"}  # or it writes no other letters
    if index is not None:
        variables["GIT_INDEX_FILE"] = index
    answer = repository.git(*_with_annex(words), given=given, variables=variables, may_fail=True)
    if answer.code and "is not a git command" in answer.words:
        raise GitError(f"{repository.top} needs `git-annex`, which is not installed, or not in PATH")
    return answer


def _with_annex(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words for git: its own options first, then the command of git-annex."""
    count = 2 if words[0] == "-c" else 0
    return (*words[:count], "annex", *words[count:])


def _complaints(answer: Answer) -> Iterator[str]:
    for line in answer.out.splitlines():
        result = _parsed(line)
        if result.get("success") is False:
            messages: Iterable[Any] = [*result.get("error-messages", ()), result.get("note") or ""]
            said = " ".join(" ".join(str(message) for message in messages).split())
            yield f"{from_os(str(result.get('file')))}: {said}" if said else from_os(str(result.get("file")))


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(os.fsdecode(line))
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    listed = ", ".join(f"`{from_os(name)}`" for name in names[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed
