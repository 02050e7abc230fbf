"""The values in a project's credentials: kept in memory, so that none of them is written with an error's words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "***"
_SHORT = 4  # characters: what is shorter is masked as a whole word only
_ASSIGNED = re.compile(r"(?i)(?:pass\w*|pwd|secret\w*|token|\w*key|sig)\s*=\s*([^;&\s]+)")
_USER = re.compile(r"(?<=://)[^/?#\s@'\"]*(?:@[^/?#\s@'\"]*)*@")


class Credentials:
    """What must not be written."""

    __slots__ = ("_are_known", "_pattern", "_values")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._values: set[str] = set()
        self._are_known = False
        self._pattern: re.Pattern[str] | None = None

    def learn(self, given: object) -> None:
        """Take in a project's credentials, nested as they are."""
        self._are_known = True
        self._values |= {form for value in _strings(given) for part in _parts(value) for form in _forms(part)}
        words = sorted(self._values, key=len, reverse=True)
        bounded = [re.escape(word) if len(word) >= _SHORT else rf"(?<!\w){re.escape(word)}(?!\w)" for word in words]
        self._pattern = re.compile("|".join(bounded)) if bounded else None

    def learn_from(self, catalog: object) -> None:
        """Take in those that a catalog was made with, where nobody told them: in a worker that was not forked."""
        if not self._are_known:
            configs = getattr(getattr(catalog, "_config_resolver", None), "_resolved_configs", None)
            if isinstance(configs, dict):
                self.learn([_under_credentials(config) for config in configs.values()])

    def masked(self, text: str) -> str:
        """Return text without them, and without users and passwords of any URL."""
        if not self._are_known:
            return f"{MASK} (what is secret was not known to this process)"
        clean = _USER.sub(f"{MASK}@", text)
        return clean if self._pattern is None else self._pattern.sub(MASK, clean)

    def hold(self, text: str) -> bool:
        """Say whether one of them is in a text."""
        return self._pattern is not None and self._pattern.search(text) is not None


def without_user(address: str) -> str:
    """Return a URL without user, password, query and fragment: signatures are kept in those."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _strings(value: object) -> Iterator[str]:
    """Yield all words and numbers in what may be nested."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        for each in value:
            yield from _strings(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _parts(value: str) -> Iterator[str]:
    """Yield a value, and the user and the password in one that is an address or a list of settings."""
    yield value
    for user in _USER.findall(value):
        yield from user.removesuffix("@").split(":", 1)
    yield from _ASSIGNED.findall(value)


def _forms(value: str) -> set[str]:
    """Return how a value may stand in a message."""
    forms = {value, quote(value, safe=""), unquote(value), repr(value)[1:-1], json.dumps(value)[1:-1]}
    return {form for form in forms if form.strip()}


def _under_credentials(config: object) -> list[object]:
    """Return what stands under the key `credentials` of a dataset's settings, however deep."""
    if not isinstance(config, dict):
        return []
    own = [config["credentials"]] if "credentials" in config else []
    return own + [found for value in config.values() for found in _under_credentials(value)]
