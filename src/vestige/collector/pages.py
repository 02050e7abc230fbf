"""The pages: what a visitor asks for, which figures that takes, and the template that shows them."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.routing import Route

from vestige.collector import figures
from vestige.collector.aggregates import FEWEST, WITHHELD, fold
from vestige.collector.collector import collector_of
from vestige.collector.figures import Figure, Where
from vestige.collector.store import RAW_DAYS, week_before
from vestige.telemetry.noise import truth
from vestige.telemetry.weeks import week_of
from vestige.web.envelope import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request

    from vestige.collector.aggregates import Folded
    from vestige.collector.collector import Collector
    from vestige.telemetry.schema import Event, Field, Schema

_HERE = os.path.dirname(os.path.abspath(__file__))
_STATIC = {"style.css": "text/css", "mark.svg": "image/svg+xml"}
_FRESH = "public, max-age=300"
_ALL_WEEKS = ("0000-W01", "9999-W52")
CSV_COLUMNS = ("week", "event", "field", "label", "reports", "total")


@dataclass(frozen=True, slots=True)
class Period:
    """How far back a page looks."""

    weeks: int
    name: str


PERIODS = (Period(4, "4 weeks"), Period(13, "A quarter"), Period(26, "Half a year"), Period(52, "A year"))
_USUAL = 13
_AS_ABOVE = "as above"
_SHORT = 2  # letters: such a name is an abbreviation


@dataclass(frozen=True, slots=True)
class Subject:
    """What a page is about: a schema, over some weeks that are over."""

    schema: Schema
    period: int
    last: str

    @property
    def path(self) -> str:
        """Where the schema's page is."""
        return f"/{self.schema.id}"

    @property
    def weeks(self) -> tuple[str, ...]:
        """All weeks, the oldest first."""
        return figures.weeks_until(self.last, self.period)


@dataclass(frozen=True, slots=True)
class Group:
    """An event on a page, or what is said of a report as a whole (`event` is empty)."""

    event: str
    name: str
    question: str
    figures: tuple[Figure, ...]

    @property
    def id(self) -> str:
        """Its anchor."""
        return self.event or "context"


def _home(request: Request) -> Response:
    collector = collector_of(request)
    subjects = [Subject(schema, _USUAL, _last_week(collector)) for schema in collector.schemas.values()]
    entries = [_entry(subject, _folded(collector, subject, ("", ""))) for subject in subjects]
    return _page("home.html", here="/", nav=_nav(None), schemas=entries)


def _entry(subject: Subject, folded: Sequence[Folded]) -> dict[str, object]:
    """Return what the first page says of a schema."""
    schema = subject.schema
    number = sum(cell.reports for part in folded for cell in part.shown)
    where = Where(f"{schema.name}-{schema.version}", schema.id, "Reports by week", f"{subject.path}/reports")
    return {
        "name": schema.id,
        "path": subject.path,
        "purpose": schema.purpose,
        "weeks": subject.period,
        "reports": f"{number:,}" if number else WITHHELD if folded else "none",
        "figure": figures.over_weeks(where, subject.weeks, folded),
    }


def _privacy(_: Request) -> Response:
    return _page("privacy.html", here="/privacy", nav=_nav(None), raw_days=RAW_DAYS)


def _dashboard(request: Request) -> Response:
    collector, subject = collector_of(request), _subject(request)
    by_field: dict[tuple[str, str], list[Folded]] = {}
    for part in _folded(collector, subject):
        by_field.setdefault((part.event, part.field), []).append(part)
    return _page(
        "dashboard.html",
        here=subject.path,
        nav=_nav(subject.schema),
        schema=subject.schema,
        path=subject.path,
        periods=PERIODS,
        weeks=subject.period,
        facts=_facts(subject, by_field.get(("", ""), [])),
        adoption=_adoption(subject, by_field.get(("", ""), [])),
        groups=list(_groups(subject, by_field)),
    )


def _adoption(subject: Subject, folded: Sequence[Folded]) -> Figure:
    where = Where("reports", "Reports by week", "How many said yes and reported?", f"{subject.path}/reports")
    return figures.over_weeks(where, subject.weeks, folded)


