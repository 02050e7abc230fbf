"""The description says what the server does: every route, every status, and schemathesis finds nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import schemathesis
from collector.servers import WEEK
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route

from vestige.collector import api, kedro, openapi, pages

if TYPE_CHECKING:
    from collector.senders import People
    from collector.servers import Running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [(path, method.upper()) for path, methods in openapi.DESCRIPTION["paths"].items() for method in methods]


def test_every_route_for_programs_is_described_and_no_other() -> None:
    routes = [route for route in (*api.ROUTES, *kedro.ROUTES) if isinstance(route, Route)]
    assert sorted((route.path, next(iter((route.methods or set()) - {"HEAD"}))) for route in routes) == sorted(
        OPERATIONS
    )
    assert not {route.path for route in pages.ROUTES} & {path for path, _ in OPERATIONS}


def test_it_is_served_as_it_is(server: Running) -> None:
    assert server.client.get("/v1/openapi.json").json() == openapi.DESCRIPTION


def test_a_report_fits_its_description(people: People) -> None:
    described = openapi.DESCRIPTION["paths"]["/v1/reports"]["post"]["requestBody"]["content"]["application/json"]
    for _ in range(50):
        jsonschema.validate(people.report(WEEK).document, described["schema"])


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_schemathesis_finds_no_answer_that_is_not_described(
    server: Running, path: str, method: str, mode: GenerationMode
) -> None:
    described = schemathesis.openapi.from_dict(openapi.DESCRIPTION)
    operation = described[path][method]

    @settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(mode))
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=server.url, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing about it could be wrong
