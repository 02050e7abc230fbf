"""What a visitor asks for, what that takes, and the template that shows it. Runs are named by their ids alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
import time
from typing import TYPE_CHECKING

from starlette.routing import Route

from vestige.compare.comparison import compare
from vestige.compare.sides import Side
from vestige.errors import AmbiguousRunError, RecordError, RunNotFoundError
from vestige.finalising.standing import is_running
from vestige.pages import comparison, report
from vestige.pages.beside import Indexed
from vestige.quantity import LEGEND
from vestige.record import codec, place
from vestige.record.place import EVENTS_NAME, short_id
from vestige.report import plot_data
from vestige.report.listing import local
from vestige.serve import asking, captured, descent, frame, growing, run_list
from vestige.serve.served import served_of
from vestige.web.envelope import Json, Refusal
from vestige.words import command

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from vestige.record.model import Record
    from vestige.store.kept import KeptRun

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")
_MOST_COMPARED = plot_data.MOST_RUNS
_CLOSING = 30.0  # s that are left for the record of a run that is over, before somebody else makes it
STATES = {"running": "Running", "closing": "Over; its record is being made"}
ROLES = {"memory": ("total",), "cpu": ("total",), "io": ("read", "written")}


def _runs(request: Request) -> Response:
    found = run_list.listed(served_of(request).catalogue.index(), run_list.asked(request.query_params))
    return frame.page("runs.html", here="runs", listed=found, most_words=asking.LONGEST, legend=LEGEND,
                 examples=tuple(asking.EXAMPLES.items()))  # fmt: skip


def _run(request: Request) -> Response:
    run = _asked_run(request)
    state = _state(run)
    if state == "ended":
        history = Indexed(served_of(request).catalogue.index())
        return frame.long_page(report.page((run,), assets="linked", history=history))
    record, now = _growing(request, run, state)
    return frame.page("growing.html", here="run", record=record, short=short_id(record.id),
                 started=local(record.started),
                 now=now, state_words=STATES, roles=ROLES, streams=captured.streams(run))  # fmt: skip


def _live(request: Request) -> Response:
    run = _asked_run(request)
    state = _state(run)
    if state == "ended":
        return Json({"state": "ended"})
    _, now = _growing(request, run, state)
    return Json({"words": STATES[now.state], **dataclasses.asdict(now)})


def _output(request: Request) -> Response:
    return captured.download(_asked_run(request), request.path_params["stream"])


def _lineage(request: Request) -> Response:
    run = _asked_run(request)
    given = request.query_params.get("depth", "")
    depth = int(given) if given in map(str, descent.DEPTHS) else descent.USUAL
    record, known = run.load(), served_of(request).descent
    is_known = known.knows(run)
    return frame.page("lineage.html", here="lineage", record=record, short=short_id(record.id), is_known=is_known,
                 picture=known.picture(run, depth) if is_known else None, depth=depth, depths=descent.DEPTHS,
                 words=command(record.argv))  # fmt: skip


def _compare(request: Request) -> Response:
    """Answer with what differs between runs, the oldest first: the others are compared with it."""
    runs = sorted(_ticked(request), key=lambda run: run.load().started)  # names of logs are of another form
    found = compare([Side(run.short_id, (run,)) for run in runs])
    return frame.long_page(comparison.page(found, assets="linked"))


def _over(request: Request) -> Response:
    """Answer with the curves of runs over each other."""
    return frame.long_page(report.page(_ticked(request), assets="linked"))


def _ticked(request: Request) -> list[KeptRun]:
    ids = list(dict.fromkeys(request.query_params.getlist("run")))
    if not 2 <= len(ids) <= _MOST_COMPARED:  # noqa: PLR2004
        raise Refusal(400, "tick", f"tick from two to {_MOST_COMPARED} runs to compare them")
    return [_found(request, each) for each in ids]


def _growing(request: Request, run: KeptRun, state: str) -> tuple[Record, growing.Growing]:
    """Return the first record of a run that goes on, and what its page shows."""
    record = run.load()  # made already if the run has ended meanwhile: then the next look says so
    served = served_of(request)
    began = dt.datetime.fromisoformat(record.started.replace("Z", "+00:00")).timestamp()
    earlier = served.catalogue.earlier(command(record.argv))
    look = served.following.look(run.path)
    return record, growing.growing(record, look, state=state, earlier=earlier, began=began)


def _state(run: KeptRun) -> str:
    """Return whether a run goes on, is over with its record still to be made, or has ended.

    The last is for whoever loads the record next: that makes it, which may take long, where nobody else has done so.
    """
    if run.log is not None or _status(run) != "running":
        return "ended"
    if is_running(run.path):
        return "running"
    return "closing" if time.time() - _last_word(run) < _CLOSING else "ended"


def _status(run: KeptRun) -> object:
    try:
        return codec.read_object(os.path.join(run.path, place.RECORD_NAME)).get("status")
    except (OSError, RecordError):
        return None


def _last_word(run: KeptRun) -> float:
    try:
        return os.stat(os.path.join(run.path, EVENTS_NAME)).st_mtime
    except OSError:
        return 0.0


def _asked_run(request: Request) -> KeptRun:
    return _found(request, request.path_params["run"])


def _found(request: Request, name: str) -> KeptRun:
    """Return the run of an id: no other words reach those who look for runs. Raises Refusal."""
    if not _ID.fullmatch(name):
        raise Refusal(404, "run", "there is no run of this id")
    try:
        return served_of(request).catalogue.find(name)
    except RunNotFoundError as error:
        raise Refusal(404, "run", "there is no run of this id; it may have been removed") from error
    except AmbiguousRunError as error:
        raise Refusal(404, "run", "several runs have this id; find the one in the list") from error


ROUTES = (
    Route("/", _runs),
    Route("/compare", _compare),
    Route("/over", _over),
    Route("/runs/{run}", _run),
    Route("/runs/{run}/live.json", _live),
    Route("/runs/{run}/lineage", _lineage),
    Route("/runs/{run}/{stream}", _output),
)
