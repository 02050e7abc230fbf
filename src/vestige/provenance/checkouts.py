"""Which commit of which repository a folder has checked out, read from Git's own files: no process, no hooks."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlsplit, urlunsplit

from vestige.provenance.reading import content

_COMMIT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REMOTE = re.compile(r'\[remote "([^"]*)"\]')
_SMALL = 1 << 20  # B
_LINKS = 5  # references that lead to references


def source(folder: bytes) -> str | None:
    """Return `git+URL@COMMIT` of the checkout that holds a folder, with its place in there; None without a remote."""
    top = _top(folder)
    if top is None:
        return None
    git = _git_folder(top)
    common = _common(git)
    url, commit = _remote(common), _commit(git, common)
    if url is None or commit is None:
        return None
    below = os.path.relpath(folder, top)
    place = "" if below == b"." else f"#subdirectory={quote(os.fsencode(below))}"
    return f"git+{url}@{commit}{place}"


def without_password(url: str) -> str:
    """Return a URL without what it may hold of secrets; a bare user name, as in `git@`, stays (PEP 610)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    user, at, host = parts.netloc.rpartition("@")
    kept = f"{user}@{host}" if at and user == "git" else host
    return urlunsplit(parts._replace(netloc=kept))


def _top(folder: bytes) -> bytes | None:
    while not os.path.lexists(os.path.join(folder, b".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def _git_folder(top: bytes) -> bytes:
    """Return where Git keeps what belongs to this work tree: gitrepository-layout(5)."""
    path = os.path.join(top, b".git")
    link = content(path, _SMALL)
    if link is None or not link.startswith(b"gitdir:"):
        return path
    return os.path.normpath(os.path.join(top, link.partition(b":")[2].strip()))


def _common(git: bytes) -> bytes:
    link = content(os.path.join(git, b"commondir"), _SMALL)
    return git if link is None else os.path.normpath(os.path.join(git, link.strip()))


def _commit(git: bytes, common: bytes) -> str | None:
    value = content(os.path.join(git, b"HEAD"), _SMALL)
    for _ in range(_LINKS):
        if value is None or not value.startswith(b"ref:"):
            break
        name = value.partition(b":")[2].strip()
        value = content(os.path.join(common, name), _SMALL) or _packed(common, name)
    match = None if value is None else _COMMIT.fullmatch(value.strip())
    return None if match is None else match.group().decode("ascii")


def _packed(common: bytes, name: bytes) -> bytes | None:
    for line in (content(os.path.join(common, b"packed-refs")) or b"").splitlines():
        if line.endswith(b" " + name):
            return line.partition(b" ")[0]
    return None


def _remote(common: bytes) -> str | None:
    """Return the URL of `origin`, or else of the first remote, as a URL that pip takes."""
    urls: dict[str, str] = {}
    name = None
    for line in (content(os.path.join(common, b"config"), _SMALL) or b"").decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("["):
            match = _REMOTE.match(text)
            name = match.group(1) if match else None
        elif name is not None and text.partition("=")[0].strip() == "url":
            urls.setdefault(name, text.partition("=")[2].strip())
    url = urls.get("origin") or next(iter(urls.values()), None)
    return None if url is None else _as_url(url)


def _as_url(url: str) -> str | None:
    """Return what Git takes for a remote as a URL: `host:path` is SSH, a path is a file."""
    if "://" in url:
        return without_password(url) or None
    if url.startswith("/"):
        return "file://" + quote(url)
    host, colon, path = url.partition(":")
    if colon and "/" not in host and path:
        return f"ssh://{host}/{path.lstrip('/')}"
    return None
