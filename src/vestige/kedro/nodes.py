"""A node while it is run: its span, from the first load to the last save, and those of its loads and saves."""

from __future__ import annotations

import contextlib
import gc
import inspect
import itertools
import sys
import threading
import weakref
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from vestige.kedro import datasets
from vestige.spans.file import now
from vestige.spans.kinds import LOAD, SAVE
from vestige.spans.span import begin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.kedro.credentials import Credentials
    from vestige.spans.span import Open

_SECOND = 1_000_000_000
_POOL = "ThreadPoolExecutor-"  # how a pool calls its threads: "ThreadPoolExecutor-3_0"
_RUNS_NODES = ("kedro.runner.task", "execute")
_LAZY: tuple[Any, ...] = (GeneratorType, type(itertools.tee(())[0]))


class Unseen(Exception):  # noqa: N818 - it stands in place of an error
    """Nobody saw by what a node ended."""


def crew() -> str:
    """Return what this thread and those that load for the same node have in common: the pool, where it is of one."""
    thread = threading.current_thread()
    return thread.name.rpartition("_")[0] if thread.name.startswith(_POOL) else str(thread.ident)


class Transfer:
    """A load or a save while it lasts. A generator's is saved piece by piece."""

    __slots__ = ("attributes", "chunks", "is_open", "name", "seen", "since", "span", "spent")

    def __init__(self, name: str, span: Open) -> None:
        self.name = name
        self.span = span
        self.attributes: dict[str, object] = {}
        self.chunks = 0
        self.spent = 0  # ns, on the pieces
        self.seen: Mapping[str, object] | None = None  # what was to be said of its end at the last piece's
        self.reopen()

    def reopen(self) -> None:
        """Begin with a piece."""
        self.since = now()
        self.is_open = True

    def take(self, data: object) -> None:
        """Note that a piece is done."""
        self.seen = self.span.ending()
        self.spent += now() - self.since
        self.is_open = False
        self.chunks += 1
        with contextlib.suppress(Exception):  # a table of somebody's own may fail at anything
            found = datasets.shape(data)
            rows, more = self.attributes.get("rows", 0), found.get("rows")
            self.attributes |= found
            if isinstance(rows, int) and isinstance(more, int):
                self.attributes["rows"] = rows + more


