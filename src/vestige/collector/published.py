"""The schemas of a collector: vestige's own, Kedro's, and those that its operator names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vestige.telemetry.schema import Schema

KEDRO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema", "kedro-1.json")


@dataclass(frozen=True, slots=True)
class Published:
    """Schemas by id, as they are understood and as they stand in their files."""

    schemas: Mapping[str, Schema]
    documents: Mapping[str, object]


def load(paths: Sequence[str]) -> Published:
    """Return the schemas in these files, then the built-in ones. Raises TelemetryError."""
    schemas: dict[str, Schema] = {}
    documents: dict[str, object] = {}
    for path in (*paths, schema.BUILT_IN, KEDRO):
        found = schema.load(path)
        if schemas.get(found.id, found).hash != found.hash:
            raise TelemetryError(f"`{path}` is another schema of the name `{found.id}`: a change needs a new version")
        with open(path, "rb") as file:
            documents[found.id] = json.load(file)
        schemas[found.id] = found
    return Published(schemas, documents)
