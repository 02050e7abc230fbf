"""What the server works with, and how those who answer requests come by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestige.serve.following import Following

if TYPE_CHECKING:
    from starlette.requests import Request

    from vestige.serve.catalogue import Catalogue
    from vestige.serve.descent import Descent
    from vestige.serve.gate import Names
    from vestige.serve.key import Key


@dataclass(frozen=True, slots=True)
class Served:
    """What the server works with: requests find it as `request.app.state.served`."""

    catalogue: Catalogue
    descent: Descent
    key: Key
    names: Names
    following: Following = field(default_factory=Following)


def served_of(request: Request) -> Served:
    """Return what the server works with."""
    found: Served = request.app.state.served
    return found