def _facts(subject: Subject, folded: Sequence[Folded]) -> list[dict[str, str]]:
    numbers = {cell.week: cell.reports for part in folded for cell in part.shown}
    last = numbers.get(subject.last)
    return [
        {"name": f"Reports in {subject.period} weeks", "figure": f"{sum(numbers.values()):,}"},
        {"name": f"In the last one, {subject.last}", "figure": f"{last:,}" if last else WITHHELD},
        {"name": "Most in one week", "figure": f"{max(numbers.values(), default=0):,}"},
    ]


def _groups(subject: Subject, by_field: dict[tuple[str, str], list[Folded]]) -> Iterable[Group]:
    """Yield the context, then the events of which something was reported, then those of which nothing was."""
    schema = subject.schema
    yield Group("", "Where it runs", "", _fields(subject, "", schema.context.values(), by_field))
    events = sorted(schema.events.values(), key=lambda event: (event.name, "") not in by_field)
    for event in events:
        where = Where(event.name, "By week", "In how many reports?", f"{subject.path}/events/{event.name}")
        own = figures.over_weeks(where, subject.weeks, by_field.get((event.name, ""), []))
        fields = _fields(subject, event.name, event.fields.values(), by_field)
        yield Group(event.name, _words(event.name), event.question, (*fields, own))


def _fields(
    subject: Subject, event: str, fields: Iterable[Field], by_field: dict[tuple[str, str], list[Folded]]
) -> tuple[Figure, ...]:
    return tuple(
        figures.of_field(_where(subject, event, field), field, by_field.get((event, field.name), []),
                         counted=bool(event))
        for field in fields
    )  # fmt: skip


def _where(subject: Subject, event: str, field: Field) -> Where:
    place = f"events/{event}" if event else "context"
    path = f"{subject.path}/{place}/{field.name}"
    return Where(f"{event or 'context'}-{field.name}", _words(field.name), field.question, path)


def _field(request: Request) -> Response:
    collector, subject = collector_of(request), _subject(request)
    event, field = _asked_field(request, subject.schema)
    folded = _folded(collector, subject, (event, field.name))
    where = _where(subject, event, field)
    over_time = Where(f"{where.id}-weeks", "Over time", "Which share of a week's reports?", where.path)
    return _page(
        "field.html",
        here=where.path,
        nav=_nav(subject.schema),
        schema=subject.schema,
        path=subject.path,
        title=f"{_words(event)}: {where.name.lower()}" if event else where.name,
        question=field.question,
        owner=field.owner,
        expires=field.expires.isoformat(),
        periods=PERIODS,
        weeks=subject.period,
        figure=figures.of_field(where, field, folded, counted=bool(event)),
        over_time=figures.over_time(over_time, field, subject.weeks, folded),
    )


def _collected(request: Request) -> Response:
    schema = _schema(request)
    groups = [
        {"name": "Once in a report", "question": "", "fields": [_described(it) for it in schema.context.values()]}
    ]
    for event in schema.events.values():
        counts = {"name": "(how often)", "question": _AS_ABOVE, "allowed": "powers of two, from 1 to 65,536+",
                  "owner": event.owner, "expires": event.expires.isoformat()}  # fmt: skip
        fields = [counts, *(_described(field, event) for field in event.fields.values())]
        groups.append({"name": _words(event.name), "question": event.question, "fields": fields})
    path = f"/{schema.id}"
    return _page("collected.html", here=f"{path}/collected", nav=_nav(schema), schema=schema, path=path, groups=groups)


def _described(field: Field, event: Event | None = None) -> dict[str, str]:
    allowed = {
        "enum": ", ".join(field.labels),
        "version": f"the first {field.parts} numbers of a version; else other",
        "bucket": "powers of two, from "
        + (f"{figures.told(field, field.labels[1])} to {figures.told(field, field.labels[-1])}" if field.high else ""),
        "answer": f"yes, no: true with a probability of {100 * truth(field.epsilon):.0f} % (ε = {field.epsilon:g})",
    }[field.kind]
    question = _AS_ABOVE if event is not None and field.question == event.question else field.question
    return {"name": field.name, "question": question, "allowed": allowed, "owner": field.owner,
            "expires": field.expires.isoformat()}  # fmt: skip


