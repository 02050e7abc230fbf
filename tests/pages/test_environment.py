"""Templates: text of a record is shown and never obeyed, and a page names no other host."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError
from markupsafe import escape

from vestige.pages.environment import environment, harmless, policy, render

HOSTILE = {
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "a\x00b\x1b[2J": r"a\x00b\x1b[2J",
    "report\u202etxt.exe": r"report\u202etxt.exe",
    "half \ud800": r"half \ud800",
    "two\nlines\tand a tab": "two\nlines\tand a tab",
    "1\u2009000 \u2013 “quotes”": "1\u2009000 \u2013 “quotes”",
    "פרק א": "פרק א",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_browser_would_obey_is_written_out(text: str) -> None:
    assert str(escape(harmless(text))) == HOSTILE[text]
    assert environment().from_string("<p>{{ text }}</p>").render(text=text) == f"<p>{HOSTILE[text]}</p>"


def test_a_name_that_a_template_was_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nobody }}").render()


def test_a_page_by_itself_has_all_in_it() -> None:
    page = "".join(render("base.html"))
    (style,) = re.findall(r"<style>(.+?)</style>", page, re.DOTALL)
    assert "prefers-color-scheme: dark" in style
    assert re.findall(r"""(?:src|href)=["']?([^"'> ]*)""", page) == ["data:,", "#main"]
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy()
    assert policy().startswith("default-src 'none';")


def test_a_page_of_a_server_names_its_files() -> None:
    page = "".join(render("base.html", assets="linked"))
    named = re.findall(r"""(?:src|href)=["']?([^"'> ]*)""", page)
    assert {"/style.css", "/page.js", "/serve.css", "/serve.js"} <= set(named)
    assert "<style" not in page
    assert not re.search(r"<script[^>]*>[^<]", page)


@pytest.mark.parametrize("name", environment().list_templates(extensions=["html"]))
def test_no_element_of_a_template_has_a_style_of_its_own(name: str) -> None:
    """A server's pages allow none."""
    loader = environment().loader
    assert loader is not None
    assert ' style="' not in loader.get_source(environment(), name)[0]
