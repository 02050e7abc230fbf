"""What goes on in this process: the pipelines and nodes that run, told apart by thread and by Kedro's run id."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestige.kedro import project
from vestige.kedro.credentials import Credentials
from vestige.kedro.nodes import Execution, Unseen, crew
from vestige.spans.kinds import NODE, RUN
from vestige.spans.span import begin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vestige.spans.span import Open

_UNSEEN = "nobody saw by what it ended"


@dataclass(slots=True)
class Run:
    """A pipeline that is being run, in this process or in the one that it was forked from."""

    span: Open
    run_id: str | None
    thread: int
    pid: int
    catalog: object


class Recording:
    """All of this process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._runs: list[Run] = []
        self._executions: list[Execution] = []
        self.credentials = Credentials()
        self._is_worker_ready = False
        self._lock = threading.Lock()
        self.faults = 0  # of ours, that the pipeline did not hear of

    def forget(self) -> None:
        """Begin anew in a forked child: what was open is the parent's."""
        self._executions = []
        self._is_worker_ready = False
        self._lock = threading.Lock()

    def learn(self, credentials: object) -> None:
        """Take in what must not be written."""
        self.credentials.learn(credentials)

    def begin_run(self, asked: Mapping[str, Any], pipeline: Any, catalog: object) -> None:  # noqa: ANN401
        """Begin a pipeline, and write its plan."""
        attributes = project.attributes(asked, pipeline, self.credentials)
        span = begin(project.name(asked), kind=RUN, apart=True, attributes=attributes)
        if span is not None:
            run = Run(span, project.run_id(asked), threading.get_ident(), os.getpid(), catalog)
            self._runs.append(run)
            project.write(span.id, asked, pipeline, project.Parameters(catalog, self.credentials))

    def end_run(self, asked: Mapping[str, Any], error: BaseException | None = None) -> None:
        """End a pipeline, with the nodes that nobody ended."""
        run = next((run for run in reversed(self._runs) if _is_of(run, project.run_id(asked))), None)
        if run is None:
            return
        self._runs.remove(run)
        failed = _nodes_in(error)
        for execution in list(self._executions):
            if self._is_part(execution, run):
                is_told = not failed or execution.name in failed
                self._close(execution, error if is_told or error is None else Unseen(_UNSEEN))
        if self.faults:
            run.span.attributes["faults"] = self.faults
        with contextlib.suppress(Exception):
            project.add_datasets(run.span.id, run.catalog)
        run.span.end(error, None if error is None else self.credentials.masked(str(error)))

    def begin_load(self, node: Any, dataset: str) -> None:  # noqa: ANN401 - Kedro's
        """Begin a node's load, and the node with its first."""
        with self._lock:  # several threads may load for one node
            execution = self._in_crew(node) or self._begin(node)
        if execution is not None:
            execution.begin_load(dataset)

    def end_load(self, node: Any, dataset: str, data: object) -> None:  # noqa: ANN401
        """End it."""
        execution = self._of(node)
        if execution is not None:
            execution.end_load(dataset, data)

    def begin_function(self, node: Any, catalog: object, run_id: str | None, *, is_async: bool) -> None:  # noqa: ANN401
        """Begin a node's function."""
        with self._lock:
            execution = self._of(node) or self._begin(node)
        if execution is not None:
            execution.begin_function(catalog, run_id, is_async=is_async)

    def end_function(self, node: Any, outputs: Mapping[str, object]) -> None:  # noqa: ANN401
        """End it."""
        execution = self._of(node)
        if execution is not None:
            execution.end_function(node.func, outputs)

    def fail(self, node: Any, error: BaseException) -> None:  # noqa: ANN401
        """End a node by an error of its function."""
        execution = self._of(node)
        if execution is not None:
            self._close(execution, error)

    def begin_save(self, node: Any, dataset: str) -> None:  # noqa: ANN401
        """Begin a node's save."""
        execution = self._of(node)
        if execution is not None:
            execution.begin_save(dataset)

    def end_save(self, node: Any, dataset: str, data: object) -> None:  # noqa: ANN401
        """End it."""
        execution = self._of(node)
        if execution is not None:
            execution.end_save(dataset, data)

    def _begin(self, node: Any) -> Execution | None:  # noqa: ANN401
        """Begin a node. What this thread left open ended without a word: generators do, and failures in workers."""
        self._executions = [one for one in self._executions if not one.is_closed]
        for left in self._executions:
            if left.thread == threading.get_ident() and not left.is_computing:
                left.close(None if left.is_unwatched else Unseen(_UNSEEN))
        self._get_worker_ready()
        run = self._run()
        known = {} if run is None else {"run_id": run.run_id}
        span = begin(node.name, kind=NODE, parent=None if run is None else run.span.id, measure=True, attributes=known)
        if span is None:
            return None
        execution = Execution(node.name, span, self.credentials)
        if run is not None and run.pid != os.getpid():
            execution.catalog_before = run.catalog
        elif run is not None and (len(self._runs) == 1 or run.thread == threading.get_ident()):
            execution.catalog = run.catalog
        self._executions.append(execution)
        return execution

    def _close(self, execution: Execution, error: BaseException | None = None) -> None:
        execution.close(error)
        if execution in self._executions:
            self._executions.remove(execution)

    def _run(self) -> Run | None:
        """Return the pipeline that this thread works for, as far as can be told before Kedro says its id."""
        here = [run for run in self._runs if run.thread == threading.get_ident()]
        return next(reversed(here or self._runs), None)

    def _in_crew(self, node: Any) -> Execution | None:  # noqa: ANN401
        mine = crew()
        return next((one for one in self._open(node) if one.crew == mine), None)

    def _of(self, node: Any) -> Execution | None:  # noqa: ANN401
        """Return the execution of a node: of this thread, or the last one, where a pool of threads loads for it."""
        return self._in_crew(node) or next(iter(self._open(node)), None)

    def _open(self, node: Any) -> list[Execution]:  # noqa: ANN401
        return [one for one in reversed(self._executions) if one.name == node.name and not one.is_closed]

    def _is_part(self, execution: Execution, run: Run) -> bool:
        if execution.run_id is not None:
            return execution.run_id == run.run_id
        return not self._runs or execution.crew == crew()

    def _get_worker_ready(self) -> None:
        """See to it that a failing load or save is heard of in a worker, where no hook is called for it.

        The worker sends the error to its parent through multiprocessing's pickler, which may be told how to reduce a
        class: as ever, and with a word to us.
        """
        if self._is_worker_ready:
            return
        self._is_worker_ready = True
        multiprocessing, kedro = sys.modules.get("multiprocessing"), sys.modules.get("kedro.io.core")
        reduction = sys.modules.get("multiprocessing.reduction")
        if multiprocessing and kedro and reduction and multiprocessing.parent_process() is not None:
            reduction.ForkingPickler.register(kedro.DatasetError, self._reduced)

    def _reduced(self, error: BaseException) -> Any:  # noqa: ANN401
        with contextlib.suppress(Exception):
            for execution in list(self._executions):
                if not execution.is_computing:
                    self._close(execution, error)
        return error.__reduce__()


def _is_of(run: Run, run_id: object) -> bool:
    return run.run_id == run_id and run.pid == os.getpid() and run.thread == threading.get_ident()


def _nodes_in(error: BaseException | None) -> set[str]:
    """Return the names of the nodes that an error came through, where it came from this process."""
    names = set()
    trace = None if error is None else error.__traceback__
    while trace is not None:
        node = trace.tb_frame.f_locals.get("node")
        if trace.tb_frame.f_code.co_name.startswith(("_run_node", "_synchronous")):
            names.add(getattr(node, "name", ""))
        trace = trace.tb_next
    return names - {""}


recording = Recording()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=recording.forget)
