"""Events of kedro-telemetry, for teams that point their own Kedro builds here instead of at its vendor.

Each is reduced to `schema/kedro-1.json` before anything is kept: who sent it, from which project, when and with what
command line is dropped here. kedro-telemetry sends an event a command, and no token: so these reports can't be deleted
by whoever sent them, and one person counts as often as they call Kedro.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from vestige.collector import limits
from vestige.collector.collector import collector_of, require_json, writer_of
from vestige.collector.store import accepted
from vestige.telemetry.payload import Count, Report
from vestige.telemetry.schema import COUNT, OTHER
from vestige.telemetry.weeks import week_of, week_start
from vestige.web.envelope import Json, Refusal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from vestige.collector.store import Accepted
    from vestige.telemetry.schema import Event, Field, Schema

PATH = "/api/track"
SCHEMA = "kedro/1"
_STATISTICS = "Kedro Project Statistics"
_COMMAND = "CLI command"
_DATASETS = "dataset_type_count."
_VALIDATORS = "validator_type_count."
_OWN_DATASETS = ("kedro_datasets.", "kedro.io.", "kedro_datasets_experimental.")


async def _track(request: Request) -> Response:
    require_json(request)
    body = await limits.read_body(request, limits.KEDRO_BYTES)
    collector = collector_of(request)
    await writer_of(request).add(reduced(body, collector.schemas[SCHEMA], collector.today()))
    return Json({"status": "accepted"})


ROUTES = (Route(PATH, _track, methods=["POST"]),)


def reduced(body: bytes, schema: Schema, day: dt.date) -> Accepted:
    """Return what is kept of an event. Raises Refusal where it is none."""
    event, properties = _event(body)
    week = week_of(day)
    return accepted(
        Report(
            schema=schema.id,
            report=secrets.token_hex(16),
            deletion=secrets.token_hex(32),  # the hash of a token that nobody has
            week=week,
            context=_alive(_labels(_context(properties), schema.context), schema.context, week),
            counts=tuple(sorted(_living(_counts(event, properties, schema.events), schema, week))),
        )
    )


def _event(body: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "refused", "the event is no valid JSON") from error
    event = found.get("event") if isinstance(found, dict) else None
    properties = found.get("properties") if isinstance(found, dict) else None
    if not isinstance(event, str) or not isinstance(properties, dict):
        raise Refusal(400, "refused", "an event has a name `event` and an object `properties`")
    return event, properties


def _context(properties: Mapping[str, Any]) -> dict[str, object]:
    return {
        "kedro": properties.get("project_version"),
        "telemetry": properties.get("telemetry_version"),
        "python": properties.get("python_version"),
        "os": properties.get("os"),
        "ci": properties.get("is_ci_env"),
    }


def _counts(event: str, properties: Mapping[str, Any], events: Mapping[str, Event]) -> Iterator[Count]:
    """Yield what an event counts, each kind once."""
    if event == _STATISTICS:
        sizes = {name: properties.get(f"number_of_{name}") for name in ("datasets", "nodes", "pipelines")}
        sizes["validated"] = properties.get("number_of_validated_datasets")
        example = {"True": True, "False": False}.get(str(properties.get("example_pipeline")))
        yield _count(events["project"], {"command": properties.get("main_command"), "example": example, **sizes})
        yield from _kinds(events["dataset"], "type", _numbers(properties, _DATASETS))
        yield from _kinds(events["validator"], "library", _numbers(properties, _VALIDATORS))
        yield from _tools(events["tool"], properties.get("tools"))
    elif event == _COMMAND:
        yield _count(events["command"], {"command": properties.get("main_command")})
    else:
        yield _count(events["other"], {})


def _numbers(properties: Mapping[str, Any], prefix: str) -> dict[str, int]:
    """Return the properties that begin so, without that beginning, where they are numbers from 1 on."""
    found = ((name.removeprefix(prefix), number) for name, number in properties.items() if name.startswith(prefix))
    return {name: number for name, number in found if type(number) is int and number > 0}


def _living(counts: Iterable[Count], schema: Schema, week: str) -> Iterator[Count]:
    """Yield the counts of events that have not expired, without the fields that have."""
    for count in counts:
        event = schema.events[count.event]
        if event.expires > week_start(week):
            yield replace(count, fields=_alive(count.fields, event.fields, week))


def _alive(labels: tuple[tuple[str, str], ...], fields: Mapping[str, Field], week: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, label) for name, label in labels if fields[name].expires > week_start(week))


def _kinds(event: Event, field: str, numbers: Mapping[str, int]) -> Iterator[Count]:
    """Yield how many there are of each kind that the schema knows, all others together as `other`."""
    sums: Counter[str] = Counter()
    for name, number in numbers.items():
        sums[event.fields[field].label(short_type(name)) or OTHER] += number
    for label, number in sums.items():
        yield _count(event, {field: label}, number)


def short_type(name: str) -> str:
    """Return a type as the schema has it: `pandas.CSVDataset` of `kedro_datasets.pandas.csv_dataset.CSVDataset`."""
    if not name.startswith(_OWN_DATASETS):
        return name
    parts = name.split(".")
    return ".".join(dict.fromkeys((parts[1], parts[-1])))


def _tools(event: Event, tools: object) -> Iterator[Count]:
    """Yield the tools that the project was made with; `tools` is text as in `Linting, Testing`."""
    named = tools.split(",") if isinstance(tools, str) else []
    labels = {event.fields["tool"].label(name.strip().lower().replace(" ", "-")) for name in named if name.strip()}
    for label in labels:
        yield _count(event, {"tool": label})


def _count(event: Event, values: Mapping[str, object], number: int = 1) -> Count:
    return Count(event.name, _labels(values, event.fields), COUNT.label(number) or "1")


def _labels(values: Mapping[str, object], fields: Mapping[str, Field]) -> tuple[tuple[str, str], ...]:
    """Return labels by name, sorted; what was not said is left out."""
    labels = ((name, fields[name].label(value)) for name, value in sorted(values.items()))
    return tuple((name, label) for name, label in labels if label is not None)
