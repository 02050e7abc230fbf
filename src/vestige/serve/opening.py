"""The first page in a browser, without its address in anybody's list of processes."""

from __future__ import annotations

import contextlib
import os
import tempfile
import webbrowser
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Opening:
    """A file that only this user can read, which leads a browser to an address."""

    def __init__(self, address: str) -> None:
        """Make the file. Raises OSError."""
        folder = os.environ.get("XDG_RUNTIME_DIR")
        there = folder if folder and os.path.isdir(folder) else None
        descriptor, self.path = tempfile.mkstemp(prefix="vestige-", suffix=".html", dir=there)  # mode 0600
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(address)}">\n')

    def show(self) -> bool:
        """Have the file opened by a browser, and say whether there is one."""
        return webbrowser.open(f"file://{self.path}")

    def forget(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def is_wanted(environ: Mapping[str, str], *, terminal: bool) -> bool:
    """Say whether a browser would open where the user sits."""
    here = "SSH_CONNECTION" not in environ
    return terminal and here and ("DISPLAY" in environ or "WAYLAND_DISPLAY" in environ)
