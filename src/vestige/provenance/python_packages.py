"""Which distribution a Python file belongs to: what pip installs, and what is used from its source tree.

The names in a folder of packages tell of themselves which distribution they belong to only by accident; RECORD tells
(PyPA's "Recording installed projects"). An editable install leaves its files where they are: `direct_url.json`
(PEP 610), the `.pth` file or the import hook that it installed say where.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from vestige.provenance import checkouts
from vestige.provenance.reading import content, entries, header, json_object, word
from vestige.record.model import Package
from vestige.text import from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CODE = (b".py", b".pyc", b".so", b".pyd")

_SITE = re.compile(rb"(/.*?/(?:site|dist)-packages)/", re.DOTALL)
_OTHER_SITE = re.compile(rb"(/.*?)/[^/]+\.dist-info/", re.DOTALL)
_CACHED = re.compile(rb"((?:.*/)?)__pycache__/([^/]+?)\.[^./]+(?:\.opt-[^./]+)?\.pyc", re.DOTALL)
_FIRST_NAME = re.compile(rb'^"?([^/,\n]+)', re.MULTILINE)
_QUOTED = re.compile(rb'"((?:[^"]|"")*)"')
_MAPPING = re.compile(r"^MAPPING\b[^=\n]*= *(\{.*\})\s*$", re.MULTILINE)
_HEAD = 1 << 16  # B, of METADATA: name and version stand at its top
_PROJECT_FILES = (b"pyproject.toml", b"setup.py", b"setup.cfg")


@dataclass(eq=False, slots=True)
class _Distribution:
    """One distribution of a folder of packages; what is costly is read when it is first asked for."""

    folder: bytes  # that it is installed in
    metadata: bytes  # its .dist-info, .egg-info, or the source tree's
    project: bytes | None = None  # the folder of an editable one
    names: frozenset[bytes] = frozenset()  # first names of its files in `folder`
    _files: frozenset[bytes] | None = None
    _folders: frozenset[bytes] = frozenset()
    _package: Package | None = None

    def files(self) -> frozenset[bytes]:
        """Return the paths of RECORD, relative to the folder."""
        if self._files is None:
            self._files = frozenset(_recorded(self.metadata))
            self._folders = frozenset(folder for path in self._files for folder in _above(path))
        return self._files

    def has_folder(self, path: bytes) -> bool:
        """Say whether files of it lie in or below a folder."""
        self.files()
        return path in self._folders

    def package(self) -> Package:
        """Return what the record says of it."""
        if self._package is None:
            self._package = _described(self)
        return self._package


@dataclass(frozen=True, slots=True)
class _Tree:
    """A place in a source tree that an editable distribution is imported from."""

    start: bytes  # of every path in it: a folder with its slash, or a module up to its dot
    distribution: _Distribution
    code_only: bool  # the whole project: what else lies there are anybody's files


@dataclass(slots=True)
class _Site:
    """A folder of packages."""

    folder: bytes
    distributions: list[_Distribution]
    by_name: dict[bytes, list[_Distribution]] = field(default_factory=dict)
    outside: dict[bytes, _Distribution] = field(default_factory=dict)  # scripts and shared files, by whole path

    def owner(self, path: bytes) -> _Distribution | None:
        """Return whose a path in the folder is."""
        inner = _source_file(path[len(self.folder) + 1 :])
        found = self.by_name.get(inner.partition(b"/")[0], ())
        if len(found) <= 1:
            return found[0] if found else None
        return _of_several(found, inner)


def find(paths: Sequence[bytes]) -> dict[bytes, Package]:
    """Return for each path that belongs to a distribution, which one. Paths are canonical."""
    sites = [_site(folder) for folder in sorted(_folders(paths))]
    if not sites:
        return {}
    by_folder = {site.folder: site for site in sites}
    unusual = [site for site in sites if not site.folder.endswith(b"-packages")]
    outside = {path: distribution for site in sites for path, distribution in site.outside.items()}
    trees = sorted((tree for site in sites for tree in _trees(site)), key=lambda tree: -len(tree.start))
    found = {}
    for path in paths:
        site = by_folder.get(_folder_of(path) or b"") or _among(path, unusual)
        owner = site.owner(path) if site else outside.get(path) or _owner_of_tree(path, trees)
        if owner is not None:
            found[path] = owner.package()
    return found


def _folders(paths: Iterable[bytes]) -> set[bytes]:
    return {folder for path in paths if (folder := _folder_of(path)) is not None}


def _folder_of(path: bytes) -> bytes | None:
    """Return the folder of packages that a path lies in: by its name, or since a distribution was looked up there."""
    if b"-packages/" in path and (match := _SITE.match(path)):
        return match.group(1)
    if b".dist-info/" in path and (match := _OTHER_SITE.match(path)):
        return match.group(1)
    return None


def _among(path: bytes, sites: Iterable[_Site]) -> _Site | None:
    return next((site for site in sites if path.startswith(site.folder + b"/")), None)


def _source_file(path: bytes) -> bytes:
    """Return the source of a compiled file in `__pycache__` (PEP 3147), any other path as it is."""
    match = _CACHED.fullmatch(path) if path.endswith(b".pyc") else None
    return path if match is None else match.group(1) + match.group(2) + b".py"


def _site(folder: bytes) -> _Site:
    site = _Site(folder, list(_distributions(folder)))
    for distribution in site.distributions:
        for name in distribution.names:
            site.by_name.setdefault(name, []).append(distribution)
        if b".." in distribution.names:
            for path in distribution.files():
                if path.startswith(b"../"):
                    site.outside[os.path.normpath(os.path.join(folder, path))] = distribution
    return site


def _distributions(folder: bytes) -> Iterator[_Distribution]:
    for name in sorted(entries(folder)):
        path = os.path.join(folder, name)
        if name.endswith(b".dist-info"):
            yield _installed(folder, path)
        elif name.endswith(b".egg-info"):
            yield _Distribution(folder, path, names=frozenset({name, *_top_level(path)}))
        elif name.endswith(b".egg") and os.path.isdir(path):
            yield _Distribution(folder, os.path.join(path, b"EGG-INFO"), names=frozenset({name}))
        elif name.endswith(b".egg-link"):
            yield from _linked(folder, path)


def _installed(folder: bytes, path: bytes) -> _Distribution:
    """Return the distribution of a `.dist-info` folder."""
    record = content(os.path.join(path, b"RECORD"))
    names = _top_level(path) if record is None else set(_FIRST_NAME.findall(record))
    own = os.path.basename(path)
    return _Distribution(folder, path, project=_editable_project(path), names=frozenset({own, *names}))


def _top_level(metadata: bytes) -> set[bytes]:
    """Return the names that can be imported, each as folder and as module; by the distribution's own name if unsaid."""
    raw = content(os.path.join(metadata, b"top_level.txt"), _HEAD)
    stem = re.split(rb"-(?=[0-9])", os.path.basename(metadata), maxsplit=1)[0]
    words = stem.split() if raw is None else raw.split()
    return {name for word in words for name in (word, word + b".py")}


