"""Which commit of which repository a folder has checked out, read from Git's own files: no process, no hooks."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlsplit, urlunsplit

from vestige.provenance.reading import content
from vestige.record import head

_REMOTE = re.compile(r'\[remote "([^"]*)"\]')
_SMALL = 1 << 20  # B


def source(folder: bytes) -> str | None:
    """Return `git+URL@COMMIT` of the checkout that holds a folder, with its place in there; None without a remote."""
    top = _top(folder)
    if top is None:
        return None
    work_tree = os.fsdecode(top)
    url, commit = _remote(os.fsencode(head.common_folder(head.git_folder(work_tree)))), head.head(work_tree).commit
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
