"""The list of runs: what is asked for in its address, and one page of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from vestige.errors import UsageError
from vestige.history.fields import FIELDS
from vestige.quantity import NOT_KNOWN
from vestige.report import listing
from vestige.serve import asking
from vestige.store.kept import Problem, loaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vestige.history.index import Index, Place
    from vestige.history.row import Row
    from vestige.history.where import Expression

ON_A_PAGE = 50
_NEWEST = "started"
_COLUMNS = {  # heading: field that it is sorted by
    "run": None,
    "started": "started",
    "took": "wall",
    "outcome": "outcome",
    "cpu": "cpu",
    "memory": "peak_memory",
    "tags": None,
    "command": "command",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    words: str = ""  # plain words, or an expression as `vestige ls --where` takes it
    sort: str = _NEWEST  # a field: numbers and times largest first, text from A to Z
    turned: bool = False  # the other way round
    page: int = 1

    def address(self, **other: str | int) -> str:
        """Return the address of the same list with something else in it."""
        said = {"where": self.words, "sort": self.sort, "turned": int(self.turned), "page": self.page} | other
        plain = {"where": "", "sort": _NEWEST, "turned": 0, "page": 1}
        query = urlencode({name: value for name, value in said.items() if value != plain[name]}, errors="surrogatepass")
        return f"/?{query}" if query else "/"


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column."""

    name: str
    address: str | None  # of the list sorted by it
    order: str | None  # as `aria-sort` has it; None: not sorted by it


@dataclass(frozen=True, slots=True)
class Entry:
    """A run in the list."""

    row: Row
    started: str
    wall: str
    cpu: str
    memory: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the list."""

    asked: Asked
    headings: tuple[Heading, ...]
    entries: tuple[Entry, ...] = ()
    count: int = 0
    complaint: str = ""  # what is wrong with the words that were given

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(-(-self.count // ON_A_PAGE), 1)


def asked(query: Mapping[str, str]) -> Asked:
    """Return what an address asks for; what is no sort or page counts as the usual one."""
    sort, page = query.get("sort", _NEWEST), query.get("page", "1")
    return Asked(
        words=query.get("where", "").strip(),
        sort=sort if sort in _COLUMNS.values() else _NEWEST,
        turned=query.get("turned") == "1",
        page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) <= 7 and int(page) else 1,  # noqa: PLR2004
    )


def listed(index: Index, asked: Asked) -> Listed:
    """Return a page of the list. Raises StoreError."""
    headings = tuple(_headings(asked))
    try:
        meant = asking.expression(asked.words)
        places = _places(index, meant)
        rows = _rows(index, meant, asked, places)
        return Listed(asked, headings, tuple(_entry(index, row) for row in rows), len(places))
    except UsageError as error:
        return Listed(asked, headings, complaint=str(error))


def _places(index: Index, meant: Expression | None) -> list[Place]:
    """Return where the rows are that match, newest first."""
    everything = index.everything()
    if meant is None:
        return everything
    tests = {source: meant.test(source.column) for source in dict.fromkeys(place.source for place in everything)}
    return [place for place in everything if tests[place.source](place.position)]


def _rows(index: Index, meant: Expression | None, asked: Asked, places: list[Place]) -> Iterable[Row]:
    first = (asked.page - 1) * ON_A_PAGE
    if asked.sort != _NEWEST:
        return index.rows(meant, asked.sort, ON_A_PAGE, first, reverse=asked.turned)
    chosen = places[::-1][first : first + ON_A_PAGE] if asked.turned else places[first : first + ON_A_PAGE]
    return (place.source.row(place.position) for place in chosen)


def _headings(asked: Asked) -> Iterator[Heading]:
    for name, field in _COLUMNS.items():
        if field is None:
            yield Heading(name, None, None)
        elif field == asked.sort:
            falls = (FIELDS[field].kind != "text") != asked.turned
            address = asked.address(turned=int(not asked.turned), page=1)
            yield Heading(name, address, "descending" if falls else "ascending")
        else:
            yield Heading(name, asked.address(sort=field, turned=0, page=1), None)


def _entry(index: Index, row: Row) -> Entry:
    """Return a row's cells; where the index knows too little of a figure, the record is read."""
    cells = listing.glance(row)
    if cells is None:
        found = loaded(index.run(row))
        cells = [] if isinstance(found, Problem) else listing.row(found)
    return Entry(row, *(cells[1:3] + cells[4:6] if cells else [row.started, *[NOT_KNOWN] * 3]))
