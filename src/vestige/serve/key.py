"""Who may look: whoever opened the address with the token in it, once, and has had the cookie since."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Key:
    """The token of the address, and the cookie for which it is exchanged; both live as long as the server.

    The cookie is a secret of its own, named after the port: a browser shows a cookie of 127.0.0.1 to every port there,
    and two servers must not take away each other's.
    """

    port: int
    token: str = field(default_factory=_secret, repr=False)
    cookie: str = field(default_factory=_secret, repr=False)

    @property
    def name(self) -> str:
        """What the cookie is called."""
        return f"vestige-{self.port}"

    @property
    def query(self) -> str:
        """What stands in the address behind the question mark."""
        return f"token={self.token}"

    def is_token(self, given: str) -> bool:
        """Say whether this is the token, in a time that tells nothing about it."""
        return _equal(given, self.token)

    def is_cookie(self, given: str) -> bool:
        """Say whether this is the cookie's value, likewise."""
        return _equal(given, self.cookie)

    def set_cookie(self) -> str:
        """Return the header that gives the cookie: no script reads it, no other site's page makes it be sent."""
        return f"{self.name}={self.cookie}; Path=/; HttpOnly; SameSite=Strict"


def _equal(given: str, known: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode("ascii"))
