"""Names and places of this machine taken out of what is kept, so that it can be shown to anyone."""

from __future__ import annotations

import getpass
import os
import re
import socket
from dataclasses import dataclass

_ANYONE = ("root", "user", "you", "nobody")  # names that tell nothing, and words of other meanings
_SHORTEST = 2  # letters of a name that is looked for
_RESOLVER = "/etc/resolv.conf"


@dataclass(frozen=True, slots=True)
class Neutral:
    """Pairs of what stands in files of this machine and what stands there for it."""

    places: tuple[tuple[str, str], ...]  # paths, the longest first
    names: tuple[tuple[str, str], ...]  # whole words

    def __call__(self, text: str) -> str:
        """Return text without them."""
        for path, instead in self.places:
            text = text.replace(path, instead)
        for name, instead in self.names:
            text = _word(name).sub(instead, text)
        return text

    def kinds(self, text: str) -> tuple[str, ...]:
        """Return what is in a text of all that: "host", "paths", "user"."""
        found = {instead for name, instead in self.names if _word(name).search(text)}
        paths = any(path in text for path, _ in self.places)
        return tuple(
            kind
            for kind, is_there in (("host", "host" in found), ("paths", paths), ("user", "you" in found))
            if is_there
        )


def of_this_machine(places: dict[str, str]) -> Neutral:
    """Return what replaces these paths (both as given and with links resolved), homes, and names of host and user."""
    all_places = {os.path.expanduser("~"): "/home/you", **places}
    pairs = {spelt: instead for path, instead in all_places.items() for spelt in (path, os.path.realpath(path))}
    longest = sorted(
        ((path, instead) for path, instead in pairs.items() if path != "/"), key=lambda pair: -len(pair[0])
    )
    return Neutral(tuple(longest), tuple(_names()))


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")


def _names() -> list[tuple[str, str]]:
    names = [(_user(), "you"), (socket.getfqdn(), "host"), (socket.gethostname(), "host")]
    known = [(name, instead) for name, instead in names if len(name) >= _SHORTEST and name not in _ANYONE]
    known = [pair for pair in known if pair[0] != "localhost"]
    return [*known, *((address, "nameserver") for address in _name_servers())]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _name_servers() -> list[str]:
    try:
        with open(_RESOLVER, encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return []
    return [words[1] for words in lines if words[:1] == ["nameserver"] and words[1:] and words[1][:4] != "127."]
