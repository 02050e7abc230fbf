"""How much anybody may ask of the collector: bytes, requests an hour; of a connection, see `vestige.web.limits`."""

from __future__ import annotations

import ipaddress
import secrets
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

REPORT_BYTES = 4096
KEDRO_BYTES = 16_384  # an event of kedro-telemetry names every type of dataset in full
WAITING = 10_000  # reports that may wait for the database
REQUESTS_AN_HOUR = 1000
_HOUR = 3600
_PREFIXES = 100_000  # that are counted at a time, some 10 MB
_NETWORK_BITS = {4: 24, 6: 48}  # what one site has as a rule


@dataclass(slots=True)
class Rate:
    """Requests of one network in one hour.

    Networks are told apart by a hash with a key that lives in memory for that hour: no address is kept, and none can be
    found out from what is. `most` is requests an hour, 0 for no limit.
    """

    most: int
    clock: Callable[[], float] = time.monotonic
    _hour: int = -1
    _key: bytes = b""
    _counts: dict[bytes, int] | None = None

    def allows(self, address: str) -> bool:
        """Count a request from `address` and say whether it is within the limit."""
        if not self.most:
            return True
        counts = self._of_this_hour()
        network = blake2b(_network(address), key=self._key, digest_size=8).digest()
        counts[network] = counts.get(network, 0) + 1
        return counts[network] <= self.most

    def seconds_left(self) -> int:
        """Return how long the current hour goes on."""
        return _HOUR - int(self.clock()) % _HOUR

    def _of_this_hour(self) -> dict[bytes, int]:
        hour = int(self.clock()) // _HOUR
        if self._counts is None or hour != self._hour or len(self._counts) >= _PREFIXES:
            self._hour, self._key, self._counts = hour, secrets.token_bytes(32), {}
        return self._counts


def _network(address: str) -> bytes:
    """Return the network of an address as bytes; whatever is no address is a network of its own."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return b"?"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.packed[: _NETWORK_BITS[parsed.version] // 8]


async def read_body(request: Request, most: int) -> bytes:
    """Return the body of a request, which may have `most` bytes; `Connection` sees to its time. Raises Refusal."""
    if _announced(request) > most:
        raise _too_large(most)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise _too_large(most)
    return body


def _announced(request: Request) -> int:
    words = request.headers.get("content-length", "0")
    return int(words) if words.isascii() and words.isdigit() else 0


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too-large", f"a body may have {most} bytes here")
