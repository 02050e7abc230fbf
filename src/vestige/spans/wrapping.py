"""Functions with every call of them within a span: plain, coroutines, generators of both kinds."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextlib import AbstractContextManager

    Function = Callable[..., Any]
    Around = Callable[[], AbstractContextManager[object]]


def wrapped(function: Function, around: Around) -> Function:
    """Return a function of the same kind; `around` makes what each call stands in."""
    if inspect.isasyncgenfunction(function):
        whole = _async_generator(function, around)
    elif inspect.iscoroutinefunction(function):
        whole = _coroutine(function, around)
    elif inspect.isgeneratorfunction(function):
        whole = _generator(function, around)
    else:
        whole = _plain(function, around)
    return functools.wraps(function)(whole)


def _plain(function: Function, around: Around) -> Function:
    def whole(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
        with around():
            return function(*args, **keywords)

    return whole


def _coroutine(function: Function, around: Around) -> Function:
    async def whole(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401
        with around():
            return await function(*args, **keywords)

    return whole


def _generator(function: Function, around: Around) -> Function:
    def whole(*args: Any, **keywords: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401
        with around():
            return (yield from function(*args, **keywords))

    return whole


def _async_generator(function: Function, around: Around) -> Function:
    async def whole(*args: Any, **keywords: Any) -> AsyncGenerator[Any, Any]:  # noqa: ANN401
        steps = function(*args, **keywords)
        with around():
            try:
                item = await steps.__anext__()
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:  # noqa: PERF203 - delegation, as `yield from` does it
                        await steps.aclose()
                        raise
                    except BaseException as error:  # noqa: BLE001 - `athrow` of any exception is for the function
                        item = await steps.athrow(error)
                    else:
                        item = await steps.asend(sent)
            except StopAsyncIteration:
                return

    return whole
