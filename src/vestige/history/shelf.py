"""Where snapshots stand: in the store's folder `index`, or, where that can't be written, in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING

from vestige import settings
from vestige.history import snapshot
from vestige.history.snapshot import DamagedError, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vestige.record.place import Store

FOLDER = "index"
_LEFT_OVER = 3600.0  # s after which a half-written file has no writer any more


def newest(store: Store, name: str, content: str) -> Snapshot | None:
    """Return the snapshot of this name that was made last and is whole, or None."""
    for path in sorted(_paths(store, name), key=_made, reverse=True):
        with contextlib.suppress(DamagedError, OSError):
            return Snapshot(path, content)
    return None


def put(store: Store, name: str, content: str, columns: Mapping[str, Sequence[object]]) -> bool:
    """Keep columns as the snapshot of this name; say whether any place took them."""
    if not os.path.isdir(store.runs):  # nothing is made where no store is
        return False
    for path in _paths(store, name):
        with contextlib.suppress(OSError):
            folder = os.path.dirname(path)
            os.makedirs(folder, exist_ok=True)
            _sweep(folder)
            snapshot.write(path, content, columns)
            return True
    return False


def _paths(store: Store, name: str) -> list[str]:
    cache = settings.user_cache(os.environ)
    paths = [os.path.join(store.path, FOLDER, name)]
    if cache is not None:
        key = hashlib.sha256(os.fsencode(os.path.realpath(store.path))).hexdigest()[:16]
        paths.append(os.path.join(cache, FOLDER, key, name))
    return paths


def _made(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _sweep(folder: str) -> None:
    """Remove what writers left who were killed."""
    for path in snapshot.temporaries(folder):
        with contextlib.suppress(OSError):
            if time.time() - os.stat(path).st_mtime > _LEFT_OVER:
                os.unlink(path)