class Execution:
    """A node that is being run in this process."""

    __slots__ = (
        "_credentials",
        "_is_async",
        "_loads",
        "_saves",
        "_unsaved",
        "_watched",
        "catalog",
        "catalog_before",
        "crew",
        "is_closed",
        "is_computing",
        "is_lazy",
        "name",
        "run_id",
        "span",
        "thread",
    )

    def __init__(self, name: str, span: Open, credentials: Credentials) -> None:
        """Begin with its first load, or with its function."""
        self.name = name
        self.crew = crew()
        self.thread = threading.get_ident()  # that of its function, once that runs
        self.span = span
        self.run_id: str | None = None  # Kedro's; None: not told yet
        self.catalog: object = None  # the same
        self.catalog_before: object = None  # that of the process which this one was forked from
        self.is_closed = False
        self.is_computing = False
        self.is_lazy = False  # its body runs while it is saved
        self._credentials = credentials
        self._is_async = False
        self._loads: list[Transfer] = []
        self._saves: list[Transfer] = []
        self._unsaved: set[str] = set()
        self._watched: list[weakref.ref[Any]] = []

    def begin_load(self, dataset: str) -> None:
        """Begin a load; parameters are none."""
        if not datasets.is_parameter(dataset):
            transfer = self._begin(LOAD, dataset)
            if transfer is not None:
                self._loads.append(transfer)
                transfer.span.enter()

    def end_load(self, dataset: str, data: object) -> None:
        """End it, or hold what is to be said back until the catalog is told."""
        for transfer in self._loads:
            if transfer.name == dataset and transfer.is_open:
                transfer.span.leave()
                transfer.take(data)
                if self.catalog is not None:
                    self._finish(self._loads, transfer)
                return

    def begin_function(self, catalog: object, run_id: str | None, *, is_async: bool) -> None:
        """Begin with the node's function."""
        self.catalog, self.run_id, self._is_async = catalog, run_id, is_async
        self._credentials.learn_from(catalog)
        self.span.attributes["run_id"] = run_id
        for transfer in list(self._loads):
            self._finish(self._loads, transfer)
        self.thread = threading.get_ident()
        self.is_computing = True
        self.span.enter()

    def end_function(self, function: object, outputs: Mapping[str, object]) -> None:
        """End it; the body of a generator has yet to run, and is over when nobody holds it any longer."""
        self.is_computing = False
        self._unsaved = set(outputs)
        self.is_lazy = bool(outputs) and inspect.isgeneratorfunction(function)
        if self.is_lazy:
            self._watched = [watched for value in outputs.values() if (watched := self._watch(value)) is not None]
            return
        self.span.leave()
        if not self._unsaved:
            self.close()

    def begin_save(self, dataset: str) -> None:
        """Begin a save, or the next piece of one."""
        for begun in self._saves:
            if begun.name == dataset:
                begun.reopen()
                return
        transfer = self._begin(SAVE, dataset)
        if transfer is not None:
            self._saves.append(transfer)
            if not (self._is_async or self.is_lazy):
                transfer.span.enter()

    def end_save(self, dataset: str, data: object) -> None:
        """End it, and the node with its last one."""
        for transfer in [transfer for transfer in self._saves if transfer.name == dataset]:
            transfer.span.leave()
            transfer.take(data)
            if not self.is_lazy:
                self._finish(self._saves, transfer)
        self._unsaved.discard(dataset)
        if not (self._unsaved or self.is_lazy):
            self.close()

    def close(self, error: BaseException | None = None) -> None:
        """End all that is open; a load or save that is under way ended by the error."""
        if self.is_closed:
            return
        self.is_closed = True
        words = None if error is None else self._credentials.masked(str(error))
        for transfers in (self._loads, self._saves):
            for transfer in list(transfers):
                transfer.span.leave()
                self._finish(transfers, transfer, error if transfer.is_open else None, words)
        self.span.leave()
        self.span.end(error, words)

    def _begin(self, kind: str, dataset: str) -> Transfer | None:
        span = begin(dataset, kind=kind, parent=self.span.id, attributes={"node": self.name})
        return None if span is None else Transfer(dataset, span)

    def _finish(
        self,
        transfers: list[Transfer],
        transfer: Transfer,
        error: BaseException | None = None,
        words: str | None = None,
    ) -> None:
        """Write that a load or save ended, with what is known of the dataset."""
        transfers.remove(transfer)
        is_load = transfers is self._loads
        with contextlib.suppress(Exception):  # a class of dataset of somebody's own
            transfer.span.attributes |= self._described(transfer.name, is_load=is_load, is_whole=error is None)
        transfer.span.attributes |= transfer.attributes
        if self.is_lazy and not is_load:
            transfer.span.attributes |= {"chunks": transfer.chunks, "seconds": transfer.spent / _SECOND}
        transfer.span.end(error, words, seen=None if transfer.is_open else transfer.seen)

    def _described(self, name: str, *, is_load: bool, is_whole: bool) -> dict[str, object]:
        dataset = datasets.in_catalog(self.catalog or self.catalog_before, name)
        if dataset is None:
            return {}
        version = datasets.version(dataset, is_load=is_load) if is_whole else None
        where = datasets.location(dataset, version)
        told: dict[str, object] = {"type": datasets.type_of(dataset), "version": version, "uri": where.uri}
        told |= {"paths": list(where.paths) or None, "bytes": datasets.size(where.paths) if is_whole else None}
        return {key: value for key, value in told.items() if value is not None}

    @property
    def is_unwatched(self) -> bool:
        """Say whether nobody will tell when its body is over."""
        return self.is_lazy and not self._watched

    def _watch(self, value: Any) -> weakref.ref[Any] | None:  # noqa: ANN401
        """Return a reference to the generator behind an output, which closes the node when that is gone."""
        behind = next((one for one in (value, *gc.get_referents(value)) if isinstance(one, _LAZY)), None)
        return None if behind is None else weakref.ref(behind, self._generator_is_gone)

    def _generator_is_gone(self, _: object) -> None:
        """Close the node: it goes when Kedro returns from it, or with the error that came out of it."""
        with contextlib.suppress(Exception):
            error = sys.exc_info()[1]
            above = sys._getframe(1)  # noqa: SLF001 - the one way to see who let go of it
            if any(one() is not None for one in self._watched):
                return
            if (above.f_globals.get("__name__"), above.f_code.co_name) == _RUNS_NODES:
                self.close()
            elif isinstance(error, Exception):
                self.close(error)
