"""The page of a run, and that of several beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from vestige import quantity
from vestige._version import VERSION
from vestige.errors import RecordError, StoreError, UsageError, VestigeError
from vestige.pages import changes, commands, headline, printed, several, timeline, used_files
from vestige.pages.beside import Beside
from vestige.pages.embedded import embedded
from vestige.pages.environment import render
from vestige.pages.gathered import gather
from vestige.record.outcome import failed, outcome
from vestige.report import commit, counts, dag, dag_svg, network, plot_data, record_page, software, spans
from vestige.words import command, safe, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vestige.pages.beside import History
    from vestige.pages.environment import Assets
    from vestige.pages.gathered import Gathered
    from vestige.record.model import Record
    from vestige.store.kept import KeptRun

_TITLE = 80  # letters
_LAST_WORDS = 5  # lines of stderr beside a failure


def page(runs: Sequence[KeptRun], *, assets: Assets = "inline", history: History | None = None) -> Iterator[str]:
    """Return the page of one run, or that of several over each other, piece by piece.

    `history` knows other runs; without it they are looked for in the store of the run.
    A run that goes on is shown as far as it has come. Raises RecordError, StoreError, UsageError.
    """
    if not runs:
        raise UsageError("a report is of one run at the least")
    if len(runs) > plot_data.MOST_RUNS:
        raise UsageError(f"more than {plot_data.MOST_RUNS} runs can't be told apart in one report")
    found = [gather(run) for run in runs]
    return _of_one(found[0], assets, history or Beside()) if len(found) == 1 else _of_several(found, assets)


def _of_one(run: Gathered, assets: Assets, history: History) -> Iterator[str]:
    record, chart = run.record, run.chart
    began, ended = timeline.starts_and_ends(chart)
    happened, more_happened = timeline.happened(chart)
    output, output_error = _output(run)
    changed, changes_error = _changes(run, history)
    return render(
        "report.html",
        assets=assets,
        version=VERSION,
        title=_title(record),
        words=command(record.argv) or chart.command,
        run=run,
        record=record,
        name=run.run.short_id,
        ending=outcome(record),
        is_failed=failed(record),
        identity=record_page.identity(record, run.run.path),
        tiles=headline.tiles(record),
        sentence=headline.sentence(record, run.processes),
        advice="" if run.is_log else history.advice(run),
        last_words=_last_words(run) if failed(record) else [],
        panels=timeline.panels(chart),
        ticks=timeline.time_ticks(chart.end),
        happened=happened,
        more_happened=more_happened,
        began=began,
        ended=ended,
        commands=commands.rows(run.processes, chart.end),
        bands=timeline.rows(chart.bands, chart.end),
        spans=_spans(run),
        graph=_graph(run),
        went_in=used_files.went_in(run.files, record),
        came_out=used_files.came_out(run.files, record),
        files=used_files.rows(run.files, run.processes, record.cwd),
        classes=used_files.classes(run.files),
        file_counts=counts.counts(record),
        network_columns=network.COLUMNS,
        network=network.rows(record.network, run.processes),
        calls=counts.calls(record),
        software_columns=software.COLUMNS,
        software=software.rows(record.software),
        output=output,
        output_error=output_error,
        output_limit=printed.MOST_BYTES,
        streams=record_page.stream_rows(record),
        changes=changed,
        changes_error=changes_error,
        remarks=list(record_page.remarks(record)),
        commit=commit.page(record),
        legend=quantity.LEGEND,
        data=embedded([run]),
    )


def _of_several(runs: Sequence[Gathered], assets: Assets) -> Iterator[str]:
    return render(
        "several.html",
        assets=assets,
        version=VERSION,
        title=f"{len(runs)} runs: {', '.join(run.run.short_id for run in runs)}",
        runs=several.sides(runs),
        rows=several.rows(runs),
        panels=several.panels(runs),
        end=several.end(runs),
        ticks=timeline.time_ticks(several.end(runs)),
        legend=quantity.LEGEND,
        data=embedded(runs),
    )


def _title(record: Record) -> str:
    return f"{shortened(command(record.argv), _TITLE)} · {outcome(record)} · vestige"


def _output(run: Gathered) -> tuple[list[printed.Block], str]:
    """Return the end of the output, or why it can't be read."""
    try:
        return printed.blocks(run.run.output(last=printed.MOST_BYTES)), ""
    except StoreError as error:
        return [], str(error)


def _changes(run: Gathered, history: History) -> tuple[changes.Changes | None, str]:
    """Return what changed, or why it can't be told: the last run may be damaged where this one is whole."""
    try:
        return changes.since_last(run, history), ""
    except (RecordError, StoreError) as error:
        return None, str(error)


def _last_words(run: Gathered) -> list[str]:
    """Return what was said last before it failed."""
    try:
        return printed.last_lines(run.run.output(last=printed.MOST_BYTES), "stderr", _LAST_WORDS)
    except StoreError:
        return []


def _spans(run: Gathered) -> spans.Table | None:
    return None if run.spans is None else spans.table(run.spans.branches, run.spans.pipelines)


def _graph(run: Gathered) -> Markup | None:
    """Return what depends on what, None where there are no named parts or too many to be laid out."""
    if run.spans is None:
        return None
    try:
        graphs = dag.dags(run.spans.branches, run.spans.pipelines)
        return Markup(dag_svg.svg(graphs, safe("What depends on what"), within_page=True))  # noqa: S704 - escaped there
    except VestigeError:
        return None
