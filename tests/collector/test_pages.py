"""What the pages say is what was reported, as far as it may be shown."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from collector.senders import Cells, People, cells
from collector.servers import KNOWN, TODAY, WEEK

from vestige.collector.aggregates import FEWEST, WITHHELD
from vestige.collector.figures import told
from vestige.collector.store import accepted, week_before
from vestige.telemetry.weeks import week_of

if TYPE_CHECKING:
    from collector.servers import Running

VOID = {"meta", "link", "rect", "line", "col", "br"}


@dataclass
class Page(HTMLParser):
    """A page's tables by the heading of their card, and whether everything that was opened is closed."""

    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _card: str = ""
    _text: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert not {name for name in given if name.startswith("on") or name == "style"}, "the policy forbids it"
        assert tag not in ("script", "style", "iframe", "form", "img")
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src") if name in given]
        if tag == "section":
            self._card = given.get("aria-labelledby", "").removesuffix("-h")
        if tag == "tr":
            self.tables.setdefault(self._card, []).append([])
        if tag in ("td", "th"):
            self._text = ""
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag
        if tag in ("td", "th"):
            self.tables[self._card][-1].append((self._text or "").strip())
            self._text = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    @classmethod
    def of(cls, text: str) -> Page:
        page = cls()
        page.feed(text)
        page.close()
        assert page._open == []
        assert len(set(page.ids)) == len(page.ids)
        return page


@pytest.fixture
def weeks(server: Running, people: People) -> Cells:
    """Give reports of three weeks, the last of them few, and what they add up to."""
    sent = [
        people.report(week_before(WEEK, back)) for back, number in ((2, 60), (1, 90), (0, 7)) for _ in range(number)
    ]
    sent += [people.report(week_of(TODAY)) for _ in range(40)]  # of the week that goes on
    server.store.add([accepted(report.checked) for report in sent], TODAY)
    return cells(report.document for report in sent)


def shown(weeks: Cells, event: str, field_name: str) -> dict[str, int]:
    """Return what may be shown of a field in the weeks that are over, worked out the long way round."""
    sums: dict[str, int] = {}
    for week in {key[1] for key in weeks} - {week_of(TODAY)}:
        sizes = {key[4]: size for key, size in weeks.items() if key[1:4] == (week, event, field_name)}
        hidden = {label for label, size in sizes.items() if size < FEWEST}
        while hidden and sum(sizes[label] for label in hidden) < FEWEST and hidden != set(sizes):
            hidden.add(min(set(sizes) - hidden, key=lambda label: sizes[label]))
        for label in set(sizes) - hidden:
            sums[label] = sums.get(label, 0) + sizes[label]
    return sums


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_table_of_the_dashboard_is_right(server: Running, weeks: Cells) -> None:
    page = Page.of(server.client.get("/vestige/1").text)
    schema = KNOWN.schemas["vestige/1"]
    compared = 0
    for event, fields in [("", schema.context), *((it.name, it.fields) for it in schema.events.values())]:
        for name, described in fields.items():
            rows = page.tables[f"{event or 'context'}-{name}"][1:]
            figures = {row[0]: number(row[1]) for row in rows if row[0] != WITHHELD}
            expected = {told(described, label): size for label, size in shown(weeks, event, name).items()}
            assert figures == expected, (event, name)
            compared += len(figures)
    assert compared > 20


def test_adoption_shows_weeks_that_are_over_and_large_enough(server: Running, weeks: Cells) -> None:
    page = Page.of(server.client.get("/vestige/1").text)
    assert page.tables["reports"] == [
        ["Week", "Reports"],
        [week_before(WEEK, 1), "90"],
        [week_before(WEEK, 2), "60"],
        [WITHHELD, "withheld"],
    ]
    assert sum(weeks.values()) > 0


def test_small_numbers_are_nowhere(server: Running, people: People) -> None:
    sent = [people.report(WEEK) for _ in range(FEWEST - 1)]
    server.store.add([accepted(report.checked) for report in sent], TODAY)
    for path in ("/", "/vestige/1", "/vestige/1/context/os", "/vestige/1/all.csv", "/vestige/1/context/os.csv"):
        text = server.client.get(path).text
        assert WITHHELD in text
        assert not re.search(r"\b[1-9]\b(?=</td>|,[0-9]+\n)", text)
        assert "linux</th>" not in text


def test_csv_of_each_figure_is_the_part_of_the_whole(server: Running, weeks: Cells) -> None:
    whole = list(csv.DictReader(io.StringIO(server.client.get("/vestige/1/all.csv").text)))
    assert whole
    assert sum(weeks.values()) > 0
    page = Page.of(server.client.get("/vestige/1").text)
    parts = {link for link in page.links if link.endswith(".csv")} - {"/vestige/1/all.csv"}
    together = [row for link in parts for row in csv.DictReader(io.StringIO(server.client.get(link).text))]
    assert sorted(map(repr, together)) == sorted(map(repr, whole))


@pytest.mark.parametrize("period", [4, 13, 26, 52])
def test_the_page_of_a_field(server: Running, weeks: Cells, period: int) -> None:
    page = Page.of(server.client.get(f"/vestige/1/context/os?weeks={period}").text)
    assert {row[0]: number(row[1]) for row in page.tables["context-os"][1:] if row[0] != WITHHELD} == shown(
        weeks, "", "os"
    )
    titles, *rows = page.tables["context-os-weeks"]
    for row in rows:
        for label, figure in zip(titles[1:], row[1:], strict=True):
            if row[0] != WITHHELD and figure.isdigit():
                assert weeks["vestige/1", row[0], "", "os", label] == int(figure)


@pytest.mark.parametrize("schema", ["vestige/1", "kedro/1"])
def test_every_link_leads_somewhere_here(server: Running, weeks: Cells, schema: str) -> None:
    assert sum(weeks.values()) > 0
    todo, seen = ["/", f"/{schema}"], set()
    while todo:
        path = todo.pop()
        seen.add(path)
        answer = server.client.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            page = Page.of(answer.text)
            assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links)
            assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
            todo += {link.partition("?")[0] for link in page.links if link.startswith("/")} - seen - set(todo)
    assert len(seen) > 60


def test_what_is_collected_names_every_field_its_owner_and_its_end(server: Running) -> None:
    schema = KNOWN.schemas["vestige/1"]
    text = server.client.get("/vestige/1/collected").text
    rows = Page.of(text).tables[""]
    fields = [*schema.context.values(), *(it for event in schema.events.values() for it in event.fields.values())]
    named = [row for row in rows if row[0] not in ("Field", "(how often)")]
    assert [row[0] for row in named] == [it.name for it in fields]
    assert [row[3:] for row in named] == [[it.owner, it.expires.isoformat()] for it in fields]
    for row, it in zip(named, fields, strict=True):
        assert it.kind != "enum" or row[2] == ", ".join(it.labels)
