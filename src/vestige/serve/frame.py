"""The templates of the server; where it gives those of `vestige.pages`, they have its ways from page to page."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from vestige.pages.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE = os.path.dirname(os.path.abspath(__file__))
_PIECE = 1 << 16  # letters sent at a time


@cache
def _environment() -> Environment:
    plain = environment()
    own = FileSystemLoader(os.path.join(HERE, "templates"))
    assert plain.loader is not None  # noqa: S101 - as it is made
    return plain.overlay(loader=ChoiceLoader([own, plain.loader]))


def text(template: str, **values: object) -> str:
    """Return a page as a whole."""
    return _environment().get_template(template).render(assets="linked", **values)


def in_pieces(parts: Iterable[str]) -> Iterator[str]:
    """Yield a long page in pieces that are worth a write each."""
    held: list[str] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length >= _PIECE:
            yield "".join(held)
            held, length = [], 0
    yield "".join(held)
