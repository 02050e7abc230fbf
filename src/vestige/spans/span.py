"""Named parts of a run, in the program itself.

::

    with vestige.span("clean", table="flights") as span:
        span.set(rows=clean())

    @vestige.span
    def train(): ...

Outside of a run nothing is written, and nothing costs more than a look.
"""

from __future__ import annotations

import contextlib
import os
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from vestige.spans import file, meter
from vestige.spans.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

_Function = TypeVar("_Function", bound="Callable[..., Any]")
_LONGEST_MESSAGE = 500


class Open:
    """A span that has begun, in the process that began it."""

    __slots__ = ("_begun_in", "_file", "_outer", "_thread", "_watch", "attributes", "id")

    def __init__(  # noqa: PLR0913 - what a line says
        self,
        spans: file.SpanFile,
        name: str,
        *,
        kind: str = "span",
        parent: str | None = None,
        measure: bool = False,
        until_exit: bool = False,
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        """Write that it begins; `parent` is another's id, `measure` asks for memory and I/O."""
        self.id = spans.new_id()
        self.attributes = dict(attributes or {})
        self._file = spans
        self._begun_in = os.getpid()
        self._thread = threading.get_native_id()
        self._outer: Open | None = None
        self._watch = meter.of_this_process().watch() if measure else None
        line: dict[str, object] = {
            "event": "begin",
            "id": self.id,
            "parent": parent,
            "name": name,
            "kind": kind,
            "t": file.now(),
        }
        line |= {"thread": self._thread, **meter.cpu(), "attributes": self.attributes}
        if self._watch is not None:
            line |= {"hwm": self._watch.before.peak, "resident": self._watch.before.resident}
        if until_exit:
            line["until"] = "exit"
        if measure:
            line |= meter.of_this_process().moved()
        spans.write(line)

    def end(
        self,
        error: BaseException | None = None,
        message: str | None = None,
        *,
        seen: Mapping[str, object] | None = None,
    ) -> None:
        """Write that it ends; a forked child that comes by says nothing.

        `error` is what went wrong, `message` stands in place of its own words, `seen` is what an earlier `ending` gave.
        """
        if os.getpid() != self._begun_in:
            return
        line = dict(self.ending() if seen is None else seen)
        if error is not None:
            words = str(error) if message is None else message
            line["error"] = {"type": _class_name(error), "message": words[:_LONGEST_MESSAGE]}
        self._file.write({**line, "attributes": self.attributes})

    def ending(self) -> dict[str, object]:
        """Return what is to be said of its end if that is now; its memory is watched no longer."""
        line: dict[str, object] = {"event": "end", "id": self.id, "t": file.now(), **meter.cpu()}
        if threading.get_native_id() != self._thread:
            del line["thread_ns"]  # of another thread than that which began it
        if self._watch is not None:
            line |= {**meter.of_this_process().unwatch(self._watch), **meter.of_this_process().moved()}
        return line

    def enter(self) -> None:
        """Make it the parent of what begins in this thread or task from now on."""
        self._outer = _current.get()
        _current.set(self)

    def leave(self) -> None:
        """Undo `enter`; one that was left elsewhere, as generators are, changes nothing here."""
        if _current.get() is self:
            _current.set(self._outer)


class Span:
    """A part of a run: a context manager, and a decorator of functions. One may be entered more than once."""

    __slots__ = ("_attributes", "_measure", "_name", "_open")

    def __init__(self, name: str, attributes: Mapping[str, object], *, measure: bool) -> None:
        """Prepare it; nothing is written."""
        self._name = name
        self._attributes = attributes
        self._measure = measure
        self._open: list[Open | None] = []

    @property
    def id(self) -> str | None:
        """Its id while it is open; None outside of a run."""
        return self._open[-1].id if self._open and self._open[-1] else None

    def set(self, **attributes: object) -> None:
        """Add attributes to the open span: what JSON can hold, anything else as its `str`."""
        if self._open and self._open[-1]:
            self._open[-1].attributes.update(attributes)

    def __enter__(self) -> Self:
        """Begin."""
        opened = begin(self._name, measure=self._measure, attributes=self._attributes)
        if opened is not None:
            opened.enter()
        self._open.append(opened)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; an exception is noted and goes on."""
        opened = self._open.pop()
        if opened is not None:
            opened.leave()
            with _silent():
                opened.end(error)

    def __call__(self, function: _Function) -> _Function:
        """Return the function with every call of it as a span; of generators, from their first step to their end."""
        return cast("_Function", wrapped(function, self._again))

    def _again(self) -> Span:
        return Span(self._name, self._attributes, measure=self._measure)


@overload
def span(name: _Function, /) -> _Function: ...
@overload
def span(name: str, /, *, measure: bool = False, **attributes: object) -> Span: ...
def span(name: str | _Function, /, *, measure: bool = False, **attributes: object) -> Span | _Function:
    """Name a part of the run: `with vestige.span("clean"):`, `@vestige.span("clean")`, or just `@vestige.span`.

    Args:
        name: what it is called; in place of a name a function, which gives its own.
        measure: also measure its peak of memory, bytes read and written; costs some 0.1 ms.
        attributes: what to keep with it: what JSON can hold, anything else as its `str`.

    Spans nest by thread and by asyncio task. Outside of `vestige run` this has no effect.
    """
    if callable(name):
        return Span(getattr(name, "__qualname__", repr(name)), {}, measure=False)(name)
    return Span(name, attributes, measure=measure)


def begin(  # noqa: PLR0913 - what a line says
    name: str,
    *,
    kind: str = "span",
    parent: str | None = None,
    measure: bool = False,
    until_exit: bool = False,
    attributes: Mapping[str, object] | None = None,
) -> Open | None:
    """Begin a span that is ended by hand, for adapters; None outside of a run, or where nothing can be written.

    One that lasts `until_exit` ends with its process, whatever that executes in the meantime. Without a `parent` it
    belongs to the innermost one of this thread or task, to the outermost open one of the
    main thread, or to the one that the process was started in.
    """
    with _silent():
        spans = file.of_this_process()
        if spans is not None:
            inner = _current.get()
            parent = parent or (inner.id if inner is not None else spans.parent)
            asked = {"measure": measure, "until_exit": until_exit}
            return Open(spans, name, kind=kind, parent=parent, attributes=attributes, **asked)
    return None


def _silent() -> contextlib.suppress:
    """Let nothing of a span reach the program: an attribute whose `str` fails, memory that is used up."""
    return contextlib.suppress(Exception)


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


_current: ContextVar[Open | None] = ContextVar("vestige_span", default=None)