def _csv(request: Request) -> Response:
    """Answer with the cells of a figure, or of a whole schema, over all weeks."""
    collector, schema = collector_of(request), _schema(request)
    event = request.path_params.get("event", "")
    if "field" in request.path_params:
        event, field = _asked_field(request, schema)
        only = (event, field.name)
    elif event and event not in schema.events:
        raise _unknown()
    else:
        only = (event, "")
    whole = request.url.path.endswith("/all.csv")
    cells = collector.store.cells(schema.id, _ALL_WEEKS[0], _last_week(collector), None if whole else only)
    return Response(as_csv(fold(cells)), media_type="text/csv", headers={"Cache-Control": _FRESH})


def as_csv(folded: Iterable[Folded]) -> str:
    """Return what may be shown as CSV with a header; what is withheld has a line without figures."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for part in folded:
        for cell in part.shown:
            writer.writerow(cell)
        if part.withheld:
            writer.writerow((part.week, part.event, part.field, WITHHELD, "", ""))
    return text.getvalue()


def _file(request: Request) -> Response:
    name = request.url.path.removeprefix("/")
    return Response(_static(name), media_type=_STATIC[name], headers={"Cache-Control": _FRESH})


@cache
def _static(name: str) -> bytes:
    with open(os.path.join(_HERE, "static", name), "rb") as file:
        return file.read()


def _schema(request: Request) -> Schema:
    found = collector_of(request).schemas.get("{name}/{version}".format(**request.path_params))
    if found is None:
        raise _unknown()
    return found


def _asked_field(request: Request, schema: Schema) -> tuple[str, Field]:
    """Return the event (empty: none) and the field that a path names. Raises Refusal."""
    event = request.path_params.get("event", "")
    fields = schema.context if not event else schema.events[event].fields if event in schema.events else {}
    field = fields.get(request.path_params["field"])
    if field is None:
        raise _unknown()
    return event, field


def _subject(request: Request) -> Subject:
    asked = request.query_params.get("weeks", "")
    period = next((period.weeks for period in PERIODS if str(period.weeks) == asked), _USUAL)
    return Subject(_schema(request), period, _last_week(collector_of(request)))


def _last_week(collector: Collector) -> str:
    """Return the last week that is over: the running one would grow while one looks, by single reports."""
    return week_before(week_of(collector.today()), 1)


def _folded(collector: Collector, subject: Subject, only: tuple[str, str] | None = None) -> list[Folded]:
    first = week_before(subject.last, subject.period - 1)
    return list(fold(collector.store.cells(subject.schema.id, first, subject.last, only)))


def _nav(schema: Schema | None) -> list[dict[str, str]]:
    own = [] if schema is None else [{"name": "Charts", "path": f"/{schema.id}"},
                                     {"name": "What is collected", "path": f"/{schema.id}/collected"}]  # fmt: skip
    return [{"name": "Overview", "path": "/"}, *own, {"name": "Privacy", "path": "/privacy"}]


def _words(name: str) -> str:
    return name.upper() if len(name) <= _SHORT else name.replace("_", " ").capitalize()


def _unknown() -> Refusal:
    return Refusal(404, "not-found", "there is no such page here")


def _page(template: str, **content: Any) -> Response:  # noqa: ANN401 - what the template needs
    text = _templates().get_template(template).render(fewest=FEWEST, withheld_label=WITHHELD, **content)
    return Response(text, media_type="text/html", headers={"Cache-Control": _FRESH})


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(os.path.join(_HERE, "templates"))
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, auto_reload=False)


ROUTES = (
    Route("/", _home),
    Route("/privacy", _privacy),
    *(Route(f"/{name}", _file) for name in _STATIC),
    Route("/{name}/{version:int}", _dashboard),
    Route("/{name}/{version:int}/collected", _collected),
    Route("/{name}/{version:int}/all.csv", _csv),
    Route("/{name}/{version:int}/reports.csv", _csv),
    Route("/{name}/{version:int}/context/{field}.csv", _csv),
    Route("/{name}/{version:int}/events/{event}.csv", _csv),
    Route("/{name}/{version:int}/events/{event}/{field}.csv", _csv),
    Route("/{name}/{version:int}/context/{field}", _field),
    Route("/{name}/{version:int}/events/{event}/{field}", _field),
)
