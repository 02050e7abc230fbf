"""What programs ask: reports in, reports out again, schemas, health. `openapi.py` describes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from vestige.collector import limits, openapi
from vestige.collector.collector import collector_of, require_json, writer_of
from vestige.collector.reports import checked
from vestige.web.envelope import Json, Refusal

if TYPE_CHECKING:
    from starlette.requests import Request


ACCEPTED = {"status": "accepted"}
_REPORT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TOKEN = re.compile(r"(?:[0-9a-f]{2}){16,64}", re.ASCII)


async def _add(request: Request) -> Response:
    require_json(request)
    body = await limits.read_body(request, limits.REPORT_BYTES)
    collector = collector_of(request)
    await writer_of(request).add(checked(body, collector.schemas, collector.today()))
    return Json(ACCEPTED, 202)


async def _delete(request: Request) -> Response:
    report, token = request.path_params["report"], request.headers.get("vestige-deletion", "")
    if not _REPORT.fullmatch(report):
        raise Refusal(400, "report", "a report's id has 32 hexadecimal digits")
    if not _TOKEN.fullmatch(token):
        raise Refusal(400, "token", "the header `Vestige-Deletion` must hold the report's token, in hexadecimal digits")
    if not await writer_of(request).delete(report, bytes.fromhex(token)):
        raise Refusal(403, "token", "this is not the report's token")
    return Response(status_code=204)


async def _schemas(request: Request) -> Response:
    return Json({"schemas": list(collector_of(request).schemas)})


async def _schema(request: Request) -> Response:
    found = collector_of(request).documents.get("{name}/{version}".format(**request.path_params))
    if found is None:
        raise Refusal(404, "not-found", "there is no such schema here")
    return Json(found)


async def _health(request: Request) -> Response:
    if not await run_in_threadpool(collector_of(request).store.answers):
        raise Refusal(503, "busy", "the database does not answer")
    return Json({"status": "ok"})


async def _openapi(_: Request) -> Response:
    return Json(openapi.DESCRIPTION)


ROUTES = (
    Route("/v1/reports", _add, methods=["POST"]),
    Route("/v1/reports/{report}", _delete, methods=["DELETE"]),
    Route("/v1/schemas", _schemas),
    Route("/v1/schemas/{name}/{version}", _schema),
    Route("/v1/openapi.json", _openapi),
    Route("/health", _health),
)
