"""How long the pages of `vestige serve` take over very many runs."""

from __future__ import annotations

import dataclasses
import os
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import installation
import many_runs
import measure
import peers
import table
import web

if TYPE_CHECKING:
    from workloads import Workloads

_LIMIT = 0.5  # s, as for `vestige ls`
_FILES = 4  # of a run: a lineage reads who wrote and read what
_REFRESHING = b'http-equiv="refresh"'  # in a page that comes again by itself
_LIST = "the list"
_PAGES = {
    _LIST: "/",
    "its 1,000th page": "/?page=1000",
    "a condition": "/?where=" + quote("peak_memory > 2GB and command ~ 'kedro'"),
    "words": "/?where=kedro+paper",
    "sorted by time": "/?sort=wall",
    "sorted by time, with a condition": "/?sort=wall&where=" + quote("peak_memory > 2GB"),
}
_OF_A_RUN = {
    "the page of a run": "/runs/{0}",
    "two runs compared": "/compare?run={0}&run={1}",
    "a run's lineage": "/runs/{0}/lineage",
}
_RUN = re.compile(rb'value="([0-9a-f-]{36})"')


def serving(work: Workloads) -> table.Section:
    """Measure pages of a server over very many runs, asked for one after another."""
    number = work.number(100_000)
    installation.add(work.made, "serve")
    with measure.scene(work.made.room) as where:
        measure.run([peers.VESTIGE.words(["true"], where.folder)], where)
        store = os.path.join(where.folder, "many")
        many_runs.make(store, number, peers.vestige_record(where.folder), now=time.time(), files=_FILES)
        time.sleep(3)  # what is fresh is not remembered
        words = ["vestige", "serve", "--port", "0", "--no-open", "--store", store]
        with web.running(words, where):  # leaves an index
            pass
        begun = time.monotonic()
        with web.running(words, where) as server:
            ready = time.monotonic() - begun
            inside = _let_in(server)
            pages = {name: inside.page(path, work.rounds(9)) for name, path in _PAGES.items()}
            runs = [found.decode() for found in _RUN.findall(inside.get("/?page=7")[1])]
            first = _until_there(inside, _OF_A_RUN["a run's lineage"].format(*runs))
            pages |= {name: inside.page(path.format(*runs), work.rounds(9)) for name, path in _OF_A_RUN.items()}
            memory = _resident(server.pid)
    rows = tuple((name, table.seconds(seen.median), table.seconds(seen.high)) for name, seen in pages.items())
    return table.Section(
        "Served pages",
        f"`vestige serve` over {number:,} runs, ready {table.seconds(ready)} after its start where there is an index; "
        f"{table.size(memory)} resident in the end. The first lineage reads who wrote and read what in all runs, "
        f"{table.seconds(first)}, behind a page that says so; the others find it done.",
        (table.Table((f"{number:,} runs", "time", "slowest"), rows),),
        tuple(table.at_most(f"served over {number:,} runs: {name}", _LIMIT, pages[name], unit="s") for name in _PAGES),
    )


def _let_in(server: web.Server) -> web.Server:
    """Return the server as it is asked by whoever has opened the address with the token."""
    answer, _ = server.get("/?" + urlsplit(server.address).query)
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    return dataclasses.replace(server, headers={"Cookie": cookie})


def _until_there(inside: web.Server, path: str) -> float:
    """Return how many seconds a page takes that is shown when it is ready."""
    begun = time.monotonic()
    while _REFRESHING in inside.get(path)[1]:
        time.sleep(0.1)
    return time.monotonic() - begun


def _resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
