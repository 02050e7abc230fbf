"""What programs can ask, in OpenAPI 3.1. Written by hand: the tests hold it to the routes, and the routes to it."""

from __future__ import annotations

from typing import Any

from vestige._version import VERSION
from vestige.web import limits

_HEX = "^[0-9a-f]{%d}$"
_ERROR_REF = {"$ref": "#/components/schemas/Error"}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _errors(**meanings: str) -> dict[str, Any]:
    """Return answers by status, given as `_400="…"`."""
    every = {"_421": "sent to a name that is not this server's", "_500": "a fault of this server"} | meanings
    return {status.removeprefix("_"): _json(meaning, _ERROR_REF) for status, meaning in every.items()}


def _writing(**meanings: str) -> dict[str, Any]:
    """Return the errors of all requests that change something, and those given."""
    return _errors(
        _403="from another site's page, or not the right token",
        _429="too many requests in this hour",
        _503="the database does not answer; come again later",
        **meanings,
    )


_BODY = {
    "_400": "not in the schema; the message names the first thing that is not",
    "_408": f"the body did not arrive within {limits.BODY_SECONDS:g} s",
    "_413": "too large",
    "_415": "not application/json, or compressed",
}
_STATUS = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": ["accepted"]}},
    "additionalProperties": False,
}
_LABELS = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 64}}
_REPORT = {
    "type": "object",
    "description": "The counts of one week. Which events, fields and labels there are is in its schema; anything else "
    "is refused. `counts` are sorted, each kind once.",
    "required": ["schema", "report", "deletion", "week", "context", "counts"],
    "additionalProperties": False,
    "properties": {
        "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,40}/[1-9][0-9]{0,3}$"},
        "report": {"type": "string", "pattern": _HEX % 32, "description": "random, new for each report"},
        "deletion": {"type": "string", "pattern": _HEX % 64, "description": "sha256 of the deletion token's bytes"},
        "week": {"type": "string", "pattern": "^[0-9]{4}-W[0-9]{2}$"},
        "context": _LABELS,
        "counts": {
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [{"type": "string"}, _LABELS, {"type": "string"}],
                "minItems": 3,
                "maxItems": 3,
            },
        },
    },
}
_KEDRO_EVENT = {
    "type": "object",
    "description": "An event as kedro-telemetry sends it. What is not in the schema `kedro/1` is dropped, not stored.",
    "required": ["event", "properties"],
    "properties": {"event": {"type": "string"}, "properties": {"type": "object"}},
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "additionalProperties": False,
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}


def _path(name: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}


DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "vestige telemetry collector",
        "version": VERSION,
        "description": "Takes anonymous weekly reports of closed, public schemas. Every refusal is one JSON envelope.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        "/v1/reports": {
            "post": {
                "operationId": "addReport",
                "summary": "Hand in a report; a second time with the same id changes nothing",
                "requestBody": {"required": True, "content": {"application/json": {"schema": _REPORT}}},
                "responses": {"202": _json("it is kept, or was before", _STATUS), **_writing(**_BODY)},
            }
        },
        "/v1/reports/{report}": {
            "delete": {
                "operationId": "deleteReport",
                "summary": "Take a report out, of the sums too",
                "parameters": [
                    _path("report", _HEX % 32),
                    {
                        "name": "Vestige-Deletion",
                        "in": "header",
                        "required": True,
                        "description": "the token whose sha256 the report has as `deletion`, in hexadecimal digits",
                        "schema": {"type": "string", "pattern": "^([0-9a-f]{2}){16,64}$"},
                    },
                ],
                "responses": {
                    "204": {"description": "it is not here (any more)"},
                    **_writing(_400="no id or no token"),
                },
            }
        },
        "/v1/schemas": {
            "get": {
                "operationId": "listSchemas",
                "summary": "Name the schemas of which reports are taken",
                "responses": {
                    "200": _json(
                        "their ids",
                        {
                            "type": "object",
                            "required": ["schemas"],
                            "properties": {"schemas": {"type": "array", "items": {"type": "string"}}},
                        },
                    ),
                    **_errors(),
                },
            }
        },
        "/v1/schemas/{name}/{version}": {
            "get": {
                "operationId": "getSchema",
                "summary": "Return a schema: every field, its owner, its reason and its end",
                "parameters": [_path("name", "^[a-z0-9-]{1,40}$"), _path("version", "^[1-9][0-9]{0,3}$")],
                "responses": {
                    "200": _json("the schema", {"type": "object", "required": ["schema", "events"]}),
                    **_errors(_404="there is none of this id"),
                },
            }
        },
        "/v1/openapi.json": {
            "get": {
                "operationId": "describe",
                "summary": "Return this description",
                "responses": {"200": _json("OpenAPI 3.1", {"type": "object"}), **_errors()},
            }
        },
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Say whether reports can be taken",
                "responses": {
                    "200": _json(
                        "they can",
                        {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ok"]}}},
                    ),
                    **_errors(_503="the database does not answer"),
                },
            }
        },
        "/api/track": {
            "post": {
                "operationId": "addKedroEvent",
                "summary": "Hand in an event of kedro-telemetry",
                "requestBody": {"required": True, "content": {"application/json": {"schema": _KEDRO_EVENT}}},
                "responses": {"200": _json("reduced and kept", _STATUS), **_writing(**_BODY)},
            }
        },
    },
    "components": {"schemas": {"Error": _ERROR}},
}
