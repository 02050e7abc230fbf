"""Templates and what they may use: everything is escaped, nothing is missing in silence, nothing comes from elsewhere.

A template extends `base.html` (blocks `title` and `main`) and is rendered by `render`. Text of a record stands in it as
it is: markup is escaped, and what a browser would obey or hide (control characters, marks that turn the direction of
writing, half surrogates) is written out.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vestige import quantity, words

if TYPE_CHECKING:
    from collections.abc import Iterator

Assets = Literal["inline", "linked"]  # in the page itself; or as /style.css and /page.js of the server that gives it

STYLE, SCRIPT = "style.css", "page.js"
_HERE = os.path.dirname(os.path.abspath(__file__))
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def render(template: str, *, assets: Assets = "inline", **values: object) -> Iterator[str]:
    """Yield a page piece by piece, so that a long one never stands in memory as a whole."""
    return environment().get_template(template).generate(assets=assets, **values)


@cache
def environment() -> Environment:
    """Return where templates live, with the words for figures as filters."""
    made = Environment(
        loader=FileSystemLoader(os.path.join(_HERE, "templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=harmless,
    )
    made.filters |= {
        "size": quantity.size,
        "duration": quantity.duration,
        "number": quantity.number,
        "shown": quantity.shown,
        "marked": quantity.marked,
        "how": quantity.how,
        "command": words.command,
    }
    made.globals |= {"asset": asset, "policy": policy, "STYLE": STYLE, "SCRIPT": SCRIPT}
    return made


@cache
def asset(name: str) -> Markup:
    """Return a file of `static/`, as it stands in a page."""
    with open(os.path.join(_HERE, "static", name), encoding="utf-8") as file:
        return Markup(file.read())  # noqa: S704 - our own file


@cache
def policy() -> str:
    """Return what a page by itself may do: show itself, and run our one script."""
    digest = base64.b64encode(hashlib.sha256(asset(SCRIPT).encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def harmless(value: object) -> object:
    """Return text with what a browser would obey, hide or refuse written out; anything else as it is."""
    return _OBEYED.sub(_written_out, value) if type(value) is str else value  # Markup is ours


def _written_out(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "backslashreplace").decode("ascii")