def _linked(folder: bytes, link: bytes) -> Iterator[_Distribution]:
    """Yield the distribution of an `.egg-link`: `setup.py develop`, an editable install of former times."""
    project = (content(link, _HEAD) or b"").partition(b"\n")[0].strip()
    if os.path.isabs(project):
        for name in entries(project):
            if name.endswith(b".egg-info"):
                yield _Distribution(folder, os.path.join(project, name), project=project)


def _editable_project(metadata: bytes) -> bytes | None:
    origin = json_object(os.path.join(metadata, b"direct_url.json"))
    information, url = origin.get("dir_info"), word(origin.get("url"))
    if not isinstance(information, dict) or information.get("editable") is not True or url is None:
        return None
    return _local(url)


def _local(url: str) -> bytes | None:
    """Return the path that a `file:` URL names."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = os.path.normpath(unquote_to_bytes(parts.path))
    return path if parts.scheme == "file" and os.path.isabs(path) else None


def _recorded(metadata: bytes) -> Iterator[bytes]:
    """Yield the paths in RECORD: CSV, of which only the first field matters."""
    for line in (content(os.path.join(metadata, b"RECORD")) or b"").splitlines():
        quoted = _QUOTED.match(line)
        path = quoted.group(1).replace(b'""', b'"') if quoted else line.partition(b",")[0]
        if path:
            yield path


def _above(path: bytes) -> Iterator[bytes]:
    while path := os.path.dirname(path):
        if path == b"/":
            return
        yield path


def _of_several(candidates: Sequence[_Distribution], path: bytes) -> _Distribution | None:
    """Return whose a path is where several distributions share its first name, as in a namespace package.

    A file that none has recorded, compiled later or made by hand, is of the one that alone has files in its folder.
    """
    for distribution in candidates:
        if path in distribution.files():
            return distribution
    for folder in _above(path):
        near = [distribution for distribution in candidates if distribution.has_folder(folder)]
        if near:
            return near[0] if len(near) == 1 else None
    return None


def _owner_of_tree(path: bytes, trees: Sequence[_Tree]) -> _Distribution | None:
    for tree in trees:
        source = _source_file(path)
        if source.startswith(tree.start):
            rest = source[len(tree.start) :]
            if not tree.code_only or (rest.endswith(CODE) and not (b"/" + rest).count(b"/.")):
                return tree.distribution
    return None


def _trees(site: _Site) -> Iterator[_Tree]:
    """Yield where the editable distributions of a folder are imported from."""
    for distribution in site.distributions:
        project = distribution.project
        if project is not None:
            starts = list(dict.fromkeys(_starts(distribution, project))) or [project + b"/"]
            for start in starts:
                yield _Tree(start, distribution, code_only=_is_project(start, project))
            yield _Tree(distribution.metadata + b"/", distribution, code_only=False)


def _is_project(start: bytes, project: bytes) -> bool:
    """Say whether a tree is a whole project rather than its packages alone: a flat layout."""
    folder = start.rstrip(b"/")
    return folder == project or any(os.path.lexists(os.path.join(folder, name)) for name in _PROJECT_FILES)


def _starts(distribution: _Distribution, project: bytes) -> Iterator[bytes]:
    """Yield what the paths of an editable distribution begin with, from what its installer left behind."""
    for name in distribution.files():
        if b"/" not in name and name.endswith(b".pth"):
            yield from _of_pth(os.path.join(distribution.folder, name))
        elif b"/" not in name and name.endswith(b"_finder.py") and name.startswith(b"__editable__"):
            yield from _of_finder(os.path.join(distribution.folder, name))
    if distribution.metadata.endswith(b".egg-info"):
        for name in _top_level(distribution.metadata):
            path = os.path.join(project, name)
            if os.path.isdir(path):
                yield path + b"/"
            elif os.path.isfile(path):
                yield path


def _of_pth(path: bytes) -> Iterator[bytes]:
    """Yield the folders in a `.pth` file: site adds a line to sys.path that is no comment and no import."""
    for line in (content(path, _HEAD) or b"").splitlines():
        folder = line.strip()
        if os.path.isabs(folder):
            yield os.path.normpath(folder) + b"/"


def _of_finder(path: bytes) -> Iterator[bytes]:
    """Yield where the import hook of setuptools leads: packages, and modules without their ending."""
    import ast  # noqa: PLC0415 - for this alone

    text = (content(path) or b"").decode("utf-8", "replace")
    for match in _MAPPING.finditer(text):
        try:
            mapping = ast.literal_eval(match.group(1))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        for place in mapping.values() if isinstance(mapping, dict) else ():
            if isinstance(place, str) and os.path.isabs(place):
                raw = os.fsencode(place)
                yield raw + (b"/" if os.path.isdir(raw) else b".")


def _described(distribution: _Distribution) -> Package:
    """Read what name, version and origin a distribution has."""
    metadata = distribution.metadata
    raw = content(os.path.join(metadata, b"METADATA"), _HEAD) or content(os.path.join(metadata, b"PKG-INFO"), _HEAD)
    fields = header(raw or content(metadata, _HEAD) or b"", "Name", "Version")
    stem, _, version = os.path.splitext(os.path.basename(metadata))[0].partition(b"-")
    installer = (content(os.path.join(metadata, b"INSTALLER"), _HEAD) or b"").decode("utf-8", "replace")
    return Package(
        kind="python",
        name=fields.get("Name") or from_bytes(stem),
        version=fields.get("Version") or (from_bytes(version) if version else None),
        location=from_bytes(distribution.project or distribution.folder),
        installer=word(installer),
        editable=distribution.project is not None,
        source=_source(distribution),
    )


def _source(distribution: _Distribution) -> str | None:
    """Return where a distribution came from, None if from an index."""
    if distribution.project is not None:
        return checkouts.source(distribution.project) or ("file://" + quote_from_bytes(distribution.project))
    origin = json_object(os.path.join(distribution.metadata, b"direct_url.json"))
    url = word(origin.get("url"))
    if url is None:
        return None
    url = checkouts.without_password(url)
    fragments = []
    repository, archive = origin.get("vcs_info"), origin.get("archive_info")
    if isinstance(repository, dict):
        url = f"{word(repository.get('vcs')) or 'git'}+{url}@{word(repository.get('commit_id')) or ''}".rstrip("@")
    if isinstance(archive, dict) and (digest := _digest(archive)):
        fragments.append(digest)
    if folder := word(origin.get("subdirectory")):
        fragments.append(f"subdirectory={folder}")
    return url + ("#" + "&".join(fragments) if fragments else "")


def _digest(archive: dict[str, object]) -> str | None:
    """Return the hash of an archive as pip writes it into a URL."""
    hashes = archive.get("hashes")
    digest = word(hashes.get("sha256")) if isinstance(hashes, dict) else None
    return word(archive.get("hash")) if digest is None else f"sha256={digest}"
