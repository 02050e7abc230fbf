"""The pages in a real browser: what is drawn is what was reported, nothing else is fetched, everybody can read it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from collector.senders import Cells, People, cells
from collector.servers import TODAY, WEEK
from harness.browsing import Visit, chromium

from vestige.collector.store import accepted, week_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.servers import Running
    from playwright.sync_api import Browser

pytestmark = pytest.mark.needs("chromium")
PATHS = ["", "vestige/1", "vestige/1/context/python", "vestige/1/events/run/seconds", "vestige/1/collected", "privacy"]
READABLE = 4.5  # WCAG 2.2, 1.4.3
CONTRASTS = """() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = text => text.match(/[0-9.]+/g).map(Number);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(element).backgroundColor);
      if (a > 0) return [r, g, b];
    }
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.tagName === 'title') continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const pair = [light(numbers(ink)), light(behind(element))].sort((a, b) => b - a);
    found.push([(pair[0] + 0.05) / (pair[1] + 0.05), walker.currentNode.data.trim()]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def reported(server: Running, people: People) -> Cells:
    sent = [people.report(week_before(WEEK, back), kinds=14) for back in range(13) for _ in range(300 - 12 * back)]
    server.store.add([accepted(report.checked) for report in sent], TODAY)
    return cells(report.document for report in sent)


@pytest.mark.parametrize(
    "looks",
    [
        {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
        {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
        {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    ],
    ids=["light", "dark", "narrow"],
)
def test_pages_are_quiet_readable_and_fit(
    server: Running, browser: Browser, reported: Cells, looks: dict[str, Any]
) -> None:
    assert reported
    context = browser.new_context(**looks)
    visit = Visit(context.new_page(), server.url)
    for path in PATHS:
        visit.go(f"/{path}")
        assert visit.fits(), path
        poor = [found for found in visit.page.evaluate(CONTRASTS) if found[0] < READABLE]
        assert poor == [], path
    visit.was_quiet()
    context.close()


def test_columns_and_bars_are_as_long_as_their_figures(server: Running, browser: Browser, reported: Cells) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}vestige/1")
    card = "section[aria-labelledby='%s-h'] rect.mark"
    heights = page.eval_on_selector_all(card % "reports", "all => all.map(one => one.getBoundingClientRect().height)")
    numbers = [reported["vestige/1", week_before(WEEK, back), "", "", ""] for back in reversed(range(13))]
    assert heights == pytest.approx([number * heights[-1] / numbers[-1] for number in numbers], rel=0.01)
    mark = card % "context-os"
    bars = page.eval_on_selector_all(mark, "all => all.map(one => one.getBoundingClientRect().width)")
    above = "all => all.map(one => one.previousElementSibling.previousElementSibling.textContent)"
    labels = page.eval_on_selector_all(mark, above)
    sums = {label: sum(size for key, size in reported.items() if key[2:] == ("", "os", label)) for label in labels}
    assert set(labels) == {"linux", "darwin", "win32", "other"}
    assert bars == pytest.approx([sums[label] * max(bars) / max(sums.values()) for label in labels], rel=0.01)
    page.close()


def test_the_keyboard_reaches_everything(server: Running, browser: Browser, reported: Cells) -> None:
    assert reported
    page = browser.new_page()
    page.goto(f"{server.url}vestige/1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    reached = set()
    wanted = page.evaluate("document.querySelectorAll('a, summary').length")
    for _ in range(wanted):
        reached.add(page.evaluate("[...document.querySelectorAll('a, summary')].indexOf(document.activeElement)"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        page.keyboard.press("Tab")
    assert reached == set(range(wanted))
    page.focus("section[aria-labelledby='context-os-h'] summary")
    page.keyboard.press("Enter")
    assert page.is_visible("section[aria-labelledby='context-os-h'] table")
    page.close()


def test_it_says_the_same_without_scripts(server: Running, browser: Browser, reported: Cells) -> None:
    assert reported
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}vestige/1")
    assert page.locator("svg.chart").count() > 30
    page.click("section[aria-labelledby='context-os-h'] summary")
    assert page.is_visible("section[aria-labelledby='context-os-h'] table")
    context.close()


def test_a_reader_is_told_what_each_chart_is(server: Running, browser: Browser, reported: Cells) -> None:
    assert reported
    page = browser.new_page()
    page.goto(f"{server.url}vestige/1")
    names = page.eval_on_selector_all(
        "svg.chart[role=img]",
        "all => all.map(one => document.getElementById(one.getAttribute('aria-labelledby')).textContent)",
    )
    assert len(names) == page.locator("svg.chart").count()
    assert all(names)
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(second <= first + 1 for first, second in itertools.pairwise(levels))
    page.close()


def test_tables_are_printed(server: Running, browser: Browser, reported: Cells) -> None:
    assert reported
    page = browser.new_page()
    page.goto(f"{server.url}vestige/1")
    page.emulate_media(media="print")
    assert page.locator("section[aria-labelledby='context-os-h'] td").first.bounding_box()
    assert not page.is_visible(".periods")
    assert page.pdf(print_background=True).startswith(b"%PDF")
    page.close()
